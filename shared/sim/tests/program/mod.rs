//! The kubectl that tests run.

use std::ffi::OsString;
use std::process::Command;

use serde_json::Value;

/// A kubectl that is there.
pub struct Kubectl {
    /// The program.
    pub program: OsString,
    /// Its version, such as `v1.32.4`.
    pub version: String,
}

impl Kubectl {
    /// The program in `KUBECTL`, or the one on `PATH`; none, said aloud, if there is no kubectl.
    ///
    /// A program that is named must be there, so that a misspelt name is no green test.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("KUBECTL");
        let program = named.clone().unwrap_or_else(|| "kubectl".into());
        let arguments = ["version", "--client", "--output=json"];
        let Ok(output) = Command::new(&program).args(arguments).output() else {
            assert!(named.is_none(), "`KUBECTL` names `{}`, which does not run", program.display());
            eprintln!("skipped: there is no kubectl on PATH");
            return None;
        };
        let version: Value = serde_json::from_slice(&output.stdout).unwrap();
        let version = version["clientVersion"]["gitVersion"].as_str().unwrap().to_owned();
        Some(Self { program, version })
    }
}
