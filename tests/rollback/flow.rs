//! The main job, on each of its ways.

use rhacs_tests::Installation;
use serde_json::json;

use crate::{ACCEPT, ALL, assert_same, rollback, runs, state, upgraded};

const OLD: &str = "3.66.1";

fn upgraded_installation() -> Installation {
    let installation = Installation::at(OLD).start();
    upgraded(&installation, "--to 3.69.2 --yes");
    installation
}

#[test]
fn central_alone_goes_back_unless_more_is_named() {
    let installation = upgraded_installation();
    rollback(&installation, &format!("{ACCEPT} --yes")).ends_with(0).says("RHACS-ROLLBACK-PARTIAL");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
    rollback(&installation, "plan --components scanner").ends_with(0);
}

#[test]
fn data_is_lost_only_when_that_is_accepted() {
    let installation = upgraded_installation();
    let before = state(&installation);
    rollback(&installation, "--yes").ends_with(3).says("RHACS-ROLLBACK-DATA-LOST");
    rollback(&installation, "check").ends_with(3).says("is lost");
    rollback(&installation, "plan --exit-code").ends_with(10).says("force-rollback");
    assert_same(&before, &state(&installation), "nothing changes before consent");
    let config = installation.object("ConfigMap", "central-config").expect("a configuration");
    rollback(&installation, &format!("{ACCEPT} --yes")).ends_with(0);
    let after = installation.object("ConfigMap", "central-config").expect("a configuration");
    assert_eq!(after["data"], config["data"], "nothing is forced any more");
}

#[test]
fn a_second_rollback_does_not_go_forward_by_itself() {
    let installation = upgraded_installation();
    rollback(&installation, &format!("{ALL} {ACCEPT} --yes")).ends_with(0);
    let back = state(&installation);
    rollback(&installation, "--yes").ends_with(3).says("RHACS-ROLLBACK-FORWARD");
    assert_same(&back, &state(&installation), "a second rollback");
    // Named, it is a run like any other.
    let newest = runs(&installation)[0]["run"].as_str().expect("a run").to_owned();
    rollback(&installation, &format!("--to-run {newest} {ALL} --yes")).ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.69.2"));
}

#[test]
fn what_somebody_changed_since_is_shown_three_ways() {
    let installation = upgraded_installation();
    let before = installation.object("Deployment", "sensor").expect("sensor");
    installation.change("Deployment", "sensor", |sensor| {
        sensor["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mine/main:3.69.2");
    });
    let words = format!("--components secured {ACCEPT} --yes");
    rollback(&installation, &words)
        .ends_with(3)
        .says("RHACS-ROLLBACK-CHANGED-SINCE")
        .says("deploy/sensor: 1 field is not as run");
    let check = rollback(&installation, "check --components secured -o json").ends_with(3).json();
    let findings = check["findings"].as_array().expect("findings");
    let changed = findings.iter().find(|it| it["code"] == "RHACS-ROLLBACK-CHANGED-SINCE");
    let field = &changed.expect("a finding")["fields"][0];
    assert_eq!(field["field"], "containers[sensor].image");
    assert_eq!(field["now"], "mine/main:3.69.2");
    for (state, version) in [("before", ":3.66.1"), ("left", ":3.69.2")] {
        assert!(field[state].as_str().is_some_and(|image| image.ends_with(version)), "{field}");
    }
    let accepted = format!("{words} --accept RHACS-ROLLBACK-CHANGED-SINCE");
    rollback(&installation, &accepted).ends_with(0);
    let after = installation.object("Deployment", "sensor").expect("sensor");
    assert_ne!(after["spec"]["template"], before["spec"]["template"]);
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.66.1"));
}

