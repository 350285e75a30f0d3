//! The candidates at the cursor: verbs, flags, and the values that this room knows by itself.

use clap::{Arg, ArgAction, Command, ValueHint};

use super::walk::{Place, Slot, walk};
use super::{Answer, Candidate, Directive, Known, kubeconfig, versions};
use crate::env::Env;

/// What may stand at the last of `words` on the command line of `command`.
///
/// Values come, in this order, from `known`, from the values clap lists, and from what arguments
/// of a name mean in the whole suite: contexts, clusters, users, namespaces, versions, runs, files.
#[must_use]
pub fn complete(env: &Env, command: &mut Command, words: &[String], known: Known<'_>) -> Answer {
    command.build();
    match walk(command, words) {
        Place::Flag(slot) => Answer::only(matching(flags(&slot), &slot.prefix)),
        Place::Value(slot) => value(env, slot, known),
    }
}

fn value(env: &Env, slot: Slot<'_>, known: Known<'_>) -> Answer {
    // Of `a,b` in a list only `b` is being typed.
    let delimiter = slot.argument.and_then(Arg::get_value_delimiter);
    let (head, tail) = match delimiter.and_then(|delimiter| slot.prefix.rfind(delimiter)) {
        Some(at) => slot.prefix.split_at(at + 1),
        None => ("", slot.prefix.as_str()),
    };
    let (head, tail) = (head.to_owned(), tail.to_owned());
    let slot = Slot { prefix: tail.clone(), ..slot };
    let mut answer = known(&slot).unwrap_or_else(|| ours(env, &slot));
    if slot.verbs {
        answer.candidates.splice(0..0, verbs(slot.command));
        if !answer.candidates.is_empty() && slot.argument.is_none() {
            answer.directive = Directive::Only;
        }
    }
    answer.candidates = matching(answer.candidates, &tail);
    if !head.is_empty() {
        let chosen: Vec<&str> = head.split(delimiter.unwrap_or(',')).collect();
        answer.candidates.retain(|candidate| !chosen.contains(&candidate.value.as_str()));
        for candidate in &mut answer.candidates {
            candidate.value.insert_str(0, &head);
        }
    }
    answer
}

/// What this room knows about the argument.
fn ours(env: &Env, slot: &Slot<'_>) -> Answer {
    let Some(argument) = slot.argument else { return Answer::only(Vec::new()) };
    let listed = listed(argument);
    if !listed.is_empty() {
        return Answer::only(listed);
    }
    if let Some(found) = kubeconfig::values(env, slot) {
        return Answer::only(found);
    }
    match slot.value_name() {
        "VERSION" => return versions::answer(&slot.prefix),
        "RUN" => return Answer::only(runs(slot)),
        "DIR" => return Answer::of(Directive::Directories),
        _ => {}
    }
    match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::ExecutablePath => {
            Answer::of(Directive::Files)
        }
        ValueHint::DirPath => Answer::of(Directive::Directories),
        _ => Answer::only(Vec::new()),
    }
}

/// The recorded runs: only the cluster has them.
fn runs(slot: &Slot<'_>) -> Vec<Candidate> {
    #[cfg(feature = "cluster")]
    {
        super::live::runs(&slot.typed)
    }
    #[cfg(not(feature = "cluster"))]
    {
        let _ = slot;
        Vec::new()
    }
}

fn listed(argument: &Arg) -> Vec<Candidate> {
    if !argument.get_action().takes_values() {
        return Vec::new();
    }
    let values = argument.get_possible_values();
    values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| Candidate::new(value.get_name(), first_line(value.get_help())))
        .collect()
}

fn verbs(command: &Command) -> Vec<Candidate> {
    command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .map(|verb| Candidate::new(verb.get_name(), first_line(verb.get_about())))
        .collect()
}

/// The flags that may still be given; one-letter forms only to whoever asks for them.
fn flags(slot: &Slot<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for argument in slot.command.get_arguments() {
        let repeats = matches!(argument.get_action(), ArgAction::Append | ArgAction::Count);
        let id = argument.get_id().as_str();
        if argument.is_hide_set() || (slot.typed.has(id) && !repeats) {
            continue;
        }
        let about = first_line(argument.get_help());
        if let Some(long) = argument.get_long() {
            found.push(Candidate::new(format!("--{long}"), about.clone()));
        }
        if let Some(short) = argument.get_short().filter(|_| slot.prefix == "-") {
            found.push(Candidate::new(format!("-{short}"), about));
        }
    }
    found
}

fn matching(mut candidates: Vec<Candidate>, prefix: &str) -> Vec<Candidate> {
    candidates.retain(|candidate| candidate.value.starts_with(prefix));
    candidates
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
