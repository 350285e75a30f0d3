//! The rows kubectl shows of built-in kinds.

use serde_json::{Value, json};

use super::table::age;
use super::{table_pod, table_rest};
use crate::store::meta;

/// The columns of a resource; `+` marks those only the wide form shows.
pub(crate) fn columns(key: &str) -> &'static [&'static str] {
    let found = COLUMNS.iter().chain(table_rest::COLUMNS).find(|(keys, _)| keys.contains(&key));
    found.map_or(&["Name", "Created At"], |(_, columns)| columns)
}

const BINDINGS: &[&str] =
    &["rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"];
const WEBHOOKS: &[&str] = &[
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
];

/// The columns of each resource.
#[rustfmt::skip]
const COLUMNS: &[(&[&str], &[&str])] = &[
    (&["pods"], &["Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node",
        "+Readiness Gates"]),
    (&["deployments.apps"], &["Name", "Ready", "Up-to-date", "Available", "Age", "+Containers",
        "+Images", "+Selector"]),
    (&["replicasets.apps", "replicationcontrollers"], &["Name", "Desired", "Current", "Ready",
        "Age", "+Containers", "+Images", "+Selector"]),
    (&["daemonsets.apps"], &["Name", "Desired", "Current", "Ready", "Up-to-date", "Available",
        "Node Selector", "Age", "+Containers", "+Images", "+Selector"]),
    (&["statefulsets.apps"], &["Name", "Ready", "Age", "+Containers", "+Images"]),
    (&["controllerrevisions.apps"], &["Name", "Controller", "Revision", "Age"]),
    (&["services"], &["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"]),
    (&["endpoints"], &["Name", "Endpoints", "Age"]),
    (&["configmaps"], &["Name", "Data", "Age"]),
    (&["secrets"], &["Name", "Type", "Data", "Age"]),
    (&["serviceaccounts"], &["Name", "Secrets", "Age"]),
    (&["events"], &["Last Seen", "Type", "Reason", "Object", "+Subobject", "+Source", "Message",
        "+First Seen", "+Count", "+Name"]),
    (&["nodes"], &["Name", "Status", "Roles", "Age", "Version", "+Internal-IP", "+External-IP",
        "+OS-Image", "+Kernel-Version", "+Container-Runtime"]),
    (&["namespaces"], &["Name", "Status", "Age"]),
    (&["persistentvolumeclaims"], &["Name", "Status", "Volume", "Capacity", "Access Modes",
        "StorageClass", "VolumeAttributesClass", "Age", "+VolumeMode"]),
    (&["horizontalpodautoscalers.autoscaling"], &["Name", "Reference", "Targets", "MinPods",
        "MaxPods", "Replicas", "Age"]),
    (BINDINGS, &["Name", "Role", "Age", "+Users", "+Groups", "+ServiceAccounts"]),
    (&["leases.coordination.k8s.io"], &["Name", "Holder", "Age"]),
    (&["networkpolicies.networking.k8s.io"], &["Name", "Pod-Selector", "Age"]),
    (&["poddisruptionbudgets.policy"], &["Name", "Min Available", "Max Unavailable",
        "Allowed Disruptions", "Age"]),
    (WEBHOOKS, &["Name", "Webhooks", "Age"]),
];

