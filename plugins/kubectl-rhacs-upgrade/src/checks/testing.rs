//! Installations for the tests of the checks, with the plan of an upgrade.

use std::ffi::OsString;

pub(super) use common::checks::testing::Installation as Subject;
use common::checks::testing::Judge;
pub(super) use common::checks::testing::{cluster, in_days, node, now, tls_secret};
use common::plan::{Plan, ScannerConfig};
use common::rhacs::images::ImageOptions;
use common::rhacs::{Platform, Snapshot, Version};
use kubectl_rhacs_rollback::cli as rollback;

use super::GROUPS;
use crate::cli::Cli;
use crate::planner::{Request, plan};

/// Makes installations that are to be upgraded.
pub(super) struct Installation;

const JUDGE: Judge = Judge { plan: upgrade, groups: GROUPS, typed };

/// A command of this suite has to be one that its plugin takes.
fn typed(command: &str) {
    let Some(words) = command.strip_prefix("kubectl rhacs ") else { return };
    let words = words.replace("NAMESPACE", "acs");
    let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
    let taken = match words[0].to_str() {
        Some("upgrade") => Cli::read(&words).map(|cli| cli.check()),
        Some("rollback") => rollback::Cli::read(&words).map(|cli| cli.check()),
        // Their plugins are no libraries of this one; the black-box tests type their commands.
        Some("scc" | "roxctl") => return,
        _ => unreachable!("{command}: no plugin of the suite"),
    };
    match taken {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => unreachable!("{command}: {failure}"),
        Err(error) => unreachable!("{command}: {error}"),
    }
}

impl Installation {
    pub(super) fn at(version: &str) -> Subject {
        Subject::at(version).judged_by(JUDGE)
    }

    pub(super) fn on_openshift(version: &str) -> Subject {
        Subject::on_openshift(version).judged_by(JUDGE)
    }

    pub(super) fn of_manifest(version: &str, platform: Platform) -> Option<Subject> {
        Some(Subject::of_manifest(version, platform)?.judged_by(JUDGE))
    }
}

fn upgrade(snapshot: &Snapshot, to: &Version, backup: bool) -> Plan {
    let request = Request {
        to: to.clone(),
        components: Vec::new(),
        images: ImageOptions::default(),
        backup_directory: backup.then(|| ".".to_owned()),
        scanner_config: ScannerConfig::Keep,
        keep_replicas: false,
        roxctl: false,
        revoke_token: false,
        timeout_seconds: None,
    };
    plan(snapshot, &request).expect("a plan")
}
