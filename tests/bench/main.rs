//! The budget of the suite, measured side by side with other tools: `cargo bench -p kubectl-rhacs-upgrade`.
//!
//! Ratios, not seconds, are what to look at: both sides run on the same machine in turn. Nothing
//! is asserted. Needs Linux (`/proc`); what needs kubectl or curl is left out where they are not.

mod process;

use std::path::Path;
use std::process::Command;

use process::{Usage, measure, median};
use rhacs_tests::Installation;

const UPGRADE: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-upgrade");
const TO: &str = "3.69.2";
const GIB: u64 = 1 << 30;

fn main() {
    start_up();
    whole_upgrade();
    backup();
}

fn start_up() {
    let size = std::fs::metadata(UPGRADE).map_or(0, |file| file.len());
    say("start-up (median of 21)");
    say(&format!("  binary                       {:.2} MiB", mib(size)));
    let row = |name: &str, command: &dyn Fn() -> Command| {
        let runs: Vec<Usage> = (0..21).map(|_| measure(&mut command())).collect();
        let wall = median(runs.iter().map(|run| run.wall));
        let memory = runs.iter().map(|run| run.peak).max().unwrap_or_default();
        say(&format!("  {name:28} {:7.2} ms wall  {:6.1} MiB", wall * 1e3, mib(memory)));
    };
    row("kubectl-rhacs-upgrade --version", &|| with(UPGRADE, &["--version"]));
    row("kubectl-rhacs-upgrade --help", &|| with(UPGRADE, &["--help"]));
    if has("kubectl") {
        row("kubectl version --client", &|| with("kubectl", &["version", "--client"]));
    }
}

/// The upgrade, and the same writes and waits through kubectl, on clusters of their own.
fn whole_upgrade() {
    say(&format!("upgrade 3.62.1 to {TO} on Kubernetes, embedded cluster"));
    let ours = Installation::at("3.62.1").start();
    let before = ours.simulation().requests().len();
    let mut command = ours.command(UPGRADE, &["--to", TO, "--yes", "--events", "json"]);
    let (usage, events) = process::measure_with_stderr(&mut command);
    let all = ours.simulation().requests();
    let requests: Vec<_> = all[before..]
        .iter()
        .filter(|request| request.user_agent.starts_with("kubectl-rhacs"))
        .collect();
    let reads = requests.iter().filter(|request| request.method == "GET").count();
    row("kubectl rhacs upgrade", &usage, requests.len());
    say(&format!(
        "  of these {} reads and watches, {} writes and reviews",
        reads,
        requests.len() - reads
    ));
    let work = usage.wall - waited(&events);
    say(&format!("  without its waits for rollouts {work:.3} s wall"));
    if !has("kubectl") {
        return;
    }
    let theirs = Installation::at("3.62.1").start();
    let (mut total, mut waits) = (Usage::default(), Usage::default());
    for words in guide() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let sum = if words.contains(&"rollout") { &mut waits } else { &mut total };
        sum.add(&measure(&mut theirs.command("kubectl", &words)));
    }
    let all = theirs.simulation().requests();
    let requests = all.iter().filter(|request| request.user_agent.starts_with("kubectl/")).count();
    row("the guide through kubectl", &total, requests);
    say(&format!("  besides {:.2} s wall, {:.3} s CPU in `rollout status`", waits.wall, waits.cpu));
    say(&format!("  ratio: wall {:.2}, CPU {:.2}", work / total.wall, usage.cpu / total.cpu));
    say("  waits left out; ours also checks, backs up, records and verifies");
}

/// How long the run waited for what the cluster does by itself, in seconds: in each step from the
/// first thing it waits for to its end, by the run's own events.
fn waited(events: &str) -> f64 {
    let (mut total, mut since) = (0.0, None);
    for line in events.lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let at = line["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        match (line["event"]["event"].as_str(), at) {
            (Some("waiting"), Some(at)) => {
                since.get_or_insert(at);
            }
            (Some("stepFinished"), Some(at)) => {
                total += since.take().map_or(0.0, |since| at.duration_since(since).as_secs_f64());
            }
            _ => {}
        }
    }
    total
}

