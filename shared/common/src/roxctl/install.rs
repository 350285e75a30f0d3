//! Installing: find, download beside the target, verify, and only then take its place.

mod present;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checksum::Checksum;
use super::download::{Limits, Teller, download};
use super::error::RoxctlError;
use super::image;
use super::machine::Target;
use super::names::installed_name;
use super::origin::Origin;
use super::part::Received;
use super::place::{Place, Reach};
use super::program::{PATIENCE, Reported, reported_version};
use super::receipts::{Receipt, Receipts};
use super::source::{Source, Wanted};
use super::system::{System, check_writable};
use super::tidy::tidy;
use crate::env::Machine;
use crate::fs::{PartialFile, sync_directory};

/// What to install, and where.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// Where it is taken from.
    pub source: Source,
    /// The machine it is for.
    pub machine: Machine,
    /// A checksum that the user brings.
    pub checksum: Option<Checksum>,
    /// The directory it goes into.
    pub place: Place,
    /// Whether it gets a name with its version, and `roxctl` stays as it is.
    pub side_by_side: bool,
    /// Whether a file that is not known to be a roxctl is replaced, and the same one put anew.
    pub force: bool,
}

/// What was installed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// The file.
    pub path: PathBuf,
    /// Its version; none for another machine's file of unknown version.
    pub version: Option<String>,
    /// The machine it is for.
    pub machine: String,
    /// Its checksum.
    pub sha256: Checksum,
    /// Its size in bytes.
    pub size: u64,
    /// Where it came from.
    pub source: String,
    /// False when it was there already.
    pub changed: bool,
    /// What was there before: its version, as far as it is known.
    pub replaced: Option<String>,
    /// Whether a shell finds it.
    pub reach: Reach,
}

/// Installs roxctl. The present one is replaced by an atomic rename after everything was verified:
/// killed at any moment, either the old or the new one is there, whole.
///
/// # Errors
/// See [`RoxctlError`]; no unfinished file is left then, nor when the future is dropped.
pub async fn install(
    request: &InstallRequest,
    system: &System,
    limits: &Limits,
    teller: &Teller,
) -> Result<Installed, RoxctlError> {
    Installation { request, system, limits, teller }.run().await
}

struct Installation<'a> {
    request: &'a InstallRequest,
    system: &'a System,
    limits: &'a Limits,
    teller: &'a Teller,
}

