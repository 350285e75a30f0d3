//! Operating systems and architectures by the words people and tools use for them.

use std::fmt;
use std::str::FromStr;

use crate::env::{Arch, Machine, Os};

/// An operating system and an architecture that roxctl may be published for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Target(pub Machine);

/// A word that names no operating system or architecture.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{word}` is no {what} of roxctl: {known}")]
pub struct UnknownWord {
    word: String,
    what: &'static str,
    known: &'static str,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}/{}", os_name(self.0.os), self.0.arch.name());
        f.pad(&text)
    }
}

impl FromStr for Target {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (os, arch) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self(Machine { os: parse_os(os)?, arch: parse_arch(arch)? }))
    }
}

/// The name by which Go and krew know an operating system.
#[must_use]
pub const fn os_name(os: Os) -> &'static str {
    match os {
        Os::Linux => "linux",
        Os::MacOs => "darwin",
        Os::Windows => "windows",
    }
}

/// Reads `--os`: Go's names, and what people and `uname -s` say.
///
/// # Errors
/// A message that names the systems there are.
pub fn parse_os(text: &str) -> Result<Os, UnknownWord> {
    match text.to_ascii_lowercase().as_str() {
        "linux" => Ok(Os::Linux),
        "darwin" | "macos" | "mac" | "osx" => Ok(Os::MacOs),
        "windows" | "win" | "win64" => Ok(Os::Windows),
        _ => {
            let known = "linux, darwin (macos), windows";
            Err(UnknownWord { word: text.to_owned(), what: "operating system", known })
        }
    }
}

/// Reads `--arch`: Go's names, and what `uname -m` says, which is not what files are called by.
///
/// # Errors
/// A message that names the architectures there are.
pub fn parse_arch(text: &str) -> Result<Arch, UnknownWord> {
    match text.to_ascii_lowercase().as_str() {
        "amd64" | "x86_64" | "x86-64" | "x64" => Ok(Arch::Amd64),
        "arm64" | "aarch64" => Ok(Arch::Arm64),
        "ppc64le" | "powerpc64le" => Ok(Arch::Ppc64le),
        "s390x" => Ok(Arch::S390x),
        _ => {
            let known = "amd64 (x86_64), arm64 (aarch64), ppc64le, s390x";
            Err(UnknownWord { word: text.to_owned(), what: "architecture", known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_uname_are_understood() {
        for (os, arch, expected) in [
            ("Linux", "aarch64", "linux/arm64"),
            ("Darwin", "x86_64", "darwin/amd64"),
            ("macos", "arm64", "darwin/arm64"),
            ("windows", "amd64", "windows/amd64"),
            ("linux", "s390x", "linux/s390x"),
        ] {
            let target =
                Target(Machine { os: parse_os(os).unwrap(), arch: parse_arch(arch).unwrap() });
            assert_eq!(target.to_string(), expected);
            assert_eq!(expected.parse(), Ok(target));
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        assert!(parse_os("plan9").unwrap_err().to_string().contains("darwin"));
        assert!(parse_arch("riscv64").unwrap_err().to_string().contains("ppc64le"));
    }
}
