//! Tests of the command line.

use std::ffi::OsString;

use common::env::Env;
use common::exit::Exit;
use secrecy::ExposeSecret;

use super::*;
use crate::api::{LimitKey, LimitValue, Visibility};

fn read(line: &str) -> Cli {
    let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    Cli::read(&args).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> String {
    let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    Cli::read(&args).expect_err(line).to_string()
}

#[test]
fn the_command_is_sound_and_called_by_its_name() {
    command().debug_assert();
    for (program, name) in [
        ("sf-token", "Usage: sf-token "),
        ("/usr/local/bin/kubectl-sf_token", "Usage: kubectl sf-token "),
        ("kubectl-sf_token.exe", "Usage: kubectl sf-token "),
    ] {
        let help = Cli::read(&[program.into(), "--help".into()]).unwrap_err().to_string();
        assert!(help.contains(name), "{help}");
        let help =
            Cli::read(&[program.into(), "list".into(), "--help".into()]).unwrap_err().to_string();
        assert!(help.contains(&format!("{name}list")), "{help}");
    }
}

#[test]
fn every_verb_has_examples_and_none_takes_a_secret() {
    for verb in command().get_subcommands() {
        if !["rotate", "sync"].contains(&verb.get_name()) {
            let examples = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.starts_with("Examples:"), "{}", verb.get_name());
        }
    }
    assert!(refused("sf-token list --token canary").contains("--token"));
}

#[test]
fn flags_may_stand_before_or_after_the_verb() {
    for line in
        ["sf-token --realm us1 list --sort=-expiry", "sf-token list --sort -expiry --realm us1"]
    {
        let cli = read(line);
        assert_eq!(cli.api.realm.unwrap().as_str(), "us1");
        let Verb::List(list) = cli.verb else { panic!("{line}") };
        assert_eq!(list.sort, Some((Sort::Expiry, true)));
    }
}

#[test]
fn there_is_no_silent_realm() {
    let (api, env) = (ApiArgs::default(), Env::test());
    let failure = api.place(&env).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    assert!(failure.render().contains("SPLUNK_REALM=us1"), "{}", failure.render());
    for (variables, expected) in [
        (&[("SFX_REALM", "eu0")][..], "https://api.eu0.observability.splunkcloud.com"),
        (
            &[("SPLUNK_REALM", "us2"), ("SFX_REALM", "eu0")],
            "https://api.us2.observability.splunkcloud.com",
        ),
        (&[("SFX_API_URL", "https://api.eu0.signalfx.com/v2")], "https://api.eu0.signalfx.com"),
    ] {
        let env =
            variables.iter().fold(Env::test(), |env, (name, value)| env.with_variable(name, value));
        assert_eq!(api.place(&env).unwrap().0.api.to_string(), expected, "{variables:?}");
    }
    let env = env.with_variable("SFX_API_URL", "https://api.eu0.signalfx.com");
    let torn = env.with_variable("SPLUNK_REALM", "us1");
    assert!(api.place(&torn).unwrap_err().render().contains("--realm"));
    let flags = read("sf-token list --realm us1 --domain signalfx.com").api;
    assert_eq!(flags.place(&torn).unwrap().0.api.to_string(), "https://api.us1.signalfx.com");
}

#[test]
fn an_unknown_realm_is_warned_of_and_a_wrong_one_refused() {
    let warnings = |line: &str| read(line).api.place(&Env::test()).unwrap().1;
    assert_eq!(warnings("sf-token list --realm us1"), Vec::<String>::new());
    assert!(warnings("sf-token list --realm zz9")[0].contains("`zz9`"));
    assert!(warnings("sf-token list --api-url https://api.signalfx.com")[0].contains("us0"));
    assert!(refused("sf-token list --realm <REALM>").contains("placeholder"));
    let plain = read("sf-token list --api-url http://10.0.0.1").api.place(&Env::test());
    assert!(plain.unwrap_err().render().contains("clear text"));
}

#[test]
fn the_credential_comes_from_a_file_standard_input_or_its_own_variable() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let env = Env::test().with_variable("SFX_AUTH_TOKEN", "from-variable").with_stdin("from-stdin");
    let taken = |args: &ApiArgs| {
        let credential = args.credential(&env).unwrap();
        credential.map(|credential| credential.secret().expose_secret().to_owned())
    };
    let with_file = |path: &str| ApiArgs { token_file: Some(path.into()), ..ApiArgs::default() };
    assert_eq!(taken(&ApiArgs::default()).as_deref(), Some("from-variable"));
    assert_eq!(taken(&with_file(file.to_str().unwrap())).as_deref(), Some("from-file"));
    assert_eq!(taken(&with_file("-")).as_deref(), Some("from-stdin"));
    let login = ApiArgs { login: Some("a@b".to_owned()), ..ApiArgs::default() };
    assert_eq!(taken(&login), None);
}

#[test]
fn the_collectors_variable_is_not_taken_and_it_is_said_why() {
    let env = Env::test().with_variable("SPLUNK_ACCESS_TOKEN", "canary");
    assert!(ApiArgs::default().credential(&env).unwrap().is_none());
    let text = no_credential(&env).render();
    assert!(text.contains("SPLUNK_ACCESS_TOKEN is set, but not used"), "{text}");
    assert!(!text.contains("canary"));
    assert!(!no_credential(&Env::test()).render().contains("SPLUNK_ACCESS_TOKEN"));
}

#[test]
fn lives_have_the_bounds_of_the_api() {
    let life = |flags: &str| {
        let cli = read(&format!("sf-token create a --scope ingest {flags}"));
        let Verb::Create(create) = cli.verb else { panic!("{flags}") };
        create.life.seconds(Env::test().now())
    };
    assert_eq!(life("--expires-in 90d"), Ok(Some(7_776_000)));
    assert_eq!(life("--expires-at 2026-01-03"), Ok(Some(43_200)));
    assert!(life("--expires-at 2026-01-02").unwrap_err().contains("not in the future"));
    assert!(life("--expires-at 2050-01-01").unwrap_err().contains("18 years"));
    assert!(
        refused("sf-token create a --scope ingest --expires-in 5676000000").contains("180 years")
    );
    assert!(refused("sf-token create a --scope ingest --expires-in 0").contains("at once"));
}

#[test]
fn limits_and_visibility_are_read_and_checked() {
    let cli = read("sf-token create a --scope api --visible-to user:u1,team:t1 --limit hosts=5");
    let Verb::Create(create) = cli.verb else { panic!() };
    assert!(matches!(&create.visible_to, Visibility::Some(who) if who.len() == 2));
    let limits = create.limits.limits().unwrap();
    assert_eq!(limits.quotas.get(&LimitKey::Hosts), Some(&LimitValue::At(5)));
    for (flags, words) in [
        ("--limit dpm=1 --limit hosts=1", "cannot have both"),
        ("--limit job-starts=61", "from 1 to 60"),
        ("--limit-alert job-starts=6", "nobody can be told"),
    ] {
        let cli = read(&format!("sf-token update a {flags}"));
        let Verb::Update(update) = cli.verb else { panic!("{flags}") };
        let message = update.limits.limits().unwrap_err();
        assert!(message.contains(words), "{flags}: {message}");
    }
    assert!(refused("sf-token create a --scope api --visible-to ann@b.c").contains("user:ID"));
    assert!(refused("sf-token update a --grant user:ann@b.c").contains("id"));
    assert!(refused("sf-token get ..").contains("directory"));
}