impl Installation<'_> {
    async fn run(&self) -> Result<Installed, RoxctlError> {
        self.request.source.check(self.request.machine)?;
        self.check_name()?;
        self.check_rights()?;
        let mut receipts = Receipts::lock(self.system)?;
        let directory = self.request.place.directory.as_path();
        for done in tidy(self.system, &receipts, Some(directory)) {
            self.teller.events.note(done);
        }
        receipts.prune()?;
        let known = self.request.source.version().map(ToString::to_string);
        let target = directory.join(self.name(known.as_deref()));
        let mut replaced = self.examine(&target, &receipts).await?;
        let wanted = self.request.source.resolve(self.request.machine, self.request.checksum);
        let wanted = wanted.await?;
        if let Some(present) = self.present(&target, &wanted, &mut receipts)? {
            return Ok(present);
        }
        fs::create_dir_all(directory)
            .map_err(|error| RoxctlError::file("create", directory, error))?;
        let (received, origin) = self.fetch(&wanted, &target).await?;
        let version = self.verify(&received, &wanted, &origin).await?;
        let final_target = directory.join(self.name(version.as_deref()));
        if final_target != target {
            replaced = self.examine(&final_target, &receipts).await?;
        }
        let receipt = Receipt {
            path: final_target,
            version,
            sha256: received.checksum,
            source: origin.describe(),
            from_central: wanted.from_central,
            machine: Target(self.request.machine).to_string(),
            installed: self.teller.events.now(),
        };
        self.put(&receipt, &received, &mut receipts)?;
        Ok(self.installed(receipt, received.size, Some(replaced)))
    }

    /// The name of the file, once its version is known; until then one that cannot be taken for
    /// a version's.
    fn name(&self, version: Option<&str>) -> String {
        let version = version.filter(|_| self.request.side_by_side);
        installed_name(self.request.machine.os, version)
    }

    /// A name with a version takes one that is known, or that the program can be asked for.
    fn check_name(&self) -> Result<(), RoxctlError> {
        let request = self.request;
        let is_known = request.source.version().is_some() || self.system.runs(request.machine);
        if !request.side_by_side || is_known {
            return Ok(());
        }
        Err(RoxctlError::Usage {
            message: "`--side-by-side` needs a version: a program for another machine cannot be \
                      asked for its own"
                .to_owned(),
            hint: "name the version instead of `latest`".to_owned(),
        })
    }

    fn check_rights(&self) -> Result<(), RoxctlError> {
        let directory = &self.request.place.directory;
        if directory.exists() && !directory.is_dir() {
            return Err(RoxctlError::InTheWay {
                path: directory.clone(),
                reason: "it is no directory".to_owned(),
                hint: "name a directory with `--bin-dir`".to_owned(),
            });
        }
        check_writable(directory).map_err(|error| RoxctlError::NoRights {
            directories: vec![directory.clone()],
            reason: error.to_string(),
            hint: format!(
                "{}, or name a directory of yours with `--bin-dir`",
                self.system.rights_hint("install …")
            ),
        })
    }

    /// Downloads under the first name that is there.
    async fn fetch(
        &self,
        wanted: &Wanted,
        target: &Path,
    ) -> Result<(Received, Origin), RoxctlError> {
        let mut last = None;
        for origin in &wanted.origins {
            let file = PartialFile::create(target)
                .map_err(|error| RoxctlError::file("write", target, error))?;
            match download(origin, file, self.limits, self.teller).await {
                Ok(received) => return Ok((received, origin.clone())),
                Err(error @ RoxctlError::Refused { status: 404, .. }) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| RoxctlError::NoChecksum { reason: "no file".to_owned() }))
    }

    /// Verifies what arrived; returns its version.
    async fn verify(
        &self,
        received: &Received,
        wanted: &Wanted,
        origin: &Origin,
    ) -> Result<Option<String>, RoxctlError> {
        let place = || origin.describe();
        if let Some(expected) = wanted.checksum
            && expected != received.checksum
        {
            let found = received.checksum;
            return Err(RoxctlError::WrongChecksum { place: place(), expected, found });
        }
        if let Some(reason) = image::judge(&received.head, self.request.machine) {
            return Err(RoxctlError::NotTheFile { place: place(), reason });
        }
        let part = received.file.path();
        self.system.strip_attributes(part);
        self.system
            .make_executable(part)
            .map_err(|error| RoxctlError::file("make executable", part, error))?;
        let expected = wanted.version.as_ref();
        if !self.system.runs(self.request.machine) {
            return Ok(expected.map(ToString::to_string));
        }
        let reported = ask(part).await.map_err(|reason| RoxctlError::NotRunnable { reason })?;
        let fits = match expected {
            Some(expected) => reported.version.as_ref() == Some(expected),
            None => reported.version.is_some(),
        };
        if fits {
            return Ok(Some(reported.text));
        }
        let expected = expected.map_or_else(|| "a version".to_owned(), ToString::to_string);
        Err(RoxctlError::WrongVersion { expected, found: format!("`{}`", reported.text) })
    }

    /// Gives the file its name.
    fn put(
        &self,
        receipt: &Receipt,
        received: &Received,
        receipts: &mut Receipts,
    ) -> Result<(), RoxctlError> {
        let (part, target) = (received.file.path(), receipt.path.as_path());
        receipts.announce(receipt.clone())?;
        self.system
            .replace(part, target)
            .and_then(|()| sync_directory(&self.request.place.directory))
            .map_err(|error| RoxctlError::file("replace", target, error))?;
        receipts.settle(target, receipt.sha256)
    }

    /// The result; `replaced` is none when nothing was changed.
    fn installed(
        &self,
        receipt: Receipt,
        size: u64,
        replaced: Option<Option<String>>,
    ) -> Installed {
        Installed {
            reach: self.request.place.reach(self.system),
            path: receipt.path,
            version: receipt.version,
            machine: receipt.machine,
            sha256: receipt.sha256,
            size,
            source: receipt.source,
            changed: replaced.is_some(),
            replaced: replaced.flatten(),
        }
    }
}

/// Asks a program for its version without keeping other tasks from their work.
pub(super) async fn ask(path: &Path) -> Result<Reported, String> {
    let path = path.to_owned();
    let asked = tokio::task::spawn_blocking(move || reported_version(&path, PATIENCE));
    match asked.await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
