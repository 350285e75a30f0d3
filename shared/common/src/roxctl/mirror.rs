//! A mirror of published files: where a release's roxctl is, and what its checksum should be.

use std::fmt;

use super::address::Address;
use super::checksum::{Checksum, parse_list};
use super::error::RoxctlError;
use super::http::{Http, unreachable};
use super::image::is_page;
use super::machine::Target;
use super::names::{self, CHECKSUMS, LATEST};
use super::origin::Origin;
use crate::env::Machine;
use crate::rhacs::Version;

/// A published release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Release {
    /// The highest one that is published.
    Latest,
    /// This one.
    Version(Version),
}

/// The vendor's mirror, or a copy of it.
#[derive(Clone, Debug)]
pub struct Mirror {
    http: Http,
    base: Address,
}

/// A file that is there, and its checksum.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) origin: Origin,
    pub(super) checksum: Checksum,
}

impl Release {
    /// The version, when one is named.
    #[must_use]
    pub const fn version(&self) -> Option<&Version> {
        match self {
            Self::Latest => None,
            Self::Version(version) => Some(version),
        }
    }

    fn directories(&self) -> Vec<String> {
        match self {
            Self::Latest => vec![LATEST.to_owned()],
            Self::Version(version) => names::directories_of(version),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str(LATEST),
            Self::Version(version) => version.fmt(f),
        }
    }
}

impl Mirror {
    /// The mirror at `base`, the directory of the releases.
    ///
    /// # Errors
    /// When `base` is no URL of HTTP.
    pub fn new(http: Http, base: &str) -> Result<Self, RoxctlError> {
        // What is no URL may still hold a password, so it is not repeated.
        let base = Address::parse(base).map_err(|()| RoxctlError::Usage {
            message: "the address of the mirror is no URL of HTTP".to_owned(),
            hint: format!("write it as `{}`", names::VENDOR_MIRROR),
        })?;
        Ok(Self { http, base })
    }

    /// Its address, without credentials.
    #[must_use]
    pub fn shown(&self) -> String {
        self.base.shown()
    }

    /// Whether what it says can be changed on the way here.
    #[must_use]
    pub fn is_unprotected(&self) -> bool {
        !self.base.is_protected()
    }

    /// The published checksum of a release's roxctl.
    ///
    /// # Errors
    /// When it cannot be asked, or does not publish this.
    pub async fn published_checksum(
        &self,
        release: &Release,
        machine: Machine,
    ) -> Result<Checksum, RoxctlError> {
        self.find(release, machine).await.map(|listed| listed.checksum)
    }

    /// Finds the file of a release in the list of its directory.
    pub(super) async fn find(
        &self,
        release: &Release,
        machine: Machine,
    ) -> Result<Listed, RoxctlError> {
        let wanted = names::mirror_file(machine);
        for directory in self.places(release, machine) {
            let list = self.join(&format!("{directory}/{CHECKSUMS}"))?;
            let Some(text) = self.http.text(&list).await? else { continue };
            if is_page(text.as_bytes()) {
                let reason = "it is a web page: a proxy or a login page has answered".to_owned();
                return Err(RoxctlError::NotTheFile { place: list.shown(), reason });
            }
            let entries = parse_list(&text);
            if entries.is_empty() {
                let reason = format!("`{}` lists nothing", list.shown());
                return Err(RoxctlError::NoChecksum { reason });
            }
            let Some((_, checksum)) = entries.iter().find(|(name, _)| *name == wanted) else {
                return Err(not_published(release, machine, &entries));
            };
            let address = self.join(&format!("{directory}/{wanted}"))?;
            let origin = Origin::Mirror { http: self.http.clone(), address };
            return Ok(Listed { origin, checksum: *checksum });
        }
        Err(RoxctlError::UnknownVersion { version: release.to_string(), place: self.shown() })
    }

    /// Where the file should be, for those who bring its checksum.
    pub(super) fn usual(&self, release: &Release, machine: Machine) -> Result<Origin, RoxctlError> {
        let directory = self.places(release, machine).into_iter().next().unwrap_or_default();
        let address = self.join(&format!("{directory}/{}", names::mirror_file(machine)))?;
        Ok(Origin::Mirror { http: self.http.clone(), address })
    }

    fn places(&self, release: &Release, machine: Machine) -> Vec<String> {
        let releases = release.directories();
        let of_release = |release: &String| {
            names::directories(machine.os).map(|system| format!("{release}/bin/{system}"))
        };
        releases.iter().flat_map(of_release).collect()
    }

    fn join(&self, path: &str) -> Result<Address, RoxctlError> {
        self.base.join(path).map_err(|()| unreachable(&self.base, "it makes no URL"))
    }
}

/// What there is instead: by the mirror's own list for this system, by what is known for others.
fn not_published(
    release: &Release,
    machine: Machine,
    entries: &[(String, Checksum)],
) -> RoxctlError {
    let listed = entries.iter().filter_map(|(name, _)| names::machine_of(machine.os, name));
    let mut offered: Vec<Machine> = listed.collect();
    if let Some(version) = release.version() {
        let others = names::published(version).into_iter().filter(|other| other.os != machine.os);
        offered.extend(others);
    }
    RoxctlError::NotPublished {
        version: release.to_string(),
        wanted: Target(machine).to_string(),
        offered: names::listed(&offered),
    }
}
