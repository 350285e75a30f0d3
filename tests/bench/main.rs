//! The budget of the suite, measured side by side with other tools: `cargo bench -p kubectl-rhacs-upgrade`.
//!
//! Ratios, not seconds, are what to look at: both sides run on the same machine in turn. Nothing
//! is asserted. Needs Linux (`/proc`); what needs kubectl or curl is left out where they are not.

mod guide;
mod process;
mod wait;

use std::path::Path;
use std::process::Command;

use common::rhacs::Platform;
use process::{Usage, measure, median};
use rhacs_tests::Installation;

const UPGRADE: &str = env!("CARGO_BIN_EXE_kubectl-rhacs-upgrade");
const TO: &str = "3.69.2";
const GIB: u64 = 1 << 30;

fn main() {
    if wait::waited_instead() {
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let rows: [(&str, fn()); 4] = [
        ("start-up", start_up),
        ("upgrade", || {
            whole_upgrade(Platform::Kubernetes);
            whole_upgrade(Platform::OpenShift);
        }),
        ("backup", backup),
        ("wait", wait::row),
    ];
    for (name, row) in rows {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            row();
        }
    }
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

/// The upgrade, and the guide's own commands through kubectl, on clusters of their own.
///
/// Each side runs three times in turn; the medians are compared.
fn whole_upgrade(platform: Platform) {
    say(&format!("upgrade 3.62.1 to {TO} on {platform}, embedded cluster (medians of 3)"));
    let both = has("kubectl") && has("curl");
    let rounds: Vec<(Ours, Option<Theirs>)> =
        (0..3).map(|_| (ours(platform), both.then(|| theirs(platform)))).collect();
    let of = |value: fn(&Ours) -> f64| median(rounds.iter().map(|(ours, _)| value(ours)));
    let (work, cpu) = (of(|ours| ours.work), of(|ours| ours.usage.cpu));
    let (first, theirs) = &rounds[0];
    say(&format!(
        "  kubectl rhacs upgrade        {work:6.3} s wall  {cpu:6.3} s CPU  {:4} requests  peak {:.1} MiB",
        first.look + first.run,
        mib(first.usage.peak)
    ));
    say(&format!(
        "  of these requests {} look and check, {} from the lock to its release",
        first.look, first.run
    ));
    let Some(theirs) = theirs else { return };
    let all = || rounds.iter().filter_map(|(_, theirs)| theirs.as_ref());
    let wall = median(all().map(|theirs| theirs.guide.commands.wall));
    let their_cpu = median(all().map(|theirs| theirs.guide.commands.cpu));
    say(&format!(
        "  {:2} commands of the guide     {wall:6.3} s wall  {their_cpu:6.3} s CPU  {:4} requests  peak {:.1} MiB",
        theirs.guide.count,
        theirs.requests,
        mib(theirs.guide.commands.peak)
    ));
    let waits = theirs.guide.waits;
    say(&format!("  besides {:.2} s wall, {:.3} s CPU in `rollout status`", waits.wall, waits.cpu));
    say(&format!("  ratio: wall {:.3}, CPU {:.3}", work / wall, cpu / their_cpu));
    say("  waits left out; ours also checks, backs up, records and verifies");
}

/// What one upgrade by this suite took.
struct Ours {
    usage: Usage,
    /// The wall time without the waits for rollouts.
    work: f64,
    look: usize,
    run: usize,
}

fn ours(platform: Platform) -> Ours {
    let installation = installation(platform);
    let words = ["--to", TO, "--yes", "--events", "json"];
    let (usage, events) = process::measure_with_stderr(&mut installation.command(UPGRADE, &words));
    let requests = installation.simulation().requests();
    let own: Vec<_> =
        requests.iter().filter(|it| it.user_agent.starts_with("kubectl-rhacs")).collect();
    let locks =
        |position: usize| own[position].method == "POST" && own[position].path.contains("/leases");
    let look = (0..own.len()).find(|position| locks(*position)).unwrap_or(own.len());
    Ours { usage, work: usage.wall - waited(&events), look, run: own.len() - look }
}

/// What the guide took.
struct Theirs {
    guide: guide::Guide,
    requests: usize,
}

fn theirs(platform: Platform) -> Theirs {
    let installation = installation(platform);
    let guide = guide::carry_out(&installation, platform, TO);
    let requests = installation.simulation().requests();
    let requests = requests.iter().filter(|it| it.user_agent.starts_with("kubectl/")).count();
    Theirs { guide, requests }
}

fn installation(platform: Platform) -> Installation {
    let builder = Installation::at("3.62.1");
    match platform {
        Platform::OpenShift => builder.on_openshift().start(),
        Platform::Kubernetes => builder.start(),
    }
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
