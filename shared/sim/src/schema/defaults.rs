//! What the server fills in: defaults of every write, and what a new object gets.

use serde_json::{Map, Value, json};

use super::kinds::Resource;
use super::template;
use crate::store::meta;

/// Fills in the defaults of an object's kind.
pub fn apply(resource: &Resource, object: &mut Value) {
    if resource.custom.is_some() {
        return;
    }
    match resource.kind.as_str() {
        "Deployment" => deployment(object),
        "DaemonSet" => daemon_set(object),
        "StatefulSet" => stateful_set(object),
        "ReplicaSet" | "ReplicationController" => {
            let spec = meta::field(object, "spec");
            set(spec, "replicas", 1);
            spec.entry("template").and_modify(template::apply);
            status(object, json!({"replicas": 0}));
        }
        "Job" => job(object),
        "CronJob" => cron_job(object),
        "Pod" => {
            object["spec"].is_object().then(|| template::pod(&mut object["spec"]));
            status(object, json!({"phase": "Pending"}));
        }
        "Secret" => secret(object),
        "Service" => service(object),
        "Endpoints" => endpoints(object),
        "Namespace" => namespace(object),
        "Node" => status(object, json!({})),
        "PersistentVolumeClaim" => {
            set(meta::field(object, "spec"), "volumeMode", "Filesystem");
            status(object, json!({"phase": "Pending"}));
        }
        "PersistentVolume" => {
            let spec = meta::field(object, "spec");
            set(spec, "volumeMode", "Filesystem");
            set(spec, "persistentVolumeReclaimPolicy", "Retain");
            status(object, json!({"phase": "Pending"}));
        }
        "Event" => event(object),
        "NetworkPolicy" => network_policy(object),
        "HorizontalPodAutoscaler" => autoscaler(object),
        "RoleBinding" | "ClusterRoleBinding" => binding(object),
        "ValidatingWebhookConfiguration" => webhooks(object, false),
        "MutatingWebhookConfiguration" => webhooks(object, true),
        "CustomResourceDefinition" => definition(object),
        "PodDisruptionBudget" => {
            let counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
            let counts = counts.map(|key| (key.to_owned(), Value::from(0)));
            status(object, Value::Object(counts.into_iter().collect()));
        }
        _ => {}
    }
    without_null_children(object);
}

/// Fills in what only a new object gets, and its writer owns.
pub fn on_create(resource: &Resource, object: &mut Value) {
    match resource.kind.as_str() {
        "DaemonSet" => annotate_template_generation(object, "1"),
        "Pod" => set(meta::field(object, "spec"), "enableServiceLinks", true),
        _ => {}
    }
}

/// What keeps a claim until no pod uses it.
pub const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";

fn protect(claim: &mut Value) {
    let finalizers = meta::of(claim).entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) =
        finalizers.as_array_mut().filter(|list| !list.contains(&json!(CLAIM_PROTECTION)))
    {
        list.push(json!(CLAIM_PROTECTION));
    }
}

/// Fills in what the server gives a new object, and nobody owns; `number` is unique.
pub fn admit(resource: &Resource, object: &mut Value, number: u64) {
    match resource.kind.as_str() {
        "Service" => allocate_addresses(object, number),
        "Namespace" => set(meta::field(object, "spec"), "finalizers", json!(["kubernetes"])),
        "Pod" => template::admit_pod(object),
        "PersistentVolumeClaim" => protect(object),
        _ => {}
    }
    if let Some(conditions) = established(resource, object) {
        object["status"] = conditions;
    }
}

/// Carries on what a write to an existing object may not lose.
pub fn on_update(resource: &Resource, old: &Value, new: &mut Value) {
    if resource.kind == "DaemonSet" {
        let key = "/metadata/annotations/deprecated.daemonset.template.generation";
        let count = old.pointer(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let count: u64 = count.unwrap_or(1);
        let changed = old.pointer("/spec/template") != new.pointer("/spec/template");
        annotate_template_generation(new, &(count + u64::from(changed)).to_string());
    }
    if resource.kind == "Service" && new["spec"]["type"] != "ExternalName" {
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if new["spec"].get(key).is_none()
                && let Some(kept) = old["spec"].get(key)
            {
                new["spec"][key] = kept.clone();
            }
        }
    }
}

/// Puts a value where none is.
pub(super) fn set(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value.into());
    }
}

/// As [`set`], in a value that may be no map.
pub(super) fn set_in(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut() {
        set(map, key, value);
    }
}

