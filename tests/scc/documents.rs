//! What `export` prints.

use rhacs_tests::{Installation, shared_file};
use serde_json::Value;

use crate::scc;

/// The documents of a YAML stream.
fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).expect("well-formed YAML")
}

/// The official manifests of a release, where they are at hand.
fn manifest(version: &str) -> Option<String> {
    let file = shared_file(&format!("manifests/{version}-openshift.yaml"))?;
    Some(std::fs::read_to_string(file).expect("the manifests"))
}

fn sorted(mut documents: Vec<Value>) -> Vec<Value> {
    documents.sort_by_key(|it| format!("{}/{}", it["kind"], it["metadata"]["name"]));
    documents
}

fn export(words: &str) -> Vec<Value> {
    let output = std::process::Command::new(crate::SCC)
        .args(words.split_whitespace())
        .env_clear()
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn the_documents_equal_the_official_ones_field_by_field() {
    for version in ["3.0.62.1", "3.63.0", "3.66.1", "3.69.2", "3.74.9", "4.3.8"] {
        let Some(text) = manifest(version) else { return };
        let official = documents(&text)
            .into_iter()
            .filter(|it| it["kind"] == "SecurityContextConstraints")
            .collect();
        let exported = export(&format!("export --for {version}"))
            .into_iter()
            .filter(|it| it["kind"] == "SecurityContextConstraints")
            .collect();
        assert_eq!(sorted(exported), sorted(official), "{version}");
    }
}

#[test]
fn since_4_4_they_are_roles_and_bindings() {
    for version in ["4.8.11", "4.11.1"] {
        let Some(text) = manifest(version) else { return };
        let about = |it: &Value| {
            let text = it["metadata"]["name"].as_str().unwrap_or_default();
            matches!(it["kind"].as_str(), Some("Role" | "RoleBinding")) && text.ends_with("-scc")
        };
        let official: Vec<Value> = documents(&text).into_iter().filter(about).collect();
        assert!(!official.is_empty());
        assert_eq!(
            sorted(export(&format!("export --for {version}"))),
            sorted(official),
            "{version}"
        );
    }
}

#[test]
fn no_cluster_is_needed_and_components_and_namespaces_are_heeded() {
    let secured = export("export --for 3.69.2 --components secured -n acs");
    let names: Vec<&str> =
        secured.iter().filter_map(|it| it["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["stackrox-admission-control", "stackrox-collector", "stackrox-sensor"]);
    assert!(secured[0].to_string().contains("system:serviceaccount:acs:admission-control"));
    let on_host = export("export --for 3.69.2 --components central --host-path");
    assert_eq!(on_host[0]["allowHostDirVolumePlugin"], true);
}

#[test]
fn a_cluster_takes_them() {
    let installation = Installation::at("3.63.0").on_openshift().start();
    let list = scc(&installation, "export --for 3.69.2 -o json").ends_with(0).json();
    for document in list["items"].as_array().expect("items") {
        crate::create_constraint(&installation, document);
    }
    scc(&installation, "plan --for 3.69.2 --exit-code").ends_with(0);
    let names = scc(&installation, "export --for 3.69.2 -o name").ends_with(0);
    assert!(
        names.stdout.contains("securitycontextconstraints.security.openshift.io/stackrox-sensor")
    );
}
