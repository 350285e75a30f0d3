//! A name for a secret that tells two secrets apart and gives neither away.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Keeps the hash from being the plain SHA-256 of the secret, which other tools may write down.
const PURPOSE: &[u8] = b"sf-token secret fingerprint v1\0";

/// The first 64 bits of a hash of a secret: what annotations, reports and comparisons carry.
///
/// Secrets of Splunk have more than 100 random bits, so it cannot be turned back.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of `secret`.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(PURPOSE);
        hash.update(secret.expose_secret().as_bytes());
        let digest = hash.finalize();
        Self(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Its sixteen hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_holds_none() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let one = Fingerprint::of(&secret("abcdefghijklmnopqrstuv"));
        assert_eq!(one, Fingerprint::of(&secret("abcdefghijklmnopqrstuv")));
        assert_ne!(one, Fingerprint::of(&secret("abcdefghijklmnopqrstuw")));
        assert_eq!(one.as_str().len(), 16);
        let plain: String = Sha256::digest(b"abcdefghijklmnopqrstuv")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(!plain.starts_with(one.as_str()));
    }
}