/// The cells of an object, in the order of the columns.
pub(crate) fn cells(key: &str, object: &Value, now: jiff::Timestamp) -> Vec<Value> {
    let created = object.pointer("/metadata/creationTimestamp");
    let row = Row { object, age: age(created, now), now };
    match key {
        "pods" => table_pod::cells(object, &row.age, now),
        "deployments.apps" => row.deployment(),
        "replicasets.apps" | "replicationcontrollers" => row.replica_set(),
        "daemonsets.apps" => row.daemon_set(),
        "statefulsets.apps" => row.stateful_set(),
        "controllerrevisions.apps" => row.revision(),
        "services" => row.service(),
        "endpoints" => vec![row.name(), row.endpoints(), row.age()],
        "configmaps" => {
            let count = row.count("/data") + row.count("/binaryData");
            vec![row.name(), count.into(), row.age()]
        }
        "secrets" => vec![row.name(), row.at("/type"), row.count("/data").into(), row.age()],
        "serviceaccounts" => vec![row.name(), row.count("/secrets").into(), row.age()],
        "events" => row.event(),
        "nodes" => row.node(),
        "namespaces" => vec![row.name(), row.at("/status/phase"), row.age()],
        "persistentvolumeclaims" => row.claim(),
        "horizontalpodautoscalers.autoscaling" => row.autoscaler(),
        key if BINDINGS.contains(&key) => row.binding(),
        "leases.coordination.k8s.io" => {
            vec![row.name(), row.at("/spec/holderIdentity"), row.age()]
        }
        "networkpolicies.networking.k8s.io" => {
            vec![row.name(), row.labels("/spec/podSelector/matchLabels"), row.age()]
        }
        "poddisruptionbudgets.policy" => vec![
            row.name(),
            row.or("/spec/minAvailable", "N/A"),
            row.or("/spec/maxUnavailable", "N/A"),
            row.number("/status/disruptionsAllowed"),
            row.age(),
        ],
        key if WEBHOOKS.contains(&key) => {
            vec![row.name(), row.count("/webhooks").into(), row.age()]
        }
        _ => table_rest::cells(key, object, &row.age, now)
            .unwrap_or_else(|| vec![row.name(), created.cloned().unwrap_or_default()]),
    }
}

struct Row<'a> {
    object: &'a Value,
    age: String,
    now: jiff::Timestamp,
}

