//! Uninstalling: everything is checked first; then all of it goes, or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::RoxctlError;
use super::inventory::{Found, survey};
use super::names::version_in_name;
use super::receipts::Receipts;
use super::system::{System, check_writable};
use super::tidy::tidy;
use crate::fs::sync_directory;
use crate::rhacs::Version;

/// What is to be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// What this suite installed.
    Ours,
    /// What this suite installed of this version.
    Version(Version),
    /// That, and every roxctl on `PATH`.
    All,
}

/// One file to be removed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// The file.
    pub path: PathBuf,
    /// Its version.
    pub version: Option<String>,
    /// Whether this suite installed it.
    pub ours: bool,
}

/// Finds what `scope` means and checks that all of it can be removed; nothing is changed.
///
/// # Errors
/// When a file of ours was changed since, or rights are missing: then nothing may be removed.
pub async fn removals(
    system: &System,
    receipts: &Receipts,
    scope: &Scope,
    directory: Option<&Path>,
) -> Result<Vec<Removal>, RoxctlError> {
    let found = survey(system, receipts).await?;
    let chosen: Vec<&Found> = found
        .iter()
        .filter(|found| directory.is_none_or(|wanted| is_in(found, wanted)))
        .filter(|found| is_meant(system, found, scope))
        .collect();
    if let Some(changed) = chosen.iter().find(|found| found.changed && *scope != Scope::All) {
        return Err(RoxctlError::InTheWay {
            path: changed.path.clone(),
            reason: "it is not the file that this command installed".to_owned(),
            hint: "`uninstall --all` removes every roxctl on the PATH, after showing them".into(),
        });
    }
    check_rights(system, &chosen)?;
    let removal = |found: &&Found| Removal {
        path: found.path.clone(),
        version: found.version.clone(),
        ours: found.ours,
    };
    Ok(chosen.iter().map(removal).collect())
}

/// Removes these files, and then their receipts: killed in between, the next command drops these.
///
/// # Errors
/// At the first file that cannot be removed.
pub fn remove(
    system: &System,
    receipts: &mut Receipts,
    removals: &[Removal],
) -> Result<(), RoxctlError> {
    tidy(system, receipts, None);
    for removal in removals {
        let path = &removal.path;
        match system.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RoxctlError::file("remove", path, error));
            }
            _ => {}
        }
        if let Some(directory) = path.parent() {
            sync_directory(directory)
                .map_err(|error| RoxctlError::file("sync", directory, error))?;
        }
        receipts.forget(path)?;
    }
    receipts.prune()
}

fn is_meant(system: &System, found: &Found, scope: &Scope) -> bool {
    let by_us = found.ours || found.changed;
    match scope {
        Scope::Ours => by_us,
        Scope::Version(wanted) => {
            let of_receipt = found.receipt.as_ref().and_then(|receipt| receipt.version.clone());
            let version: Option<Version> = of_receipt.and_then(|text| text.parse().ok());
            by_us && version.as_ref() == Some(wanted)
        }
        Scope::All => {
            let name = found.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_beside = version_in_name(system.machine().os, name).is_some();
            // What stands beside them without a receipt may be somebody's archive.
            by_us || !is_beside
        }
    }
}

fn is_in(found: &Found, directory: &Path) -> bool {
    found.path.parent().is_some_and(|parent| super::system::same_place(parent, directory))
}

fn check_rights(system: &System, chosen: &[&Found]) -> Result<(), RoxctlError> {
    let mut directories: Vec<PathBuf> = Vec::new();
    let mut reason = String::new();
    for found in chosen {
        let Some(directory) = found.path.parent() else { continue };
        if directories.iter().any(|known| known == directory) {
            continue;
        }
        let writable = check_writable(directory);
        let is_directory = fs::symlink_metadata(&found.path).is_ok_and(|entry| entry.is_dir());
        if let Err(error) = writable {
            reason = error.to_string();
            directories.push(directory.to_owned());
        } else if is_directory {
            return Err(RoxctlError::InTheWay {
                path: found.path.clone(),
                reason: "it is a directory".to_owned(),
                hint: String::new(),
            });
        }
    }
    if directories.is_empty() {
        return Ok(());
    }
    let hint = format!("{}; nothing was changed", system.rights_hint("uninstall"));
    Err(RoxctlError::NoRights { directories, reason, hint })
}
