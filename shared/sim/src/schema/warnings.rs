//! What the server accepts but warns of.

use serde_json::Value;

use super::kinds::Resource;
use crate::store::meta;

/// Labels of nodes that have a new name.
const RENAMED_LABELS: [(&str, &str); 7] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "failure-domain.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// The warnings of a write; `old` is none for a new object.
#[must_use]
pub fn of(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<String> {
    let unchanged = old.is_some_and(|old| meta::generation(old) == meta::generation(new));
    let (spec, path) = match resource.kind.as_str() {
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job" => {
            (new.pointer("/spec/template/spec"), "spec.template.spec")
        }
        "Pod" => (new.get("spec"), "spec"),
        _ => (None, ""),
    };
    let mut warnings = Vec::new();
    if let Some(spec) = spec.filter(|_| !unchanged) {
        node_labels(spec, path, &mut warnings);
        for list in ["initContainers", "containers"] {
            for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
                hidden_variables(container, &format!("{path}.{list}[{index}]"), &mut warnings);
            }
        }
    }
    warnings
}

fn node_labels(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    let mut warn = |at: String, key: &str| {
        if let Some((_, why)) = RENAMED_LABELS.iter().find(|(name, _)| *name == key) {
            warnings.push(format!("{at}: {key} is {why}"));
        }
    };
    for (key, _) in spec["nodeSelector"].as_object().into_iter().flatten() {
        warn(format!("{path}.nodeSelector[{key}]"), key);
    }
    let affinity = format!("{path}.affinity.nodeAffinity");
    let node = &spec["affinity"]["nodeAffinity"];
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    for (index, term) in items(&node[required]["nodeSelectorTerms"]).enumerate() {
        for (inner, rule) in items(&term["matchExpressions"]).enumerate() {
            let at = format!(
                "{affinity}.{required}.nodeSelectorTerms[{index}].matchExpressions[{inner}].key"
            );
            warn(at, rule["key"].as_str().unwrap_or_default());
        }
    }
    for (index, term) in items(&node[preferred]).enumerate() {
        for (inner, rule) in items(&term["preference"]["matchExpressions"]).enumerate() {
            let at =
                format!("{affinity}.{preferred}[{index}].preference.matchExpressions[{inner}].key");
            warn(at, rule["key"].as_str().unwrap_or_default());
        }
    }
}

fn hidden_variables(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, variable) in items(&container["env"]).enumerate() {
        let name = variable["name"].as_str().unwrap_or_default();
        if seen.contains(&name) {
            warnings.push(format!(
                "{path}.env[{index}]: hides previous definition of \"{name}\", which may be dropped \
                 when using apply"
            ));
        }
        seen.push(name);
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
