//! The verbs about one token: get, show, create, update, rename, enable, disable, delete, verify.

use rhacs_tests::Stage;
use serde_json::{Value, json};
use sim::faults::{RequestAction, RequestRule};
use sim::splunk::{Record, Role, Scope, Seed, Splunk, Switches, User};

use crate::{OLD, SF_TOKEN, changes, my_token, sf, stage};

#[test]
fn get_shows_everything_but_the_secret() {
    let stage = Stage::with(Splunk::builder().token(my_token().description("for the agents")));
    let stage = stage.start();
    for format in ["table", "wide", "json", "yaml"] {
        sf(&stage, &format!("get myToken -o {format}")).ends_with(0).says("for the agents");
    }
    let token = sf(&stage, "get myToken -o json").ends_with(0).json();
    assert_eq!(token["name"], "myToken");
    assert_eq!(token.get("secret"), None);
    for words in [
        "get nobody",
        "show nobody",
        "update nobody --description x",
        "rename nobody somebody",
        "enable nobody",
        "disable nobody --yes",
        "delete nobody --yes",
        "verify nobody",
        "sync nobody --output-file t",
        "rotate nobody --graceful 7d",
    ] {
        sf(&stage, words).ends_with(3).says("404");
    }
    assert!(changes(&stage).is_empty());
}

#[test]
fn show_prints_the_secret_and_nothing_else() {
    let stage = stage();
    let shown = stage.run_that_shows(SF_TOKEN, &["show", "myToken"]).ends_with(0);
    assert_eq!(shown.stdout, format!("{OLD}\n"));
    assert_eq!(shown.stderr, "");
    sf(&stage, "show myToken -o json").ends_with(2);
    stage.splunk().switch(|switches| switches.lists_secrets = false);
    stage.run_that_shows(SF_TOKEN, &["show", "myToken"]).ends_with(0);
}

#[test]
fn a_token_is_created_as_it_is_described() {
    let user = User::new("ann@example.com", "canary-word", Role::Power).in_team("blue");
    let stage = Stage::with(Splunk::builder().user(user)).start();
    let words = [
        "create",
        "new one",
        "--scope",
        "ingest",
        "--expires-in",
        "90d",
        "--description",
        "d",
        "--visible-to",
        "user:ann,team:blue",
        "--limit",
        "hosts=100",
        "--limit",
        "job-starts=10",
    ];
    stage.run(SF_TOKEN, &words).ends_with(0).says("new one");
    let token = stage.splunk().token("new one").expect("created");
    assert_eq!(token["authScopes"], json!(["INGEST"]));
    assert_eq!(token["limits"]["categoryQuota"]["1"], 100);
    assert_eq!(token["limits"]["jobsPerMinuteLimit"], 10);
    let entries = token["permissions"]["acl"].as_array().expect("entries");
    let mut kinds: Vec<&Value> = entries.iter().map(|entry| &entry["principalType"]).collect();
    kinds.sort_by_key(|kind| kind.to_string());
    assert_eq!(kinds, ["TEAM", "USER"]);
    let life = token["expiry"].as_i64().expect("expiry") - token["created"].as_i64().expect("time");
    assert_eq!(life / 86_400_000, 90);
}

#[test]
fn a_token_that_was_created_otherwise_than_asked_is_told() {
    let stage = stage();
    stage.splunk().switch(|switches| switches.create_takes_scopes = false);
    let words = "create odd --scope ingest -o json";
    let finished = sf(&stage, words).ends_with(5).says("not for INGEST as was asked");
    assert_eq!(finished.json()["name"], "odd");
    assert!(finished.stderr.contains("sf-token delete odd"), "{}", finished.stderr);
    stage.splunk().switch(|switches| switches.create_takes_scopes = true);
    sf(&stage, "create even --scope ingest --expires-in 1d").ends_with(0);
}

#[test]
fn everyone_and_admins_are_written_as_the_api_wants_them() {
    let stage = stage();
    sf(&stage, "create open --scope api --role read_only --visible-to everyone").ends_with(0);
    let token = stage.splunk().token("open").expect("created");
    assert_eq!(token["permissions"]["acl"][0]["principalType"], "ORG");
    assert_eq!(token["roles"][0]["title"], "read_only");
    sf(&stage, "create closed --scope rum").ends_with(0);
    assert_eq!(stage.splunk().token("closed").expect("created")["permissions"], Value::Null);
}

#[test]
fn a_name_that_is_taken_is_refused_even_by_a_disabled_token() {
    let taken = Seed::ingest("taken").disabled();
    let stage = Stage::with(Splunk::builder().token(taken)).start();
    sf(&stage, "create taken --scope ingest").says("already exists");
    assert_eq!(stage.splunk().requests().iter().filter(|one| one.status == 200).count(), 0);
}

/// A token with something in every field that an update could lose.
fn rich() -> Seed {
    let everyone =
        json!({"acl": [{"principalId": "x", "principalType": "ORG", "actions": ["READ"]}]});
    Seed::new("rich", &[Scope::Api])
        .role("usage")
        .description("old words")
        .permissions(everyone)
        .limit("mtsmLimit", json!(7))
}

