//! The installations of Splunk's collector in a namespace, and where each keeps its token.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The key under which the collector's chart keeps the token.
pub const TOKEN_KEY: &str = "splunk_observability_access_token";

/// The keys a token may have, newest first; old charts used the second.
pub const TOKEN_KEYS: [&str; 2] = [TOKEN_KEY, "splunk_o11y_access_token"];

/// Keys of the collector's Secret that belong to another product and are never written.
const FOREIGN: &str = "splunk_platform_";

/// The variables from which a collector takes the token.
const TOKEN_VARIABLES: [&str; 3] =
    ["SPLUNK_OBSERVABILITY_ACCESS_TOKEN", "SPLUNK_ACCESS_TOKEN", "SPLUNK_O11Y_ACCESS_TOKEN"];

/// The domains of Splunk's hosts, each behind a service and a realm.
const DOMAINS: [&str; 2] = [".signalfx.com", ".observability.splunkcloud.com"];

/// What the chart is called, and what its labels say.
const NAME: &str = "splunk-otel-collector";

/// One Secret that collectors take their token from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Collector {
    /// The Helm release or, without one, the name of the first workload.
    pub release: String,
    /// The Secret's name.
    pub secret: String,
    /// The key; none when the Secret is mounted whole, so that its content decides.
    pub key: Option<String>,
}

/// The installations among the workloads of a namespace, each with its Secret and key. Several may
/// share one. Without a key it is a Secret that is mounted whole: any Secret may be, so
/// [`token_key`] has to tell whether it holds the token.
#[must_use]
pub fn collectors(workloads: &[Value]) -> Vec<Collector> {
    let mut found: BTreeMap<(String, Option<String>), Collector> = BTreeMap::new();
    for workload in workloads.iter().filter(|workload| is_collector(workload)) {
        for (secret, key) in sources(&workload["spec"]["template"]["spec"]) {
            found.entry((secret.clone(), key.clone())).or_insert_with(|| Collector {
                release: release(workload),
                secret,
                key,
            });
        }
    }
    // A reference that names the key says more than a whole volume.
    let named: BTreeSet<String> =
        found.keys().filter(|(_, key)| key.is_some()).map(|(secret, _)| secret.clone()).collect();
    found.retain(|(secret, key), _| key.is_some() || !named.contains(secret));
    found.into_values().collect()
}

/// The key that holds the token in a Secret that a collector mounts whole; none when it holds
/// something else.
#[must_use]
pub fn token_key(secret: &Value) -> Option<&'static str> {
    TOKEN_KEYS.into_iter().find(|key| secret["data"][*key].is_string())
}

/// The realms that a collector's configuration sends to: those in the addresses of Splunk's hosts.
#[must_use]
pub fn realms(configuration: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for domain in DOMAINS {
        for (end, _) in configuration.match_indices(domain) {
            let before = &configuration[..end];
            let host = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
            let mut labels = host.take(1).flat_map(|host| host.rsplit('.'));
            let (realm, service) = (labels.next(), labels.next());
            if let (Some(realm), Some("api" | "ingest")) = (realm, service) {
                found.insert(realm.to_ascii_lowercase());
            }
        }
    }
    found
}

/// Whether a key belongs to another product, whose token this one must not replace.
#[must_use]
pub fn is_foreign_key(key: &str) -> bool {
    key.starts_with(FOREIGN)
}

/// Whether the labels or, without the chart's labels, the image say that this is the collector.
/// With `nameOverride` the chart's own name and version still stand there.
fn is_collector(workload: &Value) -> bool {
    let labels = &workload["metadata"]["labels"];
    let is_of_chart = |label: &str| {
        let chart = labels[label].as_str().and_then(|chart| chart.strip_prefix(NAME));
        chart.is_some_and(|version| version.starts_with('-'))
    };
    if labels["app"] == NAME
        || labels["app.kubernetes.io/name"] == NAME
        || is_of_chart("helm.sh/chart")
        || is_of_chart("chart")
    {
        return true;
    }
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array();
    containers.into_iter().flatten().filter_map(|container| container["image"].as_str()).any(
        |image| {
            let last = image.rsplit('/').next().unwrap_or_default();
            // There are variants, such as those for FIPS and for Windows.
            let name = last.split([':', '@']).next().and_then(|name| name.strip_prefix(NAME));
            name.is_some_and(|variant| variant.is_empty() || variant.starts_with('-'))
        },
    )
}

