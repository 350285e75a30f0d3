//! The program that serves the embedded cluster, while this value lives.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rehearsal::{Answer, Order, PROGRAM, Serves};

/// A running program; dropping it ends it.
pub(super) struct Program(Child);

impl Program {
    /// Starts the program and has it serve what `order` says.
    ///
    /// # Errors
    /// When the program is not installed, is of another version, or cannot serve that.
    pub(super) async fn start(
        env: &Env,
        order: Order,
        description: &str,
    ) -> Result<(Self, Serves), Failure> {
        let Some(path) = env.sibling(PROGRAM) else {
            return Err(Failure::usage(format!("cannot rehearse: `{PROGRAM}` is not installed"))
                .because(
                    "the embedded cluster is a program of its own, next to this one or on PATH",
                )
                .hint(
                    "`kubectl krew upgrade rhacs` brings it; in a checkout, `cargo build` makes it",
                ));
        };
        let cannot = format!("cannot rehearse on {description}");
        let talked = tokio::task::spawn_blocking(move || Self::talk(&path, &order)).await;
        let talked = talked.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (program, answer) = talked.map_err(|error| {
            let failure = Failure::new(Exit::Unexpected, &*cannot).caused_by(&error);
            failure.hint("`kubectl rhacs doctor` finds programs that do not fit together")
        })?;
        match answer {
            Answer::Serves(serves) => Ok((program, serves)),
            Answer::Failed { reason } => Err(Failure::usage(cannot).because(reason)),
        }
    }

    fn talk(path: &Path, order: &Order) -> io::Result<(Self, Answer)> {
        let child = Command::new(path)
            .arg("rehearse")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut program = Self(child);
        let closed = || io::Error::other(format!("`{}` ended without an answer", path.display()));
        let mut input = program.0.stdin.as_ref().ok_or_else(closed)?;
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        input.write_all(&line)?;
        input.flush()?;
        let output = program.0.stdout.as_mut().ok_or_else(closed)?;
        let mut answer = String::new();
        BufReader::new(output).read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(closed());
        }
        let answer = serde_json::from_str(&answer)?;
        Ok((program, answer))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It ends when its input does; a program that hangs is not waited for.
        drop(self.0.stdin.take());
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
