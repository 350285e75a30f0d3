//! The constraints that OpenShift brings along, with the roles through which they are used.
//!
//! Source: the manifests of openshift/cluster-kube-apiserver-operator
//! (`bindata/bootkube/scc-manifests`); `node-exporter` is cluster monitoring's,
//! `machine-api-termination-handler` the machine API's.

use serde_json::{Value, json};

/// A built-in constraint in few words.
struct Spec {
    name: &'static str,
    priority: Option<i64>,
    users: &'static [&'static str],
    groups: &'static [&'static str],
    privileged: bool,
    escalation: bool,
    host_network: bool,
    host_ports: bool,
    host_pid: bool,
    host_ipc: bool,
    host_path: bool,
    run_as: &'static str,
    level: &'static str,
    fs_group: &'static str,
    supplemental: &'static str,
    capabilities: &'static [&'static str],
    drop: &'static [&'static str],
    seccomp: &'static [&'static str],
    volumes: &'static [&'static str],
}

const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const WITH_HOST_PATH: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "hostPath",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const WITH_NFS: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "hostPath",
    "nfs",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const OLD_DROPS: &[&str] = &["KILL", "MKNOD", "SETUID", "SETGID"];

/// The base of most: nothing of the host, a range of users.
const RESTRICTED: Spec = Spec {
    name: "restricted",
    priority: None,
    users: &[],
    groups: &[],
    privileged: false,
    escalation: true,
    host_network: false,
    host_ports: false,
    host_pid: false,
    host_ipc: false,
    host_path: false,
    run_as: "MustRunAsRange",
    level: "MustRunAs",
    fs_group: "MustRunAs",
    supplemental: "RunAsAny",
    capabilities: &[],
    drop: OLD_DROPS,
    seccomp: &[],
    volumes: VOLUMES,
};

/// The base of those of 4.11 and later: no escalation, no capabilities, the default seccomp profile.
const SECOND: Spec = Spec {
    name: "restricted-v2",
    escalation: false,
    capabilities: &["NET_BIND_SERVICE"],
    drop: &["ALL"],
    seccomp: &["runtime/default"],
    ..RESTRICTED
};

const HOST_NETWORK: Spec = Spec {
    name: "hostnetwork",
    host_network: true,
    host_ports: true,
    supplemental: "MustRunAs",
    ..RESTRICTED
};

/// Everything of the host, as anybody.
const ANY_HOST: Spec = Spec {
    name: "node-exporter",
    privileged: true,
    host_network: true,
    host_ports: true,
    host_pid: true,
    host_path: true,
    run_as: "RunAsAny",
    level: "RunAsAny",
    fs_group: "RunAsAny",
    drop: &[],
    volumes: &["*"],
    ..RESTRICTED
};

const BUILT_IN: [Spec; 12] = [
    Spec {
        name: "anyuid",
        priority: Some(10),
        groups: &["system:cluster-admins"],
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        drop: &["MKNOD"],
        ..RESTRICTED
    },
    Spec {
        name: "hostaccess",
        host_ipc: true,
        host_pid: true,
        host_path: true,
        supplemental: "RunAsAny",
        volumes: WITH_HOST_PATH,
        ..HOST_NETWORK
    },
    Spec {
        name: "hostmount-anyuid",
        users: &["system:serviceaccount:openshift-infra:pv-recycler-controller"],
        host_path: true,
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        drop: &["MKNOD"],
        volumes: WITH_NFS,
        ..RESTRICTED
    },
    HOST_NETWORK,
    Spec {
        name: "hostnetwork-v2",
        host_network: true,
        host_ports: true,
        supplemental: "MustRunAs",
        ..SECOND
    },
    Spec {
        name: "machine-api-termination-handler",
        users: &["system:serviceaccount:openshift-machine-api:machine-api-termination-handler"],
        host_network: true,
        host_path: true,
        run_as: "RunAsAny",
        supplemental: "MustRunAs",
        drop: &[],
        volumes: &["downwardAPI", "hostPath"],
        ..RESTRICTED
    },
    ANY_HOST,
    Spec { name: "nonroot", run_as: "MustRunAsNonRoot", fs_group: "RunAsAny", ..RESTRICTED },
    Spec { name: "nonroot-v2", run_as: "MustRunAsNonRoot", fs_group: "RunAsAny", ..SECOND },
    Spec {
        name: "privileged",
        users: &["system:admin", "system:serviceaccount:openshift-infra:build-controller"],
        groups: &["system:cluster-admins", "system:nodes", "system:masters"],
        host_ipc: true,
        capabilities: &["*"],
        seccomp: &["*"],
        ..ANY_HOST
    },
    RESTRICTED,
    SECOND,
];

/// The constraints themselves.
#[must_use]
pub fn built_in_constraints() -> Vec<Value> {
    BUILT_IN.iter().map(constraint).collect()
}

/// A ClusterRole per constraint, and the binding that gives `restricted-v2` to everybody.
#[must_use]
pub fn built_in_roles() -> (Vec<Value>, Value) {
    let roles = BUILT_IN.iter().map(|spec| {
        json!({
            "apiVersion": RBAC,
            "kind": "ClusterRole",
            "metadata": {"name": role_name(spec.name)},
            "rules": [{
                "apiGroups": ["security.openshift.io"],
                "resources": ["securitycontextconstraints"],
                "resourceNames": [spec.name],
                "verbs": ["use"],
            }],
        })
    });
    let name = role_name(SECOND.name);
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:authenticated"}],
    });
    (roles.collect(), binding)
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn role_name(constraint: &str) -> String {
    format!("system:openshift:scc:{constraint}")
}

fn constraint(spec: &Spec) -> Value {
    json!({
        "apiVersion": "security.openshift.io/v1",
        "kind": super::KIND,
        "metadata": {
            "name": spec.name,
            "annotations": {
                "include.release.openshift.io/self-managed-high-availability": "true",
            },
        },
        "priority": spec.priority,
        "users": spec.users,
        "groups": spec.groups,
        "allowPrivilegedContainer": spec.privileged,
        "allowPrivilegeEscalation": spec.escalation,
        "allowHostDirVolumePlugin": spec.host_path,
        "allowHostIPC": spec.host_ipc,
        "allowHostNetwork": spec.host_network,
        "allowHostPID": spec.host_pid,
        "allowHostPorts": spec.host_ports,
        "allowedCapabilities": spec.capabilities,
        "defaultAddCapabilities": null,
        "requiredDropCapabilities": spec.drop,
        "readOnlyRootFilesystem": false,
        "runAsUser": {"type": spec.run_as},
        "seLinuxContext": {"type": spec.level},
        "fsGroup": {"type": spec.fs_group},
        "supplementalGroups": {"type": spec.supplemental},
        "seccompProfiles": spec.seccomp,
        "volumes": spec.volumes,
    })
}
