//! The program that serves the embedded cluster, while this value lives.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::Notify;

use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rehearsal::{Answer, Order, PROGRAM, Serves};

/// A running program; dropping it ends it.
pub(super) struct Program {
    child: Child,
    /// That it ends is as it should be from then on.
    is_over: Arc<AtomicBool>,
}

impl Program {
    /// Starts the program and has it serve what `order` says; `lost` is told when it ends before it
    /// is dropped.
    ///
    /// # Errors
    /// When the program is not installed, is of another version, or cannot serve that.
    pub(super) async fn start(
        env: &Env,
        order: Order,
        description: &str,
        lost: Arc<Notify>,
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
        let talked = tokio::task::spawn_blocking(move || Self::talk(&path, &order, lost)).await;
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

    fn talk(path: &Path, order: &Order, lost: Arc<Notify>) -> io::Result<(Self, Answer)> {
        let child = Command::new(path)
            .arg("rehearse")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut program = Self { child, is_over: Arc::clone(&is_over) };
        let closed = || io::Error::other(format!("`{}` ended without an answer", path.display()));
        let mut input = program.child.stdin.as_ref().ok_or_else(closed)?;
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        input.write_all(&line)?;
        input.flush()?;
        let mut output = BufReader::new(program.child.stdout.take().ok_or_else(closed)?);
        let mut answer = String::new();
        output.read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(closed());
        }
        let answer = serde_json::from_str(&answer)?;
        // It writes nothing more: its output ends with it.
        thread::spawn(move || {
            drop(io::copy(&mut output, &mut io::sink()));
            if !is_over.load(Ordering::SeqCst) {
                lost.notify_one();
            }
        });
        Ok((program, answer))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It ends when its input does; a program that hangs is not waited for.
        self.is_over.store(true, Ordering::SeqCst);
        drop(self.child.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
