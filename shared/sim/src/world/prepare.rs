//! From a list of objects to the objects of a cluster: order, namespaces, certificates, what only a server may set.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::central::pki::{Pki, host_names};
use crate::controllers::objects::{items, text};
use crate::schema::kinds::{Resource, built_in};

/// Kinds that a running cluster makes itself.
const MADE_BY_THE_CLUSTER: &[&str] =
    &["Pod", "Event", "Endpoints", "EndpointSlice", "Node", "PodMetrics", "NodeMetrics"];

/// Kinds that others need to be there, in order.
const FIRST: &[&str] =
    &["Namespace", "CustomResourceDefinition", "ServiceAccount", "Secret", "ConfigMap"];

/// Services of the product: the Secret of their certificate, and the host.
const SERVICES: &[(&str, &str, &str, &str)] = &[
    ("central-tls", "CENTRAL_SERVICE", "Central", "central"),
    ("central-db-tls", "CENTRAL_DB_SERVICE", "Central DB", "central-db"),
    ("scanner-tls", "SCANNER_SERVICE", "Scanner", "scanner"),
    ("scanner-db-tls", "SCANNER_DB_SERVICE", "Scanner DB", "scanner-db"),
    (
        "scanner-v4-indexer-tls",
        "SCANNER_V4_INDEXER_SERVICE",
        "Scanner V4 Indexer",
        "scanner-v4-indexer",
    ),
    (
        "scanner-v4-matcher-tls",
        "SCANNER_V4_MATCHER_SERVICE",
        "Scanner V4 Matcher",
        "scanner-v4-matcher",
    ),
    ("scanner-v4-db-tls", "SCANNER_V4_DB_SERVICE", "Scanner V4 DB", "scanner-v4-db"),
    ("sensor-tls", "SENSOR_SERVICE", "Sensor", "sensor"),
    ("collector-tls", "COLLECTOR_SERVICE", "Collector", "collector"),
    (
        "admission-control-tls",
        "ADMISSION_CONTROL_SERVICE",
        "Admission Control",
        "admission-control",
    ),
];

/// Objects in an order in which they can be created, and the namespaces they need.
pub(super) struct Prepared {
    pub(super) objects: Vec<Value>,
    pub(super) namespaces: BTreeSet<String>,
}

/// The objects, lists taken apart; those that need a namespace and name none get this one.
pub(super) fn placed(objects: Vec<Value>, namespace: Option<&str>) -> Vec<Value> {
    let mut objects: Vec<Value> = objects.into_iter().flat_map(flatten).collect();
    let Some(namespace) = namespace else { return objects };
    let defined: Vec<Resource> = objects.iter().filter_map(defines).collect();
    for object in &mut objects {
        let is_of = |resource: &Resource| {
            let version = text(object, "/apiVersion");
            let group = version.split_once('/').map_or("", |(group, _)| group);
            resource.kind == text(object, "/kind") && resource.group == group
        };
        let known = built_in().values().map(AsRef::as_ref).chain(&defined).find(|one| is_of(one));
        let is_placed = !text(object, "/metadata/namespace").is_empty();
        if known.is_some_and(|resource| resource.namespaced) && !is_placed {
            object["metadata"]["namespace"] = json!(namespace);
        }
    }
    objects
}

fn defines(object: &Value) -> Option<Resource> {
    (object["kind"] == "CustomResourceDefinition")
        .then(|| Resource::of_definition(object))
        .flatten()
}

/// The authority of the installation: its own where `central-tls` has it with its key, else a new one.
///
/// # Errors
/// When a new key cannot be made.
pub(super) fn authority(
    objects: &[Value],
    now: Timestamp,
    expires: Option<Timestamp>,
) -> Result<Pki, rcgen::Error> {
    let secrets = objects.iter().filter(|object| object["kind"] == "Secret");
    let own = secrets.filter(|secret| text(secret, "/metadata/name") == "central-tls").find_map(
        |secret| {
            let values = values(secret);
            Pki::of(values.get("ca.pem")?, values.get("ca-key.pem")?, now, expires)
        },
    );
    own.map_or_else(|| Pki::new(now, expires), Ok)
}

