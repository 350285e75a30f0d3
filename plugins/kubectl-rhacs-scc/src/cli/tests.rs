use super::*;

fn cli(words: &str) -> Cli {
    let words: Vec<OsString> =
        ["scc"].into_iter().chain(words.split_whitespace()).map(OsString::from).collect();
    Cli::read(&words).unwrap()
}

#[test]
fn the_command_is_consistent() {
    command().debug_assert();
}

#[test]
fn status_is_what_is_done_without_a_verb() {
    assert!(cli("").verb.is_none());
    assert!(cli("--for 4.4.0 --prune").check().is_ok());
    assert!(cli("status --for 4.4.0 -n acs").check().is_ok());
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    for words in [
        "restore x --for 4.4.0",
        "history --prune",
        "apply plan.yaml --for 4.4.0",
        "export --for 4.4.0 --prune",
        "status --accept X",
        "status --prune",
        "--components central",
        "resume --components central",
        "resume --dry-run",
        "resume --accept X",
        "export --for 4.4.0 --rehearse",
        "unlock --reason x --timeout 5m",
    ] {
        assert!(cli(words).check().is_err(), "{words}");
    }
    assert!(cli("apply --for 4.4.0 --prune --timeout 5m --accept X").check().is_ok());
    for words in [
        "restore x --timeout 5m --accept X --dry-run",
        "apply plan.yaml --timeout 5m --dry-run=server",
        "export --for 4.4.0 --components central",
        "status --for 4.4.0 --components central --prune --rehearse",
        "resume x --timeout 5m",
        "history --rehearse",
    ] {
        assert!(cli(words).check().is_ok(), "{words}");
    }
}

#[test]
fn the_help_of_a_verb_shows_what_means_something_there() {
    let help = |verb: &str| {
        let error = command().try_get_matches_from(["scc", verb, "--help"]).unwrap_err();
        error.to_string()
    };
    for (verb, shown, hidden) in [
        ("status", ["--for <", "--prune", "--context"], ["--timeout", "--accept", "--yes"]),
        ("apply", ["--for <", "--accept", "--context"], ["--reason", "--watch", "--force"]),
        ("export", ["--for <", "--host-path", "--namespace"], ["--prune", "--context", "--yes"]),
        ("restore", ["--accept", "--yes", "--context"], ["--for <", "--prune", "--components"]),
        ("resume", ["--timeout", "--yes", "resume 2026"], ["--for <", "--dry-run", "--accept"]),
        ("history", ["--output", "--context", "history 2026"], ["--for <", "--yes", "--accept"]),
        ("unlock", ["--reason", "--force", "--yes"], ["--for <", "--accept", "--dry-run"]),
    ] {
        let text = help(verb);
        for word in shown {
            assert!(text.contains(word), "`{verb}` does not show {word}:\n{text}");
        }
        for word in hidden {
            assert!(!text.contains(word), "`{verb}` shows {word}:\n{text}");
        }
    }
}

#[test]
fn a_plan_needs_a_release() {
    assert!(cli("plan").request().is_err());
    let request = cli("plan --for 4.4.0 --components central,secured").request().unwrap();
    assert_eq!(request.to, Version::release(4, 4, 0));
    assert_eq!(request.components, [Component::Central, Component::Secured]);
}
