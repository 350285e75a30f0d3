//! The real manifests and recorded deltas that lie beside the workspace on some machines.
#![expect(clippy::unwrap_used, reason = "helpers of tests; allow-unwrap-in-tests misses them")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use common::rhacs::{Platform, Version};
use serde_json::Value;

/// A file or folder beside the workspace; says so when it is absent.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
pub fn beside_workspace(path: &str) -> Option<PathBuf> {
    let found = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: `{path}` is not beside the workspace");
    None
}

/// The objects of a real manifest; none when there is no such file.
pub fn real_objects(version: &Version, platform: Platform) -> Option<Vec<Value>> {
    // Reading them is most of the time of these tests, and several look at the same ones.
    static READ: Mutex<BTreeMap<PathBuf, Vec<Value>>> = Mutex::new(BTreeMap::new());
    let path = beside_workspace(&format!("manifests/{version}-{platform}.yaml"))?;
    if let Some(objects) = READ.lock().unwrap().get(&path) {
        return Some(objects.clone());
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let objects: Vec<Value> =
        documents.into_iter().filter(|document| !document.is_null()).collect();
    READ.lock().unwrap().insert(path, objects.clone());
    Some(objects)
}

/// The text of `object` at the JSON pointer `field`.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.pointer(field).and_then(Value::as_str).unwrap()
}
