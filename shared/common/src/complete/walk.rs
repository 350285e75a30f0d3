//! Where the cursor is on a command line: pure over a `clap::Command`.

use clap::{Arg, Command};

/// What is being typed.
#[derive(Debug)]
pub enum Place<'a> {
    /// A flag's name.
    Flag(Slot<'a>),
    /// The value of an argument; also a verb, when one may stand there.
    Value(Slot<'a>),
}

/// The word under the cursor and what is known about it.
#[derive(Debug)]
pub struct Slot<'a> {
    /// The command whose arguments these are: the innermost verb.
    pub command: &'a Command,
    /// The argument whose value is typed; none for a verb or a flag's name.
    pub argument: Option<&'a Arg>,
    /// Whether a verb may stand here.
    pub verbs: bool,
    /// What was typed of the value so far.
    pub prefix: String,
    /// The flags and values before the cursor.
    pub typed: Typed,
}

/// The flags and positional values before the cursor.
#[derive(Clone, Debug, Default)]
pub struct Typed(Vec<(String, Option<String>)>);

impl Slot<'_> {
    /// clap's id of the argument whose value is typed; empty when there is none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.argument.map_or("", |argument| argument.get_id().as_str())
    }

    /// The name that the argument's value has in `--help`; empty when there is none.
    #[must_use]
    pub fn value_name(&self) -> &str {
        let names = self.argument.and_then(Arg::get_value_names);
        names.and_then(|names| names.first()).map_or("", |name| name.as_str())
    }
}

impl Typed {
    /// The last value given to the argument with clap's id `id`.
    #[must_use]
    pub fn value(&self, id: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == id)?.1.as_deref()
    }

    /// Whether the argument was given.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// Every argument with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(id, value)| (id.as_str(), value.as_deref()))
    }
}

/// Finds the cursor: `words` are those after the program's name, the last one being typed.
///
/// `command` has to be built ([`Command::build`]), so that every verb knows the global flags.
#[must_use]
pub fn walk<'a>(command: &'a Command, words: &[String]) -> Place<'a> {
    let (last, before) =
        words.split_last().map_or(("", &[][..]), |(last, before)| (&**last, before));
    let mut walker = Walker::at(command);
    for word in before {
        walker.step(word);
    }
    walker.place(last)
}

struct Walker<'a> {
    command: &'a Command,
    /// A flag that still has to get its value, or may get one.
    pending: Option<&'a Arg>,
    positionals: usize,
    /// After `--` everything is a value.
    escaped: bool,
    typed: Typed,
}

impl<'a> Walker<'a> {
    fn at(command: &'a Command) -> Self {
        Self { command, pending: None, positionals: 0, escaped: false, typed: Typed::default() }
    }

    fn step(&mut self, word: &str) {
        if let Some(flag) = self.pending.take()
            && (needs_value(flag) || !word.starts_with('-'))
        {
            return self.give(flag, Some(word));
        }
        if self.escaped {
            self.positional(word);
        } else if word == "--" {
            self.escaped = true;
        } else if let Some(long) = word.strip_prefix("--") {
            self.long(long);
        } else if word.len() > 1 && word.starts_with('-') {
            self.shorts(&word[1..]);
        } else if let Some(verb) = self.verb(word) {
            self.command = verb;
        } else {
            self.positional(word);
        }
    }

    fn long(&mut self, text: &str) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some(flag) = self.flag(|arg| arg.get_long() == Some(name)) else { return };
        self.give(flag, value);
        if value.is_none() && takes_next_word(flag) {
            self.pending = Some(flag);
        }
    }

    /// `-o`, `-ojson`, `-yq`.
    fn shorts(&mut self, text: &str) {
        for (index, short) in text.char_indices() {
            let Some(flag) = self.flag(|arg| arg.get_short() == Some(short)) else { return };
            let rest = &text[index + short.len_utf8()..];
            if !takes_value(flag) {
                self.give(flag, None);
            } else if rest.is_empty() {
                self.give(flag, None);
                self.pending = takes_next_word(flag).then_some(flag);
            } else {
                return self.give(flag, Some(rest.strip_prefix('=').unwrap_or(rest)));
            }
        }
    }

    fn positional(&mut self, word: &str) {
        if let Some(argument) = self.command.get_positionals().nth(self.positionals) {
            self.give(argument, Some(word));
            // An argument that takes many values takes all that follow.
            if argument.get_num_args().is_none_or(|range| range.max_values() <= 1) {
                self.positionals += 1;
            }
        }
    }

    fn give(&mut self, argument: &Arg, value: Option<&str>) {
        self.typed.0.push((argument.get_id().to_string(), value.map(str::to_owned)));
    }

    fn flag(&self, is: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| !arg.is_positional() && is(arg))
    }

    fn verb(&self, word: &str) -> Option<&'a Command> {
        if self.positionals > 0 { None } else { self.command.find_subcommand(word) }
    }

    fn place(mut self, last: &str) -> Place<'a> {
        if let Some(flag) =
            self.pending.take().filter(|flag| needs_value(flag) || !last.starts_with('-'))
        {
            return Place::Value(self.slot(Some(flag), false, last));
        }
        if !self.escaped && last.starts_with('-') {
            let value = last.strip_prefix("--").and_then(|text| text.split_once('='));
            let Some((name, prefix)) = value else {
                return Place::Flag(self.slot(None, false, last));
            };
            let flag = self.flag(|arg| arg.get_long() == Some(name));
            return Place::Value(self.slot(flag, false, prefix));
        }
        let argument = self.command.get_positionals().nth(self.positionals);
        let verbs = !self.escaped && self.positionals == 0;
        Place::Value(self.slot(argument, verbs, last))
    }

    fn slot(self, argument: Option<&'a Arg>, verbs: bool, prefix: &str) -> Slot<'a> {
        let Self { command, typed, .. } = self;
        Slot { command, argument, verbs, prefix: prefix.to_owned(), typed }
    }
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

fn takes_next_word(flag: &Arg) -> bool {
    takes_value(flag) && !flag.is_require_equals_set()
}

/// Whether the next word is the flag's value whatever it looks like.
fn needs_value(flag: &Arg) -> bool {
    flag.get_num_args().is_none_or(|range| range.min_values() > 0)
}
