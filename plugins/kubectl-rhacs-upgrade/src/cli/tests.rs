//! The command line as people type it.

use super::*;

fn read(words: &str) -> Result<Cli, clap::Error> {
    let args = std::iter::once("kubectl-rhacs-upgrade").chain(words.split_whitespace());
    Cli::read(&args.map(OsString::from).collect::<Vec<_>>())
}

#[test]
fn flags_stand_before_or_after_the_verb() {
    for words in ["plan --to 3.69.2 -n rhacs", "--to 3.69.2 -n rhacs plan"] {
        let cli = read(words).expect(words);
        assert_eq!(cli.target.to, Some(Version::release(3, 69, 2)), "{words}");
        assert_eq!(cli.connection.namespace(), "rhacs");
        assert!(matches!(cli.verb, Some(Verb::Plan { .. })));
    }
}

#[test]
fn a_rehearsal_is_of_the_live_cluster_unless_said() {
    assert_eq!(read("--to 3.69.2 --rehearse").expect("cli").run.rehearse.as_deref(), Some("live"));
    let sample = read("--rehearse sample:3.62.1:openshift --to 3.69.2").expect("cli");
    assert_eq!(sample.run.rehearse.as_deref(), Some("sample:3.62.1:openshift"));
    assert_eq!(read("").expect("cli").run.rehearse, None);
}

#[test]
fn wrong_words_are_refused() {
    for words in [
        "--to latest",
        "--to",
        "--components centrall",
        "--image main",
        "--image foo=bar",
        "--image main=a b",
        "--dry-run=maybe",
        "--timeout soon",
        "unlock",
        "apply",
        "nothing",
        "--skip-backup --backup-dir /x",
        "--namespace UPPER",
    ] {
        assert!(read(words).is_err(), "{words}");
    }
}

#[test]
fn flags_that_mean_nothing_at_a_verb_are_refused() {
    for words in ["status --to 3.69.2", "apply plan.yaml --registry x", "history --dry-run=client"]
    {
        assert!(read(words).expect(words).check().is_err(), "{words}");
    }
    for words in ["status --roxctl", "apply plan.yaml --roxctl", "resume --roxctl"] {
        assert!(read(words).expect(words).check().is_err(), "{words}");
    }
    for words in ["apply plan.yaml --rehearse", "apply - --rehearse sample:3.62.1"] {
        let refused = read(words).expect(words).check().expect_err(words);
        assert_eq!(refused.exit(), Exit::Usage, "{words}");
    }
    for words in [
        "status --watch",
        "apply - --yes --accept X --backup-dir /backup",
        "resume --rollback-on-failure",
        "resume --backup-dir /backup",
        "verify --timeout 5m",
        "report x -o html",
        "history close x --reason gone",
    ] {
        assert!(read(words).expect(words).check().is_ok(), "{words}");
    }
}

#[test]
fn the_help_of_a_verb_shows_only_what_is_taken_there() {
    for (verb, shown, hidden) in [
        (
            "resume",
            &["--timeout", "--backup-dir", "--rehearse"][..],
            &["--dry-run", "--accept"][..],
        ),
        (
            "apply",
            &["--dry-run", "--accept", "--backup-dir", "--token-file"],
            &["--rehearse", "--registry"],
        ),
        ("verify", &["--timeout", "--token-file"], &["--dry-run", "--accept", "--to "]),
        ("report", &["html", "--context"], &["--token-file", "wide"]),
        ("history close", &["--reason", "--context"], &["--token-file", "--yes"]),
    ] {
        let help = read(&format!("{verb} --help")).expect_err(verb).to_string();
        for flag in shown {
            assert!(help.contains(flag), "{flag} is missing: {help}");
        }
        for flag in hidden {
            assert!(!help.contains(flag), "{flag} is shown: {help}");
        }
    }
}

#[test]
fn images_are_what_a_registry_would_take() {
    for good in [
        "main=reg.example:5000/acs/rhacs-main-rhel8:3.69.2",
        "main=main:1",
        &format!("main=a/main@sha256:{}", "0".repeat(64)),
    ] {
        assert!(read(&format!("--image {good}")).is_ok(), "{good}");
    }
    for bad in ["main=UPPER:::x", "main=a/main", "main=a/main@sha256:abc", "main=a//b:1"] {
        assert!(read(&format!("--image {bad}")).is_err(), "{bad}");
    }
    assert!(read("--registry reg.example/acs/").is_ok());
    assert!(read("--registry Bad//x").is_err());
}

#[test]
fn the_command_is_well_formed() {
    command().debug_assert();
}
