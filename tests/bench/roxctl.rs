//! The budget of `kubectl rhacs roxctl install`, side by side with curl and sha256sum:
//! `cargo bench -p kubectl-rhacs-roxctl`.
//!
//! Both sides fetch 100 MiB over TLS from the same embedded mirror, in turn. Ours also writes,
//! syncs, runs and renames the file. Nothing is asserted. Needs Linux (`/proc`).

#[expect(dead_code, reason = "the benchmark of the suite uses the rest")]
mod process;

use std::path::Path;
use std::process::Command;

use common::rhacs::Version;
use process::{Usage, measure, median};
use sim::mirror::Mirror;

const ROXCTL: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-roxctl");
const SIZE: u64 = 100 << 20;
const ROUNDS: usize = 7;

fn main() {
    start_up();
    install();
}

fn start_up() {
    let size = std::fs::metadata(ROXCTL).map_or(0, |file| file.len());
    let runs: Vec<Usage> =
        (0..21).map(|_| measure(Command::new(ROXCTL).arg("--version"))).collect();
    let wall = median(runs.iter().map(|run| run.wall));
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or_default();
    say(&format!("binary {:.2} MiB", mib(size)));
    say(&format!("--version {:.2} ms wall, {:.1} MiB", wall * 1e3, mib(peak)));
}

fn install() {
    let mirror = Mirror::builder().release(Version::release(4, 8, 3)).size(SIZE).tls();
    let mirror = mirror.start().expect("the mirror starts");
    let home = tempfile::tempdir().expect("a home");
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, mirror.ca_pem().expect("TLS")).expect("written");
    let url = mirror.url();
    // The first request for the list hashes every file of the mirror.
    ours(home.path(), &url);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(ours(home.path(), &url));
        other.push(theirs(&ca, &url));
    }
    let wall = |runs: &[Usage]| median(runs.iter().map(|run| run.wall));
    let (own_wall, other_wall) = (wall(&own), wall(&other));
    let peak = own.iter().map(|run| run.peak).max().unwrap_or_default();
    let speed = |seconds: f64| mib(SIZE) / seconds;
    say(&format!("install of {:.0} MiB over TLS (median of {ROUNDS})", mib(SIZE)));
    say(&format!(
        "  kubectl rhacs roxctl install  {own_wall:6.3} s  {:5.0} MiB/s  peak {:.1} MiB",
        speed(own_wall),
        mib(peak)
    ));
    say(&format!("  curl | sha256sum  {other_wall:6.3} s  {:5.0} MiB/s", speed(other_wall)));
    say(&format!("  ratio of wall times: {:.2}", own_wall / other_wall));
}

fn ours(home: &Path, url: &str) -> Usage {
    drop(std::fs::remove_dir_all(home.join(".local/bin")));
    let mut command = Command::new(ROXCTL);
    command
        .args(["install", "4.8.3", "--quiet", "--mirror", url, "--mirror-ca"])
        .arg(home.join("ca.pem"))
        .env_clear()
        .env("HOME", home)
        .env("PATH", home.join(".local/bin"))
        .current_dir(home);
    let usage = measure(&mut command);
    assert!(home.join(".local/bin/roxctl").is_file(), "it was installed");
    usage
}

fn theirs(ca: &Path, url: &str) -> Usage {
    let ca = ca.display();
    let pipe = format!("curl -sS --cacert {ca} {url}/4.8.3/bin/Linux/roxctl | sha256sum");
    measure(Command::new("sh").args(["-c", &pipe]))
}

#[expect(clippy::cast_precision_loss, reason = "sizes are shown with two digits")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn say(line: &str) {
    println!("{line}");
}
