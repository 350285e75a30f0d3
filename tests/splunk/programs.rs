//! What programs read: every verb leaves one object on standard output when it is asked to.

use common::env::Env;
use rhacs_tests::Stage;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{changes, my_token, sf, stage};

#[test]
fn every_verb_tells_programs_what_it_achieved() {
    let stage = stage();
    for (words, verb, token, result) in [
        ("delete myToken --dry-run", "delete", "myToken", "dry_run"),
        ("update myToken --description x --dry-run", "update", "myToken", "dry_run"),
        ("rename myToken other --dry-run", "rename", "myToken", "dry_run"),
        ("disable myToken --dry-run", "disable", "myToken", "dry_run"),
        ("create new --scope ingest --dry-run", "create", "new", "dry_run"),
        ("delete myToken --yes", "delete", "myToken", "done"),
    ] {
        let told = sf(&stage, &format!("{words} -o json")).ends_with(0).json();
        assert_eq!((&told["verb"], &told["token"]), (&verb.into(), &token.into()), "{words}");
        assert_eq!((&told["result"], &told["code"]), (&result.into(), &0.into()), "{words}");
    }
    assert_eq!(changes(&stage).len(), 1);
    for result in ["done", "nothing"] {
        let told = sf(&stage, "logout -o json").ends_with(0).json();
        assert_eq!((&told["verb"], &told["result"]), (&"logout".into(), &result.into()));
        assert_eq!(told.get("token"), None);
    }
}

#[test]
fn a_session_for_programs_is_kept_in_a_file() {
    let stage = Stage::with(sim::splunk::Splunk::builder().token(my_token())).start();
    let password = sim::splunk::ADMIN_PASSWORD;
    let login = "login admin@example.com --password-stdin -o json";
    let (code, told) = with_input(&stage, &format!("{login} --output-file FILE"), password, false);
    assert_eq!((code, &told["verb"], &told["result"]), (0, &"login".into(), &"done".into()));
    let (code, told) = with_input(&stage, &format!("{login} --stdout"), password, false);
    assert_eq!((code, &told["code"]), (2, &2.into()));
}

#[test]
fn who_declines_is_told_that_nothing_was_done() {
    let stage = stage();
    for (words, answer, verb) in [
        ("delete myToken", "another", "delete"),
        ("disable myToken", "no", "disable"),
        ("rotate myToken --graceful 7d", "no", "rotate"),
        ("sync myToken --stdout", "no", "sync"),
        ("sync myToken --output-file FILE", "no", "sync"),
    ] {
        // The plan goes to a person, so `--stdout` has nothing to add.
        let json = if words.contains("--stdout") { "" } else { " -o json" };
        let (code, told) = with_input(&stage, &format!("{words}{json}"), answer, true);
        assert_eq!(code, 6, "{words}");
        if !json.is_empty() {
            assert_eq!((&told["verb"], &told["result"]), (&verb.into(), &"declined".into()));
        }
    }
    assert!(changes(&stage).is_empty());
}

/// Runs the command in this process, as a person at a terminal or as a script, with this input;
/// the exit code, and standard output as JSON. `FILE` is a file of the stage.
fn with_input(stage: &Stage, words: &str, input: &str, terminal: bool) -> (u8, Value) {
    let file = stage.directory().join("work/file");
    let ca = stage.directory().join("authority.pem");
    let mut args = vec!["sf-token".to_owned(), "--ca".to_owned(), ca.display().to_string()];
    args.extend(words.split_whitespace().map(|word| match word {
        "FILE" => file.display().to_string(),
        word => word.to_owned(),
    }));
    let env = Env::test()
        .with_args(args)
        .with_variable("SFX_API_URL", &stage.splunk().url())
        .with_variable("SFX_AUTH_TOKEN", stage.splunk().admin_token().expose_secret())
        .with_terminal(terminal.then_some(80))
        .with_stdin(&format!("{input}\n"));
    let end = sf_token::run(&env);
    let stdout = env.stdout().captured();
    let told = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    (end.code(), told)
}
