//! A directory with the front door and programs beside it, some of them scripts that tell what
//! they were asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rhacs_tests::write_program;
use tempfile::TempDir;

/// An installation in `bin`, which is the PATH's first directory.
pub struct Suite {
    root: PathBuf,
    _directory: TempDir,
}

/// What a program left behind.
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Suite {
    /// The front door alone.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("bin")).unwrap();
        let suite = Self { root, _directory: directory };
        suite.copy(Path::new(env!("CARGO_BIN_EXE_kubectl-rhacs")), "kubectl-rhacs");
        suite
    }

    /// With a program that prints its name and its arguments, one a line in brackets.
    pub fn with_echo(self, program: &str) -> Self {
        self.with_script(
            program,
            "echo \"$(basename \"$0\")\"; for a in \"$@\"; do echo \"[$a]\"; done",
        )
    }

    /// With a shell script as a program.
    pub fn with_script(self, program: &str, script: &str) -> Self {
        write_program(&self.bin().join(program), script);
        self
    }

    /// With the real program of the suite, when it is built beside the front door.
    pub fn with_real(self, program: &str) -> Option<Self> {
        let built = Path::new(env!("CARGO_BIN_EXE_kubectl-rhacs")).with_file_name(program);
        if !built.exists() {
            eprintln!("skipped: `{program}` is not built; cargo build --workspace builds it");
            return None;
        }
        self.copy(&built, program);
        Some(self)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The command `program`, found on a PATH of the suite and the system.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let system = std::env::var("PATH").unwrap_or_default();
        command
            .args(args)
            .env_clear()
            .env("PATH", format!("{}:{system}", self.bin().display()))
            .env("HOME", &self.root)
            .env("KUBECONFIG", self.root.join("kubeconfig"))
            .current_dir(&self.root)
            .stdin(Stdio::null());
        command
    }

    /// Runs the front door.
    pub fn rhacs(&self, args: &[&str]) -> Finished {
        let program = self.bin().join("kubectl-rhacs");
        finish(self.command(program.to_str().unwrap(), args).output())
    }

    /// Runs the real kubectl; none when there is none.
    pub fn kubectl(&self, args: &[&str]) -> Option<Finished> {
        self.run("kubectl", args)
    }

    /// Runs a program of the system; none when there is none.
    pub fn run(&self, program: &str, args: &[&str]) -> Option<Finished> {
        match self.command(program, args).output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: there is no {program} on this computer");
                None
            }
            output => Some(finish(output)),
        }
    }

    fn copy(&self, from: &Path, name: &str) {
        let to = self.bin().join(name);
        // A link is enough, and debug binaries are large; across file systems there is none.
        if fs::hard_link(from, &to).is_err() {
            // As for scripts: whoever starts something meanwhile must not inherit it open.
            assert!(Command::new("cp").arg(from).arg(&to).status().unwrap().success());
        }
    }
}

impl Finished {
    /// The lines of standard output.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

fn finish(output: std::io::Result<Output>) -> Finished {
    let output = output.unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
