//! Which constraint would admit the pods of each workload, were they created now.

use serde_json::{Value, json};

use super::admission::account_of;
use super::{
    Admission, KIND, Refused, admitted_by, built_in_roles, is_marked, name, old_scc_names, pod_of,
    text,
};
use crate::rhacs::{ObjectRef, Snapshot, Workload};

/// A workload, and the constraint that would admit its pods, or why none would.
pub type Verdict = (ObjectRef, Result<String, Refused>);

/// Which constraint admits the pods of each workload of `namespace` among `objects`, and why none
/// does. `pods` are those that run: where the Roles of the cluster are not among the objects, what
/// admitted them stands in for these.
#[must_use]
pub fn verdicts(objects: &[Value], pods: &[Value], namespace: &str) -> Vec<Verdict> {
    let assumed = assumed(objects, pods, namespace);
    let admission = Admission::new(objects.iter().chain(&assumed));
    let workloads = objects.iter().filter(|object| {
        matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet" | "StatefulSet"))
            && object["metadata"]["namespace"] == namespace
    });
    workloads
        .filter_map(|workload| {
            let verdict = admission.admit(&pod_of(workload)).map(|admitted| admitted.constraint);
            Some((ObjectRef::of(workload)?, verdict))
        })
        .collect()
}

/// The workloads whose pods only the constraint `constraint` would admit, with the reason why none
/// of the others does.
#[must_use]
pub fn relying_on(
    objects: &[Value],
    pods: &[Value],
    namespace: &str,
    constraint: &str,
) -> Vec<(ObjectRef, Refused)> {
    let is_it = |object: &&Value| object["kind"] == KIND && name(object) == constraint;
    let others: Vec<Value> = objects.iter().filter(|it| !is_it(it)).cloned().collect();
    let with = verdicts(objects, pods, namespace);
    let without = verdicts(&others, pods, namespace);
    let pairs = with.into_iter().zip(without);
    pairs
        .filter_map(|((object, with), (_, without))| {
            with.ok()?;
            Some((object, without.err()?))
        })
        .collect()
}

/// The workload of `snapshot` that a pod is of, told by its selector.
#[must_use]
pub fn workload_of<'a>(snapshot: &'a Snapshot, pod: &Value) -> Option<Workload<'a>> {
    let labels = &pod["metadata"]["labels"];
    snapshot.workloads().find(|workload| {
        let wanted = workload.object()["spec"]["selector"]["matchLabels"].as_object();
        wanted.is_some_and(|wanted| {
            !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value)
        })
    })
}

/// The Roles and bindings to be taken for there when those of the cluster were not read:
/// OpenShift's own Roles, and a grant of whatever admitted a pod that runs. A constraint of the
/// product proves nothing: it names its users itself, and may have lost them since.
fn assumed(objects: &[Value], pods: &[Value], namespace: &str) -> Vec<Value> {
    if objects.iter().any(|object| object["kind"] == "ClusterRoleBinding") {
        return Vec::new();
    }
    let (mut assumed, _) = built_in_roles();
    let exists = |constraint: &str| {
        let mut all = objects.iter().filter(|object| object["kind"] == KIND);
        all.any(|scc| name(scc) == constraint && !is_marked(scc))
            && !constraint.starts_with("stackrox-")
            && !old_scc_names().contains(&constraint)
    };
    let own = pods.iter().filter(|pod| text(pod, "/metadata/namespace") == namespace);
    for pod in own {
        let Some(constraint) = admitted_by(pod).filter(|constraint| exists(constraint)) else {
            continue;
        };
        let account = account_of(pod);
        let role = format!("{constraint}:{account}");
        assumed.push(json!({
            "kind": "ClusterRole", "metadata": {"name": role},
            "rules": [{
                "apiGroups": ["security.openshift.io"],
                "resources": ["securitycontextconstraints"],
                "resourceNames": [constraint],
                "verbs": ["use"],
            }],
        }));
        assumed.push(json!({
            "kind": "RoleBinding", "metadata": {"name": role, "namespace": namespace},
            "roleRef": {"kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        }));
    }
    assumed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::scc::{ADMITTED_BY, built_in_constraints};
    use crate::rhacs::{Platform, Version, official};

    fn objects() -> Vec<Value> {
        let version = Version::release(3, 69, 2);
        let mut objects = official::objects(&version, Platform::OpenShift, "stackrox");
        objects.extend(built_in_constraints());
        objects
    }

    fn of<'a>(verdicts: &'a [Verdict], workload: &str) -> &'a Result<String, Refused> {
        &verdicts.iter().find(|(object, _)| object.name == workload).unwrap().1
    }

    fn taken_from(objects: &mut [Value], constraint: &str) {
        let scc = objects.iter_mut().find(|it| it["kind"] == KIND && name(it) == constraint);
        scc.unwrap()["users"] = json!([]);
    }

    fn pod(account: &str, constraint: &str) -> Value {
        json!({"metadata": {"namespace": "stackrox", "annotations": {ADMITTED_BY: constraint}},
            "spec": {"serviceAccountName": account}})
    }

    #[test]
    fn the_products_own_constraints_admit_its_pods() {
        let verdicts = verdicts(&objects(), &[], "stackrox");
        assert_eq!(of(&verdicts, "central").as_deref(), Ok("stackrox-central"));
        assert_eq!(of(&verdicts, "collector").as_deref(), Ok("stackrox-collector"));
    }

    #[test]
    fn a_running_pod_proves_a_grant_that_could_not_be_read() {
        let mut objects = objects();
        // As an upgrade reads a cluster.
        objects.retain(|object| object["kind"] != "ClusterRoleBinding");
        taken_from(&mut objects, "stackrox-central");
        let central = |pods: &[Value]| of(&verdicts(&objects, pods, "stackrox"), "central").clone();
        assert!(central(&[]).is_err());
        assert!(central(&[pod("central", "stackrox-central")]).is_err(), "it has lost its users");
        assert!(central(&[pod("central", "gone")]).is_err());
        assert_eq!(central(&[pod("central", "anyuid")]).as_deref(), Ok("anyuid"));
        let mut known = objects.clone();
        known.push(json!({"kind": "ClusterRoleBinding", "metadata": {"name": "any"}}));
        let verdicts = verdicts(&known, &[pod("central", "anyuid")], "stackrox");
        assert!(of(&verdicts, "central").is_err(), "what was read is not guessed");
    }

    #[test]
    fn who_relies_on_one_constraint_alone_is_named() {
        let relying = relying_on(&objects(), &[], "stackrox", "stackrox-scanner");
        let mut names: Vec<&str> = relying.iter().map(|(object, _)| object.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["scanner", "scanner-db"]);
        assert!(relying_on(&objects(), &[], "stackrox", "anyuid").is_empty());
    }
}
