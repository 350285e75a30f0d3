//! The life of one pod on its node: what each container does now and when that ends.

use jiff::Timestamp;

use serde_json::Value;

use crate::controllers::objects::{items, text};

/// What the kubelet knows of a pod beyond its object.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Kind and name of the workload it belongs to.
    pub(crate) workload: (String, String),
    /// Whether its containers end with their work, instead of being started again.
    pub(crate) completes: bool,
    pub(crate) node: Option<String>,
    pub(crate) started: Option<Timestamp>,
    /// The volume that cannot be mounted, as it was told.
    pub(crate) missing: Option<String>,
    /// Whether something happened since the last report, and the version of the pod after it.
    pub(crate) changed: bool,
    pub(crate) reported: u64,
    /// Init containers first, each group in the order of the specification.
    pub(crate) containers: Vec<Container>,
    /// When a pod that was told to end is gone.
    pub(crate) ends: Option<Timestamp>,
}

/// One container.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) is_init: bool,
    /// Whether it is an init container that runs on beside the main ones.
    pub(crate) is_sidecar: bool,
    pub(crate) phase: Phase,
    pub(crate) restarts: u32,
    /// How the life before ended.
    pub(crate) last: Option<Exit>,
    /// Seconds that the next back-off lasts.
    pub(crate) back_off: i64,
}

/// What a container does, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Nothing yet.
    New,
    /// Its image is being pulled.
    Pulling { until: Timestamp },
    /// Its image could not be pulled; tried again later.
    PullBackOff { first: bool, until: Timestamp },
    /// It is being started.
    Starting { until: Timestamp },
    /// It runs.
    Running { since: Timestamp, fate: Fate, ready: bool },
    /// It ended and is started again later.
    CrashBackOff { until: Timestamp },
    /// It ended for good.
    Done(Exit),
}

/// What becomes of a running container.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fate {
    /// When it becomes ready; never if absent.
    pub(crate) ready: Option<Timestamp>,
    /// When and with which code it exits; never if absent.
    pub(crate) exit: Option<(Timestamp, i32)>,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: i32,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
}

impl Life {
    /// The life of a pod that nobody has looked at yet.
    pub(crate) fn new(pod: &Value) -> Self {
        let container = |is_init: bool| {
            move |spec: &Value| Container {
                name: text(spec, "/name").to_owned(),
                image: text(spec, "/image").to_owned(),
                is_init,
                is_sidecar: is_init && text(spec, "/restartPolicy") == "Always",
                phase: Phase::New,
                restarts: 0,
                last: None,
                back_off: 10,
            }
        };
        let init = items(pod, "/spec/initContainers").iter().map(container(true));
        let main = items(pod, "/spec/containers").iter().map(container(false));
        Self {
            namespace: text(pod, "/metadata/namespace").to_owned(),
            name: text(pod, "/metadata/name").to_owned(),
            workload: crate::controllers::objects::workload(pod),
            completes: matches!(text(pod, "/spec/restartPolicy"), "Never" | "OnFailure"),
            node: None,
            started: None,
            missing: None,
            changed: true,
            reported: 0,
            containers: init.chain(main).collect(),
            ends: None,
        }
    }

    /// Whether every init container has done its work.
    pub(crate) fn is_initialised(&self) -> bool {
        self.containers.iter().filter(|container| container.is_init).all(Container::lets_pass)
    }

    /// Whether every main container is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_initialised()
            && self
                .containers
                .iter()
                .filter(|container| container.counts())
                .all(|container| matches!(container.phase, Phase::Running { ready: true, .. }))
    }

    /// Whether every main container has done its work.
    pub(crate) fn is_done(&self) -> bool {
        // Sidecars end with the main ones.
        self.containers.iter().filter(|container| !container.is_sidecar).all(Container::succeeded)
    }

    /// The containers whose turn it is: one init container, or all main ones, and with either the
    /// sidecars that were started before.
    pub(crate) fn turns(&self) -> Vec<usize> {
        let init = self
            .containers
            .iter()
            .position(|container| container.is_init && !container.lets_pass());
        let is_due = |index: usize| {
            let container = &self.containers[index];
            match init {
                Some(position) => index == position || (container.is_sidecar && index < position),
                None => !container.is_init || container.is_sidecar,
            }
        };
        (0..self.containers.len()).filter(|index| is_due(*index)).collect()
    }
}

impl Container {
    /// Whether the pod is not ready without it.
    pub(crate) const fn counts(&self) -> bool {
        !self.is_init || self.is_sidecar
    }

    /// Whether the containers after this init container may start: it did its work, or is a sidecar
    /// that was started.
    fn lets_pass(&self) -> bool {
        if self.is_sidecar {
            matches!(self.phase, Phase::Running { .. } | Phase::CrashBackOff { .. })
        } else {
            self.succeeded()
        }
    }

    fn succeeded(&self) -> bool {
        matches!(self.phase, Phase::Done(Exit { code: 0, .. }))
    }

    /// The length of this back-off; the next one is twice as long, up to five minutes.
    pub(crate) fn take_back_off(&mut self) -> i64 {
        let seconds = self.back_off;
        self.back_off = (seconds * 2).min(300);
        seconds
    }
}

impl Phase {
    /// When it ends by itself.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::New | Self::Done(_) => None,
            Self::Pulling { until }
            | Self::PullBackOff { until, .. }
            | Self::Starting { until }
            | Self::CrashBackOff { until } => Some(*until),
            Self::Running { fate, ready, .. } => {
                let exit = fate.exit.map(|(moment, _)| moment);
                let becomes_ready = fate.ready.filter(|_| !ready);
                exit.into_iter().chain(becomes_ready).min()
            }
        }
    }
}
