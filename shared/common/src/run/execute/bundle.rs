//! What of Central's scanner bundle is applied: its TLS Secrets and its configuration. Pure.

use serde_json::Value;

use super::unified;
use crate::central::BundleFile;
use crate::plan::{BUNDLE, ScannerConfig, Write};
use crate::rhacs::scanner_config::{self, Origin};
use crate::rhacs::{ObjectRef, Platform, Version};
use crate::run::step_error::StepError;

const CONFIG_KEY: &str = "config.yaml";

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
    let missing: Vec<String> = BUNDLE
        .iter()
        .map(|(version, kind, name)| ObjectRef::namespaced(version, kind, namespace, *name))
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

/// Decides between the `live` configuration and the `new` one of the release `to`: one that a
/// release brought is replaced, one that somebody changed is kept unless `choice` says otherwise.
pub(super) fn decide(
    live: Option<&Value>,
    new: &Value,
    choice: ScannerConfig,
    to: &Version,
    platform: Platform,
    namespace: &str,
) -> Decision {
    let Some(live) = live else { return Decision::Replace };
    let is_the_users = !scanner_config::same_data(live, new)
        && scanner_config::origin(live, to, platform, namespace) == Origin::User;
    if !is_the_users || choice == ScannerConfig::Replace {
        return Decision::Replace;
    }
    let text = |object: &Value| object["data"][CONFIG_KEY].as_str().unwrap_or_default().to_owned();
    let (live, new) = (text(live), text(new));
    Decision::Keep { diff: unified::diff(("in the cluster", "of the new release"), &live, &new) }
}

/// Whether `object` is the scanner's configuration.
pub(super) fn is_config(object: &Value) -> bool {
    object["kind"] == "ConfigMap" && object["metadata"]["name"] == scanner_config::NAME
}

fn is_wanted(object: &Value) -> bool {
    BUNDLE
        .iter()
        .any(|(_, kind, name)| object["kind"] == *kind && object["metadata"]["name"] == *name)
}

fn is_yaml(name: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;
    use crate::rhacs::official;

    const FROM: Version = Version::release(3, 62, 1);
    const TO: Version = Version::release(3, 69, 2);

    fn config(text: &str) -> Value {
        json!({"kind": "ConfigMap", "metadata": {"name": scanner_config::NAME}, "data": {CONFIG_KEY: text}})
    }

    fn file(name: &str, text: &str) -> BundleFile {
        BundleFile { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn official_text() -> String {
        let kind = ("ConfigMap", scanner_config::NAME);
        let config = official::object(kind.0, kind.1, &FROM, Platform::Kubernetes, "stackrox");
        let config = config.unwrap();
        config["data"][CONFIG_KEY].as_str().unwrap().to_owned()
    }

    fn decided(live: &str, choice: ScannerConfig) -> Decision {
        let (live, new) = (config(live), config("scanner:\n  logLevel: INFO\n"));
        decide(Some(&live), &new, choice, &TO, Platform::Kubernetes, "stackrox")
    }

    #[test]
    fn an_official_configuration_is_replaced() {
        let commented = format!("# installed by hand\n{}", official_text());
        assert_eq!(decided(&commented, ScannerConfig::Keep), Decision::Replace);
        let new = config("a: b");
        let decision =
            decide(None, &new, ScannerConfig::Keep, &TO, Platform::Kubernetes, "stackrox");
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
