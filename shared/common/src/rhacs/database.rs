//! Where Central keeps its data, and whether they outlive its pod.

use serde_json::Value;

use super::{Snapshot, Version, Workload};

/// The workload that keeps Central's data, and what it keeps them on.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// The volume of its pods; none when the data are in the container itself.
    pub volume: Option<&'a Value>,
}

/// Where a Central of the release `running` keeps its data; none when it is not here.
#[must_use]
pub fn home<'a>(snapshot: &'a Snapshot, running: &Version) -> Option<Home<'a>> {
    // Since 4.1 they are in central-db alone.
    let (workload, container, path) = match snapshot.deployment("central-db") {
        Some(database) if running.is_at_least(4, 1) => {
            (database, "central-db", "/var/lib/postgresql/data")
        }
        _ => (snapshot.deployment("central")?, "central", "/var/lib/stackrox"),
    };
    let mount = workload.container(container).and_then(|container| container.mount(path));
    let volume = mount.and_then(|mount| workload.volume(mount["name"].as_str()?));
    Some(Home { workload, volume })
}

impl Home<'_> {
    /// Whether the data are gone with the pod.
    #[must_use]
    pub fn is_in_pod(&self) -> bool {
        self.volume.is_none_or(|volume| {
            ["emptyDir", "ephemeral"].iter().any(|kind| volume.get(*kind).is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_are_kept_by_what_outlives_the_pod() {
        for (volume, in_pod) in [
            (json!({"name": "db", "persistentVolumeClaim": {"claimName": "x"}}), false),
            (json!({"name": "db", "hostPath": {"path": "/x"}}), false),
            (json!({"name": "db", "nfs": {"server": "x", "path": "/"}}), false),
            (json!({"name": "db", "emptyDir": {}}), true),
            (json!({"name": "db", "ephemeral": {"volumeClaimTemplate": {}}}), true),
            (json!({"name": "other", "persistentVolumeClaim": {"claimName": "x"}}), true),
        ] {
            let mounts = json!([{"name": "db", "mountPath": "/var/lib/stackrox/"}]);
            let snapshot = Snapshot {
                objects: vec![json!({
                    "kind": "Deployment", "metadata": {"name": "central"},
                    "spec": {"template": {"spec": {"volumes": [volume], "containers": [
                        {"name": "central", "volumeMounts": mounts}]}}},
                })],
                ..Snapshot::default()
            };
            let home = home(&snapshot, &Version::release(3, 69, 2)).unwrap();
            assert_eq!(home.is_in_pod(), in_pod, "{volume}");
        }
    }
}
