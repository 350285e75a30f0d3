//! The constraints that OpenShift brings along, with the roles through which service accounts use them.

use serde_json::{Value, json};

/// A built-in constraint in few words.
struct Spec {
    name: &'static str,
    priority: Option<i64>,
    users: &'static [&'static str],
    groups: &'static [&'static str],
    privileged: bool,
    escalation: bool,
    host: bool,
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
    host: false,
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

const SECOND: Spec = Spec {
    escalation: false,
    capabilities: &["NET_BIND_SERVICE"],
    drop: &["ALL"],
    seccomp: &["runtime/default"],
    ..RESTRICTED
};

const BUILT_IN: &[Spec] = &[
    Spec {
        name: "anyuid",
        priority: Some(10),
        groups: &["system:cluster-admins"],
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        drop: &["MKNOD"],
        ..RESTRICTED
    },
    Spec { name: "hostaccess", host: true, host_path: true, volumes: WITH_HOST_PATH, ..RESTRICTED },
    Spec {
        name: "hostmount-anyuid",
        users: &["system:serviceaccount:openshift-infra:pv-recycler-controller"],
        host_path: true,
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        drop: &["MKNOD"],
        volumes: WITH_HOST_PATH,
        ..RESTRICTED
    },
    Spec { name: "nonroot", run_as: "MustRunAsNonRoot", fs_group: "RunAsAny", ..RESTRICTED },
    Spec { name: "nonroot-v2", run_as: "MustRunAsNonRoot", fs_group: "RunAsAny", ..SECOND },
    Spec {
        name: "privileged",
        users: &["system:admin", "system:serviceaccount:openshift-infra:build-controller"],
        groups: &["system:cluster-admins", "system:nodes", "system:masters"],
        privileged: true,
        host: true,
        host_path: true,
        run_as: "RunAsAny",
        level: "RunAsAny",
        fs_group: "RunAsAny",
        capabilities: &["*"],
        drop: &[],
        seccomp: &["*"],
        volumes: &["*"],
        ..RESTRICTED
    },
    Spec { ..RESTRICTED },
    Spec { name: "restricted-v2", ..SECOND },
];

/// The constraints themselves.
#[must_use]
pub(crate) fn constraints() -> Vec<Value> {
    BUILT_IN.iter().map(constraint).collect()
}

/// A ClusterRole per constraint, and the binding that gives `restricted-v2` to everybody.
#[must_use]
pub(crate) fn roles() -> (Vec<Value>, Value) {
    let roles = BUILT_IN.iter().map(|spec| {
        json!({
            "metadata": {"name": format!("system:openshift:scc:{}", spec.name)},
            "rules": [{"apiGroups": ["security.openshift.io"], "resources": ["securitycontextconstraints"],
                "resourceNames": [spec.name], "verbs": ["use"]}],
        })
    });
    let name = "system:openshift:scc:restricted-v2";
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}],
    });
    (roles.collect(), binding)
}

fn constraint(spec: &Spec) -> Value {
    json!({
        "apiVersion": "security.openshift.io/v1",
        "kind": "SecurityContextConstraints",
        "metadata": {"name": spec.name, "annotations": {"include.release.openshift.io/self-managed-high-availability": "true"}},
        "priority": spec.priority,
        "users": spec.users,
        "groups": spec.groups,
        "allowPrivilegedContainer": spec.privileged,
        "allowPrivilegeEscalation": spec.escalation,
        "allowHostDirVolumePlugin": spec.host_path,
        "allowHostIPC": spec.host,
        "allowHostNetwork": spec.host,
        "allowHostPID": spec.host,
        "allowHostPorts": spec.host,
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
