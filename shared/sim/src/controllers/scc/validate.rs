//! One pod against one constraint: what is not said is set, what is said must be allowed.

use serde_json::{Value, json};

use super::Ranges;
use crate::controllers::objects::{items, number, text};

/// Sets in the pod what the constraint decides, and lists what it does not allow.
pub(crate) fn apply(constraint: &Value, ranges: &Ranges, pod: &mut Value) -> Vec<String> {
    let mut errors = Vec::new();
    whole_pod(constraint, pod, &mut errors);
    groups(constraint, ranges, pod, &mut errors);
    volumes(constraint, pod, &mut errors);
    let of_pod = pod.pointer("/spec/securityContext").cloned().unwrap_or_default();
    for list in ["initContainers", "containers"] {
        let pointer = format!("/spec/{list}");
        let containers = pod.pointer_mut(&pointer).and_then(Value::as_array_mut);
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let path = format!(".{list}[{index}]");
            let mut check =
                Check { constraint, ranges, of_pod: &of_pod, path, errors: &mut errors };
            check.container(container);
        }
    }
    errors
}

fn allows(constraint: &Value, key: &str) -> bool {
    constraint[key] == json!(true)
}

fn names<'a>(constraint: &'a Value, pointer: &str) -> Vec<&'a str> {
    items(constraint, pointer).iter().filter_map(Value::as_str).collect()
}

fn whole_pod(constraint: &Value, pod: &Value, errors: &mut Vec<String>) {
    for (field, key, noun) in [
        ("hostNetwork", "allowHostNetwork", "network"),
        ("hostPID", "allowHostPID", "PID"),
        ("hostIPC", "allowHostIPC", "IPC"),
    ] {
        if pod["spec"][field] == json!(true) && !allows(constraint, key) {
            errors.push(format!(
                ".spec.securityContext.{field}: Invalid value: true: Host {noun} is not allowed to be used"
            ));
        }
    }
    let profile = text(pod, "/spec/securityContext/seccompProfile/type");
    let known = match profile {
        "" => return,
        "RuntimeDefault" => "runtime/default",
        "Unconfined" => "unconfined",
        other => other,
    };
    let allowed = names(constraint, "/seccompProfiles");
    if !allowed.contains(&"*") && !allowed.contains(&known) {
        errors.push(format!(
            ".spec.securityContext.seccompProfile: Forbidden: seccomp profile {known} may not be set"
        ));
    }
}

fn groups(constraint: &Value, ranges: &Ranges, pod: &mut Value, errors: &mut Vec<String>) {
    if text(constraint, "/fsGroup/type") != "MustRunAs" {
        return;
    }
    let own: Vec<(i64, i64)> = items(constraint, "/fsGroup/ranges")
        .iter()
        .map(|range| (number(range, "/min", 0), number(range, "/max", 0)))
        .collect();
    let of_namespace = ranges.groups.map(|(first, _)| (first, first));
    let allowed = if own.is_empty() { of_namespace.into_iter().collect() } else { own };
    match pod.pointer("/spec/securityContext/fsGroup").and_then(Value::as_i64) {
        Some(group) if !allowed.iter().any(|(min, max)| (*min..=*max).contains(&group)) => {
            errors.push(format!(
                ".spec.securityContext.fsGroup: Invalid value: []int64{{{group}}}: {group} is not an allowed group"
            ));
        }
        Some(_) => {}
        None => {
            if let Some((min, _)) = allowed.first() {
                pod["spec"]["securityContext"]["fsGroup"] = json!(min);
            }
        }
    }
}

fn volumes(constraint: &Value, pod: &Value, errors: &mut Vec<String>) {
    let allowed = names(constraint, "/volumes");
    for (index, volume) in items(pod, "/spec/volumes").iter().enumerate() {
        let kind = volume.as_object().and_then(|fields| fields.keys().find(|key| *key != "name"));
        let kind = kind.map_or("emptyDir", String::as_str);
        let forbidden = !allowed.contains(&"*") && !allowed.contains(&kind)
            || kind == "hostPath" && !allows(constraint, "allowHostDirVolumePlugin");
        if forbidden {
            errors.push(format!(
                ".spec.volumes[{index}]: Invalid value: \"{kind}\": {kind} volumes are not allowed to be used"
            ));
        }
    }
}

/// The checks of one container.
struct Check<'a> {
    constraint: &'a Value,
    ranges: &'a Ranges,
    of_pod: &'a Value,
    path: String,
    errors: &'a mut Vec<String>,
}

