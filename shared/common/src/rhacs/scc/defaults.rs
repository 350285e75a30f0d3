//! What OpenShift fills in when a constraint is stored.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{allows, names};

/// Every type of volume but directories of the node, as constraints name them.
const VOLUMES: [&str; 30] = [
    "FC",
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephFS",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageOS",
    "vsphere",
    HOST_PATH,
];
const HOST_PATH: &str = "hostPath";
const ALL: &str = "*";
/// Types that not every version of OpenShift knows, so that a stored list may lack them.
const LATER: [&str; 3] = ["csi", "ephemeral", "image"];

/// The constraint as OpenShift stores it: `volumes` follows `allowHostDirVolumePlugin`, strategies
/// that are not said are the permissive ones, and so is privilege escalation.
///
/// A list of all volumes but directories of the node, which is what becomes of `*`, is the same
/// list whatever version of OpenShift wrote it.
#[must_use]
pub fn with_defaults(constraint: &Value) -> Value {
    let mut constraint = constraint.clone();
    for (field, strategy) in [("fsGroup", "RunAsAny"), ("supplementalGroups", "RunAsAny")] {
        if constraint[field]["type"].is_null() {
            constraint[field] = json!({"type": strategy});
        }
    }
    for field in ["users", "groups"] {
        if constraint[field].is_null() {
            constraint[field] = json!([]);
        }
    }
    if constraint["allowPrivilegeEscalation"].is_null() {
        constraint["allowPrivilegeEscalation"] = json!(true);
    }
    constraint["volumes"] = json!(volumes(&constraint));
    constraint
}

fn volumes(constraint: &Value) -> BTreeSet<&str> {
    let on_host = allows(constraint, "allowHostDirVolumePlugin");
    let said: BTreeSet<&str> = names(constraint, "/volumes").into_iter().collect();
    let all = constraint["volumes"].is_null() || said.contains(ALL);
    match (all, on_host) {
        (true, true) => BTreeSet::from([ALL]),
        (true, false) => everything_but_host_path(),
        (false, _) if said.is_empty() => BTreeSet::from([if on_host { HOST_PATH } else { "none" }]),
        (false, true) if is_everything(&said) => BTreeSet::from([ALL]),
        (false, true) => said.into_iter().chain([HOST_PATH]).collect(),
        (false, false) => {
            let said: BTreeSet<&str> =
                said.into_iter().filter(|volume| *volume != HOST_PATH).collect();
            if is_everything(&said) { everything_but_host_path() } else { said }
        }
    }
}

/// Whether a list is that of every volume, as some version of OpenShift writes it.
fn is_everything(said: &BTreeSet<&str>) -> bool {
    let wanted = everything_but_host_path();
    wanted.iter().all(|volume| said.contains(volume) || LATER.contains(volume))
}

fn everything_but_host_path() -> BTreeSet<&'static str> {
    VOLUMES.into_iter().filter(|volume| *volume != HOST_PATH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volumes_of(constraint: &Value) -> Value {
        with_defaults(constraint)["volumes"].clone()
    }

    #[test]
    fn every_volume_means_no_directory_of_the_node_unless_that_is_allowed() {
        let list = volumes_of(&json!({"volumes": ["*"], "allowHostDirVolumePlugin": false}));
        let list = list.as_array().unwrap();
        assert!(list.contains(&json!("secret")) && !list.contains(&json!("hostPath")));
        assert!(!list.contains(&json!("*")));
        let host = volumes_of(&json!({"volumes": ["*"], "allowHostDirVolumePlugin": true}));
        assert_eq!(host, json!(["*"]));
        assert_eq!(volumes_of(&json!({"allowHostDirVolumePlugin": true})), json!(["*"]));
        assert_eq!(volumes_of(&json!({"volumes": []})), json!(["none"]));
        let added = volumes_of(&json!({"volumes": ["secret"], "allowHostDirVolumePlugin": true}));
        assert_eq!(added, json!(["hostPath", "secret"]));
        let taken = volumes_of(&json!({"volumes": ["secret", "hostPath"]}));
        assert_eq!(taken, json!(["secret"]));
    }

    #[test]
    fn defaults_are_added_once() {
        for constraint in [json!({}), json!({"volumes": ["*"]}), json!({"volumes": ["nfs"]})] {
            let once = with_defaults(&constraint);
            assert_eq!(with_defaults(&once), once);
            assert_eq!(once["allowPrivilegeEscalation"], true);
            assert_eq!(once["supplementalGroups"], json!({"type": "RunAsAny"}));
        }
    }

    #[test]
    fn an_older_clusters_list_of_everything_is_everything() {
        let everything = volumes_of(&json!({"volumes": ["*"]}));
        let older: Vec<&Value> = everything
            .as_array()
            .unwrap()
            .iter()
            .filter(|volume| !LATER.map(Value::from).contains(volume))
            .collect();
        assert_eq!(volumes_of(&json!({"volumes": older})), everything);
        let with_host = json!({"volumes": older, "allowHostDirVolumePlugin": true});
        assert_eq!(volumes_of(&with_host), json!(["*"]));
    }
}
