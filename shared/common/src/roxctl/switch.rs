//! Making one of several versions the one that `roxctl` runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::checksum::Checksum;
use super::error::RoxctlError;
use super::inventory::{Found, plain_name, survey};
use super::names::{installed_name, version_in_name};
use super::receipts::{Receipt, Receipts};
use super::system::{System, check_writable};
use super::tidy::tidy;
use crate::fs::sync_directory;
use crate::rhacs::Version;

/// What `use` did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Switched {
    /// The file that runs now.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// The file beside it that it is the same as.
    pub from: PathBuf,
    /// False when it was so already.
    pub changed: bool,
    /// Where the one that ran before is now, when it was ours and had no name of its own.
    pub kept: Option<PathBuf>,
}

/// Makes `roxctl` the same file as `roxctl-VERSION` beside it, by an atomic rename. The one that
/// was there is kept under its version, when it is ours.
///
/// # Errors
/// When there is none of this version beside others, it was changed, or something that is not
/// ours has the name.
pub async fn switch(
    system: &System,
    receipts: &mut Receipts,
    version: &Version,
    directory: Option<&Path>,
    now: Timestamp,
) -> Result<Switched, RoxctlError> {
    tidy(system, receipts, directory);
    let found = survey(system, receipts).await?;
    let from = choose(system, &found, version, directory)?;
    let Some(home) = from.path.parent() else {
        return Err(RoxctlError::file("use", &from.path, io::ErrorKind::NotFound.into()));
    };
    let target = home.join(plain_name(system));
    let sha256 = sum(&from.path)?;
    let done = |changed, kept| Switched {
        path: target.clone(),
        version: version.to_string(),
        from: from.path.clone(),
        changed,
        kept,
    };
    let present = fs::symlink_metadata(&target).ok();
    if present.as_ref().is_some_and(fs::Metadata::is_file)
        && sum(&target)? == sha256
        && receipts.matching(&target, sha256).is_some()
    {
        return Ok(done(false, None));
    }
    let old = found.iter().find(|found| found.path == target);
    if present.is_some() {
        check_replaceable(&target, present.as_ref(), old)?;
    }
    check_writable(home).map_err(|error| RoxctlError::NoRights {
        directories: vec![home.to_owned()],
        reason: error.to_string(),
        hint: format!("{}; nothing was changed", system.rights_hint(&format!("use {version}"))),
    })?;
    let kept = old.map(|old| keep(system, receipts, old)).transpose()?.flatten();
    let receipt = Receipt { path: target.clone(), installed: now, ..receipt_of(from, sha256) };
    put(system, receipts, from, receipt)?;
    Ok(done(true, kept))
}

fn choose<'a>(
    system: &System,
    found: &'a [Found],
    version: &Version,
    directory: Option<&Path>,
) -> Result<&'a Found, RoxctlError> {
    let os = system.machine().os;
    let named = |found: &&Found| {
        let name = found.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        version_in_name(os, name).as_ref() == Some(version)
            && directory.is_none_or(|wanted| {
                found.path.parent().is_some_and(|own| super::system::same_place(own, wanted))
            })
    };
    let Some(chosen) = found.iter().find(named) else {
        return Err(RoxctlError::Usage {
            message: format!("there is no `{}`", installed_name(os, Some(&version.to_string()))),
            hint: format!("kubectl rhacs roxctl install {version} --side-by-side"),
        });
    };
    if chosen.changed {
        return Err(RoxctlError::InTheWay {
            path: chosen.path.clone(),
            reason: "it is not the file that this command installed".to_owned(),
            hint: format!("kubectl rhacs roxctl install {version} --side-by-side --force"),
        });
    }
    if let Some(fault) = &chosen.fault {
        return Err(RoxctlError::NotRunnable { reason: fault.clone() });
    }
    Ok(chosen)
}

fn check_replaceable(
    target: &Path,
    present: Option<&fs::Metadata>,
    old: Option<&Found>,
) -> Result<(), RoxctlError> {
    let is_file = present.is_some_and(fs::Metadata::is_file);
    let says_version = old.is_some_and(|old| old.ours || old.version.is_some());
    if is_file && says_version {
        return Ok(());
    }
    let reason = if is_file { "it is not a roxctl that works" } else { "it is no plain file" };
    Err(RoxctlError::InTheWay {
        path: target.to_owned(),
        reason: reason.to_owned(),
        hint: "remove it first".to_owned(),
    })
}

/// Gives the present one a name of its own, so that it can be come back to.
fn keep(
    system: &System,
    receipts: &mut Receipts,
    old: &Found,
) -> Result<Option<PathBuf>, RoxctlError> {
    let (Some(version), Some(receipt), true) = (&old.version, &old.receipt, old.ours) else {
        return Ok(None);
    };
    if version.parse::<Version>().is_err() {
        return Ok(None);
    }
    let kept = old.path.with_file_name(installed_name(system.machine().os, Some(version)));
    if fs::symlink_metadata(&kept).is_ok() {
        return Ok(None);
    }
    let receipt = Receipt { path: kept.clone(), ..receipt.clone() };
    put(system, receipts, old, receipt)?;
    Ok(Some(kept))
}

/// Puts a copy of `from` where `receipt` says: a second name of the same file where the file system
/// has that, else a copy.
fn put(
    system: &System,
    receipts: &mut Receipts,
    from: &Found,
    receipt: Receipt,
) -> Result<(), RoxctlError> {
    let target = receipt.path.clone();
    let failed = |error| RoxctlError::file("write", &target, error);
    let part = part_of(&target);
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::hard_link(&from.path, &part).or_else(|_| copy(&from.path, &part)).map_err(failed)?;
    let sha256 = receipt.sha256;
    receipts.announce(receipt)?;
    let placed = system
        .replace(&part, &target)
        .and_then(|()| target.parent().map_or(Ok(()), sync_directory));
    // Renaming one name of a file to another of the same file does nothing.
    drop(fs::remove_file(&part));
    placed.map_err(failed)?;
    receipts.settle(&target, sha256)
}

/// A durable copy; a second name of a file is as durable as the first.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::OpenOptions::new().write(true).open(to)?.sync_all()
}

fn part_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    target.with_file_name(name)
}

fn receipt_of(from: &Found, sha256: Checksum) -> Receipt {
    from.receipt.clone().unwrap_or_else(|| Receipt {
        path: from.path.clone(),
        version: from.version.clone(),
        sha256,
        source: from.path.display().to_string(),
        from_central: false,
        machine: String::new(),
        installed: Timestamp::UNIX_EPOCH,
    })
}

fn sum(path: &Path) -> Result<Checksum, RoxctlError> {
    Checksum::of_file(path).map_err(|error| RoxctlError::file("read", path, error))
}
