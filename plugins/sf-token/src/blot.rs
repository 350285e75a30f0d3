//! Keeps secrets out of texts that others wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// `text` with each of `secrets` blotted out, plain or as a Secret's data has it.
#[must_use]
pub fn blotted<'a>(text: &str, secrets: impl IntoIterator<Item = &'a SecretString>) -> String {
    secrets.into_iter().fold(text.to_owned(), |text, secret| {
        let secret = secret.expose_secret();
        if secret.trim().is_empty() {
            return text;
        }
        text.replace(secret.trim(), "[secret]").replace(&STANDARD.encode(secret), "[secret]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_and_nothing_else() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let (one, empty) = (secret("canary\n"), secret(""));
        assert_eq!(blotted("a canary sings", [&one, &empty]), "a [secret] sings");
        assert_eq!(blotted("data: Y2FuYXJ5Cg==", [&one]), "data: [secret]");
    }
}
