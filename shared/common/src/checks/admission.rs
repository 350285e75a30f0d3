//! Whether OpenShift would create the pods of every workload anew, before and after the plan.

use serde_json::{Value, json};

use super::{Context, Definition, Group, items, name, suite_command};
use crate::plan::{Finding, Severity};
use crate::rhacs::rules::component_of;
use crate::rhacs::scc::{
    Era, KIND, Refused, Verdict, account_of, is_marked, official_constraint, pod_of, verdicts,
    workload_of,
};
use crate::rhacs::{ObjectRef, Snapshot, Version};

/// Whether OpenShift would create the pods of every workload anew.
pub const ADMISSION: Group = Group { definitions: &[REFUSED, UNFIT], run };

const REFUSED: Definition = Definition {
    code: "RHACS-SCC-REFUSED",
    severity: Severity::Accept,
    meaning: "after the plan no SCC would admit the pods of a workload",
    why: "its next pod would not be created",
    source: "OpenShift's admission, as this tool knows it",
};
const UNFIT: Definition = Definition {
    code: "RHACS-SCC-UNFIT",
    severity: Severity::Warn,
    meaning: "no SCC admits the pods of a workload, with the plan or without",
    why: "its next pod will not be created",
    source: "OpenShift's admission, as this tool knows it",
};

/// The workloads whose pods no SCC would admit as things stand, each with the reason. `release` is
/// the one that runs, as far as that is known: its SCCs are the remedy.
#[must_use]
pub fn unfit(snapshot: &Snapshot, release: Option<&Version>) -> Vec<Finding> {
    let refused = refused(snapshot, &snapshot.objects).into_iter();
    refused.map(|(object, why)| found(&UNFIT, snapshot, release, &object, &why)).collect()
}

fn run(context: &Context<'_>) -> Vec<Finding> {
    let snapshot = context.snapshot;
    let before = refused(snapshot, &snapshot.objects);
    let after = refused(snapshot, &context.after.objects);
    after
        .into_iter()
        .map(|(object, why)| {
            let is_touched = context.changes(&object);
            let was_refused = before.iter().any(|(it, _)| *it == object);
            let definition = if was_refused && !is_touched { &UNFIT } else { &REFUSED };
            found(definition, snapshot, Some(&context.plan.to), &object, &why)
        })
        .collect()
}

/// The workloads whose pods no SCC among `objects` admits; none where SCCs could not be read.
fn refused(snapshot: &Snapshot, objects: &[Value]) -> Vec<(ObjectRef, Refused)> {
    if !snapshot.is_openshift() || snapshot.unread.contains_key(KIND) {
        return Vec::new();
    }
    let verdicts = verdicts(objects, &snapshot.pods, &snapshot.namespace).into_iter();
    verdicts.filter_map(|(object, verdict): Verdict| Some((object, verdict.err()?))).collect()
}

fn found(
    definition: &Definition,
    snapshot: &Snapshot,
    release: Option<&Version>,
    object: &ObjectRef,
    refused: &Refused,
) -> Finding {
    let what = format!("{object}{}: {}", pods(snapshot, object), refused.reason());
    definition.found(what, remedy(snapshot, release, object))
}

/// The pods of a workload that run: they go on, until one has to be replaced.
fn pods(snapshot: &Snapshot, object: &ObjectRef) -> String {
    let is_its = |pod: &&Value| {
        workload_of(snapshot, pod).is_some_and(|it| it.reference().as_ref() == Some(object))
    };
    let names: Vec<&str> = snapshot.pods.iter().filter(is_its).map(name).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!(" (pod/{only} runs on)"),
        [first, others @ ..] => format!(" (pod/{first} and {} more run on)", others.len()),
    }
}

/// The command that helps: to let the service account use an SCC of somebody's that has the
/// release's name, to compare the product's own with the release's, or else to look.
fn remedy(snapshot: &Snapshot, release: Option<&Version>, object: &ObjectRef) -> String {
    if component_of(&object.name).is_none() {
        return format!("give {object} an SCC of its own");
    }
    let look = || {
        format!(
            "`kubectl -n {} get {object} -o yaml` shows its security contexts",
            snapshot.namespace
        )
    };
    // The bare names of before 3.64 are nothing to go back to.
    let release = release.filter(|release| Era::of(release) == Era::Named);
    let Some((release, workload)) = release.zip(snapshot.find(object)) else { return look() };
    let pod = pod_of(workload);
    let account = account_of(&pod);
    let Some(official) = official_constraint(release, &snapshot.namespace, account) else {
        return look();
    };
    let Some(live) = snapshot.object(KIND, name(&official)) else { return look() };
    if is_marked(live) {
        let status = suite_command(&snapshot.namespace, &format!("scc status --for {release}"));
        return format!("`{status}` compares scc/{} with the release's", name(live));
    }
    let user = json!(format!("system:serviceaccount:{}:{account}", snapshot.namespace));
    if items(&live["users"]).any(|known| *known == user) {
        return format!(
            "`kubectl edit scc {}`: it is not the product's, and too narrow",
            name(live)
        );
    }
    let users: Vec<&Value> = items(&live["users"]).chain([&user]).collect();
    let patch = json!({"users": users});
    format!("`kubectl patch scc {} --type merge -p '{patch}'`, if whose it is agrees", name(live))
}
