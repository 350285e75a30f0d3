//! What the writes of a run promise of each object when they are done, one after the other. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::covers::uncovered;
use crate::plan::{Before, Deviation, Write, apply_patch, merge_patches, unsatisfied};
use crate::rhacs::{ObjectRef, essence};

/// What an object has to be like once all writes to it are done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Promise {
    /// It has what the patch says.
    Patched(Value),
    /// It has every field of the manifest.
    Whole(Value),
    /// It does not exist.
    Gone,
}

/// How a promise is broken.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Broken {
    /// The object does not exist.
    Deleted,
    /// The object was to be deleted, and exists.
    There,
    /// Fields are not as they were written.
    Fields(Vec<Deviation>),
}

/// What `writes`, in their order, promise of each object.
pub(super) fn promises<'a>(
    writes: impl IntoIterator<Item = &'a Write>,
) -> BTreeMap<ObjectRef, Promise> {
    let mut all = BTreeMap::new();
    for write in writes {
        let promise = promised(all.remove(write.object()), write);
        all.insert(write.object().clone(), promise);
    }
    all
}

fn promised(before: Option<Promise>, write: &Write) -> Promise {
    match write {
        Write::Delete { .. } => Promise::Gone,
        Write::Apply { manifest, .. } => {
            Promise::Whole(without_what_controllers_add(manifest.clone()))
        }
        Write::Restore { before: Before::Manifest { manifest }, .. } => {
            Promise::Whole(restored(manifest))
        }
        // Loaded from its record before it is asked for.
        Write::Restore { before: Before::Recorded { .. }, .. } => Promise::Patched(Value::Null),
        Write::Patch { body, patch, .. } => match before {
            Some(Promise::Whole(manifest)) => Promise::Whole(apply_patch(&manifest, body, *patch)),
            Some(Promise::Patched(mut earlier)) if earlier.is_object() => {
                merge_patches(&mut earlier, body);
                Promise::Patched(earlier)
            }
            Some(Promise::Patched(_) | Promise::Gone) | None => Promise::Patched(body.clone()),
        },
    }
}

/// What a restored object is held to: what it was, less what others own in it.
fn restored(before: &Value) -> Value {
    let mut wanted = without_what_controllers_add(essence(before));
    if let Some(fields) = wanted.as_object_mut() {
        if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("replicas");
        }
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("finalizers");
            metadata.remove("ownerReferences");
        }
    }
    wanted
}

/// OpenShift gives accounts Secrets of their own, which then stand among those of the manifest.
fn without_what_controllers_add(mut wanted: Value) -> Value {
    if wanted["kind"] == "ServiceAccount"
        && let Some(fields) = wanted.as_object_mut()
    {
        fields.remove("secrets");
        fields.remove("imagePullSecrets");
    }
    wanted
}

impl Promise {
    /// How `live` breaks it; none when it is kept. What the API server stored otherwise from the
    /// first on (`stored` is what it answered to the write), such as `1Gi` for `1024Mi`, is kept as
    /// long as it stays so; an image is what was written, and nothing else.
    pub(super) fn broken_by(&self, live: Option<&Value>, stored: Option<&Value>) -> Option<Broken> {
        let Some(live) = live else {
            return (*self != Self::Gone).then_some(Broken::Deleted);
        };
        if *self == Self::Gone {
            return Some(Broken::There);
        }
        let mut fields = self.deviations(live);
        if !fields.is_empty()
            && let Some(stored) = stored
        {
            let from_the_first_on = self.deviations(stored);
            fields.retain(|field| field.is_image() || !from_the_first_on.contains(field));
        }
        (!fields.is_empty()).then_some(Broken::Fields(fields))
    }

