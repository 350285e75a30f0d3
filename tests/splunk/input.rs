//! Bad input, and input that only looks bad.

use jiff::SignedDuration;
use rhacs_tests::Stage;
use secrecy::ExposeSecret;
use sim::splunk::{Role, Scope, Seed, Splunk, Switches, User};

use crate::{SF_TOKEN, changes, my_token, rotations, sf, stage};

/// Names and what each is in a path.
const NAMES: [(&str, &str); 9] = [
    ("my token", "my%20token"),
    ("a/b", "a%2Fb"),
    ("semi;colon=1", "semi%3Bcolon%3D1"),
    ("100%", "100%25"),
    ("%2e%2e", "%252e%252e"),
    ("töken 令牌", "t%C3%B6ken%20%E4%BB%A4%E7%89%8C"),
    ("...", "..."),
    ("what?#now", "what%3F%23now"),
    ("-dash", "-dash"),
];

#[test]
fn any_name_reaches_the_server_encoded_once() {
    let seeds = NAMES.map(|(name, _)| Seed::ingest(name));
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    for (name, path) in NAMES {
        stage.splunk().forget_requests();
        stage.run(SF_TOKEN, &["get", "-o", "name", "--", name]).ends_with(0);
        assert_eq!(stage.splunk().requests()[0].line(), format!("GET /v2/token/{path}"));
        stage.run(SF_TOKEN, &["rotate", "--graceful", "7d", "--", name]).ends_with(0);
        let sent = rotations(&stage);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].line(), format!("POST /v2/token/{path}/rotate?graceful=604800"));
    }
}

#[test]
fn names_that_a_path_swallows_never_reach_the_server() {
    let stage = stage();
    for name in [".", "..", ""] {
        stage.run(SF_TOKEN, &["rotate", name, "--graceful", "7d"]).ends_with(2);
        stage.run(SF_TOKEN, &["create", name, "--scope", "ingest"]).ends_with(2);
        stage.run(SF_TOKEN, &["rename", "myToken", name, "--yes"]).ends_with(2);
    }
    assert!(stage.splunk().requests().is_empty());
}

#[test]
fn a_server_that_takes_no_slash_is_told_from_one_without_the_token() {
    let switches = Switches { slash_in_names: false, ..Switches::default() };
    let builder = Splunk::builder().token(Seed::ingest("a/b")).switches(switches);
    let stage = Stage::with(builder).start();
    stage.run(SF_TOKEN, &["rotate", "a/b", "--graceful", "7d"]).ends_with(3).says("400");
    assert!(rotations(&stage).is_empty());
}

#[test]
fn the_brackets_of_the_guide_are_seen() {
    let stage = stage();
    stage.run(SF_TOKEN, &["get", "<myToken>"]).says("`myToken`");
    sf(&stage, "rotate <myToken> --graceful 7d").ends_with(3).says("`myToken`");
    stage
        .run_with(SF_TOKEN, &["list"], |command| {
            command.env("SFX_AUTH_TOKEN", "<canary-123456abcd>");
        })
        .ends_with(2)
        .says("brackets");
    sf(&stage, "list --api-url https://api.<REALM>.signalfx.com").ends_with(2);
    stage
        .run_with(SF_TOKEN, &["list", "--realm", "{realm}"], |command| {
            command.env_remove("SFX_API_URL");
        })
        .ends_with(2);
    assert!(changes(&stage).is_empty());
}

#[test]
fn a_rotation_without_a_grace_is_refused_in_a_script() {
    let stage = stage();
    for (words, says) in [
        ("rotate myToken", "--graceful"),
        ("rotate myToken --yes", "--graceful"),
        ("rotate myToken --graceful 0", "--immediately"),
        ("rotate myToken --graceful 6048000", "604800"),
        ("rotate myToken --graceful 5184001", "5184000"),
        ("rotate myToken --graceful 61d", "60"),
        ("rotate myToken --graceful soon", "soon"),
        ("rotate myToken --graceful 1 --immediately", "--immediately"),
        ("rotate myToken --graceful 7d --expires-in 0", "0"),
        ("rotate myToken --graceful 7d --expires-in 567648001", "567648000"),
        ("rotate myToken --graceful 7d --expires-in 5676000000", "567648000"),
        ("rotate myToken --graceful=-1", "-1"),
    ] {
        sf(&stage, words).ends_with(2).says(says);
    }
    assert!(stage.splunk().requests().is_empty(), "{:?}", stage.splunk().requests());
}

