//! `-o json`: one document for every outcome of every verb.

use rhacs_tests::{Finished, Installation, documents};
use serde_json::{Value, json};
use sim::faults::{RequestAction, RequestRule, Script};

use crate::{newest_run, scc};

/// The one document that a command printed.
#[track_caller]
fn document(installation: &Installation, words: &str, code: i32) -> Value {
    let words = format!("{words} -o json");
    let done: Finished = scc(installation, &words).ends_with(code);
    let words: Vec<&str> = words.split_whitespace().collect();
    documents::check_closed(crate::SCC, &words, &done.stdout);
    done.json()
}

#[test]
fn whatever_comes_of_a_command_is_one_document() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let answer = |words: &str, code: i32| document(&installation, words, code);
    assert_eq!(answer("status", 0)["running"], "4.3.8");
    assert_eq!(answer("export --for 4.3.8", 0)["kind"], "List");
    assert_eq!(answer("plan --for 4.4.0 --exit-code", 10)["to"], "4.4.0");
    assert_eq!(answer("check --for 4.4.0", 0)["exit"], "done");
    assert_eq!(answer("apply --for 4.4.0 --dry-run", 0)["operation"], "scc");
    assert_eq!(answer("apply --for 4.4.0 --dry-run=server", 0)["operation"], "scc");
    assert_eq!(answer("history", 0)["runs"], json!([]));
    assert_eq!(answer("unlock --reason none", 0)["removed"], false);
    assert_eq!(answer("apply --for 4.4.0 --prune --yes", 0)["exit"], "done");
    assert_eq!(answer("apply --for 4.4.0 --prune --yes", 0)["exit"], "done", "nothing to do");
    let run = newest_run(&installation);
    assert_eq!(answer(&format!("history {run}"), 0)["run"]["run"], run.as_str());
    assert_eq!(answer(&format!("resume {run}"), 0)["run"], run.as_str(), "nothing to resume");
    assert_eq!(answer(&format!("restore {run} --yes"), 0)["exit"], "done");
    assert_eq!(answer(&format!("restore {run} --yes"), 0)["exit"], "done", "nothing to do");
}

#[test]
fn a_failure_is_one_document_with_its_code() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    for (words, code) in [
        ("plan", 2),
        ("plan --for 3.62.1", 7),
        ("export --for 9.9.9", 2),
        ("restore 20200101-000000-none --yes", 2),
        ("resume --yes", 2),
        ("history 20200101-000000-none", 2),
        ("status --prune", 2),
    ] {
        let failure = document(&installation, words, code);
        assert_eq!(failure["code"], code, "{words}: {failure}");
        assert!(failure["error"].is_string(), "{words}: {failure}");
    }
    let refuse = RequestRule::api(RequestAction::refuse(403)).path("*dryRun=All*");
    installation.simulation().faults().replace(Script::default().request(refuse));
    let refused = document(&installation, "apply --for 4.4.0 --dry-run=server", 3);
    assert!(refused["error"].as_str().expect("an error").contains("would refuse"), "{refused}");
}
