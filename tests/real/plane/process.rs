//! A program of the control plane as a child process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Lines of its log that are shown when it fails.
const LAST_LINES: usize = 30;

/// A running program; it is killed when this is dropped.
pub(super) struct Process {
    name: &'static str,
    command: Command,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program `name` of a folder; its output goes to a file in `directory`.
    pub(super) fn start(
        assets: &Path,
        name: &'static str,
        directory: &Path,
        arguments: &[String],
    ) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::create(&log).expect("a log file");
        let errors = output.try_clone().expect("the log file twice");
        let mut command = Command::new(assets.join(name));
        command
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, command, child, log }
    }

    /// Kills it and starts it again.
    pub(super) fn restart(&mut self) {
        self.kill();
        self.child = self.command.spawn().expect("it started before");
    }

    /// Asserts that it still runs, and shows its log when it does not.
    pub(super) fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().expect("the child can be asked") {
            panic!("{} ended with {status}:\n{}", self.name, self.last_lines());
        }
    }

    /// The end of its log.
    pub(super) fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
