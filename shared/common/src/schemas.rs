//! The JSON Schemas of all that the RHACS plugins print with `-o json`.

use serde_json::{Map, Value};

/// A kind of document.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// Its name.
    pub name: &'static str,
    /// What it is, and which verbs print it.
    pub about: &'static str,
    text: &'static str,
}

/// Every kind of document; what several of them share stands in one file.
pub const DOCUMENTS: [Document; 22] = [
    document("plan", "What a run will do: `plan`, `--dry-run`", include_str!("schemas/plan.json")),
    document("check", "The findings of the preflight: `check`", include_str!("schemas/check.json")),
    document(
        "report",
        "What a run achieved: upgrade, rollback, `apply`, `resume`, `restore`",
        include_str!("schemas/report.json"),
    ),
    document("history", "All recorded runs: `history`", include_str!("schemas/history.json")),
    document(
        "run",
        "One recorded run: `history RUN`, `report RUN`",
        include_str!("schemas/run.json"),
    ),
    document("verify", "What a run looks like now: `verify`", include_str!("schemas/verify.json")),
    document(
        "close",
        "A run that will never be resumed: `history close`",
        include_str!("schemas/close.json"),
    ),
    document("unlock", "What became of the lock: `unlock`", include_str!("schemas/unlock.json")),
    document(
        "failure",
        "Why a command failed: every command",
        include_str!("schemas/failure.json"),
    ),
    document(
        "status",
        "What runs, how far and how healthy: `upgrade status`",
        include_str!("schemas/status.json"),
    ),
    document(
        "scc-status",
        "SCCs, and which one admits each pod: `scc status`",
        include_str!("schemas/scc-status.json"),
    ),
    document(
        "scc-export",
        "A release's own documents: `scc export`",
        include_str!("schemas/scc-export.json"),
    ),
    document(
        "version",
        "The versions of the programs: `version`",
        include_str!("schemas/version.json"),
    ),
    document(
        "doctor",
        "What is wrong with the suite on this computer: `doctor`",
        include_str!("schemas/doctor.json"),
    ),
    document("schema", "This list: `schema`", include_str!("schemas/schema.json")),
    document(
        "roxctl-list",
        "The roxctl on this computer: `roxctl list`",
        include_str!("schemas/roxctl-list.json"),
    ),
    document(
        "roxctl-which",
        "The roxctl that a shell runs: `roxctl which`",
        include_str!("schemas/roxctl-which.json"),
    ),
    document(
        "roxctl-verify",
        "Checksums compared: `roxctl verify`",
        include_str!("schemas/roxctl-verify.json"),
    ),
    document(
        "roxctl-install",
        "What was installed: `roxctl install`",
        include_str!("schemas/roxctl-install.json"),
    ),
    document(
        "roxctl-install-plan",
        "What would be installed: `roxctl install --dry-run`",
        include_str!("schemas/roxctl-install-plan.json"),
    ),
    document(
        "roxctl-use",
        "What was switched: `roxctl use`",
        include_str!("schemas/roxctl-use.json"),
    ),
    document(
        "roxctl-uninstall",
        "What was removed: `roxctl uninstall`",
        include_str!("schemas/roxctl-uninstall.json"),
    ),
];

const DEFINITIONS: &str = include_str!("schemas/definitions.json");
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const PREFIX: &str = "#/$defs/";

const fn document(name: &'static str, about: &'static str, text: &'static str) -> Document {
    Document { name, about, text }
}

/// The document of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|document| document.name == name)
}

impl Document {
    /// Its schema, with all that it refers to.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = object(self.text);
        schema.insert("$schema".to_owned(), DIALECT.into());
        schema.insert("title".to_owned(), self.name.into());
        schema.entry("description").or_insert_with(|| self.about.into());
        let all = object(DEFINITIONS);
        let mut wanted = Vec::new();
        collect(&Value::Object(schema.clone()), &mut wanted);
        let mut definitions = Map::new();
        while let Some(name) = wanted.pop() {
            if definitions.contains_key(&name) {
                continue;
            }
            if let Some(definition) = all.get(&name) {
                collect(definition, &mut wanted);
                definitions.insert(name, definition.clone());
            }
        }
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), definitions.into());
        }
        Value::Object(schema)
    }
}

/// A file of this room: it is an object, which a test holds it to.
fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The names of the definitions that `schema` refers to.
fn collect(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|it| it.strip_prefix(PREFIX)).map(str::to_owned));
            fields.values().for_each(|field| collect(field, names));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_whole() {
        assert!(!object(DEFINITIONS).is_empty());
        for document in &DOCUMENTS {
            assert!(!object(document.text).is_empty(), "{}", document.name);
            let schema = document.schema();
            let mut names = Vec::new();
            collect(&schema, &mut names);
            for name in names {
                assert!(schema["$defs"].get(&name).is_some(), "{}: {name}", document.name);
            }
        }
    }

    #[test]
    fn no_definition_is_left_over() {
        let whole: Vec<Value> = DOCUMENTS.iter().map(Document::schema).collect();
        for name in object(DEFINITIONS).keys() {
            let is_used = whole.iter().any(|schema| schema["$defs"].get(name).is_some());
            assert!(is_used, "nobody refers to {name}");
        }
    }
}
