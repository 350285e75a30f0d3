//! The credential for the API, in a form that HTTP can carry and nothing else shows.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::token_name::without_brackets;

/// The variable that may hold the credential. It is for this process only.
pub const CREDENTIAL_VARIABLE: &str = "SFX_AUTH_TOKEN";

/// A session token of a user, or an organization's access token; the API tells which suffices.
#[derive(Clone, Debug)]
pub struct Credential {
    secret: SecretString,
    source: Source,
}

/// Where a credential comes from, for messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A file.
    File(String),
    /// Standard input.
    Stdin,
    /// A variable of the environment.
    Variable(&'static str),
    /// The API itself, at a login of this process.
    Login,
}

impl Credential {
    /// Takes `text`, without the line end that files have.
    ///
    /// # Errors
    /// Says what is wrong with it, without showing it.
    pub fn new(text: &str, source: Source) -> Result<Self, String> {
        let text = text.trim();
        let what = match &source {
            Source::File(path) => format!("the token in `{path}`"),
            Source::Stdin => "the token on standard input".to_owned(),
            Source::Variable(name) => format!("the token in {name}"),
            Source::Login => "the session token that the API gave".to_owned(),
        };
        if text.is_empty() {
            return Err(format!("{what} is empty"));
        }
        if without_brackets(text).is_some() {
            return Err(format!(
                "{what} stands in brackets: those belong to the guide, not to the token"
            ));
        }
        if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
            return Err(format!("{what} begins with `Bearer`: the API takes the token alone"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{what} is not one word of ASCII characters"));
        }
        Ok(Self { secret: SecretString::from(text.to_owned()), source })
    }

    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The secret itself.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The value of the header `X-SF-TOKEN`.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        sensitive(&self.secret)
    }
}

/// `secret` as the value of a header that nothing shows.
pub(super) fn sensitive(secret: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_from_a_guide_is_refused_without_being_shown() {
        for (text, words) in [
            ("<canary>", "brackets"),
            ("Bearer canary", "`Bearer`"),
            ("can ary", "one word"),
            ("canäry", "one word"),
            (" \n", "empty"),
        ] {
            let message = Credential::new(text, Source::Stdin).unwrap_err();
            assert!(message.contains(words) && !message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn a_credential_loses_its_line_end_and_is_not_in_debug_output() {
        let credential = Credential::new("-can_ary\r\n", Source::Stdin).unwrap();
        assert_eq!(credential.secret().expose_secret(), "-can_ary");
        assert!(!format!("{credential:?} {:?}", credential.header()).contains("can_ary"));
    }
}
