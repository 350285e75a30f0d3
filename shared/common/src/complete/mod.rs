//! What may come next on a command line, by the protocol of kubectl and cobra.
//!
//! A binary asked with [`REQUEST`] as its first argument, or called by a name that begins with
//! [`LINK_PREFIX`], answers with one candidate a line, a tab and a description after it, and a
//! last line `:N` whose bits say what the shell does with them. The words that follow are those
//! after the program's name, the last one being typed. kubectl asks plugins exactly so.

mod candidates;
mod kubeconfig;
#[cfg(feature = "cluster")]
mod live;
mod script;
#[cfg(test)]
mod tests;
mod versions;
mod walk;

use std::ffi::OsStr;
use std::path::Path;

use crate::env::Env;
use crate::exit::Exit;

pub use candidates::complete;
pub use script::{Shell, script};
pub use walk::{Place, Slot, Typed, walk};

/// The hidden first argument that asks for completions.
pub const REQUEST: &str = "__complete";

/// How the names begin under which kubectl looks for the completions of a plugin.
pub const LINK_PREFIX: &str = "kubectl_complete-";

/// Something that may stand at the cursor.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Candidate {
    /// The text to insert.
    pub value: String,
    /// What it is, on one line; may be empty.
    pub about: String,
}

/// What the shell does with the candidates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Directive {
    /// Offers files when there are no candidates.
    Files,
    /// Offers directories.
    Directories,
    /// Offers nothing else.
    Only,
    /// Offers nothing else, and adds no space: the word goes on.
    Unfinished,
}

/// The answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// What may stand at the cursor.
    pub candidates: Vec<Candidate>,
    /// What the shell does with it.
    pub directive: Directive,
}

/// What a plugin knows about the values of its own arguments; none leaves it to this room.
pub type Known<'a> = &'a dyn Fn(&Slot<'_>) -> Option<Answer>;

/// Answers a request for completions; none when the arguments of `env` are no such request, which
/// costs nothing. To be called first thing in a binary:
///
/// ```ignore
/// if let Some(exit) = complete::answer(env, cli::command, &|_| None) {
///     return exit;
/// }
/// ```
pub fn answer(
    env: &Env,
    command: impl FnOnce() -> clap::Command,
    known: Known<'_>,
) -> Option<Exit> {
    let words = requested(env)?;
    let mut command = command();
    print(env, &complete(env, &mut command, &words, known));
    Some(Exit::Done)
}

/// The words of a request for completions, the last one being typed; none when the arguments of
/// `env` are no such request.
#[must_use]
pub fn requested(env: &Env) -> Option<Vec<String>> {
    let (program, rest) = env.args().split_first()?;
    let asked = match rest.split_first() {
        Some((first, rest)) if first == REQUEST => rest,
        _ if link_name(program).is_some() => rest,
        _ => return None,
    };
    let mut words: Vec<String> =
        asked.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if words.is_empty() {
        words.push(String::new());
    }
    Some(words)
}

/// The plugin that kubectl asks about when it calls `program`: `rhacs-upgrade` for
/// `/bin/kubectl_complete-rhacs-upgrade`, with kubectl's `_` turned back into `-`.
#[must_use]
pub fn link_name(program: &OsStr) -> Option<String> {
    let name = Path::new(program).file_name()?.to_str()?;
    let name = name.strip_suffix(".exe").unwrap_or(name);
    Some(name.strip_prefix(LINK_PREFIX)?.replace('_', "-"))
}

/// Writes an answer to standard output.
pub fn print(env: &Env, answer: &Answer) {
    // A shell that has gone away misses nothing.
    drop(env.stdout().write(&answer.render()));
}

impl Candidate {
    /// A candidate with its description.
    #[must_use]
    pub fn new(value: impl Into<String>, about: impl Into<String>) -> Self {
        Self { value: value.into(), about: about.into() }
    }
}

impl Directive {
    /// The bits by which kubectl's shell scripts know it (cobra's `ShellCompDirective`).
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Files => 0,
            Self::Directories => 16,
            Self::Only => 4,
            Self::Unfinished => 2 | 4,
        }
    }
}

impl Answer {
    /// These candidates and nothing else.
    #[must_use]
    pub const fn only(candidates: Vec<Candidate>) -> Self {
        Self { candidates, directive: Directive::Only }
    }

    /// No candidates: the shell offers what `directive` says.
    #[must_use]
    pub const fn of(directive: Directive) -> Self {
        Self { candidates: Vec::new(), directive }
    }

    /// The text for the shell.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for candidate in &self.candidates {
            text.push_str(&one_line(&candidate.value));
            let about = one_line(&candidate.about);
            if !about.is_empty() {
                text.push('\t');
                text.push_str(&about);
            }
            text.push('\n');
        }
        text.push_str(&format!(":{}\n", self.directive.bits()));
        text
    }
}

/// Names come from clusters and files of others: none may start a line or a column of its own.
fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
