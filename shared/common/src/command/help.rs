//! Flags that may stand before or after a verb, and which of them the verb's help shows.

use std::ffi::OsString;

use clap::{Arg, Command};

use crate::failure::Failure;

/// A verb, and the flags that mean something there: by their headings, or single ones as `--flag`.
pub type Shown = (&'static str, &'static [&'static str]);

/// Makes every flag of `command` usable at every verb. The help of the verbs in `shown` leaves out
/// all other flags; they are refused there when they are given, not ignored. A flag of the verb's
/// own stands for the shared one of its name.
#[must_use]
pub fn share_flags(command: Command, shown: &[Shown]) -> Command {
    let command = command.mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) });
    let flags: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    shown.iter().fold(command, |command, (verb, meant)| {
        // clap hands a flag down only where there is none of that name yet. All of them are given to
        // the verb, since a flag may name another one it conflicts with.
        let own = |flag: &Arg| flag.clone().hide(flag.is_hide_set() || !is_meant(flag, meant));
        let flags: Vec<Arg> = flags.iter().map(own).collect();
        command.mut_subcommand(verb, |verb| {
            let has = |flag: &Arg| verb.get_arguments().any(|own| own.get_id() == flag.get_id());
            let missing: Vec<Arg> = flags.into_iter().filter(|flag| !has(flag)).collect();
            verb.args(missing)
        })
    })
}

/// `PROGRAM help VERB`, as people type it for want of kubectl's own help, is `PROGRAM VERB --help`.
#[must_use]
pub fn spelled_out(args: &[OsString]) -> Vec<OsString> {
    match args {
        [program, word, verb @ ..] if word == "help" => {
            [std::slice::from_ref(program), verb, &["--help".into()]].concat()
        }
        _ => args.to_vec(),
    }
}

/// Refuses the first flag that is given though it means nothing at `verb`, instead of ignoring it.
/// `given` has the flags as they are typed, each with whether it is given.
///
/// # Errors
/// Names the flag and the verb.
pub fn refuse_meaningless<'a>(
    verb: &str,
    given: impl IntoIterator<Item = (&'a str, bool)>,
) -> Result<(), Failure> {
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Failure::usage(format!("`{flag}` does not apply to `{verb}`"))),
        None => Ok(()),
    }
}

fn is_meant(flag: &Arg, meant: &[&str]) -> bool {
    let by_heading = flag.get_help_heading().is_some_and(|heading| meant.contains(&heading));
    let name = flag.get_long().map(|long| format!("--{long}"));
    by_heading || name.is_some_and(|name| meant.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let flag = |name: &'static str, heading: &'static str| {
            Arg::new(name).long(name).help_heading(heading).action(clap::ArgAction::SetTrue)
        };
        let command = Command::new("kubectl")
            .args([flag("yes", "Run"), flag("force", "Run"), flag("context", "Connection")])
            .subcommands([
                Command::new("apply"),
                Command::new("history"),
                Command::new("unlock").arg(flag("force", "Options")),
            ]);
        share_flags(command, &[("history", &["Connection"]), ("unlock", &["--yes"])])
    }

    fn help_of(verb: &str) -> String {
        let error = command().try_get_matches_from(["kubectl", verb, "--help"]).unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_verb_shows_what_means_something_there() {
        assert!(help_of("apply").contains("--yes") && help_of("apply").contains("--context"));
        assert!(!help_of("history").contains("--yes"));
        assert!(help_of("history").contains("--context"));
    }

    #[test]
    fn a_flag_is_shown_by_its_name_and_one_of_the_verb_stays_its_own() {
        let help = help_of("unlock");
        assert!(help.contains("--yes") && help.contains("--force"), "{help}");
        assert!(!help.contains("--context"), "{help}");
        let matches = command().try_get_matches_from(["kubectl", "unlock", "--force"]).unwrap();
        let (_, unlock) = matches.subcommand().unwrap();
        assert!(unlock.get_flag("force"));
    }

    #[test]
    fn help_is_a_word_as_well_as_a_flag() {
        for (typed, meant) in [
            ("x help", "x --help"),
            ("x help plan", "x plan --help"),
            ("x resume help", "x resume help"),
            ("x -n help", "x -n help"),
            ("x", "x"),
        ] {
            let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<OsString>>();
            assert_eq!(spelled_out(&words(typed)), words(meant), "{typed}");
        }
    }

    #[test]
    fn a_flag_that_means_nothing_is_named() {
        let refused = refuse_meaningless("history", [("--for", false), ("--prune", true)]);
        assert_eq!(refused.unwrap_err().to_string(), "`--prune` does not apply to `history`");
        refuse_meaningless("history", [("--for", false)]).unwrap();
    }

    #[test]
    fn a_flag_reaches_the_command_from_either_side_of_the_verb() {
        for words in [["kubectl", "--yes", "history"], ["kubectl", "history", "--yes"]] {
            let matches = command().try_get_matches_from(words).unwrap();
            assert!(matches.get_flag("yes"), "{words:?}");
        }
    }
}