    fn deviations(&self, live: &Value) -> Vec<Deviation> {
        match self {
            Self::Patched(patch) if patch.is_null() => Vec::new(),
            Self::Patched(patch) => unsatisfied(live, patch),
            Self::Whole(manifest) => uncovered(live, manifest),
            Self::Gone => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::PatchKind;

    fn scanner() -> ObjectRef {
        ObjectRef::deployment("stackrox", "scanner")
    }

    fn image(image: &str) -> Value {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "scanner", "image": image}]}}}})
    }

    fn patch(body: Value) -> Write {
        Write::Patch { object: scanner(), patch: PatchKind::Strategic, body }
    }

    fn promise(writes: &[Write]) -> Promise {
        promises(writes)[&scanner()].clone()
    }

    #[test]
    fn later_writes_replace_what_earlier_ones_promised() {
        let both = promise(&[
            patch(image("x:1")),
            patch(json!({"spec": {"paused": null}})),
            patch(image("x:2")),
        ]);
        assert_eq!(both.broken_by(Some(&image("x:2")), None), None);
        let Some(Broken::Fields(fields)) = both.broken_by(Some(&image("x:1")), None) else {
            panic!("an old image keeps nothing")
        };
        assert_eq!(fields[0].path_text(), "spec.template.spec.containers[scanner].image");
        let gone = promise(&[patch(image("x:1")), Write::Delete { object: scanner() }]);
        assert_eq!(gone.broken_by(None, None), None);
        assert_eq!(gone.broken_by(Some(&image("x:1")), None), Some(Broken::There));
        assert_eq!(both.broken_by(None, None), Some(Broken::Deleted));
    }

    #[test]
    fn what_the_server_stored_in_its_own_words_is_kept_but_an_image_is_not() {
        let wanted = json!({"spec": {"limit": "1024Mi", "template": {"image": "x:2"}}});
        let stored = json!({"spec": {"limit": "1Gi", "template": {"image": "x:1"}}});
        let promise = promise(&[patch(wanted)]);
        let Some(Broken::Fields(fields)) = promise.broken_by(Some(&stored), Some(&stored)) else {
            panic!("the image was not stored")
        };
        assert_eq!(fields.len(), 1);
        assert!(fields[0].is_image());
        let other = json!({"spec": {"limit": "2Gi", "template": {"image": "x:2"}}});
        let broken = promise.broken_by(Some(&other), Some(&stored));
        assert!(matches!(&broken, Some(Broken::Fields(fields)) if fields.len() == 1), "{broken:?}");
    }

    #[test]
    fn an_account_gets_secrets_of_its_own() {
        let object = ObjectRef::namespaced("v1", "ServiceAccount", "stackrox", "central");
        let manifest = json!({"kind": "ServiceAccount", "metadata": {"labels": {"app": "central"}},
                              "imagePullSecrets": [{"name": "stackrox"}]});
        let promises = promises(&[Write::Apply { object: object.clone(), manifest }]);
        let live = json!({"kind": "ServiceAccount", "metadata": {"labels": {"app": "central"}},
            "imagePullSecrets": [{"name": "stackrox"}, {"name": "central-dockercfg-7x2p4"}]});
        assert_eq!(promises[&object].broken_by(Some(&live), None), None);
    }

    #[test]
    fn a_restored_object_may_be_scaled_and_labelled_by_others() {
        let before = json!({"kind": "Deployment", "metadata": {"name": "scanner", "uid": "u",
            "annotations": {"deployment.kubernetes.io/revision": "3"}},
            "spec": {"replicas": 3, "paused": false}});
        let manifest = Before::Manifest { manifest: before };
        let promise = promise(&[Write::Restore { object: scanner(), before: manifest }]);
        let mut live = json!({"kind": "Deployment",
            "metadata": {"name": "scanner", "labels": {"a": "b"}},
            "spec": {"replicas": 1, "paused": false}});
        assert_eq!(promise.broken_by(Some(&live), None), None);
        live["spec"]["paused"] = json!(true);
        assert!(promise.broken_by(Some(&live), None).is_some());
    }
}