impl Row<'_> {
    fn name(&self) -> Value {
        meta::name(self.object).into()
    }

    fn age(&self) -> Value {
        self.age.as_str().into()
    }

    fn at(&self, pointer: &str) -> Value {
        self.object.pointer(pointer).cloned().unwrap_or_else(|| "".into())
    }

    fn or(&self, pointer: &str, absent: &str) -> Value {
        match self.object.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => text.as_str().into(),
            Some(Value::String(_) | Value::Null) | None => absent.into(),
            Some(other) => other.to_string().into(),
        }
    }

    fn number(&self, pointer: &str) -> Value {
        self.object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0).into()
    }

    fn count(&self, pointer: &str) -> usize {
        match self.object.pointer(pointer) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(map)) => map.len(),
            _ => 0,
        }
    }

    fn labels(&self, pointer: &str) -> Value {
        let map = self.object.pointer(pointer).and_then(Value::as_object);
        let labels = map.into_iter().flatten();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        if labels.is_empty() { "<none>".into() } else { labels.join(",").into() }
    }

    fn containers(&self, field: &str) -> Value {
        let pointer = "/spec/template/spec/containers";
        let list = self.object.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let texts: Vec<&str> = list.filter_map(|container| container[field].as_str()).collect();
        texts.join(",").into()
    }

    fn workload(&self) -> [Value; 3] {
        let selector = self.labels("/spec/selector/matchLabels");
        [self.containers("name"), self.containers("image"), selector]
    }

    fn ready_of(&self) -> Value {
        let ready = self.number("/status/readyReplicas");
        format!("{ready}/{}", self.number("/spec/replicas")).into()
    }

    fn deployment(&self) -> Vec<Value> {
        let mut row = vec![
            self.name(),
            self.ready_of(),
            self.number("/status/updatedReplicas"),
            self.number("/status/availableReplicas"),
            self.age(),
        ];
        row.extend(self.workload());
        row
    }

    fn replica_set(&self) -> Vec<Value> {
        let mut row = vec![
            self.name(),
            self.number("/spec/replicas"),
            self.number("/status/replicas"),
            self.number("/status/readyReplicas"),
            self.age(),
        ];
        row.extend(self.workload());
        row
    }

    fn daemon_set(&self) -> Vec<Value> {
        let counts = [
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
        ];
        let mut row = vec![self.name()];
        row.extend(counts.map(|count| self.number(&format!("/status/{count}"))));
        row.push(self.labels("/spec/template/spec/nodeSelector"));
        row.push(self.age());
        row.extend(self.workload());
        row
    }

    fn stateful_set(&self) -> Vec<Value> {
        let [names, images, _] = self.workload();
        vec![self.name(), self.ready_of(), self.age(), names, images]
    }

    fn revision(&self) -> Vec<Value> {
        let owner = meta::owners(self.object).next().map_or_else(
            || "<none>".to_owned(),
            |owner| {
                let kind = owner["kind"].as_str().unwrap_or_default().to_lowercase();
                let group = owner["apiVersion"].as_str().and_then(|it| it.split_once('/'));
                let group = group.map(|(group, _)| format!(".{group}")).unwrap_or_default();
                format!("{kind}{group}/{}", owner["name"].as_str().unwrap_or_default())
            },
        );
        vec![self.name(), owner.into(), self.number("/revision"), self.age()]
    }

    fn service(&self) -> Vec<Value> {
        let ports = self.object["spec"]["ports"].as_array().into_iter().flatten();
        let ports: Vec<String> = ports
            .map(|port| {
                let node = port["nodePort"].as_i64().map(|node| format!(":{node}"));
                let protocol = port["protocol"].as_str().unwrap_or("TCP");
                format!("{}{}/{protocol}", port["port"], node.unwrap_or_default())
            })
            .collect();
        let ports = if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") };
        let external = match self.object["spec"]["type"].as_str() {
            Some("LoadBalancer") => "<pending>".into(),
            Some("ExternalName") => self.at("/spec/externalName"),
            _ => "<none>".into(),
        };
        vec![
            self.name(),
            self.at("/spec/type"),
            self.or("/spec/clusterIP", "<none>"),
            external,
            ports.into(),
            self.age(),
            self.labels("/spec/selector"),
        ]
    }

    fn endpoints(&self) -> Value {
        let mut found = Vec::new();
        for subset in self.object["subsets"].as_array().into_iter().flatten() {
            for address in subset["addresses"].as_array().into_iter().flatten() {
                for port in subset["ports"].as_array().into_iter().flatten() {
                    found.push(format!(
                        "{}:{}",
                        address["ip"].as_str().unwrap_or_default(),
                        port["port"]
                    ));
                }
            }
        }
        match found.len() {
            0 => "<none>".into(),
            1..=3 => found.join(",").into(),
            more => format!("{} + {} more...", found[..3].join(","), more - 3).into(),
        }
    }

    fn event(&self) -> Vec<Value> {
        let object = self.object;
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let first = ["/firstTimestamp", "/eventTime"].into_iter().map(|it| object.pointer(it));
        let first = first.flatten().find(|stamp| stamp.is_string());
        let last = object.pointer("/lastTimestamp").filter(|stamp| stamp.is_string()).or(first);
        let source = match (text("/source/component"), text("/source/host")) {
            ("", _) => text("/reportingComponent").to_owned(),
            (component, "") => component.to_owned(),
            (component, host) => format!("{component}, {host}"),
        };
        let about = format!(
            "{}/{}",
            text("/involvedObject/kind").to_lowercase(),
            text("/involvedObject/name")
        );
        let count = object["count"].as_i64().filter(|count| *count > 0).unwrap_or(1);
        vec![
            age(last, self.now).into(),
            self.at("/type"),
            self.at("/reason"),
            about.into(),
            self.at("/involvedObject/fieldPath"),
            source.into(),
            text("/message").trim().into(),
            age(first, self.now).into(),
            count.into(),
            self.name(),
        ]
    }

    fn node(&self) -> Vec<Value> {
        let conditions = self.object["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready");
        let mut status = match ready.map(|condition| condition["status"] == "True") {
            Some(true) => "Ready".to_owned(),
            Some(false) => "NotReady".to_owned(),
            None => "Unknown".to_owned(),
        };
        if self.object["spec"]["unschedulable"] == true {
            status.push_str(",SchedulingDisabled");
        }
        let labels = self.object["metadata"]["labels"].as_object().into_iter().flatten();
        let roles: Vec<&str> =
            labels.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
        let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
        let addresses = self.object["status"]["addresses"].as_array().cloned().unwrap_or_default();
        let address = |kind: &str| {
            let found = addresses.iter().find(|address| address["type"] == kind);
            found.and_then(|address| address["address"].as_str()).unwrap_or("<none>").to_owned()
        };
        vec![
            self.name(),
            status.into(),
            roles.into(),
            self.age(),
            self.at("/status/nodeInfo/kubeletVersion"),
            address("InternalIP").into(),
            address("ExternalIP").into(),
            self.or("/status/nodeInfo/osImage", "<unknown>"),
            self.or("/status/nodeInfo/kernelVersion", "<unknown>"),
            self.or("/status/nodeInfo/containerRuntimeVersion", "<unknown>"),
        ]
    }

    fn claim(&self) -> Vec<Value> {
        let modes = self.object["status"]["accessModes"].as_array().into_iter().flatten();
        let modes: Vec<&str> = modes
            .filter_map(|mode| match mode.as_str()? {
                "ReadWriteOnce" => Some("RWO"),
                "ReadOnlyMany" => Some("ROX"),
                "ReadWriteMany" => Some("RWX"),
                "ReadWriteOncePod" => Some("RWOP"),
                _ => None,
            })
            .collect();
        vec![
            self.name(),
            self.at("/status/phase"),
            self.at("/spec/volumeName"),
            self.at("/status/capacity/storage"),
            modes.join(",").into(),
            self.at("/spec/storageClassName"),
            self.or("/spec/volumeAttributesClassName", "<unset>"),
            self.age(),
            self.or("/spec/volumeMode", "<unset>"),
        ]
    }

    fn autoscaler(&self) -> Vec<Value> {
        let target = self.object.pointer("/spec/scaleTargetRef");
        let text = |key: &str| target.and_then(|it| it[key].as_str()).unwrap_or_default();
        let metrics = self.object["spec"]["metrics"].as_array().into_iter().flatten();
        let metrics: Vec<String> = metrics
            .map(|metric| {
                let name = metric["resource"]["name"].as_str().unwrap_or("<unknown>");
                let wanted = &metric["resource"]["target"]["averageUtilization"];
                format!("{name}: <unknown>/{wanted}%")
            })
            .collect();
        vec![
            self.name(),
            format!("{}/{}", text("kind"), text("name")).into(),
            metrics.join(", ").into(),
            self.or("/spec/minReplicas", "<unset>"),
            self.number("/spec/maxReplicas"),
            self.number("/status/currentReplicas"),
            self.age(),
        ]
    }

    fn binding(&self) -> Vec<Value> {
        let subjects = self.object["subjects"].as_array().cloned().unwrap_or_default();
        let named = |kind: &str| -> Value {
            let found = subjects.iter().filter(|subject| subject["kind"] == kind);
            let names: Vec<String> = found
                .map(|subject| {
                    let name = subject["name"].as_str().unwrap_or_default();
                    match subject["namespace"].as_str() {
                        Some(namespace) => format!("{namespace}/{name}"),
                        None => name.to_owned(),
                    }
                })
                .collect();
            names.join(", ").into()
        };
        let role = &self.object["roleRef"];
        let role = json!(format!(
            "{}/{}",
            role["kind"].as_str().unwrap_or_default(),
            role["name"].as_str().unwrap_or_default()
        ));
        vec![self.name(), role, self.age(), named("User"), named("Group"), named("ServiceAccount")]
    }
}
