//! Answering kubectl and shells: words here, everything behind a word by the word's program.

use std::ffi::OsString;
use std::process::ExitCode;

use common::complete::{self, Answer, Candidate, REQUEST, Slot};
use common::env::Env;
use common::exit::Exit;

use crate::cli;
use crate::os;
use crate::route::find_word;
use crate::siblings::Siblings;
use crate::words::{self, FLAGS, OWN_WORDS, WORDS};

/// Answers a request for completions, where a program knows better by becoming that program.
///
/// `words` are those after `kubectl rhacs`, or after the name that `env` says we were called by.
#[must_use]
pub fn answer(env: &Env, words: Vec<String>) -> ExitCode {
    let siblings = Siblings::of(env);
    let called = env.args().first().and_then(|program| complete::link_name(program));
    let words = match called.as_deref().map(|name| name.strip_prefix("rhacs-").ok_or(name)) {
        None | Some(Err("rhacs")) => words,
        Some(Ok(word)) => [word.to_owned()].into_iter().chain(words).collect(),
        Some(Err(plugin)) => {
            let plugins = [plugin.to_owned(), format!("kubectl-{}", plugin.replace('-', "_"))];
            let program = plugins.iter().find_map(|program| siblings.find(program));
            return program.map_or_else(|| nothing(env), |program| ask(env, &program, words));
        }
    };
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, rest)| (&**last, rest));
    let args: Vec<OsString> = before.iter().map(OsString::from).collect();
    match find_word(&args) {
        Some(at) if OWN_WORDS.contains(&&*before[at]) => own(env, &siblings, &words),
        Some(at) => {
            let Ok(program) = siblings.of_word(&before[at]) else { return nothing(env) };
            let mut rest = words.clone();
            rest.remove(at);
            ask(env, &program, rest)
        }
        None if types_value(before, last) => {
            let program = WORDS.iter().find_map(|word| siblings.find(word.program));
            program.map_or_else(|| nothing(env), |program| ask(env, &program, words.clone()))
        }
        None => own(env, &siblings, &words),
    }
}

/// Whether the value of one of kubectl's flags is being typed: any program of the suite knows it.
fn types_value(before: &[String], last: &str) -> bool {
    let pending = before.last().filter(|flag| words::takes_next(flag));
    let flag = match pending {
        Some(flag) => words::flag(flag),
        None => last.split_once('=').and_then(|(name, _)| words::flag(name)),
    };
    flag.is_some_and(|flag| flag.takes_value && flag.long != "output")
}

/// The words, and what may stand behind the front door's own.
fn own(env: &Env, siblings: &Siblings, words: &[String]) -> ExitCode {
    let installed = |name: &str| OWN_WORDS.contains(&name) || siblings.of_word(name).is_ok();
    let word_names = |slot: &Slot<'_>| {
        let names = WORDS.iter().map(|word| Candidate::new(word.name, word.about));
        (slot.id() == "words").then(|| Answer::only(names.collect()))
    };
    let mut command = cli::command();
    let mut answer = complete::complete(env, &mut command, words, &word_names);
    let last = words.last().map_or("", String::as_str);
    if last.starts_with('-')
        && find_word(&words.iter().map(OsString::from).collect::<Vec<_>>()).is_none()
    {
        let ours = FLAGS.iter().map(|flag| format!("--{}", flag.long));
        let new = ours.filter(|flag| flag.starts_with(last) && flag != "--output");
        answer.candidates.extend(new.map(|flag| Candidate::new(flag, "")));
    }
    answer
        .candidates
        .retain(|candidate| words::word(&candidate.value).is_none() || installed(&candidate.value));
    complete::print(env, &answer);
    Exit::Done.into()
}

/// Becomes `program`, asked for the completions of `words`.
fn ask(env: &Env, program: &std::path::Path, words: Vec<String>) -> ExitCode {
    let args: Vec<OsString> =
        [REQUEST.to_owned()].into_iter().chain(words).map(OsString::from).collect();
    os::hand_over(program, &args).unwrap_or_else(|_| nothing(env))
}

fn nothing(env: &Env) -> ExitCode {
    complete::print(env, &Answer::only(Vec::new()));
    Exit::Done.into()
}
