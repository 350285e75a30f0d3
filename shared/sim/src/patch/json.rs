//! JSON patch (RFC 6902) and JSON merge patch (RFC 7396), with a real server's refusals.

use serde_json::{Value, json};

use crate::store::Status;

/// Applies a JSON patch.
///
/// # Errors
/// 400 if `patch` is no JSON patch, 422 if one of its operations fails.
pub fn apply_operations(object: &mut Value, patch: &Value) -> Result<(), Status> {
    let operations: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    json_patch::patch(object, &operations).map_err(|_| {
        let message = "the server rejected our request due to an error in our request";
        let mut status = Status::new(422, "Invalid", message);
        status.details = Some(json!({}));
        status
    })
}

/// Applies a JSON merge patch.
pub fn merge(object: &mut Value, patch: &Value) {
    json_patch::merge(object, patch);
}