#[test]
fn without_a_record_the_revisions_are_the_way() {
    let installation = Installation::at(OLD).start();
    // By hand, in two patches: the revision before the last is half done.
    let namespace = json!({"name": "ROX_NAMESPACE", "value": "stackrox"});
    installation.change("Deployment", "central", move |central| {
        let container = &mut central["spec"]["template"]["spec"]["containers"][0];
        if let Some(env) = container["env"].as_array_mut() {
            env.push(namespace);
        }
    });
    installation.wait_until_ready("central");
    let new = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    installation.change("Deployment", "central", move |central| {
        central["spec"]["template"]["spec"]["containers"][0]["image"] = json!(new);
    });
    installation.wait_until_ready("central");
    rollback(&installation, "--to-revision 99 --yes").ends_with(2).says("kept is");
    rollback(&installation, &format!("{ALL} --yes")).ends_with(2).says("record");
    let plan = rollback(&installation, "plan").ends_with(0);
    assert!(plan.stdout.contains("Rollback 3.69.2"), "{}", plan.stdout);
    assert!(plan.stdout.contains("main:3.66.1"), "{}", plan.stdout);
    rollback(&installation, &format!("{ACCEPT} --yes")).ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn the_revision_that_runs_is_nothing_to_go_back_to() {
    let installation = Installation::at(OLD).start();
    let plan = rollback(&installation, "plan --to-revision 1 --exit-code").ends_with(0);
    assert!(plan.stdout.contains("Nothing to change"), "{}", plan.stdout);
}

#[test]
fn the_cause_of_a_change_goes_with_it() {
    let installation = upgraded_installation();
    let cause = |installation: &Installation| {
        let central = installation.object("Deployment", "central").expect("central");
        central["metadata"]["annotations"]["kubernetes.io/change-cause"].clone()
    };
    assert!(cause(&installation).is_string());
    rollback(&installation, &format!("{ALL} {ACCEPT} --yes")).ends_with(0);
    assert!(cause(&installation).is_null(), "{}", cause(&installation));
}

#[test]
fn central_can_be_forced_back_by_its_version() {
    let installation = upgraded_installation();
    let done = rollback(&installation, "--force --to 3.66.1 --yes").ends_with(0);
    done.says("lost");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
    let version = installation.simulation().central().version();
    assert_eq!(version, OLD.parse().ok());
    let config = installation.object("ConfigMap", "central-config").expect("a configuration");
    let text = config["data"]["central-config.yaml"].as_str().expect("a text");
    assert!(text.contains("forceRollbackVersion: none"), "{text}");
}

#[test]
fn a_plain_undo_by_hand_is_rescued_by_force() {
    let installation = upgraded_installation();
    let old = installation.image("Deployment", "central", "central").replace("3.69.2", OLD);
    installation.change("Deployment", "central", move |central| {
        central["spec"]["template"]["spec"]["containers"][0]["image"] = json!(old);
    });
    installation.wait_for_log("Central force rollback is disabled");
    rollback(&installation, "--force --to 3.66.1 --yes").ends_with(0);
    assert_eq!(installation.simulation().central().version(), OLD.parse().ok());
}

#[test]
fn only_the_version_before_the_last_upgrade_has_a_copy() {
    let installation = Installation::at("3.63.0").start();
    upgraded(&installation, "--to 3.66.1 --components central --yes");
    upgraded(&installation, "--to 3.69.2 --components central --yes");
    let first = runs(&installation)[1]["run"].as_str().expect("a run").to_owned();
    let words = format!("--to-run {first} {ACCEPT} --yes");
    rollback(&installation, &words).ends_with(3).says("RHACS-ROLLBACK-NO-COPY");
    rollback(&installation, &format!("{ACCEPT} --yes")).ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let installation = upgraded_installation();
    let before = state(&installation);
    for mode in ["--dry-run", "--dry-run=server"] {
        rollback(&installation, &format!("{ALL} {ACCEPT} {mode}")).ends_with(0);
        // As the rollback itself would end.
        let blocked = rollback(&installation, &format!("{ALL} {mode}")).ends_with(3);
        blocked.says("RHACS-ROLLBACK-DATA-LOST");
    }
    assert_same(&before, &state(&installation), "a dry run");
    assert_eq!(runs(&installation).len(), 1);
}

#[test]
fn a_plan_shows_no_secret() {
    let installation = upgraded_installation();
    // The support asserts that no key is in it.
    let plan = rollback(&installation, &format!("plan {ALL} -o yaml")).ends_with(0);
    assert!(plan.stdout.contains("scanner-tls"), "{}", plan.stdout);
}
