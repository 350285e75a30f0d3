//! `--rehearse`: on samples, on files, on the live cluster with its past.

use rhacs_tests::{Finished, Installation};
use serde_json::json;

use crate::{ACCEPT, ALL, ROLLBACK, assert_same, rollback, state, upgraded};

/// Runs the words where there is neither a cluster nor a token.
fn nowhere(words: &str) -> Finished {
    let nowhere = Installation::of(Vec::new()).start();
    let words: Vec<&str> = words.split_whitespace().collect();
    nowhere.run_with(ROLLBACK, &words, |command| {
        command.env_remove("KUBECONFIG").env_remove("ROX_API_TOKEN");
    })
}

/// Rehearses on the installation, which stays as it is: nothing is written to it.
fn rehearse(installation: &Installation, words: &str) -> Finished {
    let before = state(installation);
    let earlier = installation.simulation().requests().len();
    let done = rollback(installation, words);
    let requests = installation.simulation().requests().split_off(earlier);
    let ours = requests.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs"));
    let written: Vec<_> = ours.filter(|request| request.method != "GET").collect();
    assert!(written.is_empty(), "{written:?}");
    assert_same(&before, &state(installation), words);
    done
}

#[test]
fn a_forced_rollback_is_seen_through_on_a_sample() {
    for sample in ["sample:3.69.2", "sample:3.69.2:openshift"] {
        nowhere(&format!("--force --to 3.66.1 --rehearse {sample}"))
            .ends_with(0)
            .says("keeps the database of 3.66.1, as --to asks for")
            .says("is lost");
    }
    nowhere("check --force --to 3.66.1 --rehearse sample:3.69.2").ends_with(0);
    nowhere("--force --to 3.0.57.2 --rehearse sample:3.62.1").ends_with(7);
    // From 4.1 on no copy is needed, so none is told of.
    let late = nowhere("--force --to 4.6.0 --rehearse sample:4.9.0").ends_with(0);
    assert!(!late.stderr.contains("keeps the database"), "{}", late.stderr);
}

#[test]
fn a_sample_has_no_past_to_go_back_to() {
    nowhere("--rehearse sample:3.69.2").ends_with(2).says("--force --to VERSION");
}

#[test]
fn the_examples_of_the_help_work() {
    let help = nowhere("--help").ends_with(0);
    let commands = help.stdout.lines().filter_map(|line| {
        let words = line.trim().strip_prefix("kubectl rhacs rollback")?;
        words.contains("--rehearse").then_some(words.trim())
    });
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands.len(), 2, "{}", help.stdout);
    let installation = Installation::at("3.66.1").start();
    upgraded(&installation, "--to 3.69.2 --yes");
    for command in commands {
        rehearse(&installation, command).ends_with(0);
    }
}

#[test]
fn the_objects_of_a_file_are_rehearsed_on() {
    let installation = Installation::at("3.69.2").start();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": installation.objects()});
    std::fs::write(installation.directory().join("all.yaml"), list.to_string()).expect("written");
    rehearse(&installation, "--force --to 3.66.1 --rehearse all.yaml").ends_with(0);
}

#[test]
fn a_live_rehearsal_goes_by_the_record() {
    for builder in [Installation::at("3.62.1"), Installation::at("3.62.1").on_openshift()] {
        let installation = builder.start();
        upgraded(&installation, "--to 3.69.2 --yes");
        let done = rehearse(&installation, &format!("{ALL} --rehearse")).ends_with(0);
        let done = done.says("keeps the database of 3.0.62.1, as run ").says("is lost");
        // The copy knows what the run has written, so that nothing in it is anybody else's.
        for code in
            ["RHACS-ROLLBACK-CHANGED-SINCE", "RHACS-ROLLBACK-LEFT", "RHACS-ROLLBACK-NO-COPY"]
        {
            assert!(!done.stderr.contains(code), "{}", done.stderr);
        }
        // What was rehearsed is what is done.
        rollback(&installation, &format!("{ALL} {ACCEPT} --yes")).ends_with(0);
    }
}

#[test]
fn a_live_rehearsal_tells_what_somebody_changed() {
    let installation = Installation::at("3.66.1").start();
    upgraded(&installation, "--to 3.69.2 --yes");
    installation.change("Deployment", "sensor", |sensor| {
        sensor["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mine/main:3.69.2");
    });
    rehearse(&installation, "--components secured --rehearse")
        .ends_with(0)
        .says("RHACS-ROLLBACK-CHANGED-SINCE")
        .says("mine/main:3.69.2");
}

#[test]
fn a_live_rehearsal_goes_by_the_revisions() {
    let installation = Installation::at("3.66.1").start();
    let old = installation.image("Deployment", "central", "central");
    installation.change("Deployment", "central", move |central| {
        let new = json!(old.replace("3.66.1", "3.69.2"));
        central["spec"]["template"]["spec"]["containers"][0]["image"] = new;
    });
    installation.wait_until_ready("central");
    for words in ["--to-revision 1 --rehearse", "--rehearse live"] {
        rehearse(&installation, words)
            .ends_with(0)
            .says("keeps the database of 3.66.1, as revision 1 of deploy/central tells");
    }
}

#[test]
fn a_second_way_back_is_rehearsed_as_it_would_go() {
    let installation = Installation::at("3.66.1").start();
    upgraded(&installation, "--to 3.69.2 --components central --yes");
    rollback(&installation, &format!("{ACCEPT} --yes")).ends_with(0);
    rehearse(&installation, "--rehearse").ends_with(0).says("RHACS-ROLLBACK-FORWARD");
    let history =
        rehearse(&installation, "history --rehearse -o json").ends_with(0).json()["runs"].clone();
    assert_eq!(history.as_array().map(Vec::len), Some(2), "{history}");
}
