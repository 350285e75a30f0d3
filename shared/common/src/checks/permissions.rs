//! Which permissions a plan needs, for the way there and for the way back.

use crate::plan::{Action, Plan, Write};
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
        for write in step.action.writes() {
            for (verb, purpose) in verbs(write) {
                add(on(write.object(), verb, &format!("{purpose} ({})", step.title)));
            }
        }
        if matches!(step.action, Action::ScannerBundle { .. }) {
            for object in bundle_objects(&plan.namespace) {
                add(on(&object, "get", "keep the way back of the scanner bundle"));
                add(on(&object, "patch", "apply the scanner bundle"));
            }
        }
    }
    for (group, resource, verbs, purpose) in HOUSEKEEPING {
        for verb in *verbs {
            add(Permission {
                verb: (*verb).to_owned(),
                group: (*group).to_owned(),
                resource: (*resource).to_owned(),
                name: None,
                namespace: Some(plan.namespace.clone()),
                purpose: (*purpose).to_owned(),
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

fn bundle_objects(namespace: &str) -> [ObjectRef; 3] {
    [
        ObjectRef::namespaced("v1", "Secret", namespace, "scanner-tls"),
        ObjectRef::namespaced("v1", "Secret", namespace, "scanner-db-tls"),
        ObjectRef::namespaced("v1", "ConfigMap", namespace, "scanner-config"),
    ]
}

type Housekeeping = (&'static str, &'static str, &'static [&'static str], &'static str);

/// What every run needs besides its own writes.
const HOUSEKEEPING: &[Housekeeping] = &[
    ("", "secrets", &["create", "get", "list", "update", "delete"], "record the run"),
    (
        "coordination.k8s.io",
        "leases",
        &["create", "get", "patch", "delete"],
        "lock the installation",
    ),
    ("", "pods", &["list", "watch"], "see why a rollout waits"),
    ("", "pods/log", &["get"], "read Central's log"),
    ("apps", "deployments", &["list", "watch"], "wait for rollouts"),
    ("apps", "daemonsets", &["list", "watch"], "wait for rollouts"),
    ("apps", "replicasets", &["list", "watch"], "find the newest pods"),
];
