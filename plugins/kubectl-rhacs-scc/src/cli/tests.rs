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
        "resume --components central",
    ] {
        assert!(cli(words).check().is_err(), "{words}");
    }
    assert!(cli("apply --for 4.4.0 --prune --timeout 5m --accept X").check().is_ok());
    assert!(cli("restore x --timeout 5m").check().is_ok());
}

#[test]
fn a_plan_needs_a_release() {
    assert!(cli("plan").request().is_err());
    let request = cli("plan --for 4.4.0 --components central,secured").request().unwrap();
    assert_eq!(request.to, Version::release(4, 4, 0));
    assert_eq!(request.components, [Component::Central, Component::Secured]);
}