/// The Secrets a collector takes its token from: by variable, or by a volume that its containers
/// mount and that may have the key.
fn sources(spec: &Value) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let containers = || spec["containers"].as_array().into_iter().flatten();
    for variable in containers().filter_map(|container| container["env"].as_array()).flatten() {
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let (Some(secret), Some(key)) = (reference["name"].as_str(), reference["key"].as_str())
        else {
            continue;
        };
        let by_name = variable["name"].as_str().is_some_and(|name| TOKEN_VARIABLES.contains(&name));
        if (by_name || TOKEN_KEYS.contains(&key)) && !is_foreign_key(key) {
            found.push((secret.to_owned(), Some(key.to_owned())));
        }
    }
    if !found.is_empty() {
        return found;
    }
    let mounted: Vec<&str> = containers()
        .filter_map(|container| container["volumeMounts"].as_array())
        .flatten()
        .filter_map(|mount| mount["name"].as_str())
        .collect();
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let is_mounted = volume["name"].as_str().is_some_and(|name| mounted.contains(&name));
        if is_mounted && let Some(secret) = volume["secret"]["secretName"].as_str() {
            found
                .extend(volume_key(&volume["secret"]["items"]).map(|key| (secret.to_owned(), key)));
        }
    }
    found
}

/// The token's key among the items of a volume; a volume without items may have it under any name;
/// nothing when the items leave it out.
fn volume_key(items: &Value) -> Option<Option<String>> {
    let Some(items) = items.as_array() else { return Some(None) };
    let mut keys = items.iter().filter_map(|item| item["key"].as_str());
    keys.find(|key| TOKEN_KEYS.contains(key)).map(|key| Some(key.to_owned()))
}

