//! krew and its validator, built from their module, once for all tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The version of krew that the tests are about.
const KREW: &str = "sigs.k8s.io/krew@v0.5.0";

/// The directory of `kubectl-krew` and `validate-krew-manifest`; none when they cannot be built
/// here, which is said aloud.
pub fn directory() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| build().inspect_err(|why| eprintln!("skipped: {why}")).ok()).as_deref()
}

/// The checkout.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn build() -> Result<PathBuf, String> {
    for needed in ["kubectl", "git"] {
        run(Command::new(needed).arg("--help"))?;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(KREW.replace(['/', '@'], "-"));
    if target.join("validate-krew-manifest").is_file() {
        return Ok(target);
    }
    let downloaded = run(go().args(["mod", "download", "-json", KREW]))?;
    let value: serde_json::Value =
        serde_json::from_slice(&downloaded).map_err(|error| format!("go: {error}"))?;
    let source = value["Dir"].as_str().ok_or("go did not say where the module is")?;
    let new = target.with_extension("new");
    std::fs::create_dir_all(&new).map_err(|error| error.to_string())?;
    let packages = ["./cmd/krew", "./cmd/validate-krew-manifest"];
    run(go().args(["build", "-o"]).arg(&new).args(packages).current_dir(source))?;
    std::fs::rename(new.join("krew"), new.join("kubectl-krew"))
        .map_err(|error| error.to_string())?;
    std::fs::rename(&new, &target).map_err(|error| error.to_string())?;
    Ok(target)
}

/// go of the PATH, or of the place where its own installer puts it.
fn go() -> Command {
    let usual = Path::new("/usr/local/go/bin/go");
    Command::new(if usual.is_file() { usual } else { Path::new("go") })
}

/// Runs a command to its end, or until nobody would wait any longer.
fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("`{name}` cannot be run: {error}"))?;
    // The output is read beside the waiting: a full pipe would stop the child.
    let mut output = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut output, &mut bytes).map(|_| bytes)
    });
    let deadline = Instant::now() + Duration::from_secs(600);
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            None => {
                drop(child.kill());
                return Err(format!("`{name}` takes too long"));
            }
        }
    };
    let bytes = reader.join().map_err(|_| "no output")?.map_err(|error| error.to_string())?;
    if status.success() { Ok(bytes) } else { Err(format!("`{name}` ended with {status}")) }
}
