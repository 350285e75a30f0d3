//! Installations for the tests of the checks, with the plan of an upgrade.

pub(super) use common::checks::testing::Installation as Subject;
use common::checks::testing::Judge;
pub(super) use common::checks::testing::{cluster, in_days, now, tls_secret};
use common::plan::{Plan, ScannerConfig};
use common::rhacs::images::ImageOptions;
use common::rhacs::{Platform, Snapshot, Version};

use super::GROUPS;
use crate::planner::{Request, plan};

/// Makes installations that are to be upgraded.
pub(super) struct Installation;

const JUDGE: Judge = Judge { plan: upgrade, groups: GROUPS };

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
        roxctl: false,
        revoke_token: false,
        timeout_seconds: None,
    };
    plan(snapshot, &request).expect("a plan")
}
