//! What puts captured objects back: pure, no I/O.

use serde_json::{Map, Value};

use crate::rhacs::essence;

/// What has to be sent so that an object is as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Restoration {
    /// It is as it was.
    Nothing,
    /// It is gone: create this.
    Create(Value),
    /// Put this in its place; it carries the resourceVersion of the present object.
    Replace(Value),
}

/// What makes `now` be `before` again, except for what others own: the number of replicas,
/// annotations added since, owners, and what the API server writes. An annotation that is `null` in
/// `before` was added by the run itself: it goes.
#[must_use]
pub fn restoration(before: &Value, now: Option<&Value>) -> Restoration {
    let wanted = essence(before);
    let Some(now) = now else {
        return Restoration::Create(without_nulls(wanted));
    };
    let mut object = wanted;
    keep_metadata(&mut object, before, now);
    keep_fields_of_others(&mut object, now);
    if essence(&object) == essence(now) {
        return Restoration::Nothing;
    }
    Restoration::Replace(object)
}

/// What a revision was made for, as `kubectl rollout history` shows it.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// Annotations the API server or its controllers write.
const CONTROLLER_ANNOTATIONS: [&str; 3] =
    ["deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation", CHANGE_CAUSE];

fn keep_metadata(object: &mut Value, before: &Value, now: &Value) {
    let present = &now["metadata"];
    let mut annotations: Map<String, Value> =
        present["annotations"].as_object().cloned().unwrap_or_default();
    for (name, value) in before["metadata"]["annotations"].as_object().into_iter().flatten() {
        if value.is_null() {
            annotations.remove(name);
        } else if !CONTROLLER_ANNOTATIONS.contains(&name.as_str()) {
            annotations.insert(name.clone(), value.clone());
        }
    }
    // The cause of a change that is taken back would be a lie.
    match before["metadata"]["annotations"].get(CHANGE_CAUSE).filter(|cause| cause.is_string()) {
        Some(cause) => drop(annotations.insert(CHANGE_CAUSE.to_owned(), cause.clone())),
        None => drop(annotations.remove(CHANGE_CAUSE)),
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    for field in ["finalizers", "ownerReferences", "resourceVersion", "uid"] {
        match present.get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
    if annotations.is_empty() {
        metadata.remove("annotations");
    } else {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
}

/// `object` without annotations that are `null`, which no API server takes.
fn without_nulls(mut object: Value) -> Value {
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.retain(|_, value| !value.is_null());
    }
    object
}

fn keep_fields_of_others(object: &mut Value, now: &Value) {
    if let (Some(spec), Some(replicas)) =
        (object.get_mut("spec").and_then(Value::as_object_mut), now["spec"].get("replicas"))
        && spec.contains_key("replicas")
    {
        spec.insert("replicas".to_owned(), replicas.clone());
    }
    // The token controller adds Secrets to a service account; they are not ours to remove.
    if now["kind"] == "ServiceAccount"
        && let (Some(fields), Some(secrets)) = (object.as_object_mut(), now.get("secrets"))
    {
        fields.insert("secrets".to_owned(), secrets.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(image: &str, replicas: u32, version: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "scanner", "namespace": "stackrox", "uid": "u", "resourceVersion": version,
                "generation": 3, "labels": {"app": "scanner"},
                "annotations": {"deployment.kubernetes.io/revision": version, "email": "a@b.c"},
            },
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [
                {"name": "scanner", "image": image}]}}},
            "status": {"replicas": replicas},
        })
    }

    #[test]
    fn a_template_is_put_back_and_the_replicas_stay() {
        let before = deployment("scanner:1", 3, "10");
        let mut now = deployment("scanner:2", 5, "20");
        now["metadata"]["annotations"]["note"] = json!("by someone else");
        let Restoration::Replace(put) = restoration(&before, Some(&now)) else {
            panic!("nothing to put back?")
        };
        assert_eq!(put["spec"]["template"], before["spec"]["template"]);
        assert_eq!(put["spec"]["replicas"], 5);
        assert_eq!(put["metadata"]["resourceVersion"], "20");
        assert_eq!(put["metadata"]["annotations"]["note"], "by someone else");
        assert_eq!(put["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "20");
        assert_eq!(put.get("status"), None);
        assert_eq!(restoration(&before, Some(&put)), Restoration::Nothing);
    }

    #[test]
    fn an_annotation_of_the_run_goes_and_those_of_others_stay() {
        let mut before = deployment("scanner:1", 3, "10");
        let mut now = before.clone();
        for name in ["ours", "theirs"] {
            now["metadata"]["annotations"][name] = json!("added");
        }
        before["metadata"]["annotations"]["ours"] = Value::Null;
        let Restoration::Replace(put) = restoration(&before, Some(&now)) else {
            panic!("nothing to put back?")
        };
        assert_eq!(put["metadata"]["annotations"].get("ours"), None);
        assert_eq!(put["metadata"]["annotations"]["theirs"], "added");
        assert_eq!(restoration(&before, Some(&put)), Restoration::Nothing);
        let Restoration::Create(new) = restoration(&before, None) else { panic!("not created") };
        assert_eq!(new["metadata"]["annotations"].get("ours"), None);
    }

    #[test]
    fn only_a_difference_is_put_back() {
        let before = deployment("scanner:1", 3, "10");
        let scaled = deployment("scanner:1", 1, "30");
        assert_eq!(restoration(&before, Some(&scaled)), Restoration::Nothing);
    }

    #[test]
    fn what_was_deleted_is_created_again_without_what_the_server_writes() {
        let Restoration::Create(object) = restoration(&deployment("scanner:1", 3, "10"), None)
        else {
            panic!("not created")
        };
        assert_eq!(object["metadata"].get("uid"), None);
        assert_eq!(object["metadata"].get("resourceVersion"), None);
        assert_eq!(object["metadata"]["labels"]["app"], "scanner");
    }
}
