//! The short forms of values that repeat hundreds of times.

use serde_json::{Map, Value, json};

use super::super::node::Node;
use super::value;

/// `KIND/NAME` as a roleRef.
pub(super) fn role_reference(node: &Node) -> Value {
    let (kind, name) = node.text().and_then(|text| text.split_once('/')).unwrap_or_default();
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

/// Names of service accounts of `namespace` as subjects.
pub(super) fn accounts(node: Node, namespace: &str) -> Value {
    let subject = |name| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    list(value(node)).into_iter().map(subject).collect()
}

/// A placeholder per key: base64 under `data`, plain under `stringData`.
pub(super) fn placeholders(field: &str, node: Node) -> Value {
    let placeholder = if field == "data" { "cGxhY2Vob2xkZXI=" } else { "placeholder" };
    let keys = list(value(node));
    let entry = |key: Value| Some((key.as_str()?.to_owned(), json!(placeholder)));
    Value::Object(keys.into_iter().filter_map(entry).collect())
}

/// An environment variable: `field PATH`, `resource NAME`, else its value.
pub(super) fn variable(text: &str) -> Value {
    match text.split_once(' ') {
        Some(("field", path)) => json!({"valueFrom": {"fieldRef": {"fieldPath": path}}}),
        Some(("resource", name)) => json!({"valueFrom": {"resourceFieldRef": {"resource": name}}}),
        _ => json!({"value": text}),
    }
}

/// A mount: `VOLUME [ro] [PROPAGATION]`.
pub(super) fn mount(text: &str) -> Value {
    let mut words = text.split(' ');
    let mut mount = json!({"name": words.next()});
    for word in words {
        if word == "ro" {
            mount["readOnly"] = json!(true);
        } else {
            mount["mountPropagation"] = json!(word);
        }
    }
    mount
}

/// A volume: `emptyDir`, `hostPath PATH`, or
/// `secret|configMap NAME [optional|required] [mode DECIMAL] [items KEY[=PATH]...]`.
pub(super) fn volume(text: &str) -> Value {
    let mut words = text.split(' ');
    let kind = words.next().unwrap_or_default();
    let name = words.next();
    let mut source = match kind {
        "hostPath" => json!({"path": name}),
        "secret" => json!({"secretName": name}),
        "configMap" => json!({"name": name}),
        _ => json!({}),
    };
    while let Some(word) = words.next() {
        match word {
            "optional" => source["optional"] = json!(true),
            "required" => source["optional"] = json!(false),
            "mode" => {
                source["defaultMode"] =
                    json!(words.next().and_then(|mode| mode.parse::<u32>().ok()));
            }
            "items" => source["items"] = words.by_ref().map(item).collect(),
            _ => {}
        }
    }
    json!({kind: source})
}

/// `KEY=PATH`, or a key that is also the path.
fn item(text: &str) -> Value {
    let (key, path) = text.split_once('=').unwrap_or((text, text));
    json!({"key": key, "path": path})
}

/// Requests and limits from `NAME: REQUEST..LIMIT`, either of which may be missing; what is not
/// such a map (the resources of a role's rule) stays.
pub(super) fn resources(node: Node) -> Value {
    let Node::Map(entries) = node else { return value(node) };
    let mut done = Map::new();
    for (name, range) in entries {
        let (request, limit) =
            range.text().and_then(|text| text.split_once("..")).unwrap_or_default();
        for (field, amount) in [("requests", request), ("limits", limit)] {
            if !amount.is_empty() {
                done.entry(field).or_insert_with(|| json!({}))[&name] = json!(amount);
            }
        }
    }
    Value::Object(done)
}

/// The rules of a role: texts are `VERBS GROUPS/RESOURCES [NAMES]`, each separated by commas.
pub(super) fn rules(node: Node) -> Value {
    let Node::List(items) = node else { return value(node) };
    items.into_iter().map(|item| item.text().map(rule).unwrap_or_else(|| value(item))).collect()
}

fn rule(text: &str) -> Value {
    let mut words = text.split(' ');
    let verbs = words.next().unwrap_or_default();
    let (groups, resources) =
        words.next().and_then(|word| word.split_once('/')).unwrap_or_default();
    let names = |text: &str| text.split(',').map(Value::from).collect::<Value>();
    let mut rule = json!({
        "apiGroups": names(groups), "resources": names(resources), "verbs": names(verbs),
    });
    if let Some(objects) = words.next() {
        rule["resourceNames"] = names(objects);
    }
    rule
}

/// An affinity: `prefer` has texts `WEIGHT LABEL OPERATOR [VALUE]` about nodes, `apart` has
/// `WEIGHT APP`, the app whose pods' nodes are avoided; other fields are as they are.
pub(super) fn affinity(node: Node) -> Value {
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let Node::Map(entries) = node else { return value(node) };
    let mut done = Map::new();
    for (key, node) in entries {
        let (field, preferences) = match key.as_str() {
            "prefer" => ("nodeAffinity", list(value(node)).iter().filter_map(preference).collect()),
            "apart" => ("podAntiAffinity", node.text().and_then(apart).into_iter().collect()),
            _ => {
                done.insert(key, value(node));
                continue;
            }
        };
        let preferences: Vec<Value> = preferences;
        done.insert(field.to_owned(), json!({PREFERRED: preferences}));
    }
    Value::Object(done)
}

fn preference(text: &Value) -> Option<Value> {
    let words: Vec<&str> = text.as_str()?.split(' ').collect();
    let (weight, key, operator, values) = match *words.as_slice() {
        [weight, key, operator] => (weight, key, operator, None),
        [weight, key, operator, value] => (weight, key, operator, Some(json!([value]))),
        _ => return None,
    };
    let mut expression = json!({"key": key, "operator": operator});
    if let Some(values) = values {
        expression["values"] = values;
    }
    let weight: u32 = weight.parse().ok()?;
    Some(json!({"weight": weight, "preference": {"matchExpressions": [expression]}}))
}

fn apart(text: &str) -> Option<Value> {
    let (weight, app) = text.split_once(' ')?;
    let weight: u32 = weight.parse().ok()?;
    let term = json!({
        "labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname",
    });
    Some(json!({"weight": weight, "podAffinityTerm": term}))
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(yaml: &str) -> Node {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn volumes_and_mounts_are_written_out() {
        assert_eq!(volume("emptyDir"), json!({"emptyDir": {}}));
        assert_eq!(volume("hostPath /proc"), json!({"hostPath": {"path": "/proc"}}));
        assert_eq!(
            volume("secret tls optional mode 416 items cert.pem=server.crt ca.pem"),
            json!({"secret": {
                "secretName": "tls", "optional": true, "defaultMode": 416,
                "items": [
                    {"key": "cert.pem", "path": "server.crt"}, {"key": "ca.pem", "path": "ca.pem"},
                ],
            }})
        );
        assert_eq!(
            mount("proc ro HostToContainer"),
            json!({"name": "proc", "readOnly": true, "mountPropagation": "HostToContainer"})
        );
    }

    #[test]
    fn ranges_are_requests_and_limits_and_rules_keep_their_resources() {
        assert_eq!(
            resources(node("{cpu: 50m..1, memory: ..2Gi, storage: 100Gi..}")),
            json!({
                "requests": {"cpu": "50m", "storage": "100Gi"},
                "limits": {"cpu": "1", "memory": "2Gi"},
            })
        );
        assert_eq!(resources(node("[pods, services]")), json!(["pods", "services"]));
    }

    #[test]
    fn a_rule_is_verbs_then_groups_and_resources_then_names() {
        assert_eq!(
            rules(node("[\"use policy/podsecuritypolicies a,b\", \"get,list /pods,pods/log\"]")),
            json!([
                {
                    "apiGroups": ["policy"], "resources": ["podsecuritypolicies"],
                    "verbs": ["use"], "resourceNames": ["a", "b"],
                },
                {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
            ])
        );
    }

    #[test]
    fn an_affinity_prefers_nodes_by_label() {
        let affinity = affinity(node("{prefer: [50 role/infra Exists, 25 a In b]}"));
        let preferred = "/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(
            affinity.pointer(preferred).unwrap(),
            &json!([
                {"weight": 50, "preference": {"matchExpressions": [
                    {"key": "role/infra", "operator": "Exists"},
                ]}},
                {"weight": 25, "preference": {"matchExpressions": [
                    {"key": "a", "operator": "In", "values": ["b"]},
                ]}},
            ])
        );
    }
}
