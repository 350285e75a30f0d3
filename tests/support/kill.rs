//! Killing a command while it waits for one of its requests.

use std::process::Stdio;
use std::time::{Duration, Instant};

use sim::faults::{RequestAction, RequestRule, Script};

use crate::Installation;

/// As long as the slowest machine may take to come to a request.
const PATIENCE: Duration = Duration::from_secs(300);

/// A command that is killed at any of its requests, once for each.
#[derive(Clone, Copy, Debug)]
pub struct KillSweep<'a> {
    /// The program.
    pub program: &'a str,
    /// Its words.
    pub words: &'a str,
}

impl KillSweep<'_> {
    /// The numbers of the requests to be killed at, after an undisturbed run that followed `before`
    /// others: from the lock on. Up to it everything is only read, and once is enough there. Events
    /// are written beside the run, which does not wait for them.
    ///
    /// # Panics
    /// When the run took no lock.
    #[must_use]
    pub fn numbers(whole: &Installation, before: usize) -> Vec<usize> {
        let all = requests(whole);
        let requests = &all[before..];
        let lock = requests.iter().position(|path| path.ends_with("/leases")).expect("a lock");
        let is_waited_for = |number: &usize| !requests[number - 1].ends_with("/events");
        (lock.max(1)..=requests.len()).filter(is_waited_for).collect()
    }

    /// Runs the command and kills it while it waits for the answer to its request `number`; one that
    /// needs fewer requests this time comes to its end.
    ///
    /// # Panics
    /// When it neither comes to that request nor to its end.
    pub fn kill_at(&self, installation: &Installation, number: usize) {
        let hold = RequestAction::Delay { milliseconds: 3_600_000 };
        let rule = RequestRule::api(hold).user_agent("kubectl-rhacs*").nth(number as u64);
        let faults = installation.simulation().faults();
        faults.replace(Script::default().request(rule));
        let words: Vec<&str> = self.words.split_whitespace().collect();
        let mut command = installation.command(self.program, &words);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let began = Instant::now();
        while faults.decided() == 0 && child.try_wait().expect("waited").is_none() {
            assert!(began.elapsed() < PATIENCE, "request {number} never came");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        faults.clear();
    }
}

/// The paths of the plugins' requests, in order.
#[must_use]
pub fn requests(installation: &Installation) -> Vec<String> {
    let requests = installation.simulation().requests();
    let ours = requests.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs"));
    ours.map(|request| request.path.clone()).collect()
}
