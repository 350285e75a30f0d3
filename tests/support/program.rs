//! Programs that tests write to have them run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a shell script that can be run at once, and the directories it lies in.
///
/// A process of its own writes it. Whatever another thread of this process starts meanwhile is
/// handed every open file until it is what it is to be, and the kernel runs no file that somebody has
/// open for writing: written here, one in some thousands would be "busy".
///
/// # Panics
/// When it cannot be written.
pub fn write_program(path: &Path, script: &str) {
    const WRITE: &str = r#"mkdir -p "${1%/*}" && cat >"$1" && chmod 755 "$1""#;
    let mut child = Command::new("sh")
        .args(["-c", WRITE, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut input = child.stdin.take().expect("its input");
    write!(input, "#!/bin/sh\n{script}\n").expect("the shell reads");
    drop(input);
    assert!(child.wait().expect("it ends").success(), "{} cannot be written", path.display());
}
