//! Our knowledge of the official objects against the real manifests, where those are present.

use std::collections::BTreeMap;

use crate::support::{beside_workspace, real_objects, text};
use common::rhacs::parity::diff::differences;
use common::rhacs::{Platform, Version, official};
use serde_json::Value;

/// The releases and platforms there is a real manifest of.
fn releases() -> Vec<(Version, Platform)> {
    let entries = beside_workspace("manifests").and_then(|folder| folder.read_dir().ok());
    let mut releases: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let (version, platform) = path.file_stem()?.to_str()?.rsplit_once('-')?;
            Some((version.parse().ok()?, platform.parse().ok()?))
        })
        .collect();
    releases.sort();
    releases
}

fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    objects
        .into_iter()
        .map(|mut object| {
            // The suffix of this one is random.
            if text(&object, "/metadata/name").starts_with("stackrox-generated-") {
                object["metadata"]["name"] = "stackrox-generated-xxxxxx".into();
            }
            (format!("{}/{}", text(&object, "/kind"), text(&object, "/metadata/name")), object)
        })
        .collect()
}

/// Takes what is each installation's own, or said in words only, out of an object.
fn normalized(mut object: Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    for field in ["data", "stringData"] {
        let Some(Value::Object(data)) = object.get_mut(field) else { continue };
        for value in data.values_mut() {
            *value = match (kind.as_str(), value.as_str()) {
                ("ConfigMap", Some(text)) => without_comments(text).into(),
                _ => "of this installation".into(),
            };
        }
    }
    if let Some(Value::Array(webhooks)) = object.get_mut("webhooks") {
        for webhook in webhooks {
            webhook["clientConfig"]["caBundle"] = "of this installation".into();
        }
    }
    object
}

/// A configuration text without comments and empty lines, which our data does not carry.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let comment = line.find(" #").or_else(|| line.find("\t#"));
        if line.trim_start().starts_with('#') {
            ""
        } else {
            line[..comment.unwrap_or(line.len())].trim_end()
        }
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn our_objects_are_those_of_every_real_manifest() {
    let mut wrong = Vec::new();
    for (version, platform) in releases() {
        let Some(real) = real_objects(&version, platform).map(by_name) else { continue };
        let ours = by_name(official::objects(&version, platform, "stackrox"));
        for name in real.keys().filter(|name| !ours.contains_key(*name)) {
            wrong.push(format!("{version} {platform}: {name} is missing"));
        }
        for name in ours.keys().filter(|name| !real.contains_key(*name)) {
            wrong.push(format!("{version} {platform}: {name} should not be"));
        }
        for (name, real) in &real {
            let Some(ours) = ours.get(name) else { continue };
            for field in differences(&normalized(real.clone()), &normalized(ours.clone())) {
                wrong.push(format!("{version} {platform} {name} {field:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