/// Runs over the items of a value that may be no list.
pub(super) fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

/// Reading a missing field by index leaves null behind in `serde_json`; a server has none.
pub(super) fn without_null_children(object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        let keeps_null = map.get("kind").is_some_and(|kind| kind == "Event");
        map.retain(|_, value| keeps_null || !value.is_null());
    }
}

fn status(object: &mut Value, initial: Value) {
    set_in(object, "status", initial);
}

fn deployment(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
    let strategy = spec.entry("strategy").or_insert_with(|| json!({}));
    set_in(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set_in(strategy, "rollingUpdate", json!({}));
        set_in(&mut strategy["rollingUpdate"], "maxUnavailable", "25%");
        set_in(&mut strategy["rollingUpdate"], "maxSurge", "25%");
    }
    spec.entry("template").and_modify(template::apply);
    status(object, json!({}));
}

fn daemon_set(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "revisionHistoryLimit", 10);
    let strategy = spec.entry("updateStrategy").or_insert_with(|| json!({}));
    set_in(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set_in(strategy, "rollingUpdate", json!({}));
        set_in(&mut strategy["rollingUpdate"], "maxUnavailable", 1);
        set_in(&mut strategy["rollingUpdate"], "maxSurge", 0);
    }
    spec.entry("template").and_modify(template::apply);
    set_in(object, "status", json!({}));
    let counts =
        ["currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"];
    counts.into_iter().for_each(|key| set_in(&mut object["status"], key, 0));
}

fn annotate_template_generation(object: &mut Value, count: &str) {
    let metadata = meta::of(object);
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    annotations["deprecated.daemonset.template.generation"] = count.into();
}

fn stateful_set(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "podManagementPolicy", "OrderedReady");
    let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    set(spec, "persistentVolumeClaimRetentionPolicy", retain);
    let strategy = spec.entry("updateStrategy").or_insert_with(|| json!({}));
    set_in(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set_in(strategy, "rollingUpdate", json!({}));
        set_in(&mut strategy["rollingUpdate"], "partition", 0);
    }
    spec.entry("template").and_modify(template::apply);
    spec.entry("volumeClaimTemplates").and_modify(|claims| {
        each(claims, |claim| {
            set_in(claim, "apiVersion", "v1");
            set_in(claim, "kind", "PersistentVolumeClaim");
            set(meta::field(claim, "spec"), "volumeMode", "Filesystem");
            set_in(claim, "status", json!({"phase": "Pending"}));
        });
    });
    status(object, json!({"replicas": 0, "availableReplicas": 0}));
}

fn job_spec(spec: &mut Map<String, Value>) {
    set(spec, "parallelism", 1);
    set(spec, "completions", 1);
    set(spec, "backoffLimit", 6);
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    set(spec, "podReplacementPolicy", "TerminatingOrFailed");
    spec.entry("template").and_modify(template::apply);
}

fn job(object: &mut Value) {
    job_spec(meta::field(object, "spec"));
    status(object, json!({}));
}

fn cron_job(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "concurrencyPolicy", "Allow");
    set(spec, "suspend", false);
    set(spec, "successfulJobsHistoryLimit", 3);
    set(spec, "failedJobsHistoryLimit", 1);
    let job = spec.entry("jobTemplate").or_insert_with(|| json!({}));
    let job = meta::field(job, "spec");
    job.entry("template").and_modify(template::apply);
    status(object, json!({}));
}

fn secret(object: &mut Value) {
    use base64::Engine;
    set_in(object, "type", "Opaque");
    let Some(Value::Object(texts)) =
        object.as_object_mut().and_then(|map| map.remove("stringData"))
    else {
        return;
    };
    let data = meta::field(object, "data");
    for (key, text) in texts {
        let encoded = base64::engine::general_purpose::STANDARD
            .encode(text.as_str().unwrap_or_default().as_bytes());
        data.insert(key, encoded.into());
    }
}

fn service(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "type", "ClusterIP");
    set(spec, "sessionAffinity", "None");
    if let Some(ports) = spec.get_mut("ports") {
        each(ports, |port| {
            set_in(port, "protocol", "TCP");
            let number = port["port"].clone();
            set_in(port, "targetPort", number);
        });
    }
    if spec["type"] != "ExternalName" {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
    }
    if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
        set(spec, "externalTrafficPolicy", "Cluster");
    }
    status(object, json!({"loadBalancer": {}}));
}

