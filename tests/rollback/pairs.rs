//! There and back: every pair of releases whose official objects are at hand, on both platforms.

use common::rhacs::Platform;
use common::rhacs::official::on_a_claim;
use rhacs_tests::{Installation, shared_file};
use serde_json::Value;

use crate::{ACCEPT, ALL, assert_same, rollback, state, upgraded};

const RELEASES: [&str; 6] = ["3.0.58.1", "3.0.62.1", "3.63.0", "3.66.1", "3.69.2", "3.74.9"];

#[test]
fn from_the_first_release_and_back() {
    there_and_back(0);
}

#[test]
fn from_the_second_release_and_back() {
    there_and_back(1);
}

#[test]
fn from_the_third_release_and_back() {
    there_and_back(2);
}

#[test]
fn from_the_fourth_release_and_back() {
    there_and_back(3);
}

#[test]
fn from_the_fifth_release_and_back() {
    there_and_back(4);
}

/// Upgrades the official objects of one release to each later one, and rolls everything back.
fn there_and_back(first: usize) {
    let from = RELEASES[first];
    for platform in [Platform::Kubernetes, Platform::OpenShift] {
        let Some(objects) = official(from, platform) else { return };
        for to in &RELEASES[first + 1..] {
            let what = format!("{from} → {to} on {platform}");
            let installation = Installation::of(objects.clone()).on(platform).start();
            let before = state(&installation);
            upgraded(&installation, &format!("--to {to} --yes"));
            assert_ne!(before, state(&installation), "{what}");
            rollback(&installation, &format!("{ALL} {ACCEPT} --yes")).ends_with(0);
            assert_same(&before, &state(&installation), &what);
            let central = installation.simulation().central().version();
            assert_eq!(central, from.parse().ok(), "{what}");
        }
    }
}

/// The objects as the release's own templates make them, with a volume for Central's data.
fn official(release: &str, platform: Platform) -> Option<Vec<Value>> {
    let file = shared_file(&format!("manifests/{release}-{platform}.yaml"))?;
    let text = std::fs::read_to_string(file).expect("readable");
    Some(on_a_claim(serde_saphyr::from_multiple(&text).expect("YAML"), "stackrox"))
}
