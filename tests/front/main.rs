//! The front door as a person meets it: real processes, programs beside it, a shell, kubectl.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers fail and speak as tests do")]

mod completion;
mod dispatch;
mod support;
mod words;
