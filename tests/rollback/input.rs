//! What cannot be done is refused before anything changes, with the way on.

use rhacs_tests::Installation;
use serde_json::json;

use crate::{rollback, upgraded};

#[test]
fn nothing_to_go_back_to_is_said() {
    let installation = Installation::at("3.66.1").start();
    rollback(&installation, "--yes").ends_with(2).says("nothing to roll back to");
    rollback(&installation, "--to-run 20200101-000000-none").ends_with(2).says("no run");
    rollback(&installation, "-n nowhere --yes").ends_with(2).says("nowhere");
    rollback(&installation, "--force --yes").ends_with(2).says("--to");
    rollback(&installation, "--force --to 3.69.2 --yes").ends_with(2).says("upgrade --to 3.69.2");
}

#[test]
fn the_floor_is_told_before_anything_changes() {
    let installation = Installation::at("3.62.1").start();
    rollback(&installation, "--force --to 3.0.57.2 --yes").ends_with(7).says("db restore");
}

#[test]
fn another_manager_is_left_to_itself() {
    let operated = |objects: &mut Vec<serde_json::Value>| {
        let central = objects.iter_mut().find(|object| {
            object["kind"] == "Deployment" && object["metadata"]["name"] == "central"
        });
        let labels = &mut central.expect("central")["metadata"]["labels"];
        labels["app.stackrox.io/managed-by"] = json!("operator");
    };
    let installation = Installation::at("3.66.1").but(operated).start();
    rollback(&installation, "--force --to 3.63.0 --yes").ends_with(7).says("subscription");
}

#[test]
fn a_record_that_cannot_be_read_names_the_other_ways() {
    let installation = Installation::at("3.66.1").start();
    upgraded(&installation, "--to 3.69.2 --components central --yes");
    let record = installation
        .objects()
        .into_iter()
        .find(|object| object["type"] == "rhacs.kubectl/run")
        .expect("a record");
    let name = record["metadata"]["name"].as_str().expect("a name");
    installation.change("Secret", name, |secret| {
        for value in secret["data"].as_object_mut().into_iter().flat_map(|data| data.values_mut()) {
            *value = json!("bm90IGEgcmVjb3Jk");
        }
    });
    let refused = rollback(&installation, "--yes").says("--to-revision");
    assert_ne!(refused.code, Some(0));
}
