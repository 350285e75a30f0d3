//! What a panic says: where, and nothing of what was being worked on.
//!
//! The words of a panic are made of values (`unwrap` prints the error, `assert_eq` both sides), and
//! a value of a library may hold what we never print: a header, a body, a token. They are left out;
//! the place is enough to find the bug.

use std::io::Write as _;
use std::panic::{self, PanicHookInfo};

use crate::SUITE_VERSION;
use crate::exit::Exit;

/// From now on a panic of any thread of the process `program` ends it with [`Exit::Unexpected`],
/// also where panics unwind, after it has told its place on the standard error, and what the user
/// does `next` to find out how far it came.
#[expect(clippy::exit, reason = "where panics unwind, a task that panicked would be waited for")]
pub fn end_on_panic(program: &'static str, next: &'static str) {
    panic::set_hook(Box::new(move |panicked| {
        // There is nobody left to tell that the stream is closed.
        drop(std::io::stderr().write_all(told(program, next, panicked).as_bytes()));
        std::process::exit(Exit::Unexpected.code().into());
    }));
}

fn told(program: &str, next: &str, panicked: &PanicHookInfo<'_>) -> String {
    let place = panicked.location().map_or_else(String::new, |location| {
        format!(" at {}:{}:{}", location.file(), location.line(), location.column())
    });
    format!(
        "\nerror: a bug in {program} {SUITE_VERSION}: it panicked{place}\n\
         hint: {next}\n\
         hint: please report the place: nothing else of what it worked on is shown\n"
    )
}
