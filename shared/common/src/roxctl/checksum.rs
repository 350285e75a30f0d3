//! SHA-256 checksums, and the lists that mirrors publish them in.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256 checksum.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Checksum([u8; 32]);

/// Text that is no SHA-256 checksum.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no SHA-256 checksum of 64 hexadecimal digits")]
pub struct ChecksumError(String);

impl Checksum {
    /// The checksum that `hasher` has come to.
    #[must_use]
    pub fn of(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// The checksum of a file's content.
    ///
    /// # Errors
    /// What reading gives.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Self::of(hasher)),
                length => hasher.update(&buffer[..length]),
            }
        }
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let wrong = || ChecksumError(text.to_owned());
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) =
                (digit(pair[0]).ok_or_else(wrong)?, digit(pair[1]).ok_or_else(wrong)?);
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Reads the lines `<hash>  roxctl`, `<hash>  ./roxctl` and `<hash> *roxctl`; what is none of them
/// is skipped, since lists may have comments and tools of their own.
pub(super) fn parse_list(text: &str) -> Vec<(String, Checksum)> {
    let entry = |line: &str| {
        let (hash, name) = line.trim().split_once(char::is_whitespace)?;
        let name = name.trim_start();
        let name = name.strip_prefix('*').unwrap_or(name);
        let name = name.strip_prefix("./").unwrap_or(name);
        Some((name.to_owned(), hash.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_checksum_reads_back_as_it_is_written() {
        let sum: Checksum = EMPTY.parse().unwrap();
        assert_eq!(sum, Checksum::of(Sha256::new()));
        assert_eq!(sum.to_string(), EMPTY);
        assert_eq!(EMPTY.to_uppercase().parse(), Ok(sum));
        assert_eq!(format!("sha256:{EMPTY}").parse(), Ok(sum));
        for wrong in ["", "e3b0", &EMPTY[1..], &EMPTY.replace('e', "g")] {
            assert!(wrong.parse::<Checksum>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_of_all_releases_are_read() {
        let list = format!(
            "{EMPTY}  roxctl\r\n{EMPTY}  ./roxctl-arm64\n{EMPTY} *roxctl.exe\n\n# a comment\nabc  x\n"
        );
        let names: Vec<String> = parse_list(&list).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["roxctl", "roxctl-arm64", "roxctl.exe"]);
        assert!(parse_list("<!DOCTYPE html><html>login</html>").is_empty());
    }
}
