//! What is to be installed, from where, and what vouches for it.

use std::fs;
use std::path::{Path, PathBuf};

use super::checksum::{Checksum, parse_list};
use super::error::RoxctlError;
use super::machine::Target;
use super::mirror::{Mirror, Release};
use super::names::{self, CHECKSUMS, central_files};
use super::origin::Origin;
use crate::central::CentralClient;
use crate::env::Machine;
use crate::rhacs::Version;

/// Where roxctl is taken from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A release of a mirror, by its list of checksums.
    Mirror {
        /// The mirror.
        mirror: Mirror,
        /// The release.
        release: Release,
    },
    /// What a Central offers: its own version, by the authority of its certificate.
    Central {
        /// The client.
        client: CentralClient,
        /// The version it serves.
        version: Version,
        /// Whether its certificate is checked.
        is_trusted: bool,
    },
    /// A file of this computer, by a list of checksums beside it.
    File {
        /// The file.
        path: PathBuf,
        /// The version it should be.
        version: Option<Version>,
    },
}

/// What a source comes to for one machine.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The file, by each name it may have.
    pub(super) origins: Vec<Origin>,
    /// What its checksum must be; Central publishes none.
    pub(super) checksum: Option<Checksum>,
    /// What version it must be.
    pub(super) version: Option<Version>,
    pub(super) from_central: bool,
}

impl Source {
    /// For people: `Central at …`, `the mirror …`, a path.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Mirror { mirror, .. } => mirror.shown(),
            Self::Central { client, .. } => format!("Central ({})", client.endpoint()),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// The version, as far as it is known beforehand.
    #[must_use]
    pub const fn version(&self) -> Option<&Version> {
        match self {
            Self::Mirror { release, .. } => release.version(),
            Self::Central { version, .. } => Some(version),
            Self::File { version, .. } => version.as_ref(),
        }
    }

    /// Refuses a machine that the release is not published for. What is known of releases decides:
    /// nobody is asked, so that `latest` is refused only for machines that no release is for.
    ///
    /// # Errors
    /// [`RoxctlError::NotPublished`], which names the machines there are.
    pub fn check(&self, machine: Machine) -> Result<(), RoxctlError> {
        let (version, offered) = match self {
            Self::Mirror { release, .. } => {
                let offered = release.version().map(names::published);
                (release.to_string(), offered.unwrap_or_else(|| names::MACHINES.to_vec()))
            }
            Self::Central { version, .. } => {
                (version.to_string(), names::offered_by_central(version))
            }
            // Whoever carries a file here knows what it is for; its head is compared later.
            Self::File { .. } => return Ok(()),
        };
        if offered.contains(&machine) {
            return Ok(());
        }
        let (wanted, offered) = (Target(machine).to_string(), names::listed(&offered));
        Err(RoxctlError::NotPublished { version, wanted, offered })
    }

    /// Finds the file; `trusted` is a checksum that the user brings, which counts more than any.
    pub(super) async fn resolve(
        &self,
        machine: Machine,
        trusted: Option<Checksum>,
    ) -> Result<Wanted, RoxctlError> {
        match self {
            Self::Mirror { mirror, release } => {
                let version = release.version().cloned();
                let (origin, checksum) = match (mirror.find(release, machine).await, trusted) {
                    (Ok(listed), trusted) => (listed.origin, trusted.unwrap_or(listed.checksum)),
                    // Who brings the checksum needs no list.
                    (
                        Err(RoxctlError::NoChecksum { .. } | RoxctlError::UnknownVersion { .. }),
                        Some(trusted),
                    ) => (mirror.usual(release, machine)?, trusted),
                    (Err(error), _) => return Err(error),
                };
                let checksum = Some(checksum);
                Ok(Wanted { origins: vec![origin], checksum, version, from_central: false })
            }
            Self::Central { client, version, is_trusted } => {
                if !is_trusted && trusted.is_none() {
                    let reason = "the certificate of Central is not checked".to_owned();
                    return Err(RoxctlError::NoChecksum { reason });
                }
                Ok(of_central(client, version, machine, trusted))
            }
            Self::File { path, version } => of_file(path, version.as_ref(), trusted),
        }
    }
}

fn of_central(
    client: &CentralClient,
    version: &Version,
    machine: Machine,
    checksum: Option<Checksum>,
) -> Wanted {
    let origin = |name| Origin::Central { client: client.clone(), name };
    let origins = central_files(version, machine).into_iter().map(origin).collect();
    Wanted { origins, checksum, version: Some(version.clone()), from_central: true }
}

fn of_file(
    path: &Path,
    version: Option<&Version>,
    trusted: Option<Checksum>,
) -> Result<Wanted, RoxctlError> {
    let wrong = |reason: &str| RoxctlError::Usage {
        message: format!("cannot use `{}`: {reason}", path.display()),
        hint: String::new(),
    };
    let found = fs::metadata(path).map_err(|error| wrong(&error.to_string()))?;
    if !found.is_file() {
        return Err(wrong("it is no file"));
    }
    let checksum = match trusted {
        Some(trusted) => trusted,
        None => listed_beside(path)?,
    };
    Ok(Wanted {
        origins: vec![Origin::File(path.to_owned())],
        checksum: Some(checksum),
        version: version.cloned(),
        from_central: false,
    })
}

/// The checksum in the list that was copied along with the file.
fn listed_beside(path: &Path) -> Result<Checksum, RoxctlError> {
    let list = path.with_file_name(CHECKSUMS);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let text = fs::read_to_string(&list).unwrap_or_default();
    let found = parse_list(&text).into_iter().find(|(listed, _)| listed == name);
    found.map(|(_, checksum)| checksum).ok_or_else(|| RoxctlError::NoChecksum {
        reason: format!("there is no `{}` that lists `{name}`", list.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_a_checksum_from_somewhere() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("roxctl-arm64");
        fs::write(&path, "program").unwrap();
        let error = of_file(&path, None, None).unwrap_err();
        assert!(matches!(error, RoxctlError::NoChecksum { .. }), "{error}");
        let sum = Checksum::of_file(&path).unwrap();
        assert_eq!(of_file(&path, None, Some(sum)).unwrap().checksum, Some(sum));
        fs::write(directory.path().join(CHECKSUMS), format!("{sum}  ./roxctl-arm64\n")).unwrap();
        assert_eq!(of_file(&path, None, None).unwrap().checksum, Some(sum));
        assert!(of_file(directory.path(), None, Some(sum)).is_err());
    }
}
