//! Kubeconfig files as data: their YAML as JSON, with every scalar of a text field as it is written.
//!
//! kube reads them with types of its own, straight from YAML; that code is larger than the rest of
//! the way to a client, and this program reads YAML as JSON everywhere else.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The documents of a kubeconfig, those that are empty left out; none when it is not valid YAML.
/// There is no reason why: it would quote the lines around, and those may be a token.
pub fn documents(bytes: &[u8]) -> Option<Vec<Value>> {
    let documents: Vec<Document> = serde_saphyr::from_multiple(&text(bytes)?).ok()?;
    let values = documents.into_iter().map(|Document(value)| value);
    Some(values.filter(|value| !value.is_null()).collect())
}

/// The text of a file; editors of Windows write UTF-16 and marks of the byte order.
fn text(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks(2).filter_map(|pair| Some(unit(pair.try_into().ok()?))).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// A whole document.
struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field { parent: "", name: "" }.deserialize(deserializer).map(Self)
    }
}

/// Where a value stands: in the field `name` of the field `parent`; the items of a list stand where
/// the list does.
#[derive(Clone, Copy)]
struct Field<'a> {
    parent: &'a str,
    name: &'a str,
}

impl Field<'_> {
    /// Whether it takes text, so that a token of digits stays what it is.
    fn is_text(self) -> bool {
        let Self { parent, name } = self;
        let names: &[&str] = match parent {
            "" => &["apiVersion", "current-context", "kind"],
            "auth-provider" | "clusters" | "contexts" | "extensions" | "users" => &["name"],
            "cluster" => &CLUSTER,
            "config" => return true,
            "context" => &["cluster", "namespace", "user"],
            "env" => &["name", "value"],
            "exec" => &["apiVersion", "command", "installHint", "interactiveMode"],
            "user" => &USER,
            _ => return false,
        };
        names.contains(&name)
    }

    /// Whether the items of a list here are text.
    fn has_text_items(self) -> bool {
        matches!((self.parent, self.name), ("exec", "args") | ("user", "as-groups"))
            || self.parent == "as-user-extra"
    }
}

const CLUSTER: [&str; 5] = [
    "certificate-authority",
    "certificate-authority-data",
    "proxy-url",
    "server",
    "tls-server-name",
];
const USER: [&str; 10] = [
    "as",
    "as-uid",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "password",
    "token",
    "tokenFile",
    "username",
];

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.is_text() {
            return Option::<String>::deserialize(deserializer).map(Value::from);
        }
        if self.name == "extension" {
            // What other programs keep there is theirs.
            return Value::deserialize(deserializer);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        if self.has_text_items() {
            while let Some(item) = items.next_element::<String>()? {
                list.push(Value::String(item));
            }
        } else {
            while let Some(item) = items.next_element_seed(self)? {
                list.push(item);
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Field { parent: self.name, name: &key })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = r"
apiVersion: v1
kind: Config
current-context: 007
clusters:
- name: 1
  cluster: {server: 'https://one', insecure-skip-tls-verify: true, tls-server-name: null}
contexts:
- {name: 007, context: {cluster: 1, user: 1e3, namespace: 0x10}}
users:
- name: 1e3
  user: &user
    token: 12e34567
    username: 1.10
    password: true
    as-groups: [1, 2_000]
    as-user-extra: {scopes: [1.0]}
    exec: {command: 42, args: [-n, 010], env: [{name: A, value: 1}], provideClusterInfo: false}
    auth-provider: {name: 0o7, config: {expiry: 2026-01-01, id: 1.0}}
- {name: copy, user: *user}
extensions:
- {name: e, extension: {number: 7, flag: true, name: {user: 0.5}}}
---
";

    #[test]
    fn what_looks_like_a_number_stays_text_where_text_is_taken() {
        let documents = documents(TEXT.as_bytes()).expect("YAML");
        let [config] = &documents[..] else { unreachable!("{documents:?}") };
        assert_eq!(config["current-context"], "007");
        assert_eq!(
            config["clusters"][0],
            json!({"name": "1", "cluster": {"server": "https://one",
                "insecure-skip-tls-verify": true, "tls-server-name": null}})
        );
        let context = json!({"cluster": "1", "user": "1e3", "namespace": "0x10"});
        assert_eq!(config["contexts"][0], json!({"name": "007", "context": context}));
        let user = json!({
            "token": "12e34567", "username": "1.10", "password": "true",
            "as-groups": ["1", "2_000"], "as-user-extra": {"scopes": ["1.0"]},
            "exec": {"command": "42", "args": ["-n", "010"],
                "env": [{"name": "A", "value": "1"}], "provideClusterInfo": false},
            "auth-provider": {"name": "0o7", "config": {"expiry": "2026-01-01", "id": "1.0"}},
        });
        assert_eq!(config["users"][0], json!({"name": "1e3", "user": user}));
        assert_eq!(config["users"][1]["user"], user, "an alias is what it stands for");
        let extension = &config["extensions"][0]["extension"];
        assert_eq!(extension["number"], 7);
        assert_eq!(extension["flag"], true);
        assert_eq!(extension["name"]["user"], 0.5);
    }

    #[test]
    fn files_of_windows_are_read() {
        let json = r#"{"current-context": "ä"}"#;
        let expected = vec![json!({"current-context": "ä"})];
        let little = json.encode_utf16().flat_map(u16::to_le_bytes);
        let big = json.encode_utf16().flat_map(u16::to_be_bytes);
        assert_eq!(
            documents(&[0xff, 0xfe].into_iter().chain(little).collect::<Vec<u8>>()),
            Some(expected.clone())
        );
        assert_eq!(
            documents(&[0xfe, 0xff].into_iter().chain(big).collect::<Vec<u8>>()),
            Some(expected.clone())
        );
        let marked: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(json.bytes()).collect();
        assert_eq!(documents(&marked), Some(expected));
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused() {
        for text in ["users: [", "token: a\ntoken: b", "users: {[a]: b}"] {
            assert_eq!(documents(text.as_bytes()), None, "{text}");
        }
        assert_eq!(documents(&[0xff, 0x00, 0xfe]), None);
        assert_eq!(documents(b""), Some(Vec::new()));
    }
}
