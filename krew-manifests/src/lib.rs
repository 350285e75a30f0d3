//! Builds what a release consists of: archives, manual pages, and krew's manifests.

pub mod archive;
pub mod check;
pub mod manifest;
pub mod manual;
pub mod plugins;

use std::fmt;
use std::path::Path;

/// Why a release cannot be built, on one line.
#[derive(Debug)]
pub struct Problem(pub String);

impl Problem {
    /// What failed with a file.
    #[must_use]
    pub fn with(path: &Path, what: &str, error: &dyn std::error::Error) -> Self {
        Self(format!("cannot {what} `{}`: {error}", path.display()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}
