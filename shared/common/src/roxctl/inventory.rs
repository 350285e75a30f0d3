//! Every roxctl of this computer: which one runs, which are hidden, which are ours.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checksum::Checksum;
use super::error::RoxctlError;
use super::install::ask;
use super::names::{installed_name, version_in_name};
use super::receipts::{Receipt, Receipts};
use super::system::{System, same_place};
use crate::env::Machine;

/// One roxctl.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// What it says when it is run, or what its receipt says.
    pub version: Option<String>,
    /// Why it does not say its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Whether a shell that is told `roxctl` runs this one.
    pub active: bool,
    /// The one that a shell runs instead, for one that it would find otherwise.
    pub shadowed_by: Option<PathBuf>,
    /// Whether this suite installed it, as it is now.
    pub ours: bool,
    /// Whether this suite installed it, and somebody changed it since.
    pub changed: bool,
    /// Its checksum, where there is a receipt to compare it with.
    pub sha256: Option<Checksum>,
    /// Its receipt, or that of the file that was here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Found {
    /// Whether it has a name with its version, beside others.
    #[must_use]
    pub fn is_beside(&self, system: &System) -> bool {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        version_in_name(system.machine().os, name).is_some()
    }
}

/// Looks at every roxctl on `PATH`, those beside them, and all we have receipts of. Each one for
/// this machine is run once with `version`.
///
/// # Errors
/// When a file cannot be read.
pub async fn survey(system: &System, receipts: &Receipts) -> Result<Vec<Found>, RoxctlError> {
    let on_path = system.find_all();
    let active = on_path.first().cloned();
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut add = |path: PathBuf| {
        if !paths.iter().any(|known| known == &path || is_same_entry(known, &path)) {
            paths.push(path);
        }
    };
    on_path.iter().cloned().for_each(&mut add);
    let usual = system.default_directory();
    for directory in system.path().iter().chain(usual.as_ref()) {
        beside(system, directory).into_iter().for_each(&mut add);
    }
    receipts.all().iter().map(|receipt| receipt.path.clone()).for_each(&mut add);
    let mut all = Vec::new();
    for path in paths {
        let is_found = on_path.contains(&path);
        let is_active = active.as_ref() == Some(&path);
        let shadowed_by = active.clone().filter(|_| is_found && !is_active);
        all.extend(look(system, receipts, path, is_active, shadowed_by).await?);
    }
    Ok(all)
}

async fn look(
    system: &System,
    receipts: &Receipts,
    path: PathBuf,
    active: bool,
    shadowed_by: Option<PathBuf>,
) -> Result<Option<Found>, RoxctlError> {
    if fs::metadata(&path).is_err() {
        return Ok(None);
    }
    let any = receipts.of(&path).next().cloned();
    let sha256 = match &any {
        Some(_) => Some(
            Checksum::of_file(&path).map_err(|error| RoxctlError::file("read", &path, error))?,
        ),
        None => None,
    };
    let own = sha256.and_then(|sum| receipts.matching(&path, sum)).cloned();
    let (ours, changed) = (own.is_some(), own.is_none() && any.is_some());
    let receipt = own.or(any);
    let known = receipt.as_ref().filter(|_| ours).and_then(|receipt| receipt.version.clone());
    let (version, fault) = if runs_here(system, receipt.as_ref(), ours) {
        match ask(&path).await {
            Ok(reported) => (Some(reported.text), None),
            Err(reason) => (known, Some(reason)),
        }
    } else {
        (known, None)
    };
    Ok(Some(Found { path, version, fault, active, shadowed_by, ours, changed, sha256, receipt }))
}

/// A file that we installed for another machine cannot be asked.
fn runs_here(system: &System, receipt: Option<&Receipt>, ours: bool) -> bool {
    let machine = receipt.filter(|_| ours).and_then(|receipt| machine(&receipt.machine));
    machine.is_none_or(|machine| system.runs(machine))
}

fn machine(text: &str) -> Option<Machine> {
    text.parse::<super::machine::Target>().ok().map(|target| target.0)
}

/// The files of a directory that are named with a version, in order.
fn beside(system: &System, directory: &Path) -> Vec<PathBuf> {
    let os = system.machine().os;
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((version_in_name(os, &name)?, directory.join(name)))
    });
    let mut all: Vec<_> = named.collect();
    all.sort();
    all.into_iter().map(|(_, path)| path).collect()
}

fn is_same_entry(a: &Path, b: &Path) -> bool {
    let parents = || a.parent().zip(b.parent()).is_some_and(|(a, b)| same_place(a, b));
    a.file_name() == b.file_name() && parents()
}

/// The name a shell looks for.
pub(super) fn plain_name(system: &System) -> String {
    installed_name(system.machine().os, None)
}
