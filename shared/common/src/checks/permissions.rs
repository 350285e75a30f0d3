//! Which permissions a plan needs, for the way there and for the way back.

use crate::plan::{ChangedBy, Foreseen, Plan, Verification, Write};
use crate::rhacs::Need::{self, Cause, Run, WayBack};
use crate::rhacs::{ObjectRef, Permission};

/// Every permission that `plan` needs, each once; what the record and the lock need included.
#[must_use]
pub fn permissions(plan: &Plan) -> Vec<Permission> {
    let mut all: Vec<Permission> = Vec::new();
    let mut add = |permission: Permission| {
        match all.iter_mut().find(|known| same(known, &permission)) {
            // What the run needs is not only for the way back because that needs it too.
            Some(known) if permission.needed_for < known.needed_for => *known = permission,
            Some(_) => {}
            None => all.push(permission),
        }
    };
    for step in &plan.steps {
        for forecast in step.action.forecast(&plan.namespace) {
            let object = forecast.object.as_ref();
            match (forecast.by, forecast.change) {
                // It has rights of its own.
                (ChangedBy::Upgrader, _) => {}
                (ChangedBy::Run, Foreseen::Write(write)) => {
                    for (verb, purpose, need) in verbs(write) {
                        add(on(object, verb, &format!("{purpose} ({})", step.title), *need));
                    }
                }
                (ChangedBy::Run, Foreseen::Unknown) => {
                    add(on(object, "get", "keep the way back of the scanner bundle", WayBack));
                    add(on(object, "patch", "apply the scanner bundle", Run));
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
                needed_for: row.needed_for,
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
const fn verbs(write: &Write) -> &'static [(&'static str, &'static str, Need)] {
    match write {
        Write::Patch { .. } => &[
            ("get", "look at it", Run),
            ("patch", "change it", Run),
            ("update", "put it back", WayBack),
        ],
        Write::Apply { .. } => &[
            ("get", "look at it", Run),
            ("patch", "apply it", Run),
            ("create", "apply it", Run),
            ("delete", "take it back", WayBack),
        ],
        Write::Delete { .. } => &[
            ("get", "look at it", Run),
            ("delete", "delete it", Run),
            ("create", "put it back", WayBack),
        ],
        Write::Restore { .. } => &[
            ("get", "look at it", Run),
            ("update", "give it its former state", Run),
            ("create", "create it again", Run),
            ("delete", "take it back", WayBack),
        ],
    }
}

fn on(object: &ObjectRef, verb: &str, purpose: &str, needed_for: Need) -> Permission {
    Permission {
        verb: verb.to_owned(),
        group: object.group().to_owned(),
        resource: object.plural(),
        // Creating is never allowed for a single name.
        name: (verb != "create").then(|| object.name.clone()),
        namespace: object.namespace.clone(),
        purpose: purpose.to_owned(),
        needed_for,
    }
}

/// What a run needs besides its own writes: group, resource, verbs, and what for.
struct Housekeeping {
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
    needed_for: Need,
    /// Whether this plan makes use of it.
    is_used: fn(&Plan) -> bool,
}

const HOUSEKEEPING: &[Housekeeping] = &[
    Housekeeping {
        group: "",
        resource: "secrets",
        verbs: &["create", "get", "list", "update", "delete"],
        purpose: "record the run",
        needed_for: Run,
        is_used: |_| true,
    },
    Housekeeping {
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &["create", "get", "patch", "delete"],
        purpose: "lock the installation",
        needed_for: Run,
        is_used: |_| true,
    },
    Housekeeping {
        group: "",
        resource: "pods",
        verbs: &["list", "watch"],
        purpose: "see why a rollout waits",
        needed_for: Run,
        is_used: |plan| waits_for(plan, &["Deployment", "DaemonSet", "StatefulSet"]),
    },
    Housekeeping {
        group: "",
        resource: "events",
        verbs: &["list"],
        purpose: "tell why a rollout does not go on",
        needed_for: Cause,
        is_used: |plan| waits_for(plan, &["Deployment", "DaemonSet", "StatefulSet"]),
    },
    Housekeeping {
        group: "",
        resource: "pods/log",
        verbs: &["get"],
        purpose: "read Central's log",
        needed_for: Run,
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
        needed_for: Run,
        is_used: |plan| waits_for(plan, &["Deployment"]),
    },
    Housekeeping {
        group: "apps",
        resource: "daemonsets",
        verbs: &["list", "watch"],
        purpose: "wait for rollouts",
        needed_for: Run,
        is_used: |plan| waits_for(plan, &["DaemonSet"]),
    },
    Housekeeping {
        group: "apps",
        resource: "replicasets",
        verbs: &["list", "watch"],
        purpose: "find the newest pods",
        needed_for: Run,
        is_used: |plan| waits_for(plan, &["Deployment"]),
    },
];

/// Whether the plan waits for the rollout of a workload of one of these kinds.
fn waits_for(plan: &Plan, kinds: &[&str]) -> bool {
    let mut verifications = plan.steps.iter().flat_map(|step| &step.verify);
    verifications.any(|verification| {
        matches!(verification, Verification::Rollout { object }
            if kinds.contains(&object.kind.as_str()))
    })
}
