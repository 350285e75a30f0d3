//! `login`, `logout`, `whoami`, and sessions for one command.

use std::io::Write;
use std::process::{Command, Stdio};

use rhacs_tests::{Finished, Stage};
use secrecy::ExposeSecret;
use serde_json::Value;
use sim::splunk::{ADMIN_PASSWORD, Builder, Record, Role, Scope, Seed, Splunk, Switches, User};

use crate::{SF_TOKEN, my_token, stage};

/// Runs a command without a credential of its own, with this text on its standard input.
fn with_input(stage: &Stage, words: &str, input: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = stage.command(SF_TOKEN, &words);
    command.env_remove("SFX_AUTH_TOKEN").stdin(Stdio::piped());
    let output = feed(&mut command, input);
    stage.finish(&output, &words, true)
}

fn feed(command: &mut Command, input: &str) -> std::process::Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may end before it has read anything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn lines(stage: &Stage) -> Vec<String> {
    stage.splunk().requests().iter().map(Record::line).collect()
}

#[test]
fn a_session_is_kept_in_a_private_file_and_ended() {
    let stage = stage();
    let password = format!("{ADMIN_PASSWORD}\n");
    let words = "login admin@example.com --password-stdin --output-file session";
    with_input(&stage, words, &password).ends_with(0);
    let file = stage.directory().join("work/session");
    let session = std::fs::read_to_string(&file).expect("the session");
    assert!(stage.splunk().accepts(session.trim()));
    assert_mode(&file);
    let first = &stage.splunk().requests()[0];
    assert_eq!(first.header("x-sf-token"), None, "a login carries no credential");
    with_input(&stage, "whoami --token-file session", "").ends_with(0);
    with_input(&stage, "logout --token-file session", "").ends_with(0);
    assert!(!stage.splunk().accepts(session.trim()));
    with_input(&stage, "list --token-file session", "").says("401");
}

#[cfg(unix)]
fn assert_mode(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(not(unix))]
fn assert_mode(_: &std::path::Path) {}

#[test]
fn a_session_for_one_command_is_ended_whatever_comes_of_it() {
    let stage = stage();
    for (words, code) in [("get myToken", 0), ("get nobody", 3)] {
        let words = format!("{words} --login admin@example.com --password-stdin");
        with_input(&stage, &words, ADMIN_PASSWORD).ends_with(code);
        let lines = lines(&stage);
        assert_eq!(lines.first().map(String::as_str), Some("POST /v2/session"));
        assert_eq!(lines.last().map(String::as_str), Some("DELETE /v2/session"));
        stage.splunk().forget_requests();
    }
}

#[test]
fn a_refused_login_is_explained() {
    let stage = stage();
    let words = "login admin@example.com --password-stdin --output-file session";
    with_input(&stage, words, "canary-wrong").says("entered incorrectly");
    stage.splunk().switch(|switches| switches.single_sign_on = true);
    with_input(&stage, words, ADMIN_PASSWORD).says("single sign-on");
    assert!(!stage.directory().join("work/session").exists());
    // It was tried once each time: a locked account helps nobody.
    assert_eq!(lines(&stage).len(), 2);
}

#[test]
fn a_session_that_cannot_be_kept_is_not_begun() {
    let stage = stage();
    let words = "login admin@example.com --password-stdin --output-file nowhere/session";
    with_input(&stage, words, ADMIN_PASSWORD).ends_with(2);
    assert!(lines(&stage).is_empty());
}

#[test]
fn a_credential_comes_from_a_file_or_standard_input() {
    let stage = stage();
    let token = stage.splunk().admin_token();
    with_input(&stage, "get myToken --token-file -", token.expose_secret()).ends_with(0);
    let file = stage.directory().join("token");
    std::fs::write(&file, format!("{}\r\n", token.expose_secret())).expect("written");
    with_input(&stage, "get myToken --token-file ../token", "").ends_with(0);
    with_input(&stage, "get myToken --token-file nowhere", "").ends_with(2);
}

#[test]
fn whoami_tells_sessions_from_access_tokens() {
    for (switches, kinds) in [
        (
            Switches::default(),
            [
                Some("privileged_session"),
                Some("privileged_session"),
                Some("limited"),
                Some("access_token"),
                Some("sends_data"),
            ],
        ),
        (
            Switches::opposite(),
            [
                Some("privileged_session"),
                // Of the one token that she sees she is not shown the secret.
                Some("unknown"),
                Some("limited"),
                Some("access_token"),
                // Nothing tells it from a token that nobody knows.
                None,
            ],
        ),
    ] {
        let stage = Stage::with(crowd().switches(switches)).start();
        let splunk = stage.splunk();
        let credentials = [
            Some(splunk.admin_token()),
            splunk.session_of("pat@example.com"),
            splunk.session_of("ann@example.com"),
            splunk.secret("api"),
            splunk.secret("myToken"),
        ];
        for (credential, kind) in credentials.into_iter().zip(kinds) {
            let credential = credential.expect("a credential");
            let told = stage.run_with(SF_TOKEN, &["whoami", "-o", "json"], |command| {
                command.env("SFX_AUTH_TOKEN", credential.expose_secret());
            });
            let Some(kind) = kind else {
                told.ends_with(1).says("401");
                continue;
            };
            let told = told.ends_with(0).json();
            let token = if kind == "access_token" { "api".into() } else { Value::Null };
            assert_eq!((&told["kind"], &told["token"]), (&kind.into(), &token));
        }
    }
}

/// An organization with people and tokens of every kind; the power user sees one of two tokens.
fn crowd() -> Builder {
    let pat = User::new("pat@example.com", "canary-word", Role::Power);
    let ann = User::new("ann@example.com", "canary-word", Role::Usage);
    let to_pat = serde_json::json!({"acl": [
        {"principalId": "pat", "principalType": "USER", "actions": ["READ"]}]});
    let api = Seed::new("api", &[Scope::Api]).role("power");
    Splunk::builder().tokens([my_token().permissions(to_pat), api]).user(pat).user(ann)
}
