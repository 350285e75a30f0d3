//! What remains to be said after an upgrade that followed the guide's steps.

use crate::support::real_objects;
use common::rhacs::parity::{Difference, Reason, compare};
use common::rhacs::{Platform, Version, official};
use serde_json::{Value, json};

/// The upgrades the table is held to.
const UPGRADES: [(&str, &str); 5] = [
    ("3.0.58.1", "3.69.2"),
    ("3.0.62.1", "3.69.2"),
    ("3.63.0", "3.66.1"),
    ("3.66.1", "3.74.9"),
    ("3.69.2", "3.74.9"),
];

/// The variables the guide names.
const VARIABLES: [&str; 4] =
    ["ROX_NAMESPACE", "ROX_SCANNER_DB_INIT", "POSTGRES_PASSWORD_FILE", "ROX_ENABLE_OPENSHIFT_AUTH"];

const PLATFORMS: [Platform; 2] = [Platform::Kubernetes, Platform::OpenShift];

fn version(text: &str) -> Version {
    text.parse().expect(text)
}

fn find<'a>(objects: &'a [Value], like: &Value) -> Option<&'a Value> {
    objects.iter().find(|object| {
        object["kind"] == like["kind"] && object["metadata"]["name"] == like["metadata"]["name"]
    })
}

/// A step of the guide that [`upgraded`] follows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Images,
    Probe,
    SecurityContexts,
    Variables,
    Roles,
    Constraints,
}

const STEPS: [Step; 6] = [
    Step::Images,
    Step::Probe,
    Step::SecurityContexts,
    Step::Variables,
    Step::Roles,
    Step::Constraints,
];

/// The installation of `from` (the real one where it is at hand) after these steps to `to`: what
/// they are about is as in `to`, all else is as it was.
fn upgraded(from: &Version, to: &Version, platform: Platform, steps: &[Step]) -> Vec<Value> {
    let target = official::objects(to, platform, "stackrox");
    let mut live = real_objects(from, platform)
        .unwrap_or_else(|| official::objects(from, platform, "stackrox"));
    for object in &mut live {
        let Some(target) = find(&target, object) else { continue };
        if object["kind"] == "Role" && steps.contains(&Step::Roles) {
            object["rules"] = target["rules"].clone();
        }
        let target = &target["spec"]["template"]["spec"];
        if let Some(pod) = object.pointer_mut("/spec/template/spec") {
            follow_pod(pod, target, steps);
        }
    }
    if steps.contains(&Step::Constraints) {
        let constraint = |object: &Value| object["kind"] == "SecurityContextConstraints";
        live.retain(|object| !constraint(object));
        live.extend(target.iter().filter(|object| constraint(object)).cloned());
    }
    live
}

fn follow_pod(pod: &mut Value, target: &Value, steps: &[Step]) {
    if steps.contains(&Step::SecurityContexts) {
        pod["securityContext"] = target["securityContext"].clone();
    }
    for list in ["containers", "initContainers"] {
        for container in pod[list].as_array_mut().into_iter().flatten() {
            let same = |other: &&Value| other["name"] == container["name"];
            let target = target[list].as_array().into_iter().flatten().find(same);
            if let Some(target) = target {
                follow_container(container, target, steps);
            }
        }
    }
}

fn follow_container(container: &mut Value, target: &Value, steps: &[Step]) {
    if steps.contains(&Step::Images) {
        container["image"] = target["image"].clone();
    }
    if steps.contains(&Step::SecurityContexts) {
        container["securityContext"] = target["securityContext"].clone();
    }
    let path = &target["readinessProbe"]["httpGet"]["path"];
    if path.is_string() && steps.contains(&Step::Probe) {
        container["readinessProbe"]["httpGet"]["path"] = path.clone();
    }
    if !steps.contains(&Step::Variables) {
        return;
    }
    for variable in target["env"].as_array().into_iter().flatten() {
        if VARIABLES.iter().any(|name| variable["name"] == *name) {
            let mut variables = container["env"].as_array().cloned().unwrap_or_default();
            variables.retain(|other| other["name"] != variable["name"]);
            variables.push(variable.clone());
            container["env"] = variables.into();
        }
    }
}

fn unexplained(found: Vec<Difference>) -> Vec<Difference> {
    found.into_iter().filter(|one| one.reason == Reason::Unexplained).collect()
}

