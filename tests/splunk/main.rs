//! Black-box tests of `sf-token` against the embedded Splunk and embedded clusters.

mod clusters;
mod collectors;
mod crash;
mod doubt;
mod failures;
mod input;
mod leaks;
mod lists;
mod places;
mod programs;
mod proxy;
mod rotation;
mod sessions;
mod tokens;

use rhacs_tests::{Finished, Stage};
use sim::splunk::{Record, Seed, Splunk};

/// The binary under test.
const SF_TOKEN: &str = env!("CARGO_BIN_EXE_sf-token");
/// The secret that the token of most tests begins with.
const OLD: &str = "canary-old-secret-0001";

/// A stage without clusters whose Splunk has the token `myToken`.
fn stage() -> Stage {
    Stage::with(Splunk::builder().token(my_token())).start()
}

/// The token of most tests.
fn my_token() -> Seed {
    Seed::ingest("myToken").secret(OLD)
}

/// Runs `sf-token` with these words.
fn sf(stage: &Stage, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    stage.run(SF_TOKEN, &words)
}

/// The requests that were to rotate.
fn rotations(stage: &Stage) -> Vec<Record> {
    let mut requests = stage.splunk().requests();
    requests.retain(|request| request.path.ends_with("/rotate"));
    requests
}

/// The lines of the requests that change something.
fn changes(stage: &Stage) -> Vec<String> {
    let requests = stage.splunk().requests();
    let changing = requests.iter().filter(|request| {
        request.method != "GET" && !matches!(request.path.as_str(), "/v2/session" | "/v2/event")
    });
    changing.map(Record::line).collect()
}
