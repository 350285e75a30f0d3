//! The permissions of Central: its resources, and what the product's own roles allow.

use common::rhacs::Version;
use serde_json::{Map, Value, json};

/// The resources up to 3.74.
const RESOURCES_3: [&str; 37] = [
    "Access",
    "Administration",
    "Alert",
    "AllComments",
    "CVE",
    "Cluster",
    "Compliance",
    "ComplianceRuns",
    "Config",
    "DebugLogs",
    "Deployment",
    "DeploymentExtension",
    "Detection",
    "Image",
    "Integration",
    "K8sRole",
    "K8sRoleBinding",
    "K8sSubject",
    "Namespace",
    "NetworkGraph",
    "NetworkGraphConfig",
    "NetworkPolicy",
    "Node",
    "Policy",
    "ProbeUpload",
    "Role",
    "ScannerBundle",
    "ScannerDefinitions",
    "Secret",
    "SensorUpgradeConfig",
    "ServiceAccount",
    "ServiceIdentity",
    "VulnerabilityManagementApprovals",
    "VulnerabilityManagementRequests",
    "VulnerabilityReports",
    "WatchedImage",
    "WorkflowAdministration",
];

/// The resources from 4.0 on.
const RESOURCES: [&str; 26] = [
    "Access",
    "Administration",
    "Alert",
    "CVE",
    "Cluster",
    "Compliance",
    "Deployment",
    "DeploymentExtension",
    "Detection",
    "Image",
    "ImageAdministration",
    "Integration",
    "K8sRole",
    "K8sRoleBinding",
    "K8sSubject",
    "Namespace",
    "NetworkGraph",
    "NetworkPolicy",
    "Node",
    "Secret",
    "ServiceAccount",
    "VirtualMachine",
    "VulnerabilityManagementApprovals",
    "VulnerabilityManagementRequests",
    "WatchedImage",
    "WorkflowAdministration",
];

/// The roles that every Central knows.
pub(super) const ROLES: [(&str, &str); 5] = [
    ("Admin", "For users: use it to provide read and write access to all the resources"),
    ("Analyst", "For users: use it to give read-only access to all the resources"),
    (
        "Continuous Integration",
        "For automation: it includes the permissions required to enforce deployment policies",
    ),
    ("None", "For users: use it to provide no read and write access to any resource"),
    (
        "Sensor Creator",
        "For automation: it consists of the permissions to create Sensors in secured clusters",
    ),
];

/// How far access to a resource goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// It may be read.
    Read,
    /// It may be changed too.
    Write,
}

impl Access {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "READ_ACCESS",
            Self::Write => "READ_WRITE_ACCESS",
        }
    }
}

/// The resource that a release has in place of one of 3.x: 4.0 made one of many.
pub(super) fn current(resource: &'static str, version: &Version) -> &'static str {
    match resource {
        "ScannerBundle" | "SensorUpgradeConfig" | "ServiceIdentity"
            if version.is_at_least(4, 0) =>
        {
            "Administration"
        }
        _ => resource,
    }
}

/// How far roles together reach.
pub(super) fn access(roles: &[String], resource: &str, version: &Version) -> Option<Access> {
    roles.iter().filter_map(|role| access_of(role, resource, version)).max()
}

fn access_of(role: &str, resource: &str, version: &Version) -> Option<Access> {
    let merged = version.is_at_least(4, 0);
    match (role, resource) {
        ("Admin", _) | ("Continuous Integration", "Image") | ("Sensor Creator", "Cluster") => {
            Some(Access::Write)
        }
        ("Sensor Creator", "Administration") => merged.then_some(Access::Write),
        ("Sensor Creator", "ServiceIdentity") => (!merged).then_some(Access::Write),
        ("Continuous Integration", "Detection") => Some(Access::Read),
        // The Analyst lost Administration in 4.0.
        ("Analyst", "Administration") => (!merged).then_some(Access::Read),
        ("Analyst", "DebugLogs") => None,
        ("Analyst", _) => Some(Access::Read),
        _ => None,
    }
}

/// `resourceToAccess`: what is not allowed is absent.
pub(super) fn listed(roles: &[String], version: &Version) -> Value {
    let all: &[&str] = if version.is_at_least(4, 0) { &RESOURCES } else { &RESOURCES_3 };
    let allowed = all.iter().filter_map(|resource| {
        let access = access(roles, resource, version)?;
        Some(((*resource).to_owned(), json!(access.name())))
    });
    Value::Object(allowed.collect::<Map<_, _>>())
}