fn listed(differences: &[Difference]) -> String {
    let line = |difference: &Difference| {
        let Difference { object, path, is, official, reason } = difference;
        let short = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "-".to_owned(), |v| v.to_string().chars().take(80).collect())
        };
        format!("{object} {path}: {} / {} ({reason})", short(is), short(official))
    };
    differences.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn after_the_guides_steps_every_difference_is_explained() {
    for platform in PLATFORMS {
        for (from, to) in UPGRADES {
            let (from, to) = (version(from), version(to));
            let live = upgraded(&from, &to, platform, &STEPS);
            let found = compare(&live, &to, platform, "stackrox");
            assert!(!found.is_empty(), "{from} to {to} changes more than the guide says");
            let unexplained = unexplained(found);
            assert!(unexplained.is_empty(), "{platform} {from} to {to}:\n{}", listed(&unexplained));
        }
    }
}

#[test]
fn a_step_that_was_left_out_is_unexplained() {
    let (from, to) = (version("3.0.62.1"), version("3.74.9"));
    for left_out in STEPS {
        let steps: Vec<Step> = STEPS.into_iter().filter(|step| *step != left_out).collect();
        let live = upgraded(&from, &to, Platform::OpenShift, &steps);
        let found = unexplained(compare(&live, &to, Platform::OpenShift, "stackrox"));
        let about = |one: &Difference| match left_out {
            Step::Images => one.path.ends_with(".image"),
            Step::Probe => one.path.ends_with(".readinessProbe.httpGet.path"),
            Step::SecurityContexts => one.path.contains("securityContext"),
            Step::Variables => VARIABLES.iter().any(|name| one.path.contains(name)),
            Step::Roles => one.object.starts_with("Role/") && one.path.starts_with("rules"),
            Step::Constraints => one.object.starts_with("SecurityContextConstraints/"),
        };
        assert!(!found.is_empty(), "{left_out:?} is missed by nobody");
        assert!(found.iter().all(about), "{left_out:?}:\n{}", listed(&found));
    }
}

#[test]
fn the_official_objects_of_a_release_have_no_differences() {
    for platform in PLATFORMS {
        for text in ["3.0.58.1", "3.64.0", "3.69.2", "3.74.9", "4.0.5", "4.6.10", "4.11.1"] {
            for namespace in ["stackrox", "acs"] {
                let version = version(text);
                let live = official::objects(&version, platform, namespace);
                let found = compare(&live, &version, platform, namespace);
                assert!(found.is_empty(), "{text} {platform} {namespace}:\n{}", listed(&found));
            }
        }
    }
}

/// The same with the guide's own patches in place of the target's security contexts: they set users
/// at containers where the objects of the release set them at pods.
fn patched_by_the_guide(from: &Version, to: &Version, platform: Platform) -> Vec<Value> {
    let steps = [Step::Images, Step::Probe, Step::Variables, Step::Roles, Step::Constraints];
    let mut live = upgraded(from, to, platform, &steps);
    for object in &mut live {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let Some(pod) = object.pointer_mut("/spec/template/spec") else { continue };
        match name.as_str() {
            "scanner" if to.is_at_least(3, 67) => {
                pod["containers"][0]["securityContext"]["runAsUser"] = json!(65534);
            }
            "scanner-db" if to.is_at_least(3, 71) => {
                pod["initContainers"][0]["securityContext"] =
                    json!({"runAsGroup": 70, "runAsNonRoot": true, "runAsUser": 70});
                pod["initContainers"][0]["command"] =
                    json!(["/usr/local/bin/docker-entrypoint.sh"]);
            }
            "sensor" | "admission-control" if to.is_at_least(3, 73) && platform.is_openshift() => {
                pod["securityContext"] = Value::Null;
            }
            _ => {}
        }
    }
    live
}

#[test]
fn the_guides_own_patches_leave_nothing_unexplained() {
    for platform in PLATFORMS {
        for (from, to) in UPGRADES {
            let (from, to) = (version(from), version(to));
            let live = patched_by_the_guide(&from, &to, platform);
            let found = unexplained(compare(&live, &to, platform, "stackrox"));
            assert!(found.is_empty(), "{platform} {from} to {to}:\n{}", listed(&found));
        }
    }
}

#[test]
fn a_real_installation_has_no_differences_to_its_release() {
    for platform in PLATFORMS {
        for text in ["3.0.58.1", "3.0.62.1", "3.66.1", "3.69.2", "3.74.9", "4.3.8", "4.11.1"] {
            let version = version(text);
            let Some(live) = real_objects(&version, platform) else { continue };
            let found = compare(&live, &version, platform, "stackrox");
            assert!(found.is_empty(), "{text} {platform}:\n{}", listed(&found));
        }
    }
}

