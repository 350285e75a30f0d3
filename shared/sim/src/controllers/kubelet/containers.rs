//! One container after another through its phases: pull, start, ready, exit, back-off.

use jiff::Timestamp;
use serde_json::Value;

use super::life::{Exit, Life, Phase};
use super::{SOURCE, program, render};
use crate::controllers::Round;
use crate::controllers::events::Told;
use crate::controllers::objects::after;
use crate::faults::{ClusterFault, matches, means_workload};
use crate::store::meta;

/// Virtual seconds of a pull, and of a start.
const PULL: i64 = 4;
const START: i64 = 1;
/// Virtual seconds between a failed pull and the back-off that follows.
const FAILED_PULL: i64 = 2;

/// Moves the containers of a pod as far as they come at this moment.
pub(super) fn advance(round: &mut Round<'_>, pod: &Value, life: &mut Life) {
    for _ in 0..life.containers.len() + 1 {
        let turns = life.turns();
        for &index in &turns {
            while step(round, pod, life, index) {}
        }
        if life.turns() == turns {
            break;
        }
    }
    for index in life.turns() {
        if let Some(due) = life.containers[index].phase.due() {
            round.wake_at(due);
        }
    }
    if !life.is_ready() {
        round.cluster.central.stop(meta::uid(pod));
    } else if life.workload.1 == "central" {
        program::serve(round, pod);
    }
}

/// One change of phase, if it is due.
fn step(round: &mut Round<'_>, pod: &Value, life: &mut Life, index: usize) -> bool {
    let due = |moment: &Timestamp| *moment <= round.now;
    let next = match &life.containers[index].phase {
        Phase::New => Some(pull(round, pod, life, index)),
        Phase::Pulling { until } if due(until) => Some(pulled(round, pod, life, index)),
        Phase::PullBackOff { first: true, until } if due(until) => {
            let seconds = life.containers[index].take_back_off();
            let message = format!("Back-off pulling image \"{}\"", life.containers[index].image);
            round.tell(pod, Told::normal(SOURCE, "BackOff", &message));
            Some(Phase::PullBackOff { first: false, until: after(round.now, seconds) })
        }
        Phase::PullBackOff { first: false, until } if due(until) => {
            Some(pull(round, pod, life, index))
        }
        Phase::Starting { until } if due(until) => Some(start(round, pod, life, index)),
        Phase::CrashBackOff { until } if due(until) => {
            life.containers[index].restarts += 1;
            Some(start(round, pod, life, index))
        }
        Phase::Running { .. } => run(round, pod, life, index),
        _ => None,
    };
    let changed = next.is_some();
    if let Some(next) = next {
        life.changed = true;
        life.containers[index].phase = next;
    }
    changed
}

fn pull(round: &mut Round<'_>, pod: &Value, life: &Life, index: usize) -> Phase {
    let image = life.containers[index].image.clone();
    let node = life.node.clone().unwrap_or_default();
    if round.memory.kubelet.pulled.contains(&(node, image.clone())) {
        let message = format!("Container image \"{image}\" already present on machine");
        round.tell(pod, Told::normal(SOURCE, "Pulled", &message));
        return Phase::Starting { until: after(round.now, START) };
    }
    round.tell(pod, Told::normal(SOURCE, "Pulling", &format!("Pulling image \"{image}\"")));
    Phase::Pulling { until: after(round.now, PULL) }
}

fn pulled(round: &mut Round<'_>, pod: &Value, life: &Life, index: usize) -> Phase {
    let image = life.containers[index].image.clone();
    let broken = round.cluster.faults.any(
        |fault| matches!(fault, ClusterFault::BrokenPull { image: pattern } if matches(pattern, &image)),
    );
    if broken {
        let message = format!("Failed to pull image \"{image}\": {}", render::pull_error(&image));
        round.tell(pod, Told::warning(SOURCE, "Failed", &message));
        round.tell(pod, Told::warning(SOURCE, "Failed", "Error: ErrImagePull"));
        return Phase::PullBackOff { first: true, until: after(round.now, FAILED_PULL) };
    }
    let message = format!("Successfully pulled image \"{image}\" in {PULL}s");
    round.tell(pod, Told::normal(SOURCE, "Pulled", &message));
    round.memory.kubelet.pulled.insert((life.node.clone().unwrap_or_default(), image));
    Phase::Starting { until: after(round.now, START) }
}

fn start(round: &mut Round<'_>, pod: &Value, life: &Life, index: usize) -> Phase {
    let container = &life.containers[index];
    round.tell(
        pod,
        Told::normal(SOURCE, "Created", &format!("Created container: {}", container.name)),
    );
    round.tell(
        pod,
        Told::normal(SOURCE, "Started", &format!("Started container {}", container.name)),
    );
    round.cluster.logs.start(&life.namespace, &life.name, &container.name);
    let fate = program::start(round, pod, life, container);
    Phase::Running { since: round.now, fate, ready: false }
}

fn run(round: &mut Round<'_>, pod: &Value, life: &mut Life, index: usize) -> Option<Phase> {
    let Phase::Running { since, fate, ready } = life.containers[index].phase.clone() else {
        return None;
    };
    if let Some((moment, code)) = fate.exit.filter(|(moment, _)| *moment <= round.now) {
        let exit = Exit { code, started: since, finished: moment };
        let completes = life.completes;
        let container = &mut life.containers[index];
        if ((container.is_init && !container.is_sidecar) || completes) && code == 0 {
            return Some(Phase::Done(exit));
        }
        container.last = Some(exit);
        let seconds = container.take_back_off();
        let name = &container.name;
        let message = format!(
            "Back-off restarting failed container {name} in pod {}_{}({})",
            life.name,
            life.namespace,
            meta::uid(pod)
        );
        round.tell(pod, Told::warning(SOURCE, "BackOff", &message));
        return Some(Phase::CrashBackOff { until: after(round.now, seconds) });
    }
    let (kind, name) = &life.workload;
    let held_back = round.cluster.faults.any(
        |fault| matches!(fault, ClusterFault::NeverReady { workload } if means_workload(workload, kind, name)),
    );
    let becomes_ready = fate.ready.is_some_and(|moment| moment <= round.now);
    (!ready && becomes_ready && !held_back && life.containers[index].counts())
        .then_some(Phase::Running { since, fate, ready: true })
}
