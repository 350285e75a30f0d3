//! Plans: shown, saved, applied, refused.

use rhacs_tests::Installation;
use secrecy::ExposeSecret;
use serde_json::json;
use sim::faults::ClusterFault;

use crate::{UPGRADE, upgrade};

#[test]
fn a_plan_changes_nothing_and_says_what_is_pending() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    upgrade(&installation, "plan --to 3.69.2 --exit-code").ends_with(10).says("deploy/central");
    upgrade(&installation, "--to 3.69.2 --dry-run").ends_with(0);
    upgrade(&installation, "--to 3.69.2 --dry-run=server").ends_with(0).says("would accept");
    assert_eq!(installation.essences(), before);
}

#[test]
fn a_saved_plan_is_applied_as_it_was_reviewed() {
    let installation = Installation::at("3.66.1").start();
    for format in ["yaml", "json"] {
        let plan = upgrade(&installation, &format!("plan --to 3.69.2 -o {format}")).ends_with(0);
        std::fs::write(installation.directory().join(format), plan.stdout).expect("written");
    }
    let edited = std::fs::read_to_string(installation.directory().join("yaml")).expect("read");
    std::fs::write(installation.directory().join("edited"), edited.replace("65534", "0"))
        .expect("written");
    upgrade(&installation, "apply edited --yes").ends_with(2).says("edited");
    upgrade(&installation, "apply yaml --yes").ends_with(0);
    upgrade(&installation, "apply json --yes").ends_with(9).says("no longer fits");
}

#[test]
fn a_plan_of_before_a_change_is_stale() {
    let installation = Installation::at("3.66.1").start();
    let plan = upgrade(&installation, "plan --to 3.69.2 -o yaml").ends_with(0);
    std::fs::write(installation.directory().join("plan.yaml"), plan.stdout).expect("written");
    let by = sim::store::Writer::new("somebody");
    let main = sim::store::Subresource::Main;
    let changed = installation.simulation().store().modify(
        "deployments.apps",
        Some("stackrox"),
        "sensor",
        main,
        &by,
        |sensor| sensor["spec"]["template"]["spec"]["hostNetwork"] = json!(true),
    );
    changed.expect("changed");
    upgrade(&installation, "apply plan.yaml --yes").ends_with(9).says("deploy/sensor");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
}

#[test]
fn a_plan_of_another_cluster_is_refused() {
    let one = Installation::at("3.66.1").start();
    let other = Installation::at("3.66.1").start();
    let plan = upgrade(&one, "plan --to 3.69.2 -o yaml").ends_with(0);
    std::fs::write(other.directory().join("plan.yaml"), plan.stdout).expect("written");
    upgrade(&other, "apply plan.yaml --yes").ends_with(9).says("another cluster");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    let words = ["--to", "3.69.2"];
    installation.run(UPGRADE, &words).ends_with(2).says("--yes");
    assert_eq!(installation.essences(), before);
}

#[test]
fn a_plan_travels_to_another_computer() {
    let installation = Installation::at("3.66.1").start();
    let plan = upgrade(&installation, "plan --to 3.69.2 -o yaml").ends_with(0).stdout;
    let here = installation.directory().display().to_string();
    assert!(!plan.contains(&here), "the plan names the directory it was made in:\n{plan}");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let path = |name: &str| elsewhere.path().join(name);
    std::fs::write(path("plan.yaml"), &plan).expect("written");
    std::fs::create_dir(path("backups")).expect("made");
    std::fs::write(path("token"), installation.simulation().admin_token().expose_secret())
        .expect("written");
    let apply = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        installation.run_with(UPGRADE, &words, |command| {
            command.current_dir(elsewhere.path()).env_remove("ROX_API_TOKEN");
        })
    };
    // What depends on where it runs is looked at where it runs.
    let refused = apply("apply plan.yaml --token-file token --backup-dir nowhere --yes");
    refused.ends_with(3).says("RHACS-BACKUP-DIRECTORY").says("--backup-dir");
    apply("apply plan.yaml --yes").ends_with(3).says("RHACS-BACKUP-IMPOSSIBLE");
    apply("apply plan.yaml --accept RHACS-NONSENSE --yes").ends_with(2);
    let words = "apply plan.yaml --token-file token --backup-dir backups --yes -o json";
    let backup = apply(words).ends_with(0).json()["backup"]["path"].clone();
    let backup = backup.as_str().expect("a backup");
    let directory = path("backups");
    assert!(std::path::Path::new(backup).starts_with(&directory), "{backup}");
    assert_eq!(std::fs::read_dir(&directory).expect("read").count(), 1);
}

#[test]
fn a_relative_directory_of_a_plan_is_looked_for_where_it_is_applied() {
    let installation = Installation::at("3.66.1").start();
    std::fs::create_dir(installation.directory().join("backups")).expect("made");
    let words = "plan --to 3.69.2 --backup-dir backups -o yaml";
    let plan = upgrade(&installation, words).ends_with(0).stdout;
    let elsewhere = tempfile::tempdir().expect("a directory");
    std::fs::write(elsewhere.path().join("plan.yaml"), &plan).expect("written");
    let applied = installation.run_with(UPGRADE, &["apply", "plan.yaml", "--yes"], |command| {
        command.current_dir(elsewhere.path());
    });
    applied.ends_with(3).says("RHACS-BACKUP-DIRECTORY");
}

#[test]
fn a_run_is_resumed_where_its_directory_is_not() {
    let installation = Installation::at("3.66.1").start();
    let gone = installation.directory().join("gone");
    std::fs::create_dir(&gone).expect("made");
    installation.simulation().faults().add(ClusterFault::TruncatedBackup { bytes: 100 });
    upgrade(&installation, "--to 3.69.2 --backup-dir gone --yes").ends_with(4);
    installation.simulation().faults().clear();
    std::fs::remove_dir_all(&gone).expect("removed");
    let refused = upgrade(&installation, "resume --yes").ends_with(3);
    let hint = refused.stderr.lines().find_map(|line| line.split_once("kubectl rhacs upgrade "));
    let (_, words) = hint.expect("a hint");
    assert!(words.ends_with(" --backup-dir DIR"), "{words}");
    // The hint works as it is printed, with a directory in place of DIR.
    upgrade(&installation, &format!("{} --yes", words.replace("DIR", "."))).ends_with(0);
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}