/// The authority of an installation that cannot go on, because its key is not there.
fn replaced_authority(objects: &[Value], pki: &Pki) -> Option<String> {
    let central = objects.iter().find(|object| {
        object["kind"] == "Secret" && text(object, "/metadata/name") == "central-tls"
    })?;
    let authority = values(central).remove("ca.pem")?.trim().to_owned();
    (authority.starts_with("-----BEGIN") && authority != pki.ca_pem().trim()).then_some(authority)
}

/// Prepares the objects of manifests, or those read from a live cluster.
///
/// # Errors
/// When a certificate cannot be made.
pub(super) fn prepare(objects: Vec<Value>, pki: &Pki) -> Result<Prepared, rcgen::Error> {
    let mut objects: Vec<Value> = objects.into_iter().flat_map(flatten).collect();
    objects.retain(|object| !MADE_BY_THE_CLUSTER.contains(&text(object, "/kind")));
    for object in &mut objects {
        strip(object);
    }
    add_missing_secrets(&mut objects);
    let replaced = replaced_authority(&objects, pki);
    for object in objects.iter_mut().filter(|object| object["kind"] == "Secret") {
        fill(object, pki, replaced.as_deref())?;
    }
    // A stable sort: owners come before what they own.
    objects.sort_by_key(|object| {
        let owned = !items(object, "/metadata/ownerReferences").is_empty();
        let rank = FIRST.iter().position(|kind| *kind == text(object, "/kind"));
        (owned, rank.unwrap_or(FIRST.len()))
    });
    let namespaces = objects
        .iter()
        .map(|object| text(object, "/metadata/namespace").to_owned())
        .filter(|namespace| !namespace.is_empty())
        .collect();
    Ok(Prepared { objects, namespaces })
}

fn flatten(object: Value) -> Vec<Value> {
    let is_list = text(&object, "/kind").ends_with("List") && object["items"].is_array();
    if is_list { items(&object, "/items").to_vec() } else { vec![object] }
}

/// Takes away what only a server may set; the uid stays for finding owners again.
fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in [
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
            "generation",
            "selfLink",
            "deletionTimestamp",
        ] {
            metadata.remove(key);
        }
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
}

/// Adds the Secrets with certificates that workloads mount and that manifests leave to their bundle.
fn add_missing_secrets(objects: &mut Vec<Value>) {
    let mut wanted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for object in objects.iter() {
        let namespace = text(object, "/metadata/namespace");
        for volume in items(object, "/spec/template/spec/volumes") {
            let secret = text(volume, "/secret/secretName");
            if service_of(secret).is_some() {
                let mounted = items(volume, "/secret/items").iter().map(|item| text(item, "/key"));
                let keys = wanted.entry((namespace.to_owned(), secret.to_owned())).or_default();
                keys.extend(mounted.map(str::to_owned));
            }
        }
    }
    for object in objects.iter().filter(|object| object["kind"] == "Secret") {
        let address = (
            text(object, "/metadata/namespace").to_owned(),
            text(object, "/metadata/name").to_owned(),
        );
        wanted.remove(&address);
    }
    for ((namespace, name), mut keys) in wanted {
        if !keys.iter().any(|key| key.ends_with("cert.pem")) {
            keys.extend(["cert.pem", "key.pem"].map(str::to_owned));
        }
        keys.insert("ca.pem".to_owned());
        let data: BTreeMap<String, &str> = keys.into_iter().map(|key| (key, "")).collect();
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace, "labels": {
                "app.kubernetes.io/name": "stackrox", "auto-upgrade.stackrox.io/component": "sensor"}},
            "data": data,
        }));
    }
}

/// The service whose certificate a Secret holds; sensors of late releases name theirs `tls-cert-…`.
fn service_of(
    secret: &str,
) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    let plain = secret.strip_prefix("tls-cert-").map(|host| format!("{host}-tls"));
    let wanted = plain.as_deref().unwrap_or(secret);
    SERVICES.iter().find(|(name, ..)| *name == wanted)
}