fn release(workload: &Value) -> String {
    let metadata = &workload["metadata"];
    let labels = &metadata["labels"];
    [&labels["app.kubernetes.io/instance"], &labels["release"], &metadata["name"]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collector(name: &str, release: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": name, "labels": {
                "app": "splunk-otel-collector", "release": release,
            }},
            "spec": {"template": {"spec": spec}},
        })
    }

    fn by_variable(secret: &str) -> Value {
        let reference = |key: &str| json!({"secretKeyRef": {"name": secret, "key": key}});
        json!({"containers": [{"name": "otel-collector", "env": [
            {"name": "SPLUNK_PLATFORM_HEC_TOKEN", "valueFrom": reference("splunk_platform_hec_token")},
            {"name": "SPLUNK_OBSERVABILITY_ACCESS_TOKEN", "valueFrom": reference(TOKEN_KEY)},
        ]}]})
    }

    fn by_file(secret: &str, items: &Value) -> Value {
        let mut volume = json!({"name": "secret", "secret": {"secretName": secret}});
        if !items.is_null() {
            volume["secret"]["items"] = items.clone();
        }
        json!({"containers": [{"name": "otel-collector",
                               "volumeMounts": [{"name": "secret", "mountPath": "/otel/etc"}]}],
               "volumes": [volume, {"name": "tls", "secret": {"secretName": "unused"}}]})
    }

    #[test]
    fn each_installation_names_its_secret_and_key() {
        let workloads = [
            collector("a-agent", "a", &by_variable("a")),
            collector("a-receiver", "a", &by_variable("a")),
            collector("b-agent", "b", &by_file("b", &Value::Null)),
            json!({"kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
                   "spec": {"template": {"spec": by_variable("web")}}}),
        ];
        let found = collectors(&workloads);
        let expected =
            [("a", "a", Some(TOKEN_KEY)), ("b", "b", None)].map(|(release, secret, key)| {
                Collector {
                    release: release.to_owned(),
                    secret: secret.to_owned(),
                    key: key.map(str::to_owned),
                }
            });
        assert_eq!(found, expected);
    }

    #[test]
    fn two_keys_of_one_secret_are_two_places() {
        let old = |secret: &str| {
            let mut spec = by_variable(secret);
            spec["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["key"] =
                json!(TOKEN_KEYS[1]);
            spec
        };
        let workloads = [
            collector("a-agent", "a", &by_variable("a")),
            collector("a-gateway", "a", &old("a")),
            collector("a-bridge", "a", &by_file("a", &Value::Null)),
        ];
        let keys: Vec<Option<String>> =
            collectors(&workloads).into_iter().map(|found| found.key).collect();
        assert_eq!(keys, [TOKEN_KEYS[1], TOKEN_KEYS[0]].map(|key| Some(key.to_owned())));
    }

    #[test]
    fn a_chart_by_another_name_and_its_variants_are_known() {
        let labelled = |key: &str, value: &str| {
            json!({"kind": "Deployment",
                   "metadata": {"name": "mine", "labels": {"app": "mine", key: value}},
                   "spec": {"template": {"spec": by_variable("own")}}})
        };
        for label in ["chart", "helm.sh/chart"] {
            let found = collectors(&[labelled(label, "splunk-otel-collector-0.158.0")]);
            assert_eq!(found.len(), 1, "{label}");
            assert_eq!(collectors(&[labelled(label, "web-1.0.0")]), [], "{label}");
        }
        let imaged = |image: &str| {
            let mut workload = labelled("x", "y");
            workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            collectors(&[workload]).len()
        };
        assert_eq!(imaged("quay.io/signalfx/splunk-otel-collector-fips:0.158.0"), 1);
        assert_eq!(imaged("mirror/splunk-otel-collector-windows@sha256:ab"), 1);
        assert_eq!(imaged("mirror/splunk-otel-collectors:1"), 0);
    }

    #[test]
    fn a_secret_that_is_mounted_whole_may_be_anything() {
        assert_eq!(token_key(&json!({"data": {"ca.crt": "eA=="}})), None);
        assert_eq!(token_key(&json!({"data": {"x": "eA==", TOKEN_KEY: "eA=="}})), Some(TOKEN_KEY));
        assert_eq!(token_key(&json!({"data": {TOKEN_KEYS[1]: "eA=="}})), Some(TOKEN_KEYS[1]));
    }

    #[test]
    fn a_collector_without_the_charts_labels_is_known_by_its_image() {
        let mut spec = by_variable("own");
        spec["containers"][0]["image"] =
            json!("mirror.example/obs/splunk-otel-collector:0.158.0@sha256:ab");
        let workload = json!({"kind": "Deployment", "metadata": {"name": "mine"},
                              "spec": {"template": {"spec": spec}}});
        assert_eq!(collectors(&[workload])[0].release, "mine");
    }

    #[test]
    fn a_volume_that_leaves_the_token_out_is_no_source() {
        let hec = json!([{"key": "splunk_platform_hec_token", "path": "t"}]);
        assert!(collectors(&[collector("a", "a", &by_file("a", &hec))]).is_empty());
        let old = json!([{"key": "splunk_o11y_access_token", "path": "t"}]);
        let found = collectors(&[collector("a", "a", &by_file("a", &old))]);
        assert_eq!(found[0].key.as_deref(), Some("splunk_o11y_access_token"));
    }

    #[test]
    fn a_configuration_tells_its_realms() {
        let text = "ingest_url: https://ingest.us0.observability.splunkcloud.com/v2\n\
                    api_url: \"https://api.EU1.signalfx.com\"\n\
                    other: https://splunk-otel-collector:9943 https://www.signalfx.com\n\
                    docs: https://docs.us1.signalfx.com";
        let found: Vec<String> = realms(text).into_iter().collect();
        assert_eq!(found, ["eu1", "us0"]);
        assert!(realms("").is_empty());
    }

    #[test]
    fn the_token_of_the_platform_is_anothers() {
        assert!(is_foreign_key("splunk_platform_hec_token"));
        assert!(!is_foreign_key(TOKEN_KEY));
    }
}
