//! What `doctor --fix` does: small things that lose nothing.

use std::path::PathBuf;

use common::env::Env;
use common::failure::Failure;

use crate::{links, os};

/// One thing that mends a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Repair {
    /// Remove a link that leads nowhere.
    RemoveLink(PathBuf),
    /// Let a program be started.
    MakeExecutable(PathBuf),
    /// Put a completion link into a directory.
    Link {
        /// The directory.
        directory: PathBuf,
        /// The link's name.
        name: String,
    },
}

impl Repair {
    /// Does it, and says what was done.
    ///
    /// # Errors
    /// Missing rights, a full disk, a file of somebody else in the way.
    pub fn apply(&self, env: &Env) -> Result<String, Failure> {
        match self {
            Self::RemoveLink(path) => {
                links::remove(path)?;
                Ok(format!("removed the link {} to nothing", path.display()))
            }
            Self::MakeExecutable(path) => {
                os::make_executable(path).map_err(|error| {
                    let message = format!("cannot make `{}` executable", path.display());
                    Failure::unexpected(message).caused_by(&error)
                })?;
                Ok(format!("made {} executable", path.display()))
            }
            Self::Link { directory, name } => {
                links::install(env, directory, name)?;
                Ok(format!("linked {}", links::path(env, directory, name).display()))
            }
        }
    }
}