#[test]
fn a_mirror_explains_its_images_and_nothing_else() {
    let version = version("3.69.2");
    let mut live = official::objects(&version, Platform::Kubernetes, "stackrox");
    for object in &mut live {
        let containers = object.pointer_mut("/spec/template/spec/containers");
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            let image = container["image"].as_str().expect("an image").to_owned();
            container["image"] = image.replace("registry.redhat.io", "mirror.example.com").into();
        }
    }
    let found = compare(&live, &version, Platform::Kubernetes, "stackrox");
    assert!(found.len() >= 7, "{}", listed(&found));
    assert!(found.iter().all(|one| one.reason == Reason::CustomRegistry), "{}", listed(&found));
}

#[test]
fn what_an_api_server_returns_has_no_differences() {
    let version = version("3.69.2");
    let mut live = official::objects(&version, Platform::OpenShift, "stackrox");
    for object in &mut live {
        object["metadata"]["uid"] = json!("0");
        object["metadata"]["managedFields"] = json!([{"manager": "kubectl"}]);
        object["status"] = json!({"observedGeneration": 1});
        if let Some(Value::Object(pod)) = object.pointer_mut("/spec/template/spec") {
            pod.insert("restartPolicy".to_owned(), json!("Always"));
            pod.insert("dnsPolicy".to_owned(), json!("ClusterFirst"));
            pod.insert("serviceAccount".to_owned(), json!("x"));
        }
        if object["kind"] == "Service" {
            object["spec"]["clusterIP"] = json!("10.0.0.1");
            object["spec"]["clusterIPs"] = json!(["10.0.0.1"]);
        }
        if let Some(Value::Object(strings)) = object.get("stringData").cloned() {
            let secret = |(key, _)| (key, json!("c2VjcmV0"));
            object["data"] =
                strings.into_iter().map(secret).collect::<serde_json::Map<_, _>>().into();
            object["stringData"] = Value::Null;
        }
    }
    live.push(
        json!({"kind": "Deployment", "metadata": {"name": "other", "namespace": "stackrox"}}),
    );
    let found = compare(&live, &version, Platform::OpenShift, "stackrox");
    assert!(found.is_empty(), "{}", listed(&found));
}

#[test]
fn differences_do_not_tell_secrets() {
    let version = version("3.69.2");
    let mut live = official::objects(&version, Platform::Kubernetes, "stackrox");
    live.retain(|object| object["metadata"]["name"] != "central-db-tls");
    for object in &mut live {
        if object["kind"] == "Secret" {
            object["data"] = json!({"ca-key.pem": "dG9wIHNlY3JldA==", "own": "dG9wIHNlY3JldA=="});
        }
        let variables = object.pointer_mut("/spec/template/spec/containers/0/env");
        if let Some(Value::Array(variables)) = variables {
            variables
                .push(json!({"name": "HTTPS_PROXY", "value": "https://me:dG9wIHNlY3JldA==@p"}));
        }
    }
    let found = compare(&live, &version, Platform::Kubernetes, "stackrox");
    assert!(found.iter().any(|one| one.path.contains("HTTPS_PROXY") && one.reason == Reason::Kept));
    assert!(found.iter().any(|one| one.reason == Reason::Secrets));
    assert!(!serde_json::to_string(&found).expect("JSON").contains("dG9wIHNlY3JldA"));
}

#[test]
fn a_missing_or_superfluous_object_is_one_difference() {
    let version = version("3.69.2");
    let mut live = official::objects(&version, Platform::OpenShift, "stackrox");
    live.retain(|object| {
        object["metadata"]["name"] != "stackrox-sensor" || object["kind"] == "PodSecurityPolicy"
    });
    live.push(json!({"kind": "SecurityContextConstraints", "metadata": {"name": "sensor"}}));
    let found = compare(&live, &version, Platform::OpenShift, "stackrox");
    let names: Vec<_> = found.iter().map(|one| (one.object.as_str(), one.is.is_some())).collect();
    let scc = "SecurityContextConstraints";
    assert_eq!(
        names,
        [(&*format!("{scc}/sensor"), true), (&*format!("{scc}/stackrox-sensor"), false)]
    );
    assert!(found.iter().all(|one| one.path.is_empty() && one.reason == Reason::Unexplained));
}
