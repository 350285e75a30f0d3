//! What may be secret in an object is not exported: the data of Secrets, passwords in environments.

use serde_json::Value;

use crate::plan::{Before, Write};
use crate::rhacs::ObjectRef;

/// What stands where something was left out.
const HIDDEN: &str = "(not shown)";
/// Whole objects in one annotation, as `kubectl apply` keeps them.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Words in the names of variables whose values are nobody's business.
const WORDS: [&str; 6] = ["PASSWORD", "TOKEN", "SECRET", "KEY", "CREDENTIAL", "PASSWD"];

/// Leaves out of `write` what may be secret.
pub(super) fn in_write(write: &mut Write) {
    let object = write.object().clone();
    match write {
        Write::Restore { before: Before::Manifest { manifest: body }, .. }
        | Write::Apply { manifest: body, .. }
        | Write::Patch { body, .. } => in_object(&object, body),
        Write::Restore { before: Before::Recorded { .. }, .. } | Write::Delete { .. } => {}
    }
}

/// Leaves out of `body`, the object or a patch of it, what may be secret.
pub(super) fn in_object(object: &ObjectRef, body: &mut Value) {
    let annotations = body.get_mut("metadata").and_then(|it| it.get_mut("annotations"));
    if let Some(applied) = annotations.and_then(|it| it.get_mut(LAST_APPLIED)) {
        *applied = HIDDEN.into();
    }
    if object.kind == "Secret" {
        for field in ["data", "stringData"] {
            let values = body.get_mut(field).and_then(Value::as_object_mut);
            values.into_iter().flatten().for_each(|(_, value)| *value = HIDDEN.into());
        }
        return;
    }
    in_environment(body);
}

/// Looks for variables everywhere: in templates, in patches, in lists of containers of any name.
fn in_environment(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_environment),
        Value::Object(fields) => {
            for (name, field) in fields {
                if let ("env", Value::Array(variables)) = (name.as_str(), &mut *field) {
                    variables.iter_mut().for_each(variable);
                }
                in_environment(field);
            }
        }
        _ => {}
    }
}

fn variable(variable: &mut Value) {
    let name = variable["name"].as_str().unwrap_or_default().to_uppercase();
    let is_secret = WORDS.iter().any(|word| name.contains(word));
    let Some(value) = variable.get_mut("value").filter(|value| value.is_string()) else { return };
    let shown = match value.as_str() {
        _ if is_secret => HIDDEN.to_owned(),
        Some(text) => without_credentials(text),
        None => return,
    };
    *value = shown.into();
}

/// An address without the user and the password in it.
fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}
