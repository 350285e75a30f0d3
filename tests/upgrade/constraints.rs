//! SCCs of the new names that were there before the upgrade: after it every pod comes back.

use common::rhacs::scc::KIND;
use common::rhacs::{Platform, official};
use rhacs_tests::Installation;
use serde_json::{Value, json};

use crate::upgrade;

/// The constraint `of` as `version` has it, under another name and for these users.
fn copy(version: &str, of: &str, name: &str, users: &Value) -> Value {
    let version = version.parse().expect("a version");
    let objects = official::objects(&version, Platform::OpenShift, "stackrox");
    let found = objects.into_iter().find(|it| it["kind"] == KIND && it["metadata"]["name"] == of);
    let mut scc = found.expect(of);
    scc["metadata"]["name"] = json!(name);
    scc["users"] = users.clone();
    scc
}

fn with_constraint(version: &str, scc: Value) -> Installation {
    let change = |objects: &mut Vec<Value>| objects.push(scc);
    Installation::at(version).on_openshift().but(change).start()
}

#[test]
fn a_copy_of_an_old_scc_for_others_is_shared_and_every_pod_comes_back() {
    let others = json!(["system:serviceaccount:other:central"]);
    let installation =
        with_constraint("3.62.1", copy("3.62.1", "central", "stackrox-central", &others));
    upgrade(&installation, "plan --to 3.69.2").ends_with(0).says("may be used by central");
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    assert!(installation.object(KIND, "central").is_none(), "its successor serves");
    let users = installation.object(KIND, "stackrox-central").expect("the copy")["users"].clone();
    let both = ["system:serviceaccount:other:central", "system:serviceaccount:stackrox:central"];
    assert_eq!(users, json!(both));
    installation.replace_pods();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("nothing to do");
}

#[test]
fn a_strangers_scc_of_the_new_name_keeps_the_old_one_in_place() {
    let others = json!(["system:serviceaccount:other:central"]);
    let mut scc = copy("3.62.1", "central", "stackrox-central", &others);
    scc["metadata"] = json!({"name": "stackrox-central"});
    let installation = with_constraint("3.62.1", scc);
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0).says("scc/central stays");
    assert!(installation.object(KIND, "central").is_some());
    installation.replace_pods();
}

#[test]
fn a_constraint_that_lost_its_users_is_seen_at_the_target_and_repaired() {
    let installation = Installation::at("3.69.2").on_openshift().start();
    installation.change(KIND, "stackrox-collector", |scc| scc["users"] = json!([]));
    upgrade(&installation, "plan --to 3.69.2 --exit-code").ends_with(10).says("stackrox-collector");
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    installation.replace_pods();
}
