//! Reading and stamping `metadata`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// `metadata.name`, or an empty string.
#[must_use]
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.namespace`, or an empty string.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.uid`, or an empty string.
#[must_use]
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// `metadata.resourceVersion` as a number; 0 if it has none.
#[must_use]
pub fn version(object: &Value) -> u64 {
    text(object, "resourceVersion").parse().unwrap_or(0)
}

/// `metadata.generation`; 0 if it has none.
#[must_use]
pub fn generation(object: &Value) -> i64 {
    at(object, "/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

/// Whether the object is being deleted.
#[must_use]
pub fn is_being_deleted(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|stamp| !stamp.is_null())
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let list = at(object, "/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// `metadata.ownerReferences`.
pub fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    let list = at(object, "/metadata/ownerReferences").and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The value at a JSON pointer. Controllers ask this all the time, and most pointers have nothing to
/// unescape.
#[must_use]
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.contains('~') {
        return object.pointer(pointer);
    }
    pointer.split('/').skip(1).try_fold(object, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A label's value.
#[must_use]
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// `metadata` as a map, made if it is not there.
pub fn of(object: &mut Value) -> &mut Map<String, Value> {
    field(object, "metadata")
}

/// A field as a map, made if it is not there or something else.
pub fn field<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    as_map(as_map(object).entry(key).or_insert(Value::Null))
}

fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => {
            *other = Value::Object(Map::new());
            as_map(other)
        }
    }
}

/// The time as `metav1.Time` writes it, to the second.
#[must_use]
pub fn time(moment: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// What makes the uids of the objects of a `kind` named `name` differ from others. Only those of
/// namespaces, by which clusters are told apart, differ between stores as well.
pub(super) fn uid_salt<'a>(kind: &str, name: &'a str) -> Cow<'a, str> {
    static STORES: AtomicU64 = AtomicU64::new(0);
    if kind != "Namespace" {
        return Cow::Borrowed(name);
    }
    let store = STORES.fetch_add(1, Ordering::Relaxed);
    Cow::Owned(format!("{name} {} {store}", std::process::id()))
}

/// A uid in the form of a random UUID, the same for the same number and name.
#[must_use]
pub fn make_uid(number: u64, salt: &str) -> String {
    let mut bytes = [0_u8; 16];
    let digest = Sha256::digest(format!("{number}/{salt}"));
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The five letters a generated name ends with, the same for the same number and name.
#[must_use]
pub fn make_suffix(number: u64, salt: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(format!("{salt}#{number}"));
    digest.iter().take(5).map(|byte| char::from(LETTERS[*byte as usize % LETTERS.len()])).collect()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get("metadata").and_then(|meta| meta.get(key)).and_then(Value::as_str).unwrap_or("")
}
