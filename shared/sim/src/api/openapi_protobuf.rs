//! The OpenAPI 2.0 document in protobuf, in which kubectl up to 1.28 reads it.

use serde_json::{Map, Value};

/// The document as a message; of schemas and operations, what kubectl reads.
pub(crate) fn encode(document: &Value) -> Vec<u8> {
    let mut message = Message::default();
    message.text(1, &document["swagger"]);
    let mut info = Message::default();
    info.text(1, &document["info"]["title"]);
    info.text(2, &document["info"]["version"]);
    message.message(2, &info);
    let mut paths = Message::default();
    for (path, item) in entries(&document["paths"]) {
        paths.named(2, path, &path_item(item));
    }
    message.message(8, &paths);
    let mut definitions = Message::default();
    for (name, definition) in entries(&document["definitions"]) {
        definitions.named(1, name, &schema(definition));
    }
    message.message(9, &definitions);
    message.0
}

fn path_item(item: &Value) -> Message {
    let mut message = Message::default();
    for (number, verb) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(operation) = item.get(verb) {
            message.message(number, &self::operation(operation));
        }
    }
    message
}

fn operation(operation: &Value) -> Message {
    let mut message = Message::default();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let mut query = Message::default();
        query.text(2, &parameter["in"]);
        query.text(4, &parameter["name"]);
        query.text(6, &parameter["type"]);
        // A parameter, that is none of a body, that is one of the query.
        message.message(8, &query.inside(3).inside(2).inside(1));
    }
    message.extensions(13, operation);
    message
}

fn schema(schema: &Value) -> Message {
    let mut message = Message::default();
    message.text(1, &schema["$ref"]);
    message.text(2, &schema["format"]);
    message.text(4, &schema["description"]);
    for name in schema["required"].as_array().into_iter().flatten() {
        message.text(19, name);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        message.message(21, &self::schema(values).inside(1));
    }
    if let Some(kind) = schema.get("type") {
        let mut item = Message::default();
        item.text(1, kind);
        message.message(22, &item);
    }
    if let Some(items) = schema.get("items") {
        message.message(23, &self::schema(items).inside(1));
    }
    if let Some(properties) = schema.get("properties") {
        let mut list = Message::default();
        for (name, property) in entries(properties) {
            list.named(1, name, &self::schema(property));
        }
        message.message(25, &list);
    }
    message.extensions(31, schema);
    message
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A message as it grows.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn bytes(&mut self, number: u64, content: &[u8]) {
        self.varint(number << 3 | 2);
        self.varint(content.len() as u64);
        self.0.extend_from_slice(content);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Adds text, if the value is some.
    fn text(&mut self, number: u64, value: &Value) {
        if let Some(text) = value.as_str() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn message(&mut self, number: u64, message: &Self) {
        self.bytes(number, &message.0);
    }

    /// Adds a pair of a name and a message.
    fn named(&mut self, number: u64, name: &str, message: &Self) {
        let mut pair = Self::default();
        pair.bytes(1, name.as_bytes());
        pair.message(2, message);
        self.message(number, &pair);
    }

    /// Adds the `x-…` keys of a value; their values are YAML, of which JSON is a part.
    fn extensions(&mut self, number: u64, value: &Value) {
        for (name, extension) in entries(value).filter(|(name, _)| name.starts_with("x-")) {
            let mut any = Self::default();
            any.bytes(2, extension.to_string().as_bytes());
            self.named(number, name, &any);
        }
    }

    /// A message with this one as its only field.
    fn inside(&self, number: u64) -> Self {
        let mut outer = Self::default();
        outer.message(number, self);
        outer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::schema;

    #[test]
    fn a_schema_is_written_by_the_numbers_of_its_fields() {
        let text = json!({"type": "string", "x-a": 1});
        let expected = [
            &[0xb2, 0x01, 8, 0x0a, 6][..],
            b"string",
            &[0xfa, 0x01, 10, 0x0a, 3],
            b"x-a",
            &[0x12, 3, 0x12, 1],
            b"1",
        ];
        assert_eq!(schema(&text).0, expected.concat());
    }

    #[test]
    fn long_content_has_a_length_of_several_bytes() {
        let long = json!({"$ref": "a".repeat(300)});
        assert_eq!(&schema(&long).0[..3], &[0x0a, 0xac, 0x02]);
    }
}
