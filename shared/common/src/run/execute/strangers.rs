//! Pods that serve in the place of a Deployment's pods without being of it. Pure.

use serde_json::Value;

use crate::rhacs::Workload;

/// A pod that serves what it should not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stranger {
    /// Its name.
    pub(super) pod: String,
    /// The Deployment whose labels it has.
    pub(super) deployment: String,
    /// The first image of it that is not the Deployment's.
    pub(super) image: String,
    /// The ReplicaSet that made it for a Deployment of that name: for one that was deleted, whose
    /// pods the garbage collector takes away.
    pub(super) left_over_of: Option<String>,
}

/// The pods that the selector of one of `deployments` finds and that do not run its images. The
/// rollouts of these are done, so that their own ReplicaSets have no such pod any more.
pub(super) fn strangers(deployments: &[&Value], pods: &[Value]) -> Vec<Stranger> {
    let mut found = Vec::new();
    for pod in pods.iter().filter(|pod| serves(pod)) {
        for deployment in deployments.iter().filter(|it| selects(it, pod)) {
            let workload = Workload::new(deployment);
            if let Some(image) = other_image(pod, workload) {
                found.push(Stranger {
                    pod: pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                    deployment: workload.name().to_owned(),
                    image,
                    left_over_of: maker(pod, workload.name()),
                });
            }
        }
    }
    // Who leaves by itself is named last.
    found.sort_by_key(|stranger| stranger.left_over_of.is_some());
    found
}

/// Whether it serves, or will as soon as it is ready.
fn serves(pod: &Value) -> bool {
    let has_ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    pod["metadata"]["deletionTimestamp"].is_null() && !has_ended
}

fn selects(deployment: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    let wanted = deployment["spec"]["selector"]["matchLabels"].as_object();
    wanted.is_some_and(|wanted| {
        !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
    })
}

/// The ReplicaSet that made a pod, if it is named after the Deployment with a hash behind it.
fn maker(pod: &Value, deployment: &str) -> Option<String> {
    let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let sets = owners.filter(|owner| owner["kind"] == "ReplicaSet");
    let mut names = sets.filter_map(|owner| owner["name"].as_str());
    let is_meant =
        |name: &&str| name.rsplit_once('-').is_some_and(|(prefix, _)| prefix == deployment);
    names.find(is_meant).map(str::to_owned)
}

fn other_image(pod: &Value, workload: Workload<'_>) -> Option<String> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut images = containers.filter_map(|container| {
        let wanted = workload.container(container["name"].as_str()?)?;
        let image = container["image"].as_str()?;
        (image != wanted.image()).then(|| image.to_owned())
    });
    images.next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, image: &str) -> Value {
        json!({
            "metadata": {"name": name, "labels": {"app": "sensor"}},
            "spec": {"containers": [{"name": "sensor", "image": image}, {"name": "proxy", "image": "p"}]},
            "status": {"phase": "Running"},
        })
    }

    #[test]
    fn a_pod_that_nobody_made_and_that_runs_something_old_is_found() {
        let deployment = json!({
            "metadata": {"name": "sensor"},
            "spec": {"selector": {"matchLabels": {"app": "sensor"}},
                     "template": {"spec": {"containers": [{"name": "sensor", "image": "main:2"}]}}},
        });
        let old = pod("old", "main:1");
        let mut owned = old.clone();
        owned["metadata"]["ownerReferences"] =
            json!([{"kind": "ReplicaSet", "name": "sensor-5b9f"}]);
        let mut ending = old.clone();
        ending["metadata"]["deletionTimestamp"] = json!("2024-03-01T08:00:00Z");
        let mut ended = old.clone();
        ended["status"]["phase"] = json!("Failed");
        let mut other = old.clone();
        other["metadata"]["labels"] = json!({"app": "central"});
        owned["metadata"]["name"] = json!("owned");
        let pods = [pod("same", "main:2"), owned, ending, ended, other, old];
        let expected = [("old", None), ("owned", Some("sensor-5b9f"))].map(|(pod, set)| Stranger {
            pod: pod.to_owned(),
            deployment: "sensor".to_owned(),
            image: "main:1".to_owned(),
            left_over_of: set.map(str::to_owned),
        });
        assert_eq!(strangers(&[&deployment], &pods), expected);
    }
}
