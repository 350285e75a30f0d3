//! What of Central's scanner bundle is applied: its TLS Secrets and its configuration. Pure.

use serde_json::Value;

use super::unified;
use crate::central::BundleFile;
use crate::plan::{ScannerConfig, Write};
use crate::rhacs::{ObjectRef, Platform, Version, official};
use crate::run::step_error::StepError;

const CONFIG: &str = "scanner-config";
const CONFIG_KEY: &str = "config.yaml";

/// What is taken out of a bundle, as (kind, name). The passwords and the workloads in it are not:
/// they belong to a new installation.
const WANTED: [(&str, &str); 3] =
    [("Secret", "scanner-tls"), ("Secret", "scanner-db-tls"), ("ConfigMap", CONFIG)];

/// The objects a scanner bundle may change.
pub(super) fn targets(namespace: &str) -> impl Iterator<Item = ObjectRef> + '_ {
    WANTED.iter().map(move |(kind, name)| ObjectRef::namespaced("v1", kind, namespace, *name))
}

/// The wanted objects of a bundle, put into `namespace`.
pub(super) fn objects(files: &[BundleFile], namespace: &str) -> Result<Vec<Value>, StepError> {
    let mut found = Vec::new();
    for BundleFile { name, bytes } in files.iter().filter(|file| is_yaml(&file.name)) {
        let documents: Vec<Value> = serde_saphyr::from_slice_multiple(bytes).map_err(|_| {
            // The parser quotes what it read, which may be part of a key.
            StepError::failed(format!("`{name}` in Central's scanner bundle is not YAML"))
        })?;
        for mut object in documents.into_iter().filter(is_wanted) {
            object["metadata"]["namespace"] = namespace.into();
            found.push(object);
        }
    }
    let missing: Vec<String> = targets(namespace)
        .filter(|target| !found.iter().any(|object| ObjectRef::of(object).as_ref() == Some(target)))
        .map(|target| format!("`{target}`"))
        .collect();
    if found.is_empty() || missing.iter().any(|target| target.contains("scanner-tls")) {
        let missing = missing.join(", ");
        return Err(StepError::failed(format!("Central's scanner bundle has no {missing}")));
    }
    Ok(found)
}

/// The write that applies one object of the bundle.
pub(super) fn write(object: Value) -> Option<Write> {
    Some(Write::Apply { object: ObjectRef::of(&object)?, manifest: object })
}

/// What becomes of the scanner's configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Decision {
    /// Take that of the bundle.
    Replace,
    /// Keep that of the cluster, which somebody changed; the text shows how the bundle's differs.
    Keep {
        /// A unified diff from the live to the new configuration.
        diff: String,
    },
}

/// Decides between the `live` configuration and the `new` one: one that the release `from` wrote
/// itself is replaced, one that somebody changed is kept unless `choice` says otherwise.
pub(super) fn decide(
    live: Option<&Value>,
    new: &Value,
    choice: ScannerConfig,
    from: &Version,
    platform: Platform,
    namespace: &str,
) -> Decision {
    let text = |object: &Value| object["data"][CONFIG_KEY].as_str().unwrap_or_default().to_owned();
    let Some(live) = live.map(text) else { return Decision::Replace };
    let new = text(new);
    let official = official::objects(from, platform, namespace)
        .iter()
        .find(|object| is_config(object))
        .map(text)
        .unwrap_or_default();
    let is_official = same_yaml(&live, &official) || same_yaml(&live, &new);
    if is_official || choice == ScannerConfig::Replace {
        return Decision::Replace;
    }
    Decision::Keep { diff: unified::diff(("in the cluster", "of the new release"), &live, &new) }
}

/// Whether `object` is the scanner's configuration.
pub(super) fn is_config(object: &Value) -> bool {
    object["kind"] == "ConfigMap" && object["metadata"]["name"] == CONFIG
}

fn is_wanted(object: &Value) -> bool {
    WANTED.iter().any(|(kind, name)| object["kind"] == *kind && object["metadata"]["name"] == *name)
}

fn is_yaml(name: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether two texts say the same in YAML, whatever their comments and their layout.
fn same_yaml(one: &str, other: &str) -> bool {
    let parse = |text: &str| serde_saphyr::from_str::<Value>(text).ok();
    one == other || parse(one).is_some_and(|one| Some(one) == parse(other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;

    const FROM: Version = Version::release(3, 62, 1);

    fn config(text: &str) -> Value {
        json!({"kind": "ConfigMap", "metadata": {"name": CONFIG}, "data": {CONFIG_KEY: text}})
    }

    fn file(name: &str, text: &str) -> BundleFile {
        BundleFile { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn official_text() -> String {
        let objects = official::objects(&FROM, Platform::Kubernetes, "stackrox");
        let config = objects.iter().find(|object| is_config(object)).unwrap();
        config["data"][CONFIG_KEY].as_str().unwrap().to_owned()
    }

    fn decided(live: &str, choice: ScannerConfig) -> Decision {
        let (live, new) = (config(live), config("scanner:\n  logLevel: INFO\n"));
        decide(Some(&live), &new, choice, &FROM, Platform::Kubernetes, "stackrox")
    }

    #[test]
    fn an_official_configuration_is_replaced() {
        let commented = format!("# installed by hand\n{}", official_text());
        assert_eq!(decided(&commented, ScannerConfig::Keep), Decision::Replace);
        let new = config("a: b");
        let decision =
            decide(None, &new, ScannerConfig::Keep, &FROM, Platform::Kubernetes, "stackrox");
        assert_eq!(decision, Decision::Replace);
    }

    #[test]
    fn a_changed_configuration_is_kept_and_the_difference_shown() {
        let changed = "scanner:\n  logLevel: DEBUG\n";
        let Decision::Keep { diff } = decided(changed, ScannerConfig::Keep) else {
            panic!("replaced")
        };
        assert!(diff.contains("-  logLevel: DEBUG\n+  logLevel: INFO\n"), "{diff}");
        assert_eq!(decided(changed, ScannerConfig::Replace), Decision::Replace);
    }

    #[test]
    fn only_the_wanted_objects_are_taken_and_they_come_into_the_namespace() {
        let yaml = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: scanner-tls\n  namespace: \
                    stackrox\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: \
                    scanner-db-password\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \
                    scanner-config\ndata:\n  config.yaml: 'a: b'\n";
        let files =
            [file("scanner/02-scanner.yaml", yaml), file("scanner/setup.sh", "#!/bin/sh\n: {")];
        let found = objects(&files, "acs").unwrap();
        let names: Vec<String> =
            found.iter().filter_map(ObjectRef::of).map(|object| object.to_string()).collect();
        assert_eq!(names, ["secret/scanner-tls", "cm/scanner-config"]);
        assert!(found.iter().all(|object| object["metadata"]["namespace"] == "acs"));
    }

    #[test]
    fn a_bundle_that_is_none_is_told_and_nothing_of_it_is_quoted() {
        let error = objects(&[], "stackrox").unwrap_err();
        assert_eq!(error.exit, Exit::StepFailed);
        let broken = [file("tls.yaml", "key.pem: 'hidden\n")];
        let error = objects(&broken, "stackrox").unwrap_err();
        assert_eq!(error.to_string(), "`tls.yaml` in Central's scanner bundle is not YAML");
    }
}
