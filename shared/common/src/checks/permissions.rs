//! Which permissions a plan needs, for the way there and for the way back.

use crate::plan::{ChangedBy, Foreseen, Plan, Verification, Write};
use crate::rhacs::{ObjectRef, Permission};

/// Every permission that `plan` needs, each once; what the record and the lock need included.
#[must_use]
pub fn permissions(plan: &Plan) -> Vec<Permission> {
    let mut all: Vec<Permission> = Vec::new();
    let mut add = |permission: Permission| {
        if !all.iter().any(|known| same(known, &permission)) {
            all.push(permission);
        }
    };
    for step in &plan.steps {
        for forecast in step.action.forecast(&plan.namespace) {
            let object = forecast.object.as_ref();
            match (forecast.by, forecast.change) {
                // It has rights of its own.
                (ChangedBy::Upgrader, _) => {}
                (ChangedBy::Run, Foreseen::Write(write)) => {
                    for (verb, purpose) in verbs(write) {
                        add(on(object, verb, &format!("{purpose} ({})", step.title)));
                    }
                }
                (ChangedBy::Run, Foreseen::Unknown) => {
                    add(on(object, "get", "keep the way back of the scanner bundle"));
                    add(on(object, "patch", "apply the scanner bundle"));
                }
            }
        }
    }
    for row in HOUSEKEEPING.iter().filter(|row| (row.is_used)(plan)) {
        for verb in row.verbs {
            add(Permission {
                verb: (*verb).to_owned(),
                group: row.group.to_owned(),
                resource: row.resource.to_owned(),
                name: None,
                namespace: Some(plan.namespace.clone()),
                purpose: row.purpose.to_owned(),
            });
        }
    }
    all
}

fn same(a: &Permission, b: &Permission) -> bool {
    (&a.verb, &a.group, &a.resource, &a.name, &a.namespace)
        == (&b.verb, &b.group, &b.resource, &b.name, &b.namespace)
}

/// The verbs of a write, then those of its reversal. Applying an object that is not there yet takes
/// the right to create it besides the one to patch it.
const fn verbs(write: &Write) -> &'static [(&'static str, &'static str)] {
    match write {
        Write::Patch { .. } => {
            &[("get", "look at it"), ("patch", "change it"), ("update", "put it back")]
        }
        Write::Apply { .. } => &[
            ("get", "look at it"),
            ("patch", "apply it"),
            ("create", "apply it"),
            ("delete", "take it back"),
        ],
        Write::Delete { .. } => {
            &[("get", "look at it"), ("delete", "delete it"), ("create", "put it back")]
        }
        Write::Restore { .. } => &[
            ("get", "look at it"),
            ("update", "give it its former state"),
            ("create", "create it again"),
            ("delete", "take it back"),
        ],
    }
}

fn on(object: &ObjectRef, verb: &str, purpose: &str) -> Permission {
    Permission {
        verb: verb.to_owned(),
        group: object.group().to_owned(),
        resource: object.plural(),
        // Creating is never allowed for a single name.
        name: (verb != "create").then(|| object.name.clone()),
        namespace: object.namespace.clone(),
        purpose: purpose.to_owned(),
    }
}

/// What a run needs besides its own writes: group, resource, verbs, and what for.
struct Housekeeping {
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
    /// Whether this plan makes use of it.
    is_used: fn(&Plan) -> bool,
}

const HOUSEKEEPING: &[Housekeeping] = &[
    Housekeeping {
        group: "",
        resource: "secrets",
        verbs: &["create", "get", "list", "update", "delete"],
        purpose: "record the run",
        is_used: |_| true,
    },
    Housekeeping {
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &["create", "get", "patch", "delete"],
        purpose: "lock the installation",
        is_used: |_| true,
    },
    Housekeeping {
        group: "",
        resource: "pods",
        verbs: &["list", "watch"],
        purpose: "see why a rollout waits",
        is_used: |plan| waits_for(plan, &["Deployment", "DaemonSet", "StatefulSet"]),
    },
    Housekeeping {
        group: "",
        resource: "events",
        verbs: &["list"],
        purpose: TELL_WHY,
        is_used: |plan| waits_for(plan, &["Deployment", "DaemonSet", "StatefulSet"]),
    },
    Housekeeping {
        group: "",
        resource: "pods/log",
        verbs: &["get"],
        purpose: "read Central's log",
        is_used: |plan| {
            let mut verifications = plan.steps.iter().flat_map(|step| &step.verify);
            verifications.any(|it| matches!(it, Verification::CentralServes { .. }))
        },
    },
    Housekeeping {
        group: "apps",
        resource: "deployments",
        verbs: &["list", "watch"],
        purpose: "wait for rollouts",
        is_used: |plan| waits_for(plan, &["Deployment"]),
    },
    Housekeeping {
        group: "apps",
        resource: "daemonsets",
        verbs: &["list", "watch"],
        purpose: "wait for rollouts",
        is_used: |plan| waits_for(plan, &["DaemonSet"]),
    },
    Housekeeping {
        group: "apps",
        resource: "replicasets",
        verbs: &["list", "watch"],
        purpose: "find the newest pods",
        is_used: |plan| waits_for(plan, &["Deployment"]),
    },
];

/// The purpose of what only makes a wait tell its cause.
pub(super) const TELL_WHY: &str = "tell why a rollout does not go on";

/// Whether the plan waits for the rollout of a workload of one of these kinds.
fn waits_for(plan: &Plan, kinds: &[&str]) -> bool {
    let mut verifications = plan.steps.iter().flat_map(|step| &step.verify);
    verifications.any(|verification| {
        matches!(verification, Verification::Rollout { object }
            if kinds.contains(&object.kind.as_str()))
    })
}
