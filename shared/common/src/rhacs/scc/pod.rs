//! A whole pod against one constraint: what is not said is set, what is said must be allowed.

use serde_json::{Value, json};

use super::container::Check;
use super::ranges::Ranges;
use super::{allows, items, names, text};

/// The annotation that says the seccomp profile besides the field.
const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io/pod";

/// Sets in the pod what the constraint decides, and lists what it does not allow; sysctls and
/// drivers of flex volumes are not looked at. Empty: the pod fits.
pub(super) fn apply(constraint: &Value, ranges: &Ranges, pod: &mut Value) -> Vec<String> {
    if !pod["spec"]["securityContext"].is_object() {
        pod["spec"]["securityContext"] = json!({});
    }
    let mut errors = Vec::new();
    host_namespaces(constraint, pod, &mut errors);
    let level = required_options(constraint, ranges);
    if let Some(required) = &level {
        let context = &mut pod["spec"]["securityContext"];
        if !context["seLinuxOptions"].is_object() {
            context["seLinuxOptions"] = required.clone();
        }
        for error in option_errors(required, &context["seLinuxOptions"]) {
            errors.push(format!(".spec.securityContext.{error}"));
        }
    }
    groups(constraint, ranges, pod, &mut errors);
    seccomp(constraint, pod, &mut errors);
    volumes(constraint, pod, &mut errors);
    let of_pod = pod["spec"]["securityContext"].clone();
    for list in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let path = format!(".{list}[{index}]");
            let check =
                Check { constraint, users: ranges.users, level: level.as_ref(), of_pod: &of_pod };
            let found = check.apply(container);
            errors.extend(found.into_iter().map(|error| format!("{path}.{error}")));
        }
    }
    errors
}

/// The SELinux options that a pod must have; none when any will do.
fn required_options(constraint: &Value, ranges: &Ranges) -> Option<Value> {
    if text(constraint, "/seLinuxContext/type") != "MustRunAs" {
        return None;
    }
    let mut required = constraint["seLinuxContext"]["seLinuxOptions"].clone();
    if !required.is_object() {
        required = json!({});
    }
    if text(&required, "/level").is_empty() {
        required["level"] = json!(ranges.level);
    }
    Some(required)
}

/// What differs from the options that must be.
pub(super) fn option_errors(required: &Value, said: &Value) -> Vec<String> {
    let differs = |field: &&'static str| {
        let (is, must) = (said[*field].as_str(), required[*field].as_str());
        let (is, must) = (is.unwrap_or_default(), must.unwrap_or_default());
        (*field == "level" && categories(is) != categories(must))
            || (*field != "level" && is != must)
    };
    ["level", "role", "type", "user"]
        .into_iter()
        .filter(differs)
        .map(|field| {
            let (is, must) = (&said[field], &required[field]);
            let must = must.as_str().unwrap_or_default();
            let is = is.as_str().unwrap_or_default();
            format!("seLinuxOptions.{field}: Invalid value: \"{is}\": must be {must}")
        })
        .collect()
}

/// A level with its categories in order: `s0:c6,c0` is `s0:c0,c6`.
fn categories(level: &str) -> (&str, Vec<&str>) {
    let (sensitivity, categories) = level.split_once(':').unwrap_or((level, ""));
    let mut categories: Vec<&str> = categories.split(',').collect();
    categories.sort_unstable();
    (sensitivity, categories)
}

fn host_namespaces(constraint: &Value, pod: &Value, errors: &mut Vec<String>) {
    for (field, allowed, noun) in [
        ("hostPID", "allowHostPID", "PID"),
        ("hostNetwork", "allowHostNetwork", "network"),
        ("hostIPC", "allowHostIPC", "IPC"),
    ] {
        if pod["spec"][field] == true && !allows(constraint, allowed) {
            errors.push(format!(
                ".spec.securityContext.{field}: Invalid value: true: Host {noun} is not allowed to be used"
            ));
        }
    }
}

fn groups(constraint: &Value, ranges: &Ranges, pod: &mut Value, errors: &mut Vec<String>) {
    let context = &mut pod["spec"]["securityContext"];
    // Of the namespace's groups only the very first is handed out for file systems.
    let first = ranges.groups.first().map(|(first, _)| (*first, *first));
    if let Some(allowed) = allowed_groups(constraint, "fsGroup", first.as_slice()) {
        if context["fsGroup"].is_null()
            && let Some((first, _)) = allowed.first()
        {
            context["fsGroup"] = json!(first);
        }
        let said = context["fsGroup"].as_i64();
        errors.extend(said.and_then(|group| group_error("fsGroup", group, &allowed)));
    }
    if let Some(allowed) = allowed_groups(constraint, "supplementalGroups", &ranges.groups) {
        if items(context, "/supplementalGroups").is_empty()
            && let Some((first, _)) = allowed.first()
        {
            context["supplementalGroups"] = json!([first]);
        }
        let said = items(context, "/supplementalGroups").iter().filter_map(Value::as_i64);
        errors.extend(said.filter_map(|it| group_error("supplementalGroups", it, &allowed)));
    }
}

