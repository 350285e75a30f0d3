//! Which program the arguments are for: pure, and so that kubectl's flags may stand anywhere.

use std::ffi::{OsStr, OsString};

use crate::words::{self, OWN_WORDS};

/// Where a command line leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// To the front door: its own words, help and version.
    Own,
    /// To the help of one of the front door's own words.
    Help {
        /// The word, and perhaps its verb.
        words: Vec<String>,
    },
    /// To the program of a word, with all arguments but the word.
    Word {
        /// The word, perhaps one that the suite does not have.
        name: String,
        /// The other arguments, in order.
        args: Vec<OsString>,
    },
}

/// Finds the word among `args`, those after the program's name.
///
/// kubectl stops looking for a plugin at the first flag: `kubectl rhacs -n x upgrade` calls the
/// front door with `-n x upgrade`.
#[must_use]
pub fn route(args: &[OsString]) -> Route {
    let Some(at) = find_word(args) else { return Route::Own };
    let mut rest = args.to_vec();
    let name = rest.remove(at).to_string_lossy().into_owned();
    if name == "help" {
        return help(rest);
    }
    if OWN_WORDS.contains(&name.as_str()) {
        return help_behind(&name, &rest[at..]);
    }
    // A program of somebody else may have a word `help` of its own.
    if words::word(&name).is_some()
        && let Some(verb) = find_word(&rest)
        && rest[verb] == "help"
    {
        rest.remove(verb);
        rest.push("--help".into());
    }
    Route::Word { name, args: rest }
}

/// Where an own word leads: `doctor help` is what `doctor --help` is.
fn help_behind(name: &str, rest: &[OsString]) -> Route {
    let is_verb =
        |verb: &OsString| looks_like_a_word(verb) && !verb.to_string_lossy().starts_with('-');
    match rest.split_last() {
        Some((last, verbs)) if last == "help" && verbs.iter().all(is_verb) => {
            let verbs = verbs.iter().map(|verb| verb.to_string_lossy().into_owned());
            Route::Help { words: std::iter::once(name.to_owned()).chain(verbs).collect() }
        }
        _ => Route::Own,
    }
}

/// The place of the word in `args`; none when there are only flags.
#[must_use]
pub fn find_word(args: &[OsString]) -> Option<usize> {
    let mut index = 0;
    while let Some(argument) = args.get(index) {
        let text = argument.to_string_lossy();
        if text == "--" {
            return (index + 1 < args.len()).then_some(index + 1);
        }
        if !text.starts_with('-') || text.len() == 1 {
            return Some(index);
        }
        index += if words::takes_next(&text) || takes_unknown(&text, &args[index + 1..]) {
            2
        } else {
            1
        };
    }
    None
}

/// `help upgrade plan` is what `upgrade plan --help` is.
fn help(mut args: Vec<OsString>) -> Route {
    let Some(at) = find_word(&args) else { return Route::Own };
    let name = args[at].to_string_lossy().into_owned();
    if OWN_WORDS.contains(&name.as_str()) {
        return Route::Own;
    }
    args.remove(at);
    args.push("--help".into());
    Route::Word { name, args }
}

/// Whether a flag that only a word's program knows is followed by its value: by something that is
/// no word by its looks, or with a word of the suite after it.
fn takes_unknown(flag: &str, rest: &[OsString]) -> bool {
    if words::flag(flag).is_some() || flag.contains('=') {
        return false;
    }
    let Some((next, later)) = rest.split_first() else { return false };
    let known = |argument: &OsStr| argument.to_str().is_some_and(words::is_known);
    if known(next) || next.to_string_lossy().starts_with('-') {
        return false;
    }
    !looks_like_a_word(next) || later.iter().any(|argument| known(argument))
}

/// Lower-case letters and dashes.
#[must_use]
pub fn looks_like_a_word(argument: &OsStr) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_';
    argument.to_str().is_some_and(|text| !text.is_empty() && text.bytes().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(line: &str) -> Route {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        route(&args)
    }

    fn word(name: &str, args: &str) -> Route {
        let args = args.split_whitespace().map(OsString::from).collect();
        Route::Word { name: name.to_owned(), args }
    }

    #[test]
    fn a_word_is_found_behind_flags() {
        for (line, route) in [
            ("upgrade --to 3.69.2", word("upgrade", "--to 3.69.2")),
            ("-n x upgrade plan", word("upgrade", "-n x plan")),
            ("-n upgrade upgrade", word("upgrade", "-n upgrade")),
            ("--context=a -nx scc", word("scc", "--context=a -nx")),
            ("--to 3.69.2 upgrade", word("upgrade", "--to 3.69.2")),
            ("--components central upgrade", word("upgrade", "--components central")),
            ("--yes upgrade", word("upgrade", "--yes")),
            ("--yes upgade", word("upgade", "--yes")),
            ("--help upgrade", word("upgrade", "--help")),
            ("upgrade -- doctor", word("upgrade", "-- doctor")),
            ("-v 6 roxctl list", word("roxctl", "-v 6 list")),
            ("report help", word("report", "help")),
        ] {
            assert_eq!(routed(line), route, "{line}");
        }
    }

    #[test]
    fn help_is_the_programs_to_give() {
        assert_eq!(routed("help upgrade plan"), word("upgrade", "plan --help"));
        assert_eq!(routed("upgrade help"), word("upgrade", "--help"));
        assert_eq!(routed("-n x upgrade help plan"), word("upgrade", "-n x plan --help"));
        assert_eq!(routed("upgrade resume help"), word("upgrade", "resume help"));
        assert_eq!(routed("help"), Route::Own);
        assert_eq!(routed("help doctor"), Route::Own);
    }

    #[test]
    fn help_behind_an_own_word_is_given_here() {
        let help = |words: &[&str]| Route::Help {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        assert_eq!(routed("doctor help"), help(&["doctor"]));
        assert_eq!(routed("completion install help"), help(&["completion", "install"]));
        assert_eq!(routed("doctor --fix help"), Route::Own);
    }

    #[test]
    fn own_words_and_lone_flags_stay_here() {
        for line in
            ["", "--version", "-h", "doctor --fix", "-o json version", "-n x", "--to 3.69.2"]
        {
            assert_eq!(routed(line), Route::Own, "{line}");
        }
    }
}