#[test]
fn an_update_loses_nothing_whether_the_server_merges_or_replaces() {
    for update in [sim::splunk::Update::Merge, sim::splunk::Update::Replace] {
        let switches = Switches { update, ..Switches::default() };
        let stage = Stage::with(Splunk::builder().token(rich()).switches(switches)).start();
        let before = stage.splunk().token("rich").expect("token");
        let words = ["update", "rich", "--description", "new words", "--yes"];
        stage.run(SF_TOKEN, &words).ends_with(0);
        sf(&stage, "disable rich --yes").ends_with(0);
        let after = stage.splunk().token("rich").expect("token");
        assert_eq!(after["description"], "new words");
        assert_eq!(after["disabled"], true);
        for field in ["permissions", "limits", "authScopes", "expiry", "latestRotation"] {
            assert_eq!(after[field], before[field], "{field} with {update:?}");
        }
        assert_eq!(after["roles"][0]["title"], "usage");
        sf(&stage, "rename rich richer --yes").ends_with(0).says("integration");
        sf(&stage, "enable richer --yes").ends_with(0);
        let after = stage.splunk().token("richer").expect("renamed");
        assert_eq!(
            (&after["disabled"], &after["description"]),
            (&json!(false), &json!("new words"))
        );
        let bodies: Vec<Record> = stage.splunk().requests();
        assert!(bodies.iter().all(|one| !one.body.contains("(secret")), "no secret is sent back");
    }
}

#[test]
fn permissions_are_granted_and_revoked_one_by_one() {
    let users = ["ann@example.com", "bob@example.com"];
    let mut builder = Splunk::builder().token(my_token());
    for user in users {
        builder = builder.user(User::new(user, "canary-word", Role::Power));
    }
    let stage = Stage::with(builder).start();
    sf(&stage, "update myToken --grant user:ann --yes").ends_with(0);
    sf(&stage, "update myToken --grant user:bob --yes").ends_with(0);
    sf(&stage, "update myToken --revoke user:ann --yes").ends_with(0);
    let token = stage.splunk().token("myToken").expect("token");
    let entries = token["permissions"]["acl"].as_array().expect("entries");
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["principalId"], "bob");
}

#[test]
fn an_expiry_is_extended_without_a_new_secret() {
    let stage = stage();
    sf(&stage, "update myToken --expires-in 365d --yes").ends_with(0);
    let token = stage.splunk().token("myToken").expect("token");
    let left =
        token["expiry"].as_i64().expect("expiry") / 1000 - stage.splunk().clock().now().as_second();
    assert!((364 * 86_400..=365 * 86_400).contains(&left), "{left}");
    assert!(stage.splunk().accepts(OLD));
    assert_eq!(changes(&stage), ["PUT /v2/token/myToken"]);
}

#[test]
fn the_servers_words_about_limits_are_shown() {
    let stage = stage();
    sf(&stage, "update myToken --limit dpm=5 --yes").says("DPM quota cannot be set");
    sf(&stage, "update myToken --limit job-starts=61 --yes").ends_with(2);
    assert_eq!(changes(&stage).len(), 1);
}

#[test]
fn deleting_asks_for_the_name() {
    let stage = stage();
    sf(&stage, "delete myToken").ends_with(2);
    sf(&stage, "delete myToken --dry-run").ends_with(0);
    assert!(changes(&stage).is_empty());
    stage.splunk().switch(|switches| switches.deletes = false);
    sf(&stage, "delete myToken --yes").says("disable");
    stage.splunk().switch(|switches| switches.deletes = true);
    sf(&stage, "delete myToken --yes").ends_with(0);
    assert_eq!(stage.splunk().token("myToken"), None);
}

#[test]
fn verify_tells_a_secret_that_works_from_one_that_does_not() {
    let api = Seed::new("api", &[Scope::Api]).role("power");
    let seeds = [my_token(), api, Seed::ingest("off").disabled(), Seed::new("bare", &[])];
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    let url = stage.splunk().url();
    sf(&stage, &format!("verify myToken --ingest-url {url}")).ends_with(0).says("works");
    sf(&stage, "verify api").ends_with(0).says("works");
    sf(&stage, &format!("verify off --ingest-url {url}")).ends_with(3).says("refused");
    sf(&stage, "verify myToken").ends_with(5).says("--ingest-url");
    sf(&stage, "verify bare").ends_with(5).says("no scope");
    let requests = stage.splunk().requests();
    let probe = requests.iter().find(|one| one.path == "/v2/event").expect("a probe");
    assert_eq!((probe.line().as_str(), probe.body.as_str()), ("POST /v2/event", "[]"));
    assert_eq!(probe.header("x-sf-token"), Some("(secret of myToken)"));
}

#[test]
fn only_200_to_the_probe_means_that_a_secret_works() {
    let stage = stage();
    let url = stage.splunk().url();
    let accepted = RequestRule::splunk(RequestAction::refuse(202)).path("/v2/event");
    stage.splunk().faults().add_rule(accepted);
    sf(&stage, &format!("verify myToken --ingest-url {url}")).ends_with(5).says("202");
    sf(&stage, &format!("verify myToken --ingest-url {url}/prefix")).ends_with(2).says("prefix");
}
