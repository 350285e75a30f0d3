//! The words of the suite, the programs behind them, and the flags that may stand before a word.

/// A word that a program of its own answers.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// What is typed after `kubectl rhacs`.
    pub name: &'static str,
    /// The program's name, without `.exe`.
    pub program: &'static str,
    /// What it does, on one line.
    pub about: &'static str,
}

/// The front door itself.
pub const FRONT: &str = "kubectl-rhacs";

/// The embedded cluster of `--rehearse`, in the same archive.
pub const SIMULATION: &str = "rhacs-sim";

/// The words of the suite in the order they are used in.
pub const WORDS: [Word; 4] = [
    Word {
        name: "upgrade",
        program: "kubectl-rhacs-upgrade",
        about: "Upgrade an installation: plan, show, ask, apply, verify",
    },
    Word {
        name: "rollback",
        program: "kubectl-rhacs-rollback",
        about: "Go back to what ran before an upgrade",
    },
    Word {
        name: "scc",
        program: "kubectl-rhacs-scc",
        about: "Move an installation to the SCCs of its release (OpenShift)",
    },
    Word {
        name: "roxctl",
        program: "kubectl-rhacs-roxctl",
        about: "Install, verify and remove roxctl on this computer",
    },
];

/// The words the front door answers itself.
pub const OWN_WORDS: [&str; 5] = ["completion", "doctor", "help", "schema", "version"];

/// The word with this name.
#[must_use]
pub fn word(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}

/// Whether the suite has this word.
#[must_use]
pub fn is_known(name: &str) -> bool {
    OWN_WORDS.contains(&name) || word(name).is_some()
}

/// The program that answers `name`, whether or not the suite has such a word.
#[must_use]
pub fn program_of(name: &str) -> String {
    format!("{FRONT}-{name}")
}

/// The word that comes closest to what was typed, when one is close enough to be meant.
#[must_use]
pub fn closest(typed: &str) -> Option<&'static str> {
    let names = WORDS.iter().map(|word| word.name).chain(OWN_WORDS);
    let scored = names.map(|name| (strsim::osa_distance(typed, name), name));
    let (slips, name) = scored.min_by_key(|(slips, _)| *slips)?;
    // A third of the letters may be wrong, in short words one.
    (slips <= (name.len() / 3).max(1)).then_some(name)
}

/// One of kubectl's flags; kubectl itself passes them on when they stand before a word.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The name, without dashes.
    pub long: &'static str,
    /// The one-letter name.
    pub short: Option<char>,
    /// Whether the next word is its value.
    pub takes_value: bool,
}

/// The flags every program of the suite takes, and those of kubectl whose values have to be told
/// from a word all the same.
pub const FLAGS: [Flag; 18] = [
    value("kubeconfig", None),
    value("context", None),
    value("cluster", None),
    value("user", None),
    value("namespace", Some('n')),
    value("server", Some('s')),
    value("token", None),
    value("as", None),
    value("as-group", None),
    value("as-uid", None),
    value("certificate-authority", None),
    value("client-certificate", None),
    value("client-key", None),
    switch("insecure-skip-tls-verify"),
    value("tls-server-name", None),
    value("request-timeout", None),
    value("v", Some('v')),
    value("output", Some('o')),
];

/// The flag that an argument such as `--context=x`, `-n` or `-nx` is.
#[must_use]
pub fn flag(argument: &str) -> Option<&'static Flag> {
    if let Some(long) = argument.strip_prefix("--") {
        let name = long.split_once('=').map_or(long, |(name, _)| name);
        return FLAGS.iter().find(|flag| flag.long == name);
    }
    let short = argument.strip_prefix('-')?.chars().next()?;
    FLAGS.iter().find(|flag| flag.short == Some(short))
}

/// Whether the value of `argument`, a flag, is the argument after it.
#[must_use]
pub fn takes_next(argument: &str) -> bool {
    let alone = if argument.starts_with("--") {
        !argument.contains('=')
    } else {
        argument.chars().count() == 2
    };
    alone && flag(argument).is_some_and(|flag| flag.takes_value)
}

const fn value(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes_value: true }
}

const fn switch(long: &'static str) -> Flag {
    Flag { long, short: None, takes_value: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        for (typed, meant) in [
            ("upgade", Some("upgrade")),
            ("rolback", Some("rollback")),
            ("docter", Some("doctor")),
            ("versoin", Some("version")),
            ("ssc", Some("scc")),
            ("zebra", None),
        ] {
            assert_eq!(closest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn a_flag_knows_whether_the_next_word_is_its_own() {
        for (argument, takes) in [
            ("-n", true),
            ("-nx", false),
            ("-n=x", false),
            ("--context", true),
            ("--context=x", false),
            ("--insecure-skip-tls-verify", false),
            ("--unknown", false),
        ] {
            assert_eq!(takes_next(argument), takes, "{argument}");
        }
    }
}
