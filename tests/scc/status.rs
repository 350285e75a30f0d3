//! What `status` says.

use common::rhacs::scc::{KIND, with_defaults};
use common::rhacs::{Platform, official};
use rhacs_tests::Installation;
use serde_json::{Value, json};

use crate::{carried, predicted, scc};

#[test]
fn what_admits_the_pods_is_what_status_says() {
    for version in ["3.0.62.1", "3.69.2", "3.74.9", "4.3.8", "4.11.1"] {
        let installation = Installation::at(version).on_openshift().start();
        let status = scc(&installation, "-o json").ends_with(0).json();
        assert_eq!(predicted(&status), carried(&installation), "{version}");
        for pod in status["pods"].as_array().expect("pods") {
            assert_eq!(pod["scc"], pod["after"], "{version}: {pod}");
        }
    }
}

/// An SCC as OpenShift gives it back: defaults filled in, lists sorted, nothing as `null`.
fn as_openshift_keeps_it(scc: &mut Value) {
    *scc = with_defaults(scc);
    for field in ["defaultAddCapabilities", "allowedCapabilities", "requiredDropCapabilities"] {
        if scc[field].as_array().is_some_and(Vec::is_empty) {
            scc[field] = Value::Null;
        }
    }
    scc["priority"] = Value::Null;
    scc["userNamespaceLevel"] = json!("AllowHostLevel");
}

#[test]
fn what_openshift_makes_of_an_scc_is_no_difference() {
    for version in ["3.0.62.1", "3.69.2", "4.3.8"] {
        let kept = |objects: &mut Vec<Value>| {
            let constraints = objects.iter_mut().filter(|it| it["kind"] == KIND);
            constraints.for_each(as_openshift_keeps_it);
        };
        let installation = Installation::at(version).on_openshift().but(kept).start();
        let status = scc(&installation, "-o json").ends_with(0).json();
        assert_eq!(status["findings"], json!([]), "{version}");
        for constraint in status["constraints"].as_array().expect("constraints") {
            assert_eq!(constraint["differences"], json!([]), "{version}: {constraint}");
        }
        if version != "3.0.62.1" {
            let words = format!("apply --for {version} --prune --yes -o json");
            let report = scc(&installation, &words).ends_with(0).says("nothing to do").json();
            assert_eq!(report["parity"], json!([]), "{version}");
        }
    }
}

#[test]
fn sccs_of_another_era_are_told_with_the_command_that_mends_it() {
    let installation = Installation::at("3.69.2")
        .on_openshift()
        .but(|objects| {
            let older =
                official::objects(&"3.63.0".parse().unwrap(), Platform::OpenShift, "stackrox");
            objects.extend(older.into_iter().filter(|it| it["kind"] == KIND));
        })
        .start();
    let eras = |status: &Value| {
        let findings = status["findings"].as_array().expect("findings");
        findings.iter().filter(|it| it["code"] == "RHACS-SCC-ERA").cloned().collect::<Vec<_>>()
    };
    let status = scc(&installation, "-o json").ends_with(0).json();
    assert_eq!(status["erasInPlace"], json!(["bare", "named"]));
    let found = eras(&status);
    assert_eq!(found.len(), 1, "{status}");
    let cure = found[0]["fix"].as_str().expect("a command");
    let words = cure.strip_prefix("kubectl rhacs scc ").expect("a command of this plugin");
    scc(&installation, &format!("{words} --yes")).ends_with(0);
    let status = scc(&installation, "-o json").ends_with(0).json();
    assert_eq!(status["erasInPlace"], json!(["named"]));
    assert_eq!(eras(&status), [Value::Null; 0], "{status}");
}

#[test]
fn the_tables_are_for_people() {
    let installation = Installation::at("3.69.2").on_openshift().start();
    let shown = scc(&installation, "status --for 4.4.0 --prune").ends_with(0);
    for part in ["stackrox-central", "3.64 to 4.3", "nonroot-v2", "3.69.2 runs"] {
        assert!(shown.stdout.contains(part), "{part} is not in\n{}", shown.stdout);
    }
    let names = scc(&installation, "-o name").ends_with(0);
    assert!(
        names.stdout.contains("securitycontextconstraints.security.openshift.io/stackrox-sensor")
    );
}

#[test]
fn a_pod_of_others_that_was_captured_is_a_finding() {
    let victim = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "version", "namespace": "openshift-cluster-version"},
        "spec": {"selector": {"matchLabels": {"app": "version"}}, "template": {
            "metadata": {"labels": {"app": "version"}},
            "spec": {"serviceAccountName": "default", "containers": [{"name": "a",
                "image": "example.com/cvo:1", "securityContext": {"runAsUser": 0}}]}}},
    });
    let installation = Installation::at("3.69.2")
        .on_openshift()
        .but(move |objects| {
            let scanner = objects.iter_mut().find(|it| {
                it["kind"] == "SecurityContextConstraints"
                    && it["metadata"]["name"] == "stackrox-scanner"
            });
            let groups = &mut scanner.expect("the SCC")["groups"];
            *groups = json!(["system:serviceaccounts:openshift-cluster-version"]);
            objects.push(victim);
        })
        .start();
    let status = scc(&installation, "-o json").ends_with(0).json();
    let findings = status["findings"].as_array().expect("findings");
    let codes: Vec<&str> = findings.iter().filter_map(|it| it["code"].as_str()).collect();
    assert!(codes.contains(&"RHACS-SCC-CAPTURES"), "{status}");
    assert!(codes.contains(&"RHACS-SCC-FOREIGN"), "{status}");
}

#[test]
fn an_scc_of_ones_own_is_shown_and_kept() {
    let own = json!({
        "apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
        "metadata": {"name": "ours"}, "priority": 5,
        "users": ["system:serviceaccount:stackrox:scanner"],
        "runAsUser": {"type": "RunAsAny"}, "seLinuxContext": {"type": "RunAsAny"},
        "fsGroup": {"type": "RunAsAny"}, "supplementalGroups": {"type": "RunAsAny"},
        "allowPrivilegedContainer": false, "allowPrivilegeEscalation": false,
        "allowHostDirVolumePlugin": false, "allowHostIPC": false, "allowHostNetwork": false,
        "allowHostPID": false, "allowHostPorts": false, "readOnlyRootFilesystem": false,
        "allowedCapabilities": [], "defaultAddCapabilities": [], "requiredDropCapabilities": [],
        "volumes": ["*"], "seccompProfiles": ["*"],
    });
    let installation =
        Installation::at("4.3.8").on_openshift().but(move |objects| objects.push(own)).start();
    let status = scc(&installation, "-o json").ends_with(0).json();
    let constraints = status["constraints"].as_array().expect("constraints");
    let ours = constraints.iter().find(|it| it["name"] == "ours").expect("it is shown");
    assert_eq!((&ours["origin"], &ours["priority"]), (&json!("custom"), &json!(5)));
    scc(&installation, "apply --for 4.4.0 --prune --yes").ends_with(0);
    assert!(crate::exists(&installation, "ours"));
    assert_eq!(carried(&installation)["scanner"], "nonroot-v2", "it is required by name");
}
