//! A run that is killed at any request, of the API or of the cluster, is completed by `sync`.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rhacs_tests::Stage;
use sim::faults::{RequestAction, RequestRule, Script};

use crate::clusters::{assert_delivered, one_cluster};
use crate::{SF_TOKEN, rotations, sf};

const ROTATE: &str = "rotate myToken --graceful 604800 --to-collector monitoring";
const SYNC: &str = "sync myToken --to-collector monitoring";
/// Longer than any test.
const HOLD: RequestAction = RequestAction::Delay { milliseconds: 3_600_000 };

#[test]
fn a_run_killed_at_any_request_to_splunk_is_completed() {
    let whole = one_cluster();
    run(&whole);
    let all = whole.splunk().requests().len();
    for number in 1..=all {
        let stage = one_cluster();
        let rule = RequestRule::splunk(HOLD).request(number as u64);
        stage.splunk().faults().replace(Script::default().request(rule));
        let child = start(&stage);
        kill_when(child, || stage.splunk().requests().len() >= number, number);
        stage.splunk().faults().clear();
        complete(&stage, number);
    }
}

#[test]
fn a_run_killed_at_any_odd_request_to_the_cluster_is_completed() {
    every_second_request(1);
}

#[test]
fn a_run_killed_at_any_even_request_to_the_cluster_is_completed() {
    every_second_request(2);
}

/// Two tests share the requests, so that they run side by side.
fn every_second_request(first: usize) {
    let whole = one_cluster();
    run(&whole);
    let all = ours(&whole);
    assert!(all > 5, "the cluster was asked: {all}");
    for number in (first..=all).step_by(2) {
        let stage = one_cluster();
        let rule = RequestRule::api(HOLD).user_agent("sf-token*").nth(number as u64);
        stage.cluster("east").faults().replace(Script::default().request(rule));
        let child = start(&stage);
        let mut still = Still::default();
        kill_when(child, || still.is_at(ours(&stage), number), number);
        stage.cluster("east").faults().clear();
        complete(&stage, number);
    }
}

/// Whether all requests before the one that is held back have been answered: requests are logged
/// by their answers, and some are made side by side.
struct Still {
    seen: usize,
    since: Instant,
}

impl Default for Still {
    fn default() -> Self {
        Self { seen: 0, since: Instant::now() }
    }
}

impl Still {
    fn is_at(&mut self, now: usize, number: usize) -> bool {
        if now != self.seen {
            *self = Self { seen: now, since: Instant::now() };
        }
        self.seen + 1 >= number && self.since.elapsed() > Duration::from_millis(250)
    }
}

/// How many requests of `sf-token` the cluster has answered.
fn ours(stage: &Stage) -> usize {
    let requests = stage.cluster("east").requests();
    requests.iter().filter(|request| request.user_agent.starts_with("sf-token")).count()
}

fn run(stage: &Stage) {
    sf(stage, ROTATE).ends_with(0);
    assert_delivered(stage, "east", "otel");
}

fn start(stage: &Stage) -> Child {
    start_with(stage, ROTATE, Stdio::null())
}

fn start_with(stage: &Stage, words: &str, stderr: Stdio) -> Child {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = stage.command(SF_TOKEN, &words);
    command.stdout(Stdio::null()).stderr(stderr).spawn().expect("it starts")
}

fn kill_when(mut child: Child, mut is_there: impl FnMut() -> bool, number: usize) {
    let began = Instant::now();
    while !is_there() && child.try_wait().expect("waited").is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "request {number} never came");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// Nothing is lost, nothing is on the disk, and `sync` leads to the end; the token was rotated at
/// most once.
fn complete(stage: &Stage, number: usize) {
    assert!(stage.files_with_secrets().is_empty(), "killed at request {number}");
    let done = sf(stage, SYNC);
    assert_eq!(done.code, Some(0), "after a kill at request {number}: {done:?}");
    assert_delivered(stage, "east", "otel");
    assert!(rotations(stage).len() <= 1, "killed at request {number}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_a_safe_point_and_sync_finishes() {
    use sim::faults::ClusterFault;
    let stage = one_cluster();
    let slow = ClusterFault::slow_readiness("daemonset/otel-agent", Duration::from_secs(500));
    stage.cluster("east").clock().set_factor(60.0);
    stage.cluster("east").faults().add(slow);
    let mut child = start(&stage);
    let began = Instant::now();
    let patched = || {
        let requests = stage.cluster("east").requests();
        requests.iter().any(|request| {
            request.method == "PATCH"
                && request.path.ends_with("/otel-agent")
                && !request.query.contains("dryRun")
        })
    };
    while !patched() {
        assert!(began.elapsed() < Duration::from_secs(60), "the agent is never restarted");
        std::thread::sleep(Duration::from_millis(20));
    }
    interrupt(&child);
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    stage.cluster("east").faults().clear();
    stage.cluster("east").clock().set_factor(2000.0);
    sf(&stage, SYNC).ends_with(0);
    assert_delivered(&stage, "east", "otel");
    assert_eq!(rotations(&stage).len(), 1);
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
}

#[cfg(unix)]
#[test]
fn the_second_ctrl_c_during_the_rotation_says_what_may_have_happened() {
    use std::io::{BufRead, BufReader};
    let stage = one_cluster();
    let rule = RequestRule::splunk(HOLD).method("POST").path("*/rotate*");
    stage.splunk().faults().replace(Script::default().request(rule));
    let mut child = start_with(&stage, ROTATE, Stdio::piped());
    let began = Instant::now();
    while rotations(&stage).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never rotates");
        std::thread::sleep(Duration::from_millis(10));
    }
    interrupt(&child);
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut lines = stderr.lines().map(|line| line.expect("text"));
    assert!(lines.any(|line| line.contains("Ctrl-C again")), "the first one is answered");
    interrupt(&child);
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    let rest = rest.join("\n");
    assert!(rest.contains("`myToken` may have been rotated"), "{rest}");
    assert!(rest.contains(SYNC), "{rest}");
}

#[test]
fn a_run_killed_after_its_rotation_is_completed_while_the_new_secret_spreads() {
    let stage = one_cluster();
    let url = stage.splunk().url();
    stage.splunk().switch(|switches| switches.propagation = 5);
    let probes = || stage.splunk().requests().iter().filter(|one| one.path == "/v2/event").count();
    // The first probe is that of the secret before.
    let second = RequestRule::splunk(HOLD).method("POST").path("/v2/event").nth(2);
    stage.splunk().faults().replace(Script::default().request(second));
    let words = format!("{ROTATE} --ingest-url {url}");
    kill_when(start_with(&stage, &words, Stdio::null()), || probes() >= 2, 2);
    assert_eq!(rotations(&stage).len(), 1);
    stage.splunk().faults().clear();
    sf(&stage, &format!("{SYNC} --ingest-url {url}")).ends_with(0);
    assert_delivered(&stage, "east", "otel");
}
