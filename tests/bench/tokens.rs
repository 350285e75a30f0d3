//! The budget of `sf-token`: start-up, and 10,000 tokens listed: `cargo bench -p sf-token`.
//!
//! Nothing is asserted. Needs Linux (`/proc`).

#[expect(dead_code, reason = "the benchmark of the suite uses the rest")]
mod process;

use std::process::Command;

use process::{Usage, measure, median};
use rhacs_tests::Stage;
use sim::splunk::{Seed, Splunk};

const SF_TOKEN: &str = env!("CARGO_BIN_EXE_sf-token");
/// The most that the API shows.
const TOKENS: usize = 10_000;

fn main() {
    let size = std::fs::metadata(SF_TOKEN).map_or(0, |file| file.len());
    say(&format!("binary                       {:.2} MiB", mib(size)));
    for words in [["--version"], ["--help"]] {
        row(words[0], 21, || {
            let mut command = Command::new(SF_TOKEN);
            command.args(words);
            command
        });
    }
    let seeds = (0..TOKENS).map(|number| {
        let words = "What it is for, in the words of whoever made it, as people write them";
        Seed::ingest(&format!("team-{number:05} of the cluster")).description(words)
    });
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    say(&format!("{TOKENS} tokens"));
    for words in [
        "list",
        "list -o wide",
        "list -o json",
        "list -o yaml",
        "list -o name",
        "list --sort expiry",
        "expiring -o prometheus",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        row(&words.join(" "), 3, || stage.command(SF_TOKEN, &words));
    }
}

fn row(name: &str, times: usize, command: impl Fn() -> Command) {
    let mut total = Usage::default();
    let runs: Vec<Usage> = (0..times).map(|_| measure(&mut command())).collect();
    runs.iter().for_each(|run| total.add(run));
    let wall = median(runs.iter().map(|run| run.wall));
    say(&format!(
        "  {name:26} {:8.2} ms wall  {:8.2} ms CPU  {:6.1} MiB",
        wall * 1e3,
        total.cpu * 1e3 / f64::from(u32::try_from(times).unwrap_or(1)),
        mib(total.peak)
    ));
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn say(line: &str) {
    println!("{line}");
}
