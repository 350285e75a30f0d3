//! What an API server answers when it refuses: `Status`, with the codes, reasons and details of Kubernetes.

use serde_json::{Value, json};

use crate::schema::kinds::Resource;

/// A refusal, as the `Status` object of `meta/v1` carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`; empty where a real server gives none.
    pub reason: String,
    /// The sentence for people.
    pub message: String,
    /// Name, group, kind, causes and the like.
    pub details: Option<Value>,
}

/// One thing that is wrong with one field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The machine-readable reason, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// What is wrong, without the field.
    pub message: String,
    /// The path of the field, such as `spec.replicas`.
    pub field: String,
}

impl Cause {
    /// A value that is not allowed; `shown` is the value as the message prints it.
    #[must_use]
    pub fn invalid(field: impl Into<String>, shown: &str, why: &str) -> Self {
        let message = format!("Invalid value: {shown}: {why}");
        Self { reason: "FieldValueInvalid", message, field: field.into() }
    }

    /// A value that is missing.
    #[must_use]
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    /// A value that occurs twice.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, shown: &str) -> Self {
        let message = format!("Duplicate value: {shown}");
        Self { reason: "FieldValueDuplicate", message, field: field.into() }
    }

    /// A value that is none of the known ones.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, shown: &str, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|value| format!("\"{value}\"")).collect();
        let message = format!("Unsupported value: {shown}: supported values: {}", known.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    /// A field that may not be set here.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        let message = format!("Forbidden: {why}");
        Self { reason: "FieldValueForbidden", message, field: field.into() }
    }
}

impl Status {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None }
    }

    /// 400 with the message of the decoder.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 of an object.
    #[must_use]
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.key());
        Self::new(404, "NotFound", message).of(resource, name)
    }

    /// 409 of a name that is taken.
    #[must_use]
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.key());
        Self::new(409, "AlreadyExists", message).of(resource, name)
    }

    /// 409 of a stale resourceVersion.
    #[must_use]
    pub fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again",
            resource.key()
        );
        Self::new(409, "Conflict", message).of(resource, name)
    }

    /// 409 of a precondition of a deletion that does not hold.
    #[must_use]
    pub fn precondition(
        resource: &Resource,
        name: &str,
        what: &str,
        asked: &str,
        is: &str,
    ) -> Self {
        let kind = qualified(&resource.kind, &resource.group);
        let message = format!(
            "Operation cannot be fulfilled on {kind} \"{name}\": the {what} in the precondition \
             ({asked}) does not match the {what} in record ({is}). The object might have been \
             {}",
            if what == "UID" { "deleted and then recreated" } else { "modified" }
        );
        let mut status = Self::new(409, "Conflict", message);
        status.details = Some(details(name, &resource.group, &resource.kind));
        status
    }

    /// 403 by a quota, a webhook or another admission controller.
    #[must_use]
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let subject = if name.is_empty() {
            resource.key().to_owned()
        } else {
            format!("{} \"{name}\"", resource.key())
        };
        Self::new(403, "Forbidden", format!("{subject} is forbidden: {why}")).of(resource, name)
    }

    /// 422 of an object that fails validation for each of the causes.
    #[must_use]
    pub fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(&resource.kind, &resource.group, name, causes)
    }

    /// 422 of an object of any kind, such as the options of a request.
    #[must_use]
    pub fn invalid_kind(kind: &str, group: &str, name: &str, causes: &[Cause]) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        for cause in causes {
            let line = format!("{}: {}", cause.field, cause.message);
            if !distinct.contains(&line) {
                distinct.push(line);
            }
        }
        let what = match distinct.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {what}", qualified(kind, group));
        let mut status = Self::new(422, "Invalid", message);
        let mut map = details(name, group, kind);
        map["causes"] = causes
            .iter()
            .map(|cause| {
                json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
            })
            .collect();
        status.details = Some(map);
        status
    }

    /// 410 of a watch or a page that starts before what is still remembered.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The object as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = Value::from(self.reason.as_str());
        }
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        body
    }

    /// Seconds after which the client may try again, if the refusal names them.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?.get("retryAfterSeconds")?.as_u64()
    }

    fn of(mut self, resource: &Resource, name: &str) -> Self {
        self.details = Some(details(name, &resource.group, &resource.plural));
        self
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: {}", self.code, self.reason, self.message)
    }
}

impl std::error::Error for Status {}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut map = serde_json::Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            map.insert(key.to_owned(), Value::from(value));
        }
    }
    Value::Object(map)
}

fn qualified(kind: &str, group: &str) -> String {
    if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") }
}
