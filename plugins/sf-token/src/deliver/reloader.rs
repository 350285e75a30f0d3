//! Whether Reloader, if it runs in the cluster, restarts a workload when a Secret changes.

use serde_json::Value;

/// Whether the annotations of `workload` ask Reloader to restart it when `secret` changes.
///
/// Reloader reads them from the workload and from its template.
#[must_use]
pub fn restarts(workload: &Value, secret: &str) -> bool {
    let places = [&workload["metadata"], &workload["spec"]["template"]["metadata"]];
    places.into_iter().any(|metadata| asks(&metadata["annotations"], secret))
}

fn asks(annotations: &Value, secret: &str) -> bool {
    let is_true = |name: &str| annotations[name] == "true";
    if is_true("reloader.stakater.com/auto") || is_true("secret.reloader.stakater.com/auto") {
        return true;
    }
    let named = annotations["secret.reloader.stakater.com/reload"].as_str().unwrap_or_default();
    named.split(',').any(|name| name.trim() == secret)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reloader_is_asked_by_annotations() {
        for (annotations, expected) in [
            (json!({"reloader.stakater.com/auto": "true"}), true),
            (json!({"reloader.stakater.com/auto": "false"}), false),
            (json!({"secret.reloader.stakater.com/auto": "true"}), true),
            (json!({"configmap.reloader.stakater.com/auto": "true"}), false),
            (json!({"secret.reloader.stakater.com/reload": "other, otel"}), true),
            (json!({"secret.reloader.stakater.com/reload": "other"}), false),
            (Value::Null, false),
        ] {
            let on_workload = json!({"metadata": {"annotations": annotations}});
            assert_eq!(restarts(&on_workload, "otel"), expected, "{annotations}");
            let on_template = json!({"spec": {"template": on_workload}});
            assert_eq!(restarts(&on_template, "otel"), expected, "{annotations}");
        }
    }
}