/// The groups that a pod must choose from; none when any will do.
fn allowed_groups(
    constraint: &Value,
    field: &str,
    of_namespace: &[(i64, i64)],
) -> Option<Vec<(i64, i64)>> {
    if constraint[field]["type"] != "MustRunAs" {
        return None;
    }
    let own: Vec<(i64, i64)> = items(&constraint[field], "/ranges")
        .iter()
        .filter_map(|range| Some((range["min"].as_i64()?, range["max"].as_i64()?)))
        .collect();
    Some(if own.is_empty() { of_namespace.to_vec() } else { own })
}

fn group_error(field: &str, group: i64, allowed: &[(i64, i64)]) -> Option<String> {
    let is_allowed = allowed.iter().any(|(first, last)| (*first..=*last).contains(&group));
    (!is_allowed).then(|| {
        format!(
            ".spec.securityContext.{field}: Invalid value: []int64{{{group}}}: {group} is not an allowed group"
        )
    })
}

fn seccomp(constraint: &Value, pod: &mut Value, errors: &mut Vec<String>) {
    let allowed = names(constraint, "/seccompProfiles");
    let default = allowed.iter().find(|profile| **profile != "*");
    let said = profile(&pod["spec"]["securityContext"]["seccompProfile"]);
    let annotated = text(pod, "/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod");
    if said.is_empty()
        && annotated.is_empty()
        && let Some(default) = default
    {
        let field = match default.strip_prefix("localhost/") {
            Some(path) => json!({"type": "Localhost", "localhostProfile": path}),
            None if *default == "unconfined" => json!({"type": "Unconfined"}),
            None => json!({"type": "RuntimeDefault"}),
        };
        pod["metadata"]["annotations"][SECCOMP] = json!(default);
        pod["spec"]["securityContext"]["seccompProfile"] = field;
    }
    let said = profile(&pod["spec"]["securityContext"]["seccompProfile"]);
    if let Some(why) = seccomp_error(constraint, &said) {
        errors.push(format!(".spec.securityContext.seccompProfile: Forbidden: {why}"));
    }
}

/// Why a profile may not be used.
pub(super) fn seccomp_error(constraint: &Value, profile: &str) -> Option<String> {
    let allowed = names(constraint, "/seccompProfiles");
    if allowed.contains(&"*") || (allowed.is_empty() && profile.is_empty()) {
        return None;
    }
    if allowed.is_empty() {
        return Some("seccomp may not be set".to_owned());
    }
    let same =
        |name: &str| if name == "docker/default" { "runtime/default" } else { name }.to_owned();
    let is_allowed = allowed.iter().any(|name| same(name) == same(profile));
    (!is_allowed).then(|| {
        format!(
            "{profile} is not an allowed seccomp profile. Valid values are [{}]",
            allowed.join(" ")
        )
    })
}

/// The name of a profile as constraints have it; empty when none is said.
pub(super) fn profile(field: &Value) -> String {
    match text(field, "/type") {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Unconfined" => "unconfined".to_owned(),
        "Localhost" => format!("localhost/{}", text(field, "/localhostProfile")),
        _ => String::new(),
    }
}

fn volumes(constraint: &Value, pod: &Value, errors: &mut Vec<String>) {
    let allowed = names(constraint, "/volumes");
    if allowed.contains(&"*") {
        return;
    }
    for (index, volume) in items(pod, "/spec/volumes").iter().enumerate() {
        let field = volume.as_object().and_then(|fields| fields.keys().find(|key| *key != "name"));
        let kind = volume_type(field.map_or("emptyDir", String::as_str));
        let is_token = kind == "projected" && allowed.contains(&"secret") && only_tokens(volume);
        if !allowed.contains(&kind) && !is_token {
            errors.push(format!(
                ".spec.volumes[{index}]: Invalid value: \"{kind}\": {kind} volumes are not allowed to be used"
            ));
        }
    }
}

/// A volume's type as constraints name it.
fn volume_type(field: &str) -> &str {
    match field {
        "cephfs" => "cephFS",
        "fc" => "FC",
        "storageos" => "storageOS",
        "vsphereVolume" => "vsphere",
        other => other,
    }
}

/// Whether a projected volume is the token that every pod gets: who may mount Secrets may mount it.
fn only_tokens(volume: &Value) -> bool {
    let is_common = |source: &Value| {
        let token = &source["serviceAccountToken"];
        let own_token = token["path"] == "token" && text(token, "/audience").is_empty();
        let map = text(source, "/configMap/name");
        own_token
            || matches!(map, "kube-root-ca.crt" | "openshift-service-ca.crt")
            || items(source, "/downwardAPI/items").iter().any(|item| item["path"] == "namespace")
    };
    items(volume, "/projected/sources").iter().all(is_common)
}