/// Puts real certificates in place of redacted ones, and harmless values in place of other redacted ones.
fn fill(secret: &mut Value, pki: &Pki, replaced: Option<&str>) -> Result<(), rcgen::Error> {
    let name = text(secret, "/metadata/name").to_owned();
    let namespace = text(secret, "/metadata/namespace").to_owned();
    let values = values(secret);
    // Central serves with this authority, so that what another one signed for it cannot stay, nor
    // what the services have of that one.
    let authority = values.get("ca.pem").map(|authority| authority.trim());
    let is_foreign = service_of(&name).is_some()
        && authority != Some(pki.ca_pem().trim())
        && (name == "central-tls" || (authority.is_some() && authority == replaced));
    let redacted =
        |value: &String| is_foreign || value.is_empty() || value.eq_ignore_ascii_case("redacted");
    if !values.values().any(redacted) {
        return Ok(());
    }
    let leaf = match service_of(&name) {
        Some((_, service, subject, host)) => {
            Some(pki.issue(service, subject, &host_names(host, &namespace))?)
        }
        None => None,
    };
    let mut data = secret["data"].as_object().cloned().unwrap_or_default();
    for (field, value) in &values {
        if !redacted(value) {
            data.insert(
                field.clone(),
                json!(data.get(field).cloned().unwrap_or_else(|| json!(STANDARD.encode(value)))),
            );
            continue;
        }
        let fresh = match (field.as_str(), &leaf) {
            ("ca.pem", _) => pki.ca_pem().to_owned(),
            ("ca-key.pem", _) => pki.ca_key_pem().to_owned(),
            ("jwt-key.pem", _) => pki.private_key()?,
            // Those of a secured cluster say whose they are: `sensor-cert.pem`.
            (field, Some(leaf)) if field.ends_with("cert.pem") => leaf.certificate.clone(),
            (field, Some(leaf)) if field.ends_with("key.pem") => leaf.key.clone(),
            ("htpasswd", _) => {
                "admin:$2y$05$embeddedembeddedembeddedembeddedembeddedembeddedembe\n".to_owned()
            }
            _ => "embedded".to_owned(),
        };
        data.insert(field.clone(), json!(STANDARD.encode(fresh)));
    }
    if let Some(fields) = secret.as_object_mut() {
        fields.remove("stringData");
        fields.insert("data".to_owned(), Value::Object(data));
    }
    Ok(())
}

/// The values of a Secret as texts, by their keys.
fn values(secret: &Value) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for key in ["data", "stringData"] {
        for (field, value) in secret[key].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let plain = if key == "data" { decode(value) } else { Some(value.to_owned()) };
            // Bytes that are no text are certainly not redacted.
            values.insert(field.clone(), plain.unwrap_or_else(|| "binary".to_owned()));
        }
    }
    values
}

