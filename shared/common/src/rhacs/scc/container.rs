//! One container of a pod against one constraint.

use serde_json::{Value, json};

use super::pod::{option_errors, profile, seccomp_error};
use super::{allows, items, names, text};

/// What a container is checked against.
pub(super) struct Check<'a> {
    /// The constraint.
    pub(super) constraint: &'a Value,
    /// The first and the last user of the namespace.
    pub(super) users: (i64, i64),
    /// The SELinux options that must be.
    pub(super) level: Option<&'a Value>,
    /// The security context of the pod, which stands in for what the container does not say.
    pub(super) of_pod: &'a Value,
}

impl Check<'_> {
    /// Sets in the container what the constraint decides, and lists what it does not allow.
    pub(super) fn apply(&self, container: &mut Value) -> Vec<String> {
        if !container["securityContext"].is_object() {
            container["securityContext"] = json!({});
        }
        let mut errors = Vec::new();
        let context = &mut container["securityContext"];
        self.user(context, &mut errors);
        if let Some(required) = self.level {
            let said = self.effective(context, "seLinuxOptions");
            errors.extend(option_errors(required, &said));
        }
        self.privileges(context, &mut errors);
        self.capabilities(context, &mut errors);
        self.root_file_system(context, &mut errors);
        let profile = profile(&self.effective(context, "seccompProfile"));
        if let Some(why) = seccomp_error(self.constraint, &profile) {
            errors.push(format!("seccompProfile: Forbidden: {why}"));
        }
        let mut ports = items(container, "/ports").iter();
        if !allows(self.constraint, "allowHostPorts")
            && ports.any(|port| port["hostPort"].as_i64().is_some_and(|port| port > 0))
        {
            errors.push("containers.ports: Host ports are not allowed to be used".to_owned());
        }
        errors
    }

    /// A field of the container, or else of the pod; null when neither says it.
    fn effective(&self, context: &Value, field: &str) -> Value {
        let own = &context[field];
        if own.is_null() { self.of_pod[field].clone() } else { own.clone() }
    }

    fn user(&self, context: &mut Value, errors: &mut Vec<String>) {
        let strategy = text(self.constraint, "/runAsUser/type");
        let range = match strategy {
            "MustRunAs" => self.constraint["runAsUser"]["uid"].as_i64().map(|uid| (uid, uid)),
            "MustRunAsRange" => {
                let bound = |field: &str| self.constraint["runAsUser"][field].as_i64();
                Some(bound("uidRangeMin").zip(bound("uidRangeMax")).unwrap_or(self.users))
            }
            _ => None,
        };
        if let Some((first, last)) = range {
            let user = self.effective(context, "runAsUser").as_i64();
            match user {
                None => context["runAsUser"] = json!(first),
                Some(user) if (first..=last).contains(&user) => {}
                Some(user) if first == last => {
                    errors.push(format!("runAsUser: Invalid value: {user}: must be: {first}"));
                }
                Some(user) => errors.push(format!(
                    "runAsUser: Invalid value: {user}: must be in the ranges: [{first}, {last}]"
                )),
            }
        }
        let user = self.effective(context, "runAsUser").as_i64();
        let must_not_be_root = strategy == "MustRunAsNonRoot";
        if self.effective(context, "runAsNonRoot").is_null()
            && user.map_or(must_not_be_root, |user| user > 0)
        {
            context["runAsNonRoot"] = json!(true);
        }
        if must_not_be_root && self.effective(context, "runAsNonRoot") == false {
            errors.push("runAsNonRoot: Invalid value: false: must be true".to_owned());
        } else if must_not_be_root && user == Some(0) {
            errors.push(
                "runAsUser: Invalid value: 0: running with the root UID is forbidden".to_owned(),
            );
        }
    }

    fn privileges(&self, context: &mut Value, errors: &mut Vec<String>) {
        let is_privileged = context["privileged"] == true;
        if is_privileged && !allows(self.constraint, "allowPrivilegedContainer") {
            let why = "privileged: Invalid value: true: Privileged containers are not allowed";
            errors.push(why.to_owned());
        }
        let default = &self.constraint["defaultAllowPrivilegeEscalation"];
        let says_nothing = context["allowPrivilegeEscalation"].is_null();
        if says_nothing && !is_privileged && default.is_boolean() {
            context["allowPrivilegeEscalation"] = default.clone();
        }
        if allows(self.constraint, "allowPrivilegeEscalation") {
            return;
        }
        if context["allowPrivilegeEscalation"] == true {
            errors.push(
                "allowPrivilegeEscalation: Invalid value: true: Allowing privilege escalation for containers is not allowed"
                    .to_owned(),
            );
        } else if !is_privileged {
            context["allowPrivilegeEscalation"] = json!(false);
        }
    }

    fn capabilities(&self, context: &mut Value, errors: &mut Vec<String>) {
        let allowed = names(self.constraint, "/allowedCapabilities");
        let required = names(self.constraint, "/requiredDropCapabilities");
        let mut dropped = strings(context, "/capabilities/drop");
        let mut added = strings(context, "/capabilities/add");
        let missing = |list: &[String], name: &str| !list.iter().any(|present| present == name);
        let defaults = names(self.constraint, "/defaultAddCapabilities");
        for name in &defaults {
            if missing(&dropped, name) && missing(&added, name) {
                added.push((*name).to_owned());
            }
        }
        for name in &required {
            if missing(&dropped, name) {
                dropped.push((*name).to_owned());
            }
        }
        // Only what is not empty is written, so that a pod that needs nothing stays as it is.
        for (field, list) in [("add", &added), ("drop", &dropped)] {
            if !list.is_empty() {
                context["capabilities"][field] = json!(list);
            }
        }
        if allowed.contains(&"*") {
            return;
        }
        let refused = added.iter().map(String::as_str);
        for name in refused.filter(|name| !allowed.contains(name) && !defaults.contains(name)) {
            errors.push(format!(
                "capabilities.add: Invalid value: \"{name}\": capability may not be added"
            ));
        }
    }

    fn root_file_system(&self, context: &mut Value, errors: &mut Vec<String>) {
        if !allows(self.constraint, "readOnlyRootFilesystem") {
            return;
        }
        if context["readOnlyRootFilesystem"] == false {
            errors.push(
                "readOnlyRootFilesystem: Invalid value: false: ReadOnlyRootFilesystem must be set to true"
                    .to_owned(),
            );
        } else {
            context["readOnlyRootFilesystem"] = json!(true);
        }
    }
}

fn strings(context: &Value, pointer: &str) -> Vec<String> {
    names(context, pointer).into_iter().map(str::to_owned).collect()
}