#[test]
fn the_longest_grace_and_life_are_taken_as_they_are() {
    let stage = stage();
    sf(&stage, "rotate myToken --graceful 60d --expires-in 567648000").ends_with(0);
    let expected = "POST /v2/token/myToken/rotate?graceful=5184000&secondsUntilExpiry=567648000";
    assert_eq!(rotations(&stage)[0].line(), expected);
}

#[test]
fn an_expired_or_disabled_token_is_not_rotated() {
    let gone = Seed::ingest("gone").expires_in(SignedDuration::from_hours(-1));
    let seeds = [gone, Seed::ingest("off").disabled()];
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    sf(&stage, "rotate gone --graceful 7d").ends_with(3).says("create");
    sf(&stage, "rotate off --graceful 7d").ends_with(3).says("enable");
    sf(&stage, "rotate nobody --graceful 7d").ends_with(3).says("404");
    assert!(rotations(&stage).is_empty());
}

#[test]
fn who_may_not_rotate_is_told_what_it_takes() {
    for opposite in [false, true] {
        let switches = if opposite { Switches::opposite() } else { Switches::default() };
        let everyone = serde_json::json!({"acl": [
            {"principalId": "x", "principalType": "ORG", "actions": ["READ"]}]});
        let api = Seed::new("api", &[Scope::Api]).role("power");
        let user = User::new("ann@example.com", "canary-word", Role::Power);
        let builder = Splunk::builder().tokens([my_token().permissions(everyone), api]);
        let stage = Stage::with(builder.user(user).switches(switches)).start();
        let ann = stage.splunk().session_of("ann@example.com").expect("a session");
        let token = stage.splunk().secret("api").expect("a secret");
        for (name, credential) in [("myToken", ann), ("api", token)] {
            let words = ["rotate", name, "--graceful", "7d", "--accept", "SF-SECRET-UNREADABLE"];
            let finished = stage
                .run_with(SF_TOKEN, &words, |command| {
                    command.env("SFX_AUTH_TOKEN", credential.expose_secret());
                })
                .ends_with(3)
                .says("nothing was changed");
            let hint = "needs the session token of an admin";
            assert!(finished.stderr.contains(hint), "{}", finished.stderr);
        }
    }
}

#[test]
fn an_unknown_finding_is_no_way_to_go_on() {
    let stage = stage();
    sf(&stage, "rotate myToken --graceful 7d --accept EVERYTHING").ends_with(2);
    sf(&stage, "sync myToken").ends_with(2);
    assert!(rotations(&stage).is_empty());
}

#[test]
fn a_token_for_something_else_is_not_given_to_collectors() {
    let rum = Seed::new("rum", &[Scope::Rum]).secret(crate::OLD);
    let stage = Stage::with(Splunk::builder().token(rum))
        .cluster("east", rhacs_tests::collector::small_collector(crate::OLD))
        .start();
    let words = "rotate rum --graceful 7d --to-collector monitoring";
    sf(&stage, words).ends_with(3).says("INGEST");
    assert!(rotations(&stage).is_empty());
}

#[cfg(unix)]
#[test]
fn it_is_also_a_plugin_of_kubectl() {
    let stage = stage();
    let plugin = stage.directory().join("kubectl-sf_token");
    std::os::unix::fs::symlink(SF_TOKEN, &plugin).expect("linked");
    let plugin = plugin.to_str().expect("a path");
    let help = stage.run(plugin, &["rotate", "--help"]).ends_with(0);
    assert!(help.stdout.contains("Usage: kubectl sf-token rotate"), "{}", help.stdout);
    stage.run(plugin, &["get", "myToken"]).ends_with(0);
    let help = stage.run(SF_TOKEN, &["rotate", "--help"]).ends_with(0);
    assert!(help.stdout.contains("Usage: sf-token rotate"), "{}", help.stdout);
}

#[test]
fn every_help_has_examples() {
    let stage = stage();
    for verb in [
        "list", "get", "show", "create", "update", "rename", "enable", "disable", "delete",
        "rotate", "sync", "expiring", "verify", "login", "logout", "whoami",
    ] {
        let help = sf(&stage, &format!("{verb} --help")).ends_with(0);
        assert!(help.stdout.contains("Examples:"), "{verb}: {}", help.stdout);
    }
}