/// The commands of the guide's sections 2.2.1 to 2.3.4, each with its wait.
fn guide() -> Vec<Vec<String>> {
    let red_hat = "registry.redhat.io/advanced-cluster-security";
    let image = |name: &str| format!("{red_hat}/rhacs-{name}-rhel8:{TO}");
    let set = |workload: &str, pairs: &[(&str, &str)]| -> Vec<String> {
        let mut words =
            vec!["-n".to_owned(), "stackrox".into(), "set".into(), "image".into(), workload.into()];
        words.extend(pairs.iter().map(|(container, name)| format!("{container}={}", image(name))));
        words
    };
    let run = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    let wait =
        |workload: &str| run(&format!("-n stackrox rollout status {workload} --timeout=60s"));
    let user = r#"{"spec":{"template":{"spec":{"containers":[{"name":"scanner","securityContext":{"runAsUser":65534}}]}}}}"#;
    let probe = r#"{"spec":{"template":{"spec":{"containers":[{"name":"sensor","readinessProbe":{"httpGet":{"path":"/ready"}}}]}}}}"#;
    vec![
        run(&format!("-n stackrox patch deploy/scanner -p {user}")),
        set("deploy/central", &[("central", "main")]),
        wait("deploy/central"),
        run("-n stackrox get deploy -o wide"),
        run("-n stackrox logs deploy/central -c central --tail=20"),
        set("deploy/scanner", &[("scanner", "scanner")]),
        set("deploy/scanner-db", &[("db", "scanner-db"), ("init-db", "scanner-db")]),
        wait("deploy/scanner"),
        wait("deploy/scanner-db"),
        run(&format!("-n stackrox patch deploy/sensor -p {probe}")),
        set("deploy/sensor", &[("sensor", "main")]),
        set("ds/collector", &[("compliance", "main")]),
        set("ds/collector", &[("collector", "collector-slim")]),
        set("deploy/admission-control", &[("admission-control", "main")]),
        wait("deploy/sensor"),
        wait("ds/collector"),
        wait("deploy/admission-control"),
        run("-n stackrox get deploy,ds -o wide"),
    ]
}

/// A backup of 2 GiB against curl from the same server.
fn backup() {
    say("backup of 2 GiB from the embedded Central");
    let installation = Installation::at("3.66.1").start();
    installation.simulation().central().set_backup_bytes(2 * GIB);
    let address = installation.simulation().central_address().to_string();
    let mut command = installation
        .command(UPGRADE, &["--to", TO, "--yes", "--components", "central", "--events", "json"]);
    command.env("ROX_ENDPOINT", &address);
    let (usage, stderr) = process::measure_with_stderr(&mut command);
    let seconds = backup_seconds(&stderr);
    let speed = |seconds: f64| 2.0 * 1024.0 / seconds;
    say(&format!(
        "  kubectl rhacs upgrade: download, hash, verify  {seconds:6.2} s  {:5.0} MiB/s  peak {:.1} MiB",
        speed(seconds),
        mib(usage.peak)
    ));
    if !has("curl") {
        return;
    }
    let target = installation.directory().join("curl.zip");
    let mut command = with("curl", &["-sk", "-u", "admin:letmein", "-o"]);
    command.arg(&target).arg(format!("https://{address}/api/extensions/backup"));
    let curl = measure(&mut command);
    say(&format!("  curl: download only  {:6.2} s  {:5.0} MiB/s", curl.wall, speed(curl.wall)));
    say(&format!("  ratio of speeds: {:.2}", curl.wall / seconds));
}

/// How long the backup step took, by the run's own events.
fn backup_seconds(events: &str) -> f64 {
    let of_backup = |line: &str| -> Option<f64> {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        let event = &event["event"];
        (event["event"] == "stepFinished" && event["id"] == "backup")
            .then(|| event["elapsedSeconds"].as_f64())?
    };
    events.lines().find_map(of_backup).unwrap_or(f64::NAN)
}

fn row(name: &str, usage: &Usage, requests: usize) {
    say(&format!(
        "  {name:28} {:6.2} s wall  {:6.3} s CPU  {requests:4} requests  peak {:.1} MiB",
        usage.wall,
        usage.cpu,
        mib(usage.peak)
    ));
}

fn with(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

#[expect(clippy::cast_precision_loss, reason = "sizes are shown with two digits")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn say(line: &str) {
    println!("{line}");
}
