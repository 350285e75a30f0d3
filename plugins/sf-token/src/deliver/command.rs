//! The destination that is a command: it gets the secret on its standard input.

use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::blot::blotted;
use super::report::DestinationReport;

/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(120);
/// So much of what a command says is kept.
const MOST_OUTPUT: u64 = 16 << 10;

/// Runs `command` by the shell with the secret, without a line end, on its standard input. What it
/// prints is handed to `say`, with the secret blotted out.
pub async fn deliver(
    command: &str,
    token: &str,
    secret: &SecretString,
    say: impl Fn(&str),
) -> DestinationReport {
    let destination = format!("command `{command}`");
    match tokio::time::timeout(LONGEST, run(command, token, secret)).await {
        Err(_) => DestinationReport::failed(
            destination,
            format!("it did not end within {} s and was stopped", LONGEST.as_secs()),
        ),
        Ok(Err(reason)) => DestinationReport::failed(destination, reason),
        Ok(Ok(output)) => {
            let output = blotted(&output, [secret]);
            if !output.trim().is_empty() {
                say(output.trim_end());
            }
            DestinationReport::done(destination, "it took the secret")
        }
    }
}

async fn run(command: &str, token: &str, secret: &SecretString) -> Result<String, String> {
    let mut child = shell(command)
        .env("SF_TOKEN_NAME", token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the shell could not be started: {error}"))?;
    let ((), output, errors) = tokio::join!(
        give(child.stdin.take(), secret),
        read(child.stdout.take()),
        read(child.stderr.take())
    );
    let output = format!("{output}{errors}");
    let status = wait(&mut child).await?;
    if !status.success() {
        let output = blotted(&output, [secret]);
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

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut bytes = Vec::new();
    // What came before an error is still worth showing.
    let _ = (&mut stream).take(MOST_OUTPUT).read_to_end(&mut bytes).await;
    // A command that says more must not block on a full pipe.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn wait(child: &mut Child) -> Result<std::process::ExitStatus, String> {
    child.wait().await.map_err(|error| format!("its end could not be awaited: {error}"))
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
    use std::sync::Mutex;

    use super::*;
    use crate::deliver::report::Delivered;

    fn secret() -> SecretString {
        SecretString::from("canary".to_owned())
    }

    async fn run(command: &str) -> (DestinationReport, String) {
        let said = Mutex::new(String::new());
        let report =
            deliver(command, "my token", &secret(), |text| said.lock().unwrap().push_str(text))
                .await;
        (report, said.into_inner().unwrap())
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
    async fn a_command_that_talks_a_lot_does_not_hang() {
        let (report, _) = run("cat >/dev/null; head -c 300000 /dev/zero | tr '\\0' x").await;
        assert_eq!(report.delivered, Delivered::Done, "{report:?}");
    }
}
