//! What the server refuses in the specification of a pod.

use std::collections::HashSet;

use serde_json::Value;

use super::quantity;
use crate::store::Cause;

/// Checks the specification of a pod at a path.
pub fn pod(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let volumes = unique(&spec["volumes"], &format!("{path}.volumes"), causes);
    let containers = spec["containers"].as_array().map_or(0, Vec::len);
    if containers == 0 {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        let at = format!("{path}.{list}");
        unique(&spec[list], &at, causes);
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            self::container(container, &format!("{at}[{index}]"), &volumes, causes);
        }
    }
}

/// Names that are missing or taken; the names that are there.
fn unique(list: &Value, path: &str, causes: &mut Vec<Cause>) -> HashSet<String> {
    let mut names = HashSet::new();
    for (index, item) in list.as_array().into_iter().flatten().enumerate() {
        let name = item["name"].as_str().unwrap_or_default();
        let field = format!("{path}[{index}].name");
        if name.is_empty() {
            causes.push(Cause::required(field, ""));
        } else if !names.insert(name.to_owned()) {
            causes.push(Cause::duplicate(field, &format!("\"{name}\"")));
        }
    }
    names
}

fn container(container: &Value, path: &str, volumes: &HashSet<String>, causes: &mut Vec<Cause>) {
    if container["image"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    for (index, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        environment(variable, &format!("{path}.env[{index}]"), causes);
    }
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let name = mount["name"].as_str().unwrap_or_default();
        let at = format!("{path}.volumeMounts[{index}]");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !volumes.contains(name) {
            causes.push(Cause {
                reason: "FieldValueNotFound",
                message: format!("Not found: \"{name}\""),
                field: format!("{at}.name"),
            });
        }
        if mount["mountPath"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        }
    }
    let policy = container["imagePullPolicy"].as_str().unwrap_or("IfNotPresent");
    let known = ["Always", "IfNotPresent", "Never"];
    if !known.contains(&policy) {
        let field = format!("{path}.imagePullPolicy");
        causes.push(Cause::not_supported(field, &format!("\"{policy}\""), &known));
    }
    requests_within_limits(&container["resources"], path, causes);
}

fn environment(variable: &Value, path: &str, causes: &mut Vec<Cause>) {
    if variable["name"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    }
    let Some(source) = variable.get("valueFrom") else { return };
    let field = format!("{path}.valueFrom");
    if variable["value"].as_str().is_some_and(|value| !value.is_empty()) {
        let why = "may not be specified when `value` is not empty";
        causes.push(Cause::invalid(field, "\"\"", why));
        return;
    }
    let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    let given = sources.iter().filter(|name| source.get(**name).is_some()).count();
    if given == 0 {
        let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, \
                   `secretKeyRef` or `fileKeyRef`";
        causes.push(Cause::invalid(field, "\"\"", why));
    } else if given > 1 {
        let why = "may not have more than one field specified at a time";
        causes.push(Cause::invalid(field, "\"\"", why));
    }
}

fn requests_within_limits(resources: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let (Some(request), Some(limit)) = (request.as_str(), resources["limits"][name].as_str())
        else {
            continue;
        };
        if quantity::milli(request) > quantity::milli(limit) {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            let field = format!("{path}.resources.requests");
            causes.push(Cause::invalid(field, &format!("\"{request}\""), &why));
        }
    }
}
