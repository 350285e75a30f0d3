//! What has the name already: ours, somebody's roxctl, something else, or just what is wanted.

use std::fs;
use std::io;
use std::path::Path;

use super::{Installation, Installed, ask};
use crate::rhacs::Version;
use crate::roxctl::checksum::Checksum;
use crate::roxctl::error::RoxctlError;
use crate::roxctl::machine::Target;
use crate::roxctl::origin::Origin;
use crate::roxctl::receipts::{Receipt, Receipts};
use crate::roxctl::source::Wanted;

impl Installation<'_> {
    /// Looks at what has the name already. Returns what is known of it, when it may be replaced.
    pub(super) async fn examine(
        &self,
        target: &Path,
        receipts: &Receipts,
    ) -> Result<Option<String>, RoxctlError> {
        let in_the_way = |reason: &str, hint: &str| {
            let (reason, hint) = (reason.to_owned(), hint.to_owned());
            Err(RoxctlError::InTheWay { path: target.to_owned(), reason, hint })
        };
        let found = match fs::symlink_metadata(target) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RoxctlError::file("look at", target, error)),
        };
        if found.is_symlink() {
            let leads = fs::read_link(target).unwrap_or_default();
            let reason = format!("it is a symbolic link to `{}`", leads.display());
            return in_the_way(
                &reason,
                "remove the link, or name another directory with `--bin-dir`",
            );
        }
        if !found.is_file() {
            return in_the_way("it is no file", "name another directory with `--bin-dir`");
        }
        if receipts.of(target).next().is_some() {
            let sum = Checksum::of_file(target)
                .map_err(|error| RoxctlError::file("read", target, error))?;
            if let Some(receipt) = receipts.matching(target, sum) {
                return Ok(receipt.version.clone());
            }
        }
        let reported = if self.system.runs(self.request.machine) {
            ask(target).await.ok().filter(|reported| reported.version.is_some())
        } else {
            None
        };
        match reported {
            Some(reported) => {
                let (path, text) = (target.display(), &reported.text);
                self.teller.events.note(format!(
                    "`{path}` is roxctl {text} that this command did not install; it is replaced"
                ));
                Ok(Some(reported.text))
            }
            None if self.request.force => Ok(None),
            None => in_the_way(
                "this command did not install it, and it does not say that it is a roxctl",
                "`--force` replaces it",
            ),
        }
    }

    /// What is there, when it is exactly what is wanted.
    pub(super) fn present(
        &self,
        target: &Path,
        wanted: &Wanted,
        receipts: &mut Receipts,
    ) -> Result<Option<Installed>, RoxctlError> {
        let has_receipt = receipts.of(target).next().is_some();
        let can_tell = wanted.checksum.is_some() || has_receipt;
        if self.request.force || !target.is_file() || !can_tell {
            return Ok(None);
        }
        let read = |error| RoxctlError::file("read", target, error);
        let sha256 = Checksum::of_file(target).map_err(read)?;
        let receipt = receipts.matching(target, sha256).cloned();
        if !is_wanted(wanted, sha256, receipt.as_ref()) {
            return Ok(None);
        }
        self.system
            .make_executable(target)
            .map_err(|error| RoxctlError::file("make executable", target, error))?;
        let size = fs::metadata(target).map_err(read)?.len();
        let receipt = match receipt {
            Some(receipt) => receipt,
            None => {
                let receipt = self.adopted(target, wanted, sha256);
                receipts.announce(receipt.clone())?;
                receipt
            }
        };
        Ok(Some(self.installed(receipt, size, None)))
    }

    /// The receipt of a file that is byte for byte what would have been installed.
    fn adopted(&self, target: &Path, wanted: &Wanted, sha256: Checksum) -> Receipt {
        Receipt {
            path: target.to_owned(),
            version: wanted.version.as_ref().map(ToString::to_string),
            sha256,
            source: wanted.origins.first().map(Origin::describe).unwrap_or_default(),
            from_central: wanted.from_central,
            machine: Target(self.request.machine).to_string(),
            installed: self.teller.events.now(),
        }
    }
}

/// By the checksum; where Central publishes none, by the receipt of what it gave before.
fn is_wanted(wanted: &Wanted, sha256: Checksum, receipt: Option<&Receipt>) -> bool {
    if let Some(expected) = wanted.checksum {
        return expected == sha256;
    }
    let from_central = receipt.filter(|receipt| receipt.from_central);
    let version =
        from_central.and_then(|receipt| receipt.version.as_ref()?.parse::<Version>().ok());
    version.is_some() && version == wanted.version
}
