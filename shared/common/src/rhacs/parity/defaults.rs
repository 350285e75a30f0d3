//! What an API server fills in when nobody says otherwise: no difference to the official objects.

use serde_json::Value;

/// Whether a field that only the live object has is one the cluster fills in with a value of its
/// own choosing.
#[must_use]
pub fn is_cluster_owned(object: &str, path: &str) -> bool {
    OWNED.iter().any(|(kind, field)| {
        object.starts_with(kind) && (path == *field || path.starts_with(&format!("{field}[")))
    })
}

/// Whether a difference is none in meaning: a field only one side has, with the API's default, or
/// a quantity written in two ways. `path` is as [`super::diff`] writes it.
#[must_use]
pub fn is_same(path: &str, is: Option<&Value>, official: Option<&Value>) -> bool {
    match (is, official) {
        (Some(is), Some(official)) => {
            let measured = path.contains(".resources.") || path.ends_with("sizeLimit");
            measured && thousandths(is).is_some_and(|is| thousandths(official) == Some(is))
        }
        (Some(value), None) | (None, Some(value)) => is_default(&without_names(path), value),
        (None, None) => true,
    }
}

/// Kind prefixes and fields with values the cluster chooses.
const OWNED: &[(&str, &str)] = &[
    ("Service/", "spec.clusterIP"),
    ("Service/", "spec.clusterIPs"),
    ("Service/", "spec.ipFamilies"),
    ("Service/", "spec.ipFamilyPolicy"),
    ("Service/", "spec.healthCheckNodePort"),
    ("ServiceAccount/", "secrets"),
    ("ServiceAccount/", "imagePullSecrets"),
    ("PersistentVolumeClaim/", "spec.volumeName"),
    ("PersistentVolumeClaim/", "spec.storageClassName"),
    ("PersistentVolumeClaim/", "spec.volumeMode"),
    ("ConfigMap/injected-cabundle-", "data"),
    ("SecurityContextConstraints/", "userNamespaceLevel"),
    ("Secret/service-ca", "data"),
];

/// Defaults of the API: the end of a field's path, and the value it has when nobody sets one. Init
/// containers count as containers. Source: the API reference of Kubernetes.
const DEFAULTS: &[(&str, &str)] = &[
    ("spec.replicas", "1"),
    ("spec.progressDeadlineSeconds", "600"),
    ("spec.revisionHistoryLimit", "10"),
    ("spec.minReadySeconds", "0"),
    ("spec.strategy.type", "\"RollingUpdate\""),
    ("spec.strategy.rollingUpdate.maxSurge", "\"25%\""),
    ("spec.strategy.rollingUpdate.maxUnavailable", "\"25%\""),
    ("spec.updateStrategy.type", "\"RollingUpdate\""),
    ("spec.updateStrategy.rollingUpdate.maxSurge", "0"),
    ("spec.updateStrategy.rollingUpdate.maxUnavailable", "1"),
    ("template.spec.restartPolicy", "\"Always\""),
    ("template.spec.terminationGracePeriodSeconds", "30"),
    ("template.spec.dnsPolicy", "\"ClusterFirst\""),
    ("template.spec.schedulerName", "\"default-scheduler\""),
    ("containers.terminationMessagePath", "\"/dev/termination-log\""),
    ("containers.terminationMessagePolicy", "\"File\""),
    ("containers.imagePullPolicy", "\"IfNotPresent\""),
    ("containers.ports.protocol", "\"TCP\""),
    ("Probe.timeoutSeconds", "1"),
    ("Probe.periodSeconds", "10"),
    ("Probe.successThreshold", "1"),
    ("Probe.failureThreshold", "3"),
    ("Probe.initialDelaySeconds", "0"),
    ("Probe.httpGet.scheme", "\"HTTP\""),
    ("fieldRef.apiVersion", "\"v1\""),
    ("resourceFieldRef.divisor", "\"0\""),
    ("volumes.secret.defaultMode", "420"),
    ("volumes.secret.optional", "false"),
    ("volumes.configMap.defaultMode", "420"),
    ("volumes.configMap.optional", "false"),
    ("volumes.projected.defaultMode", "420"),
    ("volumes.hostPath.type", "\"\""),
    ("volumeMounts.readOnly", "false"),
    ("spec.type", "\"ClusterIP\""),
    ("spec.sessionAffinity", "\"None\""),
    ("spec.internalTrafficPolicy", "\"Cluster\""),
    ("ports.protocol", "\"TCP\""),
    ("spec.targetCPUUtilizationPercentage", "80"),
    ("webhooks.matchPolicy", "\"Equivalent\""),
    ("webhooks.timeoutSeconds", "10"),
    ("webhooks.rules.scope", "\"*\""),
    ("webhooks.clientConfig.service.port", "443"),
    ("webhooks.failurePolicy", "\"Fail\""),
    ("subjects.apiGroup", "\"\""),
    ("volumes.nfs.readOnly", "false"),
    ("spec.publishNotReadyAddresses", "false"),
];

/// Maps that say something by being there, even when empty.
const MEANINGFUL_WHEN_EMPTY: &[&str] = &["emptyDir", "podSelector"];

/// The path without the names of list entries, in which all containers and all probes are alike.
fn without_names(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut depth = 0_u32;
    for character in path.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let plain = plain.replace("initContainers", "containers");
    ["readiness", "liveness", "startup"]
        .iter()
        .fold(plain, |plain, probe| plain.replace(&format!("{probe}Probe"), "Probe"))
}

/// Whether the field would mean the same if it were not there.
fn is_default(path: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => {
            let key = path.rsplit('.').next().unwrap_or_default();
            !MEANINGFUL_WHEN_EMPTY.contains(&key)
                && map.iter().all(|(key, value)| is_default(&format!("{path}.{key}"), value))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            DEFAULTS.iter().any(|(end, default)| {
                let rest = path.strip_suffix(end);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    && serde_json::from_str(default).is_ok_and(|default: Value| *value == default)
            })
        }
    }
}

/// A quantity in thousandths, so that `1500m` and `1.5` are equal; none for other text.
fn thousandths(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: i128 = match unit {
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    digits.checked_mul(factor)?.checked_div(scale)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_other_than_the_default_is_a_difference() {
        let same = |path, value| is_same(path, Some(&value), None);
        assert!(same("spec.replicas", json!(1)));
        assert!(!same("spec.replicas", json!(3)));
        assert!(same("spec.template.spec.initContainers[a].ports[b].protocol", json!("TCP")));
        assert!(!same("spec.template.spec.volumes[a].emptyDir", json!({})));
    }

    #[test]
    fn quantities_are_compared_by_what_they_mean() {
        let same = |left, right| {
            is_same("a.resources.limits.cpu", Some(&json!(left)), Some(&json!(right)))
        };
        assert!(same("1000m", "1"));
        assert!(same("1.5", "1500m"));
        assert!(same("2048Mi", "2Gi"));
        assert!(!same("2Gi", "2G"));
        assert!(!same("many", "many more"));
    }
}
