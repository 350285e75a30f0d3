//! As much of JSON Schema (2020-12) as the schemas of the suite use; a word it does not know is a
//! fault of the schema, so that none is silently ignored.

use serde_json::{Map, Value};

/// Whether a document may have fields that its schema does not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strictness {
    /// It may: readers ignore what they do not know.
    Open,
    /// It may not: the schema is to name everything.
    Closed,
}

/// What is wrong with `value` by `schema`; nothing when it fits.
pub fn faults(schema: &Value, value: &Value, strictness: Strictness) -> Vec<String> {
    let mut checker = Checker { root: schema, strictness, faults: Vec::new() };
    checker.check(schema, value, "");
    checker.faults
}

struct Checker<'a> {
    root: &'a Value,
    strictness: Strictness,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let Some(words) = schema.as_object() else { return self.fault(at, "is held to no schema") };
        for (word, argument) in words {
            self.word(word, argument, value, at);
        }
        if self.strictness == Strictness::Closed {
            self.close(words, value, at);
        }
    }

    fn word(&mut self, word: &str, argument: &Value, value: &Value, at: &str) {
        match word {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let root = self.root;
                let name = argument.as_str().and_then(|it| it.strip_prefix("#/$defs/"));
                match name.and_then(|name| root["$defs"].get(name)) {
                    Some(schema) => self.check(schema, value, at),
                    None => self.fault(at, &format!("refers to {argument}, which is not there")),
                }
            }
            "type" => {
                let types: Vec<&str> = match argument {
                    Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
                    one => one.as_str().into_iter().collect(),
                };
                if !types.iter().any(|name| is(name, value)) {
                    self.fault(at, &format!("is not of type {argument}: {value}"));
                }
            }
            "const" if value != argument => self.fault(at, &format!("is {value}, not {argument}")),
            "enum" if !list(argument).contains(value) => {
                self.fault(at, &format!("is {value}, none of {argument}"));
            }
            "minimum" if value.is_number() && value.as_f64() < argument.as_f64() => {
                self.fault(at, &format!("is {value}, less than {argument}"));
            }
            "maximum" if value.is_number() && value.as_f64() > argument.as_f64() => {
                self.fault(at, &format!("is {value}, more than {argument}"));
            }
            "format" => {
                let is_time = value.as_str().is_none_or(|it| it.contains('T') && it.ends_with('Z'));
                if *argument != "date-time" || !is_time {
                    self.fault(at, &format!("is no {argument}: {value}"));
                }
            }
            "pattern" => {
                // The one pattern there is: the name of a finding.
                let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
                if !value.as_str().is_some_and(|it| it.len() > 1 && it.chars().all(fits)) {
                    self.fault(at, &format!("does not match {argument}: {value}"));
                }
            }
            "required" => {
                for name in list(argument).iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        self.fault(at, &format!("lacks `{name}`"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in argument.as_object().into_iter().flatten() {
                    if let Some(field) = value.get(name) {
                        self.check(schema, field, &format!("{at}/{name}"));
                    }
                }
            }
            "additionalProperties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    self.check(argument, field, &format!("{at}/{name}"));
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(argument, item, &format!("{at}/{index}"));
                }
            }
            "oneOf" | "anyOf" => self.choice(list(argument), value, at, word == "oneOf"),
            "const" | "enum" | "minimum" | "maximum" => {}
            unknown => self.fault(at, &format!("`{unknown}` is a word this test does not know")),
        }
    }

    fn choice(&mut self, schemas: &[Value], value: &Value, at: &str, is_exact: bool) {
        let of = |schema: &Value| {
            let strictness = self.strictness;
            let mut checker = Checker { root: self.root, strictness, faults: Vec::new() };
            checker.check(schema, value, at);
            checker.faults
        };
        let all: Vec<Vec<String>> = schemas.iter().map(of).collect();
        let fitting = all.iter().filter(|faults| faults.is_empty()).count();
        if fitting == 0 {
            let best = all.into_iter().min_by_key(Vec::len).unwrap_or_default();
            self.faults.extend(best);
        } else if is_exact && fitting > 1 {
            self.fault(at, &format!("fits {fitting} of what it may be, not one: {value}"));
        }
    }

    /// Every field has to be named, where the schema names any.
    fn close(&mut self, words: &Map<String, Value>, value: &Value, at: &str) {
        let Some(properties) = words.get("properties").and_then(Value::as_object) else { return };
        for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
            if !properties.contains_key(name) {
                self.fault(at, &format!("has `{name}`, which the schema does not describe"));
            }
        }
    }

    fn fault(&mut self, at: &str, what: &str) {
        let place = if at.is_empty() { "the document" } else { at };
        self.faults.push(format!("{place} {what}"));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_fine(schema: &Value, value: &Value, strictness: Strictness) -> bool {
        faults(schema, value, strictness).is_empty()
    }

    #[test]
    fn what_does_not_fit_is_found() {
        let schema = json!({
            "type": "object", "required": ["a"], "$defs": {"word": {"enum": ["x", "y"]}},
            "properties": {
                "a": {"$ref": "#/$defs/word"}, "n": {"type": "integer", "minimum": 1},
                "at": {"type": "string", "format": "date-time"},
                "list": {"type": "array", "items": {"type": ["string", "null"]}},
                "one": {"oneOf": [
                    {"type": "object", "required": ["kind"], "properties": {"kind": {"const": 1}}},
                    {"type": "object", "required": ["kind"], "properties": {"kind": {"const": 2}}}
                ]},
                "map": {"type": "object", "additionalProperties": {"type": "boolean"}}
            }
        });
        for (value, fits) in [
            (json!({"a": "x"}), true),
            (json!({"a": "z"}), false),
            (json!({}), false),
            (json!([]), false),
            (json!({"a": "x", "n": 0}), false),
            (json!({"a": "x", "n": 1.5}), false),
            (json!({"a": "x", "at": "2026-01-02T03:04:05Z"}), true),
            (json!({"a": "x", "at": "yesterday"}), false),
            (json!({"a": "x", "list": ["l", null]}), true),
            (json!({"a": "x", "list": [1]}), false),
            (json!({"a": "x", "one": {"kind": 2}}), true),
            (json!({"a": "x", "one": {"kind": 3}}), false),
            (json!({"a": "x", "map": {"m": true}}), true),
            (json!({"a": "x", "map": {"m": 1}}), false),
        ] {
            assert_eq!(is_fine(&schema, &value, Strictness::Open), fits, "{value}");
        }
        let more = json!({"a": "x", "new": 1});
        assert!(is_fine(&schema, &more, Strictness::Open));
        assert!(!is_fine(&schema, &more, Strictness::Closed));
    }

    #[test]
    fn a_word_that_is_not_known_is_a_fault() {
        let found = faults(&json!({"typ": "object"}), &json!({}), Strictness::Open);
        assert!(found[0].contains("`typ`"), "{found:?}");
    }

    #[test]
    fn every_schema_of_the_suite_uses_known_words() {
        for document in &common::schemas::DOCUMENTS {
            let whole = document.schema();
            let mut schemas = vec![&whole];
            schemas.extend(whole["$defs"].as_object().into_iter().flat_map(Map::values));
            for schema in schemas {
                let found = faults(schema, &Value::Null, Strictness::Open);
                let unknown: Vec<&String> =
                    found.iter().filter(|fault| fault.contains("does not know")).collect();
                assert!(unknown.is_empty(), "{}: {unknown:?}", document.name);
            }
        }
    }
}
