//! Flags that may stand before or after a verb, and which of them the verb's help shows.

use clap::{Arg, Command};

/// A verb, and the headings of the flags that mean something there.
pub type Shown = (&'static str, &'static [&'static str]);

/// Makes every flag of `command` usable at every verb. The help of the verbs in `shown` leaves out
/// the flags under other headings; they are refused there when they are given, not ignored.
#[must_use]
pub fn share_flags(command: Command, shown: &[Shown]) -> Command {
    let command = command.mut_args(|arg| if arg.is_positional() { arg } else { arg.global(true) });
    let flags: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    shown.iter().fold(command, |command, (verb, headings)| {
        let meaningless = flags.iter().filter(|flag| {
            !flag.get_help_heading().is_some_and(|heading| headings.contains(&heading))
        });
        // clap hands a flag down only where there is none of that name yet.
        let hidden: Vec<Arg> = meaningless.map(|flag| flag.clone().hide(true)).collect();
        command.mut_subcommand(verb, |verb| verb.args(hidden))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let flag = |name: &'static str, heading: &'static str| {
            Arg::new(name).long(name).help_heading(heading).action(clap::ArgAction::SetTrue)
        };
        let command = Command::new("kubectl")
            .args([flag("yes", "Run"), flag("context", "Connection")])
            .subcommands([Command::new("apply"), Command::new("history")]);
        share_flags(command, &[("history", &["Connection"])])
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
    fn a_flag_reaches_the_command_from_either_side_of_the_verb() {
        for words in [["kubectl", "--yes", "history"], ["kubectl", "history", "--yes"]] {
            let matches = command().try_get_matches_from(words).unwrap();
            assert!(matches.get_flag("yes"), "{words:?}");
        }
    }
}
