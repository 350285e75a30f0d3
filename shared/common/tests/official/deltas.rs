//! What our knowledge says each release changes, against the recorded deltas of the official
//! objects, where those are present.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{beside_workspace, text};
use common::rhacs::{Platform, Version, official};
use serde_json::Value;

/// Lines of the deltas our objects do not reproduce, or say otherwise, and why.
const KNOWN: [(&str, &str); 4] = [
    ("CustomResourceDefinition securitypolicies", "the definition is not among the objects"),
    ("ConfigMap central-external-db data.", "its text before 4.2 is not known"),
    ("ConfigMap scanner-config metadata.", "recorded only for other kinds when the chart changes"),
    (".clientConfig.caBundle: ", "each installation has its own"),
];

/// One release to the next: the lines that say what changed.
struct Section {
    from: Version,
    to: Version,
    lines: BTreeSet<String>,
}

fn recorded(platform: Platform) -> Vec<Section> {
    let Some(path) = beside_workspace(&format!("facts/deltas-{platform}.txt")) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(section) = line.strip_prefix("## ").and_then(heading) {
            sections.push(section);
        } else if let Some(section) = sections.last_mut().filter(|_| !line.trim().is_empty()) {
            section.lines.insert(shortened(line.trim_start()));
        }
    }
    sections
}

/// `3.66.1 -> 3.67.2`
fn heading(line: &str) -> Option<Section> {
    let (from, to) = line.split_once(" -> ")?;
    Some(Section { from: from.parse().ok()?, to: to.parse().ok()?, lines: BTreeSet::new() })
}

/// The same lines from our objects.
fn ours(from: &Version, to: &Version, platform: Platform) -> BTreeSet<String> {
    let (before, after) = (flat_objects(from, platform), flat_objects(to, platform));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = BTreeSet::new();
    for name in names {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => lines.extend(field_lines(name, before, after)),
            (None, _) => drop(lines.insert(format!("+ {name}"))),
            (_, None) => drop(lines.insert(format!("- {name}"))),
        }
    }
    lines
}

type Fields = BTreeMap<String, String>;

fn field_lines(name: &str, before: &Fields, after: &Fields) -> Vec<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for path in paths {
        let (from, to) = (before.get(path), after.get(path));
        let same = from == to || path.ends_with(".image") && repository(from) == repository(to);
        let version =
            path.ends_with("app.kubernetes.io/version") || path.ends_with("helm.sh/chart");
        if same || version || name.starts_with("Secret ") {
            continue;
        }
        let from = from.map_or("(absent)", String::as_str);
        let to = to.map_or("(gone)", String::as_str);
        lines.push(if path.starts_with("data.") {
            format!("{name} {path} differs")
        } else {
            shortened(&format!("{name} {path}: {from} => {to}"))
        });
    }
    lines
}

fn repository(reference: Option<&String>) -> Option<&str> {
    Some(reference?.rsplit_once(':')?.0)
}

/// The recorded lines cut long values off, and write line breaks as spaces.
fn shortened(line: &str) -> String {
    let Some((head, values)) = line.split_once(": ") else { return line.to_owned() };
    let cut = |value: &str| {
        let flat = value.split_whitespace().collect::<Vec<_>>().join(" ");
        // How a value taken from elsewhere is written is not what is compared.
        if flat.starts_with("<-") { "<-".to_owned() } else { flat.chars().take(90).collect() }
    };
    match values.split_once(" => ") {
        Some((from, to)) => format!("{head}: {} => {}", cut(from), cut(to)),
        None => line.to_owned(),
    }
}

fn flat_objects(version: &Version, platform: Platform) -> BTreeMap<String, Fields> {
    official::objects(version, platform, "stackrox")
        .into_iter()
        .map(|object| {
            let name = format!("{} {}", text(&object, "/kind"), text(&object, "/metadata/name"));
            let mut fields = Fields::new();
            flatten("", &object, &mut fields);
            (name, fields)
        })
        .collect()
}

fn flatten(path: &str, value: &Value, fields: &mut Fields) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, fields);
            }
        }
        Value::Array(items) => {
            let key = if path.ends_with("volumeMounts") { "mountPath" } else { "name" };
            let names: BTreeSet<_> = items.iter().filter_map(|item| item[key].as_str()).collect();
            for (index, item) in items.iter().enumerate() {
                let name = item[key].as_str().filter(|_| names.len() == items.len());
                let name = name.map_or_else(|| index.to_string(), str::to_owned);
                flatten_item(&format!("{path}[{name}]"), path, item, fields);
            }
        }
        Value::Null => {}
        Value::Bool(flag) => {
            fields.insert(shown(path), if *flag { "True" } else { "False" }.to_owned());
        }
        Value::String(text) => drop(fields.insert(shown(path), text.clone())),
        Value::Number(number) => drop(fields.insert(shown(path), number.to_string())),
    }
}

fn flatten_item(path: &str, list: &str, item: &Value, fields: &mut Fields) {
    if list.ends_with(".env") || list.ends_with("imagePullSecrets") {
        let value = item["value"].as_str().unwrap_or("<-");
        fields.insert(shown(path), value.to_owned());
    } else {
        flatten(path, item, fields);
    }
}

/// The recorded paths leave the way to the pod's spec out.
fn shown(path: &str) -> String {
    path.strip_prefix("spec.template.spec.").unwrap_or(path).to_owned()
}

#[test]
fn our_objects_change_what_the_official_ones_changed() {
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    let mut compared = 0;
    for platform in [Platform::Kubernetes, Platform::OpenShift] {
        for Section { from, to, lines } in recorded(platform) {
            let ours = ours(&from, &to, platform);
            compared += 1;
            for line in lines.symmetric_difference(&ours) {
                match KNOWN.iter().find(|(known, _)| line.contains(known)) {
                    Some((known, _)) => drop(excused.insert(*known)),
                    None if lines.contains(line) => {
                        wrong.push(format!("{to} is silent about {line}"))
                    }
                    None => wrong.push(format!("{to} alone says {line}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared == 0 || excused.len() == KNOWN.len(), "an excuse too many: {excused:?}");
}
