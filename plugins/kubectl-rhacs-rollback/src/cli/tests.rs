//! The command line as people type it.

use super::*;

fn read(words: &str) -> Result<Cli, clap::Error> {
    let words = std::iter::once("kubectl-rhacs-rollback").chain(words.split_whitespace());
    Cli::read(&words.map(OsString::from).collect::<Vec<_>>())
}

#[test]
fn the_command_is_consistent() {
    command().debug_assert();
}

#[test]
fn each_flag_chooses_its_way() {
    for (words, choice) in [
        ("", Choice::Newest),
        ("--to-run 20260102-120000-test", Choice::Run("20260102-120000-test".to_owned())),
        ("plan --to-revision 3", Choice::Revision(3)),
        ("--force --to 3.66.1", Choice::Image),
        ("--force --to 3.66.1 --to-revision 2", Choice::Revision(2)),
    ] {
        assert_eq!(read(words).expect(words).choice(), choice, "{words}");
    }
}

#[test]
fn forcing_needs_a_version_and_the_other_way_round() {
    for words in ["--force", "--to 3.66.1", "plan --image r/main:3.66.1"] {
        let failure = read(words).expect(words).check().expect_err(words);
        assert_eq!(failure.exit(), Exit::Usage, "{words}");
    }
    for words in ["--to-run a --to-revision 1", "--force --to nonsense"] {
        assert_eq!(read(words).expect_err(words).exit_code(), 2, "{words}");
    }
    assert!(read("unlock --force --reason dead").expect("a command").check().is_ok());
    let request = read("--force --to 3.0.62.1").expect("a command").request();
    assert_eq!(request.force, Some(Version::release(3, 62, 1)));
}

#[test]
fn a_revision_that_is_no_number_is_told_what_one_is() {
    for words in ["--to-revision abc", "--to-revision 0", "--to-revision=-1"] {
        let told = read(words).expect_err(words).to_string();
        assert!(told.contains("a whole number such as 3"), "{told}");
    }
}

#[test]
fn a_flag_that_means_nothing_is_refused() {
    for words in ["history --to-run x", "resume --force --to 3.66.1", "unlock --reason x --dry-run"]
    {
        assert!(read(words).expect(words).check().is_err(), "{words}");
    }
    for words in ["apply plan.yaml --to-revision 2", "apply plan.yaml --rehearse live"] {
        assert!(read(words).expect(words).check().is_err(), "{words}");
    }
    for words in ["apply - --accept X --timeout 5m --dry-run=server", "apply plan.yaml --yes"] {
        assert!(read(words).expect(words).check().is_ok(), "{words}");
    }
    assert!(read("resume --timeout 5m").expect("a command").check().is_ok());
}

#[test]
fn the_help_of_a_verb_shows_what_means_something_there() {
    for (verb, shown, hidden) in [
        ("plan", "--to-run", "--dry-run"),
        ("check", "--components", "--timeout"),
        ("apply", "--accept", "--to-revision"),
        ("resume", "--timeout", "--accept"),
        ("history", "--context", "--token-file"),
        ("unlock", "--force", "--components"),
    ] {
        let help = read(&format!("{verb} --help")).expect_err("help").to_string();
        assert!(help.contains(shown), "{verb} {shown}: {help}");
        assert!(!help.contains(hidden), "{verb} {hidden}: {help}");
    }
}

#[test]
fn only_an_image_of_central_is_taken() {
    let with = |image: &str| read(&format!("--force --to 3.66.1 --image {image}"));
    let request = with("mirror.example:5000/acs/main:3.66.1").expect("an image").request();
    assert_eq!(request.images.overrides["main"], "mirror.example:5000/acs/main:3.66.1");
    for image in ["nginx:1", "mirror.example/acs/main", "mirror.example/acs/scanner:3.66.1"] {
        assert!(with(image).is_err(), "{image}");
    }
}
