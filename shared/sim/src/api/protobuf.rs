//! The few requests kubectl writes in protobuf, as JSON.

use base64::Engine;
use serde_json::{Map, Value, json};

use crate::store::Status;

/// The first bytes of every Kubernetes object in protobuf.
const MAGIC: &[u8] = b"k8s\0";

/// How a field of a message becomes JSON.
enum Kind {
    Text,
    Texts,
    Message(&'static [Row]),
    Messages(&'static [Row]),
    /// A map of texts.
    Map,
    /// A map of bytes, which are base64 in JSON.
    BytesMap,
}

/// Number, JSON name and kind of a field.
type Row = (u64, &'static str, Kind);

const META: &[Row] = &[
    (1, "name", Kind::Text),
    (2, "generateName", Kind::Text),
    (3, "namespace", Kind::Text),
    (11, "labels", Kind::Map),
    (12, "annotations", Kind::Map),
];
const BARE: &[Row] = &[(1, "metadata", Kind::Message(META))];
const CONFIG_MAP: &[Row] = &[
    (1, "metadata", Kind::Message(META)),
    (2, "data", Kind::Map),
    (3, "binaryData", Kind::BytesMap),
];
const SECRET: &[Row] = &[
    (1, "metadata", Kind::Message(META)),
    (2, "data", Kind::BytesMap),
    (3, "type", Kind::Text),
    (4, "stringData", Kind::Map),
];
const RULE: &[Row] = &[
    (1, "verbs", Kind::Texts),
    (2, "apiGroups", Kind::Texts),
    (3, "resources", Kind::Texts),
    (4, "resourceNames", Kind::Texts),
    (5, "nonResourceURLs", Kind::Texts),
];
const ROLE: &[Row] = &[(1, "metadata", Kind::Message(META)), (2, "rules", Kind::Messages(RULE))];
const SUBJECT: &[Row] = &[
    (1, "kind", Kind::Text),
    (2, "apiGroup", Kind::Text),
    (3, "name", Kind::Text),
    (4, "namespace", Kind::Text),
];
const ROLE_REFERENCE: &[Row] =
    &[(1, "apiGroup", Kind::Text), (2, "kind", Kind::Text), (3, "name", Kind::Text)];
const BINDING: &[Row] = &[
    (1, "metadata", Kind::Message(META)),
    (2, "subjects", Kind::Messages(SUBJECT)),
    (3, "roleRef", Kind::Message(ROLE_REFERENCE)),
];
const RESOURCE: &[Row] = &[
    (1, "namespace", Kind::Text),
    (2, "verb", Kind::Text),
    (3, "group", Kind::Text),
    (4, "version", Kind::Text),
    (5, "resource", Kind::Text),
    (6, "subresource", Kind::Text),
    (7, "name", Kind::Text),
];
const PATH: &[Row] = &[(1, "path", Kind::Text), (2, "verb", Kind::Text)];
const SELF_ACCESS: &[Row] = &[(
    2,
    "spec",
    Kind::Message(&[
        (1, "resourceAttributes", Kind::Message(RESOURCE)),
        (2, "nonResourceAttributes", Kind::Message(PATH)),
    ]),
)];
const ACCESS: &[Row] = &[
    (1, "metadata", Kind::Message(&[(3, "namespace", Kind::Text)])),
    (
        2,
        "spec",
        Kind::Message(&[
            (1, "resourceAttributes", Kind::Message(RESOURCE)),
            (2, "nonResourceAttributes", Kind::Message(PATH)),
            (3, "user", Kind::Text),
            (4, "groups", Kind::Texts),
            (6, "uid", Kind::Text),
        ]),
    ),
];
const RULES: &[Row] = &[(2, "spec", Kind::Message(&[(1, "namespace", Kind::Text)]))];
const TOKEN: &[Row] = &[(2, "spec", Kind::Message(&[(1, "token", Kind::Text)]))];

/// An object in protobuf as the JSON it means.
///
/// # Errors
/// 400 for bytes that are none, 415 for another kind of object.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, Status> {
    let malformed = || Status::bad_request("the body of the request is not valid protobuf");
    let envelope = bytes.strip_prefix(MAGIC).ok_or_else(malformed)?;
    let outer = fields(envelope).ok_or_else(malformed)?;
    let (mut kind, mut version, mut raw) = (String::new(), String::new(), Vec::new());
    for (number, content) in outer {
        match number {
            1 => {
                for (number, content) in fields(&content).ok_or_else(malformed)? {
                    let text = String::from_utf8_lossy(&content).into_owned();
                    if number == 1 {
                        version = text;
                    } else if number == 2 {
                        kind = text;
                    }
                }
            }
            2 => raw = content,
            _ => {}
        }
    }
    let rows = match kind.as_str() {
        "SelfSubjectAccessReview" => SELF_ACCESS,
        "SubjectAccessReview" | "LocalSubjectAccessReview" => ACCESS,
        "SelfSubjectRulesReview" => RULES,
        "TokenReview" => TOKEN,
        "SelfSubjectReview" => &[],
        "Namespace" | "ServiceAccount" | "Eviction" => BARE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING,
        _ => {
            let message = "the body of the request was in an unknown format - accepted media types \
                           include: application/json, application/yaml";
            return Err(Status::new(415, "UnsupportedMediaType", message));
        }
    };
    let mut object = message(&raw, rows).ok_or_else(malformed)?;
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    Ok(object)
}

fn message(bytes: &[u8], rows: &[Row]) -> Option<Value> {
    let mut map = Map::new();
    for (number, content) in fields(bytes)? {
        let Some((_, name, kind)) = rows.iter().find(|(its, ..)| *its == number) else { continue };
        let text = || Value::from(String::from_utf8_lossy(&content).into_owned());
        match kind {
            Kind::Text => {
                if !content.is_empty() {
                    map.insert((*name).to_owned(), text());
                }
            }
            Kind::Texts => {
                let list = map.entry(*name).or_insert_with(|| json!([]));
                list.as_array_mut()?.push(text());
            }
            Kind::Message(rows) => {
                map.insert((*name).to_owned(), message(&content, rows)?);
            }
            Kind::Messages(rows) => {
                let list = map.entry(*name).or_insert_with(|| json!([]));
                list.as_array_mut()?.push(message(&content, rows)?);
            }
            Kind::Map | Kind::BytesMap => {
                let (key, value) = entry(&content)?;
                let value = match kind {
                    Kind::BytesMap => base64::engine::general_purpose::STANDARD.encode(value),
                    _ => String::from_utf8_lossy(&value).into_owned(),
                };
                map.entry(*name).or_insert_with(|| json!({}))[key] = value.into();
            }
        }
    }
    Some(Value::Object(map))
}

/// An entry of a map: its key and its value.
fn entry(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let parts = fields(bytes)?;
    let part = |wanted| parts.iter().find(|(number, _)| *number == wanted);
    let part = |wanted| part(wanted).map(|(_, content)| content.clone()).unwrap_or_default();
    Some((String::from_utf8_lossy(&part(1)).into_owned(), part(2)))
}

/// The length-delimited fields of a message; numbers are skipped.
fn fields(bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => {
                varint(&mut rest)?;
            }
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                found.push((key >> 3, rest.get(..length)?.to_vec()));
                rest = &rest[length..];
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(found)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    #[test]
    fn an_access_review_is_read() {
        let attributes = [field(1, b"stackrox"), field(2, b"get")].concat();
        let raw = field(2, &field(1, &attributes));
        let kind =
            [field(1, b"authorization.k8s.io/v1"), field(2, b"SelfSubjectAccessReview")].concat();
        let bytes = [b"k8s\0".to_vec(), field(1, &kind), field(2, &raw)].concat();
        let object = decode(&bytes).unwrap();
        assert_eq!(object["spec"]["resourceAttributes"]["namespace"], "stackrox");
        assert_eq!(object["spec"]["resourceAttributes"]["verb"], "get");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(decode(b"nothing").unwrap_err().code, 400);
    }
}
