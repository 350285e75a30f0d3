//! The name of a token, which is also its address.

use std::fmt;
use std::str::FromStr;

/// A token's name. The API addresses tokens by it, so it has to survive as one segment of a path.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TokenName(String);

impl TokenName {
    /// The name as people write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one segment of a path: everything outside the unreserved characters of RFC 3986
    /// is percent-encoded, once. `;` too, because the server would read matrix parameters.
    #[must_use]
    pub fn path_segment(&self) -> String {
        percent_encoded(&self.0)
    }

    /// What the name would be without the brackets that a guide puts around a placeholder.
    #[must_use]
    pub fn without_brackets(&self) -> Option<&str> {
        without_brackets(&self.0)
    }
}

impl FromStr for TokenName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("a token's name is not empty".to_owned()),
            "." | ".." => Err(format!(
                "`{text}` cannot be a token's name here: in the path of a URL it means a directory"
            )),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `text` with everything outside RFC 3986's unreserved characters percent-encoded.
pub(super) fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// What stands between the `<>` or `{}` that guides put around a placeholder.
pub(super) fn without_brackets(text: &str) -> Option<&str> {
    let text = text.trim();
    let angle = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    angle.or_else(|| text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_once_as_one_segment() {
        for (name, segment) in [
            ("myToken", "myToken"),
            ("my token", "my%20token"),
            ("a/b", "a%2Fb"),
            (";v=1", "%3Bv%3D1"),
            ("100%", "100%25"),
            ("%20", "%2520"),
            ("päss", "p%C3%A4ss"),
            ("...", "..."),
            ("a?b#c", "a%3Fb%23c"),
            ("-_.~", "-_.~"),
        ] {
            assert_eq!(name.parse::<TokenName>().unwrap().path_segment(), segment, "{name}");
        }
    }

    #[test]
    fn names_that_a_path_swallows_are_refused() {
        for name in ["", ".", ".."] {
            assert!(name.parse::<TokenName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_brackets_of_a_guide_are_seen() {
        assert_eq!(without_brackets("<myToken>"), Some("myToken"));
        assert_eq!(without_brackets("{realm}"), Some("realm"));
        assert_eq!(without_brackets("a<b>"), None);
    }
}