fn allocate_addresses(object: &mut Value, number: u64) {
    let spec = meta::field(object, "spec");
    if spec["type"] == "ExternalName" {
        return;
    }
    set(spec, "ipFamilyPolicy", "SingleStack");
    set(spec, "ipFamilies", json!(["IPv4"]));
    let address = format!("10.96.{}.{}", number / 250 % 250, number % 250 + 2);
    set(spec, "clusterIP", address);
    let address = spec["clusterIP"].clone();
    set(spec, "clusterIPs", json!([address]));
    if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
        let mut next = 30_000 + number % 2_700;
        if let Some(ports) = spec.get_mut("ports") {
            each(ports, |port| {
                set_in(port, "nodePort", next);
                next += 1;
            });
        }
    }
}

fn endpoints(object: &mut Value) {
    let Some(subsets) = object.get_mut("subsets") else { return };
    each(subsets, |subset| {
        if let Some(ports) = subset.get_mut("ports") {
            each(ports, |port| set_in(port, "protocol", "TCP"));
        }
    });
}

fn namespace(object: &mut Value) {
    let name = meta::name(object).to_owned();
    let labels = meta::of(object).entry("labels").or_insert_with(|| json!({}));
    set_in(labels, "kubernetes.io/metadata.name", name);
    set_in(object, "spec", json!({}));
    status(object, json!({"phase": "Active"}));
}

fn event(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    for key in ["firstTimestamp", "lastTimestamp", "eventTime"] {
        map.entry(key).or_insert(Value::Null);
    }
    set(map, "source", json!({}));
    set(map, "involvedObject", json!({}));
    set(map, "reportingComponent", "");
    set(map, "reportingInstance", "");
}

fn network_policy(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "podSelector", json!({}));
    let mut types = vec!["Ingress"];
    if spec.contains_key("egress") {
        types.push("Egress");
    }
    set(spec, "policyTypes", json!(types));
    for direction in ["ingress", "egress"] {
        if let Some(rules) = spec.get_mut(direction) {
            each(rules, |rule| {
                if let Some(ports) = rule.get_mut("ports") {
                    each(ports, |port| set_in(port, "protocol", "TCP"));
                }
            });
        }
    }
}

fn autoscaler(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "minReplicas", 1);
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}});
    set(spec, "metrics", json!([{"type": "Resource", "resource": cpu}]));
    status(object, json!({"desiredReplicas": 0, "currentMetrics": null}));
}

fn binding(object: &mut Value) {
    let group = "rbac.authorization.k8s.io";
    if let Some(role) = object.get_mut("roleRef") {
        set_in(role, "apiGroup", group);
    }
    if let Some(subjects) = object.get_mut("subjects") {
        each(subjects, |subject| {
            if subject["kind"] != "ServiceAccount" {
                set_in(subject, "apiGroup", group);
            }
        });
    }
}

fn webhooks(object: &mut Value, mutating: bool) {
    let Some(hooks) = object.get_mut("webhooks") else { return };
    each(hooks, |hook| {
        set_in(hook, "failurePolicy", "Fail");
        set_in(hook, "matchPolicy", "Equivalent");
        set_in(hook, "namespaceSelector", json!({}));
        set_in(hook, "objectSelector", json!({}));
        set_in(hook, "timeoutSeconds", 10);
        if mutating {
            set_in(hook, "reinvocationPolicy", "Never");
        }
        if let Some(rules) = hook.get_mut("rules") {
            each(rules, |rule| set_in(rule, "scope", "*"));
        }
        if let Some(service) = hook.pointer_mut("/clientConfig/service") {
            set_in(service, "port", 443);
        }
    });
}

fn definition(object: &mut Value) {
    let spec = meta::field(object, "spec");
    set(spec, "conversion", json!({"strategy": "None"}));
    let names = spec.entry("names").or_insert_with(|| json!({}));
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    set_in(names, "singular", kind.to_lowercase());
    set_in(names, "listKind", format!("{kind}List"));
}

/// The status the controllers of the extension server give to a new definition.
fn established(resource: &Resource, object: &Value) -> Option<Value> {
    if resource.kind != "CustomResourceDefinition" {
        return None;
    }
    let time = object.pointer("/metadata/creationTimestamp")?;
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": time})
    };
    let versions = object.pointer("/spec/versions")?.as_array()?;
    let stored: Vec<&Value> =
        versions.iter().filter(|it| it["storage"] == true).map(|it| &it["name"]).collect();
    Some(json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": object.pointer("/spec/names")?,
        "storedVersions": stored,
    }))
}
