//! Requests that clients write in protobuf, as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::schema::fields::{Shape, Type, built_in_type};
use crate::schema::numbers::{Numbered, numbered};
use crate::store::{Status, meta};

/// The first bytes of every Kubernetes object in protobuf.
const MAGIC: &[u8] = b"k8s\0";

/// An object in protobuf as the JSON it means.
///
/// Numbers that are 0 stay: whether 0 means unset, the decoder of objects knows.
///
/// # Errors
/// 400 for bytes that are none, 415 for another kind of object.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, Status> {
    let malformed = || Status::bad_request("the body of the request is not valid protobuf");
    let envelope = bytes.strip_prefix(MAGIC).ok_or_else(malformed)?;
    let (kind, version, raw) = open(envelope).ok_or_else(malformed)?;
    let written = match (version.as_str(), kind.as_str()) {
        ("autoscaling/v1", "HorizontalPodAutoscaler") => "HorizontalPodAutoscaler_v1",
        (_, kind) => kind,
    };
    let (Some(found), Some(rows)) = (built_in_type(written), numbered(written)) else {
        let message = "the body of the request was in an unknown format - accepted media types \
                       include: application/json, application/yaml";
        return Err(Status::new(415, "UnsupportedMediaType", message));
    };
    let mut object = Map::new();
    read(raw, found, rows, &[], &mut object).ok_or_else(malformed)?;
    object.insert("apiVersion".to_owned(), version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

/// Kind, API version and content of the envelope.
fn open(envelope: &[u8]) -> Option<(String, String, &[u8])> {
    let (mut kind, mut version, mut raw) = (String::new(), String::new(), [].as_slice());
    for (number, content) in fields(envelope)? {
        match (number, content) {
            (1, Wire::Bytes(meta)) => {
                version = text(meta, 1)?;
                kind = text(meta, 2)?;
            }
            (2, Wire::Bytes(content)) => raw = content,
            _ => {}
        }
    }
    Some((kind, version, raw))
}

/// Reads a message into an object; `way` are the numbers of the messages around it that JSON does
/// not have. None if the bytes are no message.
fn read(
    bytes: &[u8],
    owner: &Type,
    rows: &[Numbered],
    way: &[u64],
    object: &mut Map<String, Value>,
) -> Option<()> {
    for (number, content) in fields(bytes)? {
        let path = [way, &[number]].concat();
        if let Some(row) = rows.iter().find(|row| row.path == path) {
            let Some(field) = owner.fields.get(row.name) else { continue };
            place(object, row.name, &field.shape, content)?;
        } else if rows.iter().any(|row| row.path.starts_with(&path)) {
            let Wire::Bytes(inner) = content else { return None };
            read(inner, owner, rows, &path, object)?;
        }
    }
    Some(())
}

/// Puts a field, or one more item or entry of it, into an object.
fn place(
    object: &mut Map<String, Value>,
    name: &str,
    shape: &Shape,
    content: Wire<'_>,
) -> Option<()> {
    match shape {
        Shape::List(item, _) => {
            let item = value(item, content)?;
            object.entry(name).or_insert_with(|| json!([])).as_array_mut()?.push(item);
        }
        Shape::Map(inner, _) => {
            let Wire::Bytes(entry) = content else { return None };
            let key = text(entry, 1)?;
            let found = fields(entry)?.into_iter().find(|(number, _)| *number == 2);
            let found = found.map_or(Wire::Bytes(&[]), |(_, content)| content);
            let value = value(inner, found)?;
            object.entry(name).or_insert_with(|| json!({})).as_object_mut()?.insert(key, value);
        }
        _ => {
            let value = value(shape, content)?;
            // Text that is empty and a time that never was are not set.
            if !value.is_null() && value != "" {
                object.insert(name.to_owned(), value);
            }
        }
    }
    Some(())
}

fn value(shape: &Shape, content: Wire<'_>) -> Option<Value> {
    Some(match (shape, content) {
        // Negative numbers are written as their two's complement.
        (Shape::Integer, Wire::Number(number)) => json!(number.cast_signed()),
        (Shape::Boolean, Wire::Number(number)) => json!(number != 0),
        (Shape::Number, Wire::Double(number)) => json!(number),
        (Shape::Text, Wire::Bytes(bytes)) => String::from_utf8_lossy(bytes).into(),
        (Shape::Bytes, Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Shape::Quantity, Wire::Bytes(bytes)) => text(bytes, 1)?.into(),
        (Shape::IntegerOrText, Wire::Bytes(bytes)) => match number(bytes, 1)? {
            0 => json!(number(bytes, 2)?.cast_signed()),
            _ => text(bytes, 3)?.into(),
        },
        (Shape::Time | Shape::MicroTime, Wire::Bytes(bytes)) => match number(bytes, 1)? {
            0 => Value::Null,
            seconds => meta::time(Timestamp::from_second(seconds.cast_signed()).ok()?).into(),
        },
        (Shape::Any, Wire::Bytes(bytes)) => {
            // Free content is JSON in the first field of a message of its own.
            serde_json::from_str(&text(bytes, 1)?).unwrap_or_default()
        }
        (shape, Wire::Bytes(bytes)) => {
            let owner = shape.as_type()?;
            let mut object = Map::new();
            read(bytes, owner, numbered(&owner.name).unwrap_or_default(), &[], &mut object)?;
            Value::Object(object)
        }
        _ => return None,
    })
}

/// What a field of a message holds.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// The text in a field of a message, empty if there is none.
fn text(bytes: &[u8], wanted: u64) -> Option<String> {
    Some(
        fields(bytes)?
            .into_iter()
            .find_map(|(number, content)| match content {
                Wire::Bytes(bytes) if number == wanted => {
                    Some(String::from_utf8_lossy(bytes).into_owned())
                }
                _ => None,
            })
            .unwrap_or_default(),
    )
}

/// The number in a field of a message, 0 if there is none.
fn number(bytes: &[u8], wanted: u64) -> Option<u64> {
    Some(
        fields(bytes)?
            .into_iter()
            .find_map(|(number, content)| match content {
                Wire::Number(found) if number == wanted => Some(found),
                _ => None,
            })
            .unwrap_or_default(),
    )
}

/// The fields of a message in their order; none if the bytes are no message.
fn fields(bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let content = match key & 7 {
            0 => Wire::Number(varint(&mut rest)?),
            1 => {
                let (bits, tail) = rest.split_first_chunk()?;
                rest = tail;
                Wire::Double(f64::from_le_bytes(*bits))
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (content, tail) = rest.split_at_checked(length)?;
                rest = tail;
                Wire::Bytes(content)
            }
            // No type of Kubernetes has numbers of four bytes.
            5 => {
                rest = rest.get(4..)?;
                continue;
            }
            _ => return None,
        };
        found.push((key >> 3, content));
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
    use serde_json::json;

    use super::decode;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    fn object(version: &str, kind: &str, content: &[u8]) -> Vec<u8> {
        let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &meta), field(2, content)].concat()
    }

    #[test]
    fn an_access_review_is_read() {
        let attributes = [field(1, b"stackrox"), field(2, b"get")].concat();
        let raw = field(2, &field(1, &attributes));
        let bytes = object("authorization.k8s.io/v1", "SelfSubjectAccessReview", &raw);
        let object = decode(&bytes).unwrap();
        assert_eq!(object["spec"]["resourceAttributes"]["namespace"], "stackrox");
        assert_eq!(object["spec"]["resourceAttributes"]["verb"], "get");
    }

    #[test]
    fn numbers_quantities_maps_and_lists_are_read() {
        let pair = [field(1, b"pods"), field(2, &field(1, b"10"))].concat();
        let spec = [field(1, &pair), field(2, b"BestEffort")].concat();
        let quota = decode(&object("v1", "ResourceQuota", &field(2, &spec))).unwrap();
        assert_eq!(quota["spec"], json!({"hard": {"pods": "10"}, "scopes": ["BestEffort"]}));
        let minus_one = [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let class = decode(&object("scheduling.k8s.io/v1", "PriorityClass", &minus_one)).unwrap();
        assert_eq!(class["value"], -1);
        let named = [vec![0x08, 1], field(3, b"https")].concat();
        let port = [vec![0x18, 80], field(4, &named)].concat();
        let service = decode(&object("v1", "Service", &field(2, &field(1, &port)))).unwrap();
        assert_eq!(service["spec"]["ports"], json!([{"port": 80, "targetPort": "https"}]));
    }

    #[test]
    fn messages_that_json_does_not_have_are_passed_through() {
        let volume = [field(1, b"tmp"), field(2, &field(2, &[]))].concat();
        let pod = decode(&object("v1", "Pod", &field(2, &field(1, &volume)))).unwrap();
        assert_eq!(pod["spec"]["volumes"], json!([{"name": "tmp", "emptyDir": {}}]));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(decode(b"nothing").unwrap_err().code, 400);
        assert_eq!(decode(&object("v1", "Unheard", &[])).unwrap_err().code, 415);
    }
}
