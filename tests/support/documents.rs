//! Every document that the RHACS plugins print for programs in a test is held to its JSON Schema.

use std::path::Path;

use common::schemas::find;
use serde_json::Value;

use crate::schema::{Strictness, faults};

/// Holds the standard output of a command to the schemas of what it may have printed. What is no
/// single document, such as that of `--watch`, is left to its test.
///
/// # Panics
/// When it fits none of them.
#[track_caller]
pub fn check(binary: &str, arguments: &[&str], stdout: &str) {
    held(binary, arguments, stdout, Strictness::Open);
}

/// As [`check`], and the schema has to describe every field.
///
/// # Panics
/// When it fits none of them.
#[track_caller]
pub fn check_closed(binary: &str, arguments: &[&str], stdout: &str) {
    held(binary, arguments, stdout, Strictness::Closed);
}

#[track_caller]
fn held(binary: &str, arguments: &[&str], stdout: &str, strictness: Strictness) {
    if !asks_for_json(arguments) {
        return;
    }
    let names = names(binary, arguments);
    let Ok(value) = serde_json::from_str::<Value>(stdout) else { return };
    let Some((first, _)) = names.split_first() else { return };
    let all: Vec<Vec<String>> =
        names.iter().map(|name| faults_of(name, &value, strictness)).collect();
    assert!(
        all.iter().any(Vec::is_empty),
        "`{}` prints no `{first}` (shared/common/src/schemas/{first}.json):\n{}\n{value:#}",
        arguments.join(" "),
        all.first().map(|faults| faults.join("\n")).unwrap_or_default()
    );
}

/// Asserts that `value` is a document of the kind `name`, and that the schema describes every field
/// of it.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn is_described(name: &str, value: &Value) {
    let faults = faults_of(name, value, Strictness::Closed);
    assert!(
        faults.is_empty(),
        "not as shared/common/src/schemas/{name}.json says:\n{}\n{value:#}",
        faults.join("\n")
    );
}

fn faults_of(name: &str, value: &Value, strictness: Strictness) -> Vec<String> {
    let document = find(name).unwrap_or_else(|| panic!("there is no schema `{name}`"));
    faults(&document.schema(), value, strictness)
}

/// What a command may print, the likeliest first.
fn names(binary: &str, arguments: &[&str]) -> Vec<&'static str> {
    let program = Path::new(binary).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let has = |word: &str| arguments.contains(&word);
    let verbs = [
        ("check", "check"),
        ("status", "status"),
        ("verify", "verify"),
        ("unlock", "unlock"),
        ("close", "close"),
        ("plan", "plan"),
        ("export", "scc-export"),
    ];
    let verb = verbs.iter().find(|(verb, _)| has(verb)).map(|(_, document)| *document);
    let of_verb = match (program, verb) {
        ("kubectl-rhacs-scc", None) if !has("apply") && !has("restore") && !has("resume") => {
            if has("history") { None } else { Some("scc-status") }
        }
        ("kubectl-rhacs-scc", Some("status")) => Some("scc-status"),
        ("kubectl-rhacs-roxctl", _) => return of_roxctl(arguments),
        ("kubectl-rhacs-upgrade" | "kubectl-rhacs-rollback" | "kubectl-rhacs-scc", verb) => verb,
        _ => return Vec::new(),
    };
    match of_verb {
        Some(document) => vec![document, "failure"],
        None if has("history") || has("report") => vec!["history", "run", "failure"],
        None => vec!["report", "plan", "failure"],
    }
}

fn of_roxctl(arguments: &[&str]) -> Vec<&'static str> {
    let documents = [
        ("list", "roxctl-list"),
        ("which", "roxctl-which"),
        ("verify", "roxctl-verify"),
        ("use", "roxctl-use"),
        ("uninstall", "roxctl-uninstall"),
    ];
    let verb = documents.iter().find(|(verb, _)| arguments.contains(verb));
    match verb {
        Some((_, document)) => vec![document, "failure"],
        None => vec!["roxctl-install", "roxctl-install-plan", "failure"],
    }
}

fn asks_for_json(arguments: &[&str]) -> bool {
    let pairs = arguments.windows(2).any(|pair| matches!(pair, ["-o" | "--output", "json"]));
    pairs || arguments.iter().any(|one| ["-ojson", "-o=json", "--output=json"].contains(one))
}