impl Check<'_> {
    fn container(&mut self, container: &mut Value) {
        let ports = items(container, "/ports").iter().any(|port| number(port, "/hostPort", 0) > 0);
        if ports && !allows(self.constraint, "allowHostPorts") {
            self.refuse("containers.ports", "Host ports are not allowed to be used");
        }
        if !container["securityContext"].is_object() {
            container["securityContext"] = json!({});
        }
        let context = &mut container["securityContext"];
        self.privileges(context);
        self.user(context);
        self.level(context);
        self.capabilities(context);
        self.root_filesystem(context);
    }

    fn refuse(&mut self, field: &str, why: &str) {
        self.errors.push(format!("{}.{field}: {why}", self.path));
    }

    fn privileges(&mut self, context: &mut Value) {
        let privileged = context["privileged"] == json!(true);
        if privileged && !allows(self.constraint, "allowPrivilegedContainer") {
            self.refuse("privileged", "Invalid value: true: Privileged containers are not allowed");
        }
        if allows(self.constraint, "allowPrivilegeEscalation") {
            return;
        }
        if context["allowPrivilegeEscalation"] == json!(true) {
            self.refuse(
                "allowPrivilegeEscalation",
                "Invalid value: true: Allowing privilege escalation for containers is not allowed",
            );
        } else if !privileged {
            context["allowPrivilegeEscalation"] = json!(false);
        }
    }

    fn user(&mut self, context: &mut Value) {
        let said = |key: &str, context: &Value| {
            context
                .get(key)
                .filter(|value| !value.is_null())
                .or_else(|| self.of_pod.get(key))
                .cloned()
        };
        let user = said("runAsUser", context).and_then(|user| user.as_i64());
        let strategy = text(self.constraint, "/runAsUser/type");
        let range = match strategy {
            "MustRunAs" => {
                let uid = number(self.constraint, "/runAsUser/uid", 0);
                Some((uid, uid))
            }
            "MustRunAsRange" => {
                let of_namespace =
                    self.ranges.users.map(|(first, count)| (first, first + count - 1));
                let min = self.constraint.pointer("/runAsUser/uidRangeMin").and_then(Value::as_i64);
                let max = self.constraint.pointer("/runAsUser/uidRangeMax").and_then(Value::as_i64);
                min.zip(max).or(of_namespace)
            }
            "MustRunAsNonRoot" => {
                match user {
                    Some(0) => self.refuse(
                        "runAsUser",
                        "Invalid value: 0: running with the root UID is forbidden",
                    ),
                    Some(_) => {}
                    None if said("runAsNonRoot", context) == Some(json!(false)) => {
                        self.refuse("runAsNonRoot", "Invalid value: false: must be true");
                    }
                    None => context["runAsNonRoot"] = json!(true),
                }
                None
            }
            _ => None,
        };
        let Some((min, max)) = range else { return };
        match user {
            Some(user) if !(min..=max).contains(&user) => {
                let why = if min == max {
                    format!("Invalid value: {user}: must be: {min}")
                } else {
                    format!("Invalid value: {user}: must be in the ranges: [{min}, {max}]")
                };
                self.refuse("runAsUser", &why);
            }
            Some(_) => {}
            None => context["runAsUser"] = json!(min),
        }
    }

    fn level(&mut self, context: &mut Value) {
        if text(self.constraint, "/seLinuxContext/type") != "MustRunAs" {
            return;
        }
        let mut required =
            self.constraint.pointer("/seLinuxContext/seLinuxOptions").cloned().unwrap_or_default();
        if text(&required, "/level").is_empty()
            && let Some(level) = &self.ranges.level
        {
            required["level"] = json!(level);
        }
        let said =
            context.get("seLinuxOptions").or_else(|| self.of_pod.get("seLinuxOptions")).cloned();
        let Some(said) = said.filter(Value::is_object) else {
            context["seLinuxOptions"] = required;
            return;
        };
        for field in ["level", "role", "type", "user"] {
            let (is, must) =
                (text(&said, &format!("/{field}")), text(&required, &format!("/{field}")));
            if is != must {
                let why = format!("Invalid value: \"{is}\": must be {must}");
                self.refuse(&format!("seLinuxOptions.{field}"), &why);
            }
        }
    }

    fn capabilities(&mut self, context: &mut Value) {
        let allowed = names(self.constraint, "/allowedCapabilities");
        let default = names(self.constraint, "/defaultAddCapabilities");
        let added = context
            .pointer("/capabilities/add")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for capability in added.iter().filter_map(Value::as_str) {
            if !allowed.contains(&"*")
                && !allowed.contains(&capability)
                && !default.contains(&capability)
            {
                let why = format!("Invalid value: \"{capability}\": capability may not be added");
                self.refuse("capabilities.add", &why);
            }
        }
        let required = names(self.constraint, "/requiredDropCapabilities");
        if required.is_empty() {
            return;
        }
        let mut dropped = context
            .pointer("/capabilities/drop")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if required.contains(&"ALL") {
            dropped = vec![json!("ALL")];
        } else {
            for capability in required {
                if !dropped.iter().any(|present| present == capability || present == "ALL") {
                    dropped.push(json!(capability));
                }
            }
        }
        context["capabilities"]["drop"] = json!(dropped);
    }

    fn root_filesystem(&mut self, context: &mut Value) {
        if !allows(self.constraint, "readOnlyRootFilesystem") {
            return;
        }
        if context["readOnlyRootFilesystem"] == json!(false) {
            self.refuse(
                "readOnlyRootFilesystem",
                "Invalid value: false: ReadOnlyRootFilesystem must be set to true",
            );
        } else {
            context["readOnlyRootFilesystem"] = json!(true);
        }
    }
}
