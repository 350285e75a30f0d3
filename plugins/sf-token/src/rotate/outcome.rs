//! The ways a rotation or a delivery ends, each with the exit code that tells it from the others.

use common::exit::Exit;
use common::failure::Failure;

use crate::api::{ApiError, Outcome, TokenName};
use crate::deliver::{Delivered, DestinationReport};
use crate::shell::quoted;

/// What the exit codes mean for `rotate` and `sync`: for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0   rotated and delivered, and every consumer runs with the new secret
  2   wrong usage
  3   not rotated, or no such token: the old secret goes on working, nothing was changed
  4   rotated (or it cannot be told), but not delivered everywhere: finish with `sf-token sync`
  5   delivered, but not every consumer restarted: finish with `sf-token sync`; also when all is
      done and only the report could not be printed
  6   declined
  9   the token was rotated by somebody else between the plan and its confirmation
  130 interrupted; the last line says how far it came";

/// The exit code of a delivery.
#[must_use]
pub fn exit(reports: &[DestinationReport]) -> Exit {
    match reports.iter().map(|report| report.delivered).min() {
        Some(Delivered::No | Delivered::PutBack) => Exit::StepFailed,
        Some(Delivered::NotRestarted) => Exit::Unverified,
        Some(Delivered::Done) | None => Exit::Done,
    }
}

/// Nothing was changed.
pub(super) fn not_rotated(name: &TokenName, error: ApiError) -> Failure {
    let hints = error.hints();
    let failure =
        Failure::new(Exit::Blocked, format!("`{name}` was not rotated")).because(error.to_string());
    // Where an answer is lost, the hints of the client say to look, which was done.
    let hints = if error.status().is_some() { hints } else { Vec::new() };
    let failure = match error.outcome() {
        Outcome::NotDone => failure,
        Outcome::Unknown | Outcome::Done => failure.hint(format!(
            "the answer was lost and the token shows no rotation; before another try look again: \
             sf-token get {}",
            quoted(name.as_str())
        )),
    };
    hints
        .into_iter()
        .fold(failure, Failure::hint)
        .hint("the old secret goes on working; nothing was changed")
}

/// Nobody knows whether it was rotated: the answer is lost, and looking at the token left `doubt`.
pub(super) fn unknown(name: &TokenName, lost: &ApiError, doubt: String) -> Failure {
    Failure::new(Exit::StepFailed, format!("`{name}` may have been rotated"))
        .because(lost.to_string())
        .because(doubt)
        .hint("do not rotate again: a second rotation cuts the grace of the first")
        .hint(sync_hint(name))
}

/// It was rotated, and the new secret could not be read.
pub(super) fn unread(name: &TokenName, error: &ApiError) -> Failure {
    Failure::new(Exit::StepFailed, format!("`{name}` was rotated, but not delivered"))
        .because("the answer does not show the new secret")
        .because(format!("reading it failed: {error}"))
        .hint(sync_hint(name))
}

/// It was rotated, and the new secret is refused where the old one worked.
#[must_use]
pub fn refused(name: &TokenName, status: u16, words: &str) -> Failure {
    Failure::new(Exit::StepFailed, format!("`{name}` was rotated, but not delivered"))
        .because(format!("the new secret is refused with {status}: {words}"))
        .hint("nothing was delivered: what runs goes on with the old secret, within its grace")
        .hint("try it again with `sf-token verify`")
        .hint(sync_hint(name))
}

/// It was rotated, and the API does not show the new secret.
#[must_use]
pub fn secret_not_shown(name: &TokenName) -> Failure {
    Failure::new(Exit::StepFailed, format!("`{name}` was rotated, but not delivered"))
        .because("the API does not show its secret to this credential")
        .hint("with the session token of an admin:")
        .hint(sync_hint(name))
}

fn sync_hint(name: &TokenName) -> String {
    format!("finish with: sf-token sync {} --to-… (the same destinations)", quoted(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_destination_that_came_least_far() {
        let with = |delivered: Delivered| DestinationReport {
            delivered,
            ..DestinationReport::done("d", "m")
        };
        for (reports, expected) in [
            (vec![], Exit::Done),
            (vec![with(Delivered::Done)], Exit::Done),
            (vec![with(Delivered::Done), with(Delivered::NotRestarted)], Exit::Unverified),
            (vec![with(Delivered::NotRestarted), with(Delivered::No)], Exit::StepFailed),
            (vec![with(Delivered::Done), with(Delivered::PutBack)], Exit::StepFailed),
        ] {
            assert_eq!(exit(&reports), expected);
        }
    }

    #[test]
    fn every_code_of_the_help_is_one_of_the_suite() {
        let firsts = EXIT_CODES.lines().skip(1).filter(|line| !line.starts_with("      "));
        for line in firsts {
            let code: u8 = line.split_whitespace().next().unwrap().parse().unwrap();
            assert!(Exit::ALL.iter().any(|(exit, _)| exit.code() == code), "{line}");
        }
    }
}
