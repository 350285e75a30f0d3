//! The destination that is a command: it gets the secret on its standard input.

use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};

use super::report::DestinationReport;
use super::work::Work;
use crate::api::CREDENTIAL_VARIABLE;

/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(120);
/// How long it is listened to after its end: what it started and left behind may hold its pipes.
const FAREWELL: Duration = Duration::from_secs(1);
/// So much of what a command says is kept.
const MOST_OUTPUT: u64 = 16 << 10;

/// Runs `command` by the shell with the secret, without a line end, on its standard input. What it
/// prints is told with the secrets blotted out.
pub async fn deliver(command: &str, work: &Work) -> DestinationReport {
    let destination = format!("command `{command}`");
    match tokio::time::timeout(LONGEST, run(command, work)).await {
        Err(_) => DestinationReport::failed(
            destination,
            format!("it did not end within {} s and was stopped", LONGEST.as_secs()),
        ),
        Ok(Err(reason)) => DestinationReport::failed(destination, reason),
        Ok(Ok(output)) => {
            if !output.trim().is_empty() {
                work.events.note(output.trim_end());
            }
            DestinationReport::done(destination, "it took the secret")
        }
    }
}

/// What it printed, without the secrets, or why it failed.
async fn run(command: &str, work: &Work) -> Result<String, String> {
    let mut child = shell(command)
        .env("SF_TOKEN_NAME", &work.token)
        // The command is given one secret; the session of an admin is not among what it needs.
        .env_remove(CREDENTIAL_VARIABLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the shell could not be started: {error}"))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let status = {
        let talk = async {
            tokio::join!(
                give(stdin, &work.secret),
                read(stdout, &mut output),
                read(stderr, &mut errors)
            )
        };
        let mut talk = pin!(talk);
        tokio::select! {
            _ = &mut talk => child.wait().await,
            status = child.wait() => {
                // What was said until then is enough.
                let _ = tokio::time::timeout(FAREWELL, talk).await;
                status
            }
        }
    };
    let status = status.map_err(|error| format!("its end could not be awaited: {error}"))?;
    output.extend(errors);
    let output = work.blotted(&String::from_utf8_lossy(&output));
    if !status.success() {
        let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let colon = if last.is_empty() { "" } else { ": " };
        return Err(format!("it failed with {status}{colon}{}", last.trim()));
    }
    Ok(output)
}

/// Gives the secret. A command may end without reading all of it; its exit status says whether it
/// had enough.
async fn give(stdin: Option<ChildStdin>, secret: &SecretString) {
    let Some(mut stdin) = stdin else { return };
    let _ = stdin.write_all(secret.expose_secret().as_bytes()).await;
    let _ = stdin.shutdown().await;
}

async fn read(stream: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    // What came before an error is still worth showing.
    let _ = (&mut stream).take(MOST_OUTPUT).read_to_end(bytes).await;
    // A command that says more must not block on a full pipe.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

fn shell(command: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut shell = Command::new(program);
    shell.arg(flag).arg(command);
    shell
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::sync::{Arc, Mutex};

    use common::run::{Event, Events, Interrupt};
    use jiff::Timestamp;

    use super::*;
    use crate::deliver::report::Delivered;

    async fn run(command: &str) -> (DestinationReport, String) {
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let events = Events::new(
            "run",
            || Timestamp::UNIX_EPOCH,
            move |told| {
                if let Event::Note { message } = told.event {
                    heard.lock().unwrap().push_str(&message);
                }
            },
        );
        let work = Work {
            token: "my token".to_owned(),
            secret: SecretString::from("canary"),
            old: None,
            credential: Some(SecretString::from("canvas")),
            rotated_at: String::new(),
            restarts: false,
            timeout: None,
            events,
            interrupt: Interrupt::never(),
            step: "deliver".to_owned(),
        };
        let report = deliver(command, &work).await;
        let said = said.lock().unwrap().clone();
        (report, said)
    }

    #[tokio::test]
    async fn a_command_reads_the_secret_and_its_words_are_shown_without_it() {
        let (report, said) =
            run("read -r x || test \"$x\" = canary && echo got $x $SF_TOKEN_NAME").await;
        assert_eq!(report.delivered, Delivered::Done, "{report:?}");
        assert_eq!(said, "got [secret] my token");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_by_its_last_words_without_the_secret() {
        let (report, said) = run("cat >&2; exit 3").await;
        assert_eq!(report.delivered, Delivered::No);
        assert_eq!(report.message, "it failed with exit status: 3: [secret]");
        assert_eq!(said, "");
    }

    #[tokio::test]
    async fn the_credential_is_as_secret_as_the_secret() {
        let (_, said) = run("cat >/dev/null; echo canvas").await;
        assert_eq!(said, "[secret]");
        let (report, _) = run("cat >/dev/null; echo canvas >&2; exit 1").await;
        assert_eq!(report.message, "it failed with exit status: 1: [secret]");
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_is_not_waited_for() {
        // With its pipes held for longer than a command may take, it would be called a failure.
        let (report, said) = run("cat >/dev/null; echo done; sleep 150 & exit 0").await;
        assert_eq!((report.delivered, said.as_str()), (Delivered::Done, "done"), "{report:?}");
    }

    #[tokio::test]
    async fn a_command_that_talks_a_lot_does_not_hang() {
        let (report, _) = run("cat >/dev/null; head -c 300000 /dev/zero | tr '\\0' x").await;
        assert_eq!(report.delivered, Delivered::Done, "{report:?}");
    }
}