/// The text behind base64; redacted values are not always encoded.
fn decode(value: &str) -> Option<String> {
    match STANDARD.decode(value) {
        Ok(bytes) if value.len().is_multiple_of(4) && !value.eq_ignore_ascii_case("redacted") => {
            String::from_utf8(bytes).ok()
        }
        _ => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(objects: Vec<Value>) -> Prepared {
        prepare(objects, &Pki::new(Timestamp::now(), None).unwrap()).unwrap()
    }

    #[test]
    fn redacted_certificates_become_real_ones() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "scanner-tls", "namespace": "acs"},
            "stringData": {"ca.pem": "redacted", "cert.pem": "redacted", "key.pem": "redacted"}});
        let objects = prepared(vec![secret]).objects;
        let certificate = decode(objects[0]["data"]["cert.pem"].as_str().unwrap()).unwrap();
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
        assert!(objects[0].get("stringData").is_none());
    }

    #[test]
    fn values_that_are_there_stay() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "mine", "namespace": "acs"},
            "data": {"a": STANDARD.encode("value"), "b": "redacted"}});
        let objects = prepared(vec![secret]).objects;
        assert_eq!(objects[0]["data"]["a"], json!(STANDARD.encode("value")));
        assert_eq!(objects[0]["data"]["b"], json!(STANDARD.encode("embedded")));
    }

    #[test]
    fn secrets_that_workloads_mount_are_added_and_come_first() {
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "sensor", "namespace": "acs"},
            "spec": {"template": {"spec": {"volumes": [{"name": "c", "secret": {"secretName": "sensor-tls", "items": [
                {"key": "sensor-cert.pem", "path": "cert.pem"}, {"key": "sensor-key.pem", "path": "key.pem"},
                {"key": "ca.pem", "path": "ca.pem"}]}}]}}}});
        let Prepared { objects, namespaces } =
            prepared(vec![deployment, json!({"kind": "Pod", "metadata": {}})]);
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["metadata"]["name"], "sensor-tls");
        let data = objects[0]["data"].as_object().unwrap();
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        assert_eq!(keys, ["ca.pem", "sensor-cert.pem", "sensor-key.pem"], "as in a real bundle");
        let certificate = decode(data["sensor-cert.pem"].as_str().unwrap()).unwrap();
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
        let key = decode(data["sensor-key.pem"].as_str().unwrap()).unwrap();
        assert!(key.contains("PRIVATE KEY"));
        assert!(namespaces.contains("acs"));
    }

    fn secret(name: &str, data: &[(&str, &str)]) -> Value {
        let data: serde_json::Map<String, Value> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value))))
            .collect();
        json!({"kind": "Secret", "metadata": {"name": name, "namespace": "acs"}, "data": data})
    }

    #[test]
    fn an_installations_own_authority_and_certificates_stay() {
        let now = Timestamp::now();
        let own = Pki::new(now, None).unwrap();
        let leaf = own.issue("CENTRAL_SERVICE", "Central", &host_names("central", "acs")).unwrap();
        let common =
            [("ca.pem", own.ca_pem()), ("cert.pem", &leaf.certificate), ("key.pem", &leaf.key)];
        let mut central = common.to_vec();
        central.extend([("ca-key.pem", own.ca_key_pem()), ("jwt-key.pem", &leaf.key)]);
        let objects = vec![secret("central-tls", &central), secret("scanner-tls", &common)];
        let pki = authority(&objects, now, None).unwrap();
        assert_eq!(pki.ca_pem(), own.ca_pem());
        let kept = prepare(objects.clone(), &pki).unwrap().objects;
        assert_eq!(kept, objects);
    }

    #[test]
    fn an_authority_without_its_key_is_replaced_everywhere_or_nowhere() {
        let now = Timestamp::now();
        let (own, other) = (Pki::new(now, None).unwrap(), Pki::new(now, None).unwrap());
        let leaf = own.issue("SCANNER_SERVICE", "Scanner", &host_names("scanner", "acs")).unwrap();
        let of = |pki: &Pki| {
            [("ca.pem", pki.ca_pem().to_owned()), ("cert.pem", leaf.certificate.clone())]
        };
        let made = |name: &str, pki: &Pki| {
            let pairs = of(pki);
            secret(name, &pairs.each_ref().map(|(key, value)| (*key, value.as_str())))
        };
        let objects =
            vec![made("central-tls", &own), made("scanner-tls", &own), made("sensor-tls", &other)];
        let pki = authority(&objects, now, None).unwrap();
        let authority_of =
            |object: &Value| decode(object["data"]["ca.pem"].as_str().unwrap()).unwrap();
        let found: Vec<String> =
            prepare(objects, &pki).unwrap().objects.iter().map(authority_of).collect();
        // What was foreign before is foreign still.
        assert_eq!(found, [pki.ca_pem(), pki.ca_pem(), other.ca_pem()]);
    }

    #[test]
    fn documents_without_a_namespace_come_into_the_one_that_is_given() {
        let objects = vec![json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b", "namespace": "c"}},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "d"}},
        ]})];
        let places: Vec<Value> = placed(objects, Some("acs"))
            .iter()
            .map(|object| object["metadata"]["namespace"].clone())
            .collect();
        assert_eq!(places, [json!("acs"), json!("c"), Value::Null]);
    }
}
