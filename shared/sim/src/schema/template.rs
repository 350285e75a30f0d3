//! The defaults of pods and of the templates they are made from.

use serde_json::{Value, json};

use super::defaults::{each, set, set_in, without_null_children};
use crate::store::meta;

/// Fills in a pod template.
pub fn apply(template: &mut Value) {
    if !template.is_object() {
        return;
    }
    set_in(template, "metadata", json!({}));
    set_in(template, "spec", json!({}));
    pod(&mut template["spec"]);
}

/// Fills in the specification of a pod.
pub fn pod(spec: &mut Value) {
    let Some(map) = spec.as_object_mut() else { return };
    set(map, "restartPolicy", "Always");
    set(map, "dnsPolicy", "ClusterFirst");
    set(map, "schedulerName", "default-scheduler");
    set(map, "terminationGracePeriodSeconds", 30);
    set(map, "securityContext", json!({}));
    let account = map.get("serviceAccountName").or_else(|| map.get("serviceAccount")).cloned();
    if let Some(account) = account {
        map.insert("serviceAccountName".to_owned(), account.clone());
        map.insert("serviceAccount".to_owned(), account);
    }
    let host_network = map.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        if let Some(containers) = map.get_mut(list) {
            each(containers, |it| container(it, host_network));
        }
    }
    if let Some(volumes) = map.get_mut("volumes") {
        each(volumes, volume);
    }
}

/// Fills in what admission gives a new pod.
pub fn admit_pod(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "serviceAccountName", "default");
    let account = spec["serviceAccountName"].clone();
    set(spec, "serviceAccount", account);
    set(spec, "priority", 0);
    set(spec, "preemptionPolicy", "PreemptLowerPriority");
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let Some(list) = tolerations.as_array_mut() else { continue };
        if !list.iter().any(|toleration| toleration["key"] == key) {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300}));
        }
    }
    if let Some(containers) = spec.get_mut("containers") {
        each(containers, requests_from_limits);
    }
    let quality = quality_of_service(&object["spec"]);
    object["status"] = json!({"phase": "Pending", "qosClass": quality});
}

fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container.pointer("/resources/limits").cloned() else { return };
    let requests = meta::field(&mut container["resources"], "requests");
    for (name, amount) in limits.as_object().into_iter().flatten() {
        set(requests, name, amount.clone());
    }
}

fn quality_of_service(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    let amount = |container: &Value, kind: &str, name: &str| {
        container.pointer(&format!("/resources/{kind}/{name}")).cloned()
    };
    let any = |container: &Value| {
        ["limits", "requests"]
            .iter()
            .any(|kind| ["cpu", "memory"].iter().any(|it| amount(container, kind, it).is_some()))
    };
    let equal = |container: &Value| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = amount(container, "limits", name);
            limit.is_some() && limit == amount(container, "requests", name)
        })
    };
    if containers.iter().all(equal) {
        "Guaranteed"
    } else if containers.iter().any(any) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

fn container(container: &mut Value, host_network: bool) {
    let image = container["image"].as_str().unwrap_or_default().to_owned();
    let policy = if follows_latest(&image) { "Always" } else { "IfNotPresent" };
    set_in(container, "imagePullPolicy", policy);
    set_in(container, "terminationMessagePath", "/dev/termination-log");
    set_in(container, "terminationMessagePolicy", "File");
    set_in(container, "resources", json!({}));
    if let Some(ports) = container.get_mut("ports") {
        each(ports, |port| {
            set_in(port, "protocol", "TCP");
            if host_network {
                let number = port["containerPort"].clone();
                set_in(port, "hostPort", number);
            }
        });
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = container.get_mut(name) {
            probe(found);
        }
    }
    for hook in ["/lifecycle/preStop/httpGet", "/lifecycle/postStart/httpGet"] {
        if let Some(get) = container.pointer_mut(hook) {
            set_in(get, "path", "/");
            set_in(get, "scheme", "HTTP");
        }
    }
    if let Some(variables) = container.get_mut("env") {
        each(variables, |variable| {
            if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
                set_in(field, "apiVersion", "v1");
            }
            if let Some(field) = variable.pointer_mut("/valueFrom/resourceFieldRef") {
                set_in(field, "divisor", "0");
            }
        });
    }
    without_null_children(container);
}

/// Whether the tag of an image is `latest`, spelt or not.
fn follows_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn probe(probe: &mut Value) {
    set_in(probe, "timeoutSeconds", 1);
    set_in(probe, "periodSeconds", 10);
    set_in(probe, "successThreshold", 1);
    set_in(probe, "failureThreshold", 3);
    if let Some(get) = probe.get_mut("httpGet") {
        set_in(get, "path", "/");
        set_in(get, "scheme", "HTTP");
    }
    if let Some(call) = probe.get_mut("grpc") {
        set_in(call, "service", "");
    }
}

fn volume(volume: &mut Value) {
    let Some(map) = volume.as_object_mut() else { return };
    if map.len() == 1 {
        map.insert("emptyDir".to_owned(), json!({}));
    }
    for kind in ["secret", "configMap", "projected", "downwardAPI"] {
        if let Some(source) = map.get_mut(kind) {
            set_in(source, "defaultMode", 420);
        }
    }
    if let Some(path) = map.get_mut("hostPath") {
        set_in(path, "type", "");
    }
    if let Some(items) = map.get_mut("downwardAPI").and_then(|source| source.get_mut("items")) {
        each(items, field_version);
    }
    if let Some(sources) = map.get_mut("projected").and_then(|source| source.get_mut("sources")) {
        each(sources, |source| {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                set_in(token, "expirationSeconds", 3600);
            }
            if let Some(items) = source.pointer_mut("/downwardAPI/items") {
                each(items, field_version);
            }
        });
    }
    if let Some(spec) =
        map.get_mut("ephemeral").and_then(|it| it.pointer_mut("/volumeClaimTemplate/spec"))
    {
        set_in(spec, "volumeMode", "Filesystem");
    }
}

fn field_version(item: &mut Value) {
    if let Some(field) = item.get_mut("fieldRef") {
        set_in(field, "apiVersion", "v1");
    }
}

#[cfg(test)]
mod tests {
    use super::follows_latest;

    #[test]
    fn only_a_tag_other_than_latest_is_kept_when_present() {
        assert!(follows_latest("central"));
        assert!(follows_latest("host:5000/central"));
        assert!(follows_latest("central:latest"));
        assert!(!follows_latest("host:5000/central:4.1"));
        assert!(!follows_latest("central@sha256:00"));
    }
}
