//! Planted secrets appear nowhere but where they are sent.

#[cfg(target_os = "linux")]
use std::process::Stdio;

use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule, Script};

use crate::clusters::one_cluster;
use crate::{OLD, rotations, sf};
#[cfg(unix)]
use crate::{SF_TOKEN, stage};

/// Every verb, as loud as it can be. The stage asserts that nothing shows.
const VERBS: [&str; 16] = [
    "list -v -o json",
    "get myToken -v -o yaml",
    "update myToken --description x -v --yes -o json",
    "rename myToken other -v --yes",
    "rename other myToken -v --yes",
    "disable myToken -v --yes",
    "enable myToken -v --yes",
    "create another --scope ingest -v -o json",
    "delete another -v --yes",
    "expiring -v -o prometheus --ignore-expired",
    "verify myToken -v",
    "whoami -v -o yaml",
    "rotate myToken --graceful 7d --to-collector monitoring --dry-run=server -v -o wide",
    "rotate myToken --graceful 7d --to-collector monitoring -v --events json -o json",
    "sync myToken --to-collector monitoring -v --events json -o yaml",
    "nonsense",
];

#[test]
fn no_verb_shows_a_secret_however_loud() {
    let stage = one_cluster();
    for words in VERBS {
        let finished = sf(&stage, words);
        assert!(!format!("{}{}", finished.stdout, finished.stderr).is_empty(), "{words}");
    }
    assert!(stage.files_with_secrets().is_empty());
}

#[test]
fn a_server_that_repeats_secrets_in_its_errors_is_not_quoted() {
    let stage = one_cluster();
    let admin = stage.splunk().admin_token();
    let echoes = [
        format!("\"The token {} is not valid\"", admin.expose_secret()),
        format!("{{\"message\":\"no such session: {}\"}}", admin.expose_secret()),
        format!("<html><title>{} refused</title></html>", admin.expose_secret()),
        admin.expose_secret().to_owned(),
    ];
    for echo in echoes {
        for status in [400, 401, 403, 500, 200] {
            let message = Some(echo.clone());
            let action = RequestAction::Refuse { status, retry_after: None, message };
            let after_the_first = RequestRule::splunk(action.clone()).method("POST");
            stage.splunk().faults().replace(Script::default().request(after_the_first));
            let words = "rotate myToken --graceful 7d -v --request-timeout 5s --skip-verify";
            if status < 500 {
                sf(&stage, words);
            }
            let always = RequestRule::splunk(action);
            stage.splunk().faults().replace(Script::default().request(always));
            for words in ["get myToken -v", "list -v -o json", "whoami -v"] {
                if status != 500 {
                    sf(&stage, words);
                }
            }
        }
    }
    assert!(stage.splunk().accepts(OLD), "none of it rotated");
}

#[test]
fn a_cluster_that_repeats_the_secret_in_its_errors_is_not_quoted() {
    let stage = one_cluster();
    // The second patch is the one that carries the new secret; what a webhook would quote of it is
    // not known before, so the old one, which is as secret, stands for it.
    let message = Some(format!("admission webhook denied the request: {OLD} is too short"));
    let action = RequestAction::Refuse { status: 422, retry_after: None, message };
    let rule = RequestRule::api(action).method("PATCH").path("*/secrets/*").nth(2);
    stage.cluster("east").faults().add_rule(rule);
    sf(&stage, "rotate myToken --graceful 7d --to-collector monitoring -v").ends_with(4);
    sf(&stage, "sync myToken --to-collector monitoring -v").ends_with(0);
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn no_annotation_or_event_holds_a_secret() {
    let stage = one_cluster();
    sf(&stage, "rotate myToken --graceful 7d --to-collector monitoring").ends_with(0);
    let secrets = stage.secrets();
    for object in stage.cluster("east").store().everything() {
        let mut object = object.as_ref().clone();
        if object["kind"] == "Secret" {
            object["data"] = serde_json::Value::Null;
        }
        let text = object.to_string();
        for (of, secret) in &secrets {
            // The tokens of the cluster itself lie in objects of its own.
            let own = of.contains("of the cluster");
            assert!(own || !text.contains(secret), "{of} is in {text}");
        }
    }
}

#[test]
fn a_panic_tells_its_place_and_nothing_of_what_it_was_about() {
    const PANICS: &str = "RHACS_TESTS_PANIC";
    if std::env::var_os(PANICS).is_some() {
        // This is the process the test starts below: itself.
        common::bug::end_on_panic("sf-token", "do not rotate again");
        let answer = || Err::<(), String>(format!("X-SF-TOKEN: {OLD}"));
        answer().unwrap();
    }
    let this = std::env::current_exe().expect("this test");
    let name = "leaks::a_panic_tells_its_place_and_nothing_of_what_it_was_about";
    let output = std::process::Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(PANICS, "yes")
        .output()
        .expect("the process starts");
    assert_eq!(output.status.code(), Some(1));
    let told =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(told[1].contains("a bug in sf-token") && told[1].contains("leaks.rs:"), "{told:?}");
    assert!(told[1].contains("hint: do not rotate again\n"), "{told:?}");
    assert!(!told.concat().contains(OLD), "{told:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_shows_nothing_on_the_other_stream() {
    let stage = stage();
    for words in ["show myToken", "list", "rotate myToken --graceful 7d --stdout"] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let finished = stage.run_with(SF_TOKEN, &words, |command| {
            let full =
                std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
            command.stdout(Stdio::from(full));
        });
        assert_ne!(finished.code, Some(0), "{words:?}: {finished:?}");
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    }
    // The rotation itself went through, and its secret can be had again.
    assert_eq!(rotations(&stage).len(), 1);
    let finished = stage.run_that_shows(SF_TOKEN, &["sync", "myToken", "--stdout"]).ends_with(0);
    let new = stage.splunk().secret("myToken").expect("a secret");
    assert_eq!(finished.stdout.trim_end(), new.expose_secret());
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_printed_does_not_hide_what_was_done() {
    let stage = stage();
    for (words, code, says) in [
        ("rotate myToken --graceful 7d --output-file t -o json", 5, "was rotated and delivered"),
        ("sync myToken --output-file t -o json", 5, "was delivered"),
        ("sync myToken --exec false -o json", 4, "finish with: sf-token sync myToken"),
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let finished = stage.run_with(SF_TOKEN, &words, |command| {
            let full =
                std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
            command.stdout(Stdio::from(full));
        });
        finished.ends_with(code).says(says);
    }
    assert_eq!(rotations(&stage).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_command_is_given_the_secret_and_no_credential() {
    let stage = stage();
    let admin = stage.splunk().admin_token();
    std::fs::write(stage.directory().join("credential"), admin.expose_secret()).expect("written");
    for (verb, command, code) in [
        ("rotate", "cat >/dev/null; env | grep SFX_AUTH; true", 0),
        // `grep` fails where it finds nothing.
        ("sync", "cat >/dev/null; env | grep SFX_AUTH", 4),
        ("sync", "cat >/dev/null; cat ../credential", 0),
        ("sync", "cat >/dev/null; cat ../credential >&2; false", 4),
    ] {
        let mut words = vec![verb, "myToken", "-v", "--events", "json", "--exec", command];
        words.extend(if verb == "rotate" { ["--graceful", "7d"].as_slice() } else { &[] });
        let finished = stage.run(SF_TOKEN, &words).ends_with(code);
        assert!(!finished.stderr.contains("SFX_AUTH_TOKEN"), "{}", finished.stderr);
    }
}
