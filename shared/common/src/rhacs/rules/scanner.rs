//! The Scanner's rows of the guide: 3, 8, 10, 11 and 12 of its steps.

use serde_json::{Map, Value, json};

use super::{
    Component, Facts, PatchKind, Phase, Proposal, Rule, Write, container_patch, pod_patch,
    preparation, workload_change,
};
use crate::rhacs::{Container, Workload};

pub(super) const OLD_ENTRYPOINT: Rule = Rule {
    id: "scanner-entrypoint",
    component: Component::Scanner,
    why: "scanners of 3.0.43 and before lack the command and the certificate folders of newer images",
    source: "upgrade guide, module upgrade-scanner-40",
    propose: |facts| {
        let scanner = facts.snapshot.deployment("scanner");
        let official = facts.official("Deployment", "scanner").map(Workload::new);
        let (Some(scanner), Some(official)) = (scanner, official) else {
            return Vec::new();
        };
        let (Some(live), Some(wanted)) =
            (scanner.container("scanner"), official.container("scanner"))
        else {
            return Vec::new();
        };
        if facts.from.is_at_least(3, 44) || live.value()["command"] == json!(["/entrypoint.sh"]) {
            return Vec::new();
        }
        let mut mounts = Vec::new();
        let mut volumes = Vec::new();
        for path in ["/etc/ssl", "/etc/pki/ca-trust", "/usr/local/share/ca-certificates/"] {
            let Some(mount) = wanted.mount(path).filter(|_| live.mount(path).is_none()) else {
                continue;
            };
            mounts.push(mount.clone());
            volumes.extend(official.volume(mount["name"].as_str().unwrap_or_default()).cloned());
        }
        let container =
            json!({"name": "scanner", "command": ["/entrypoint.sh"], "volumeMounts": mounts});
        let annotations = json!({"traffic.sidecar.istio.io/excludeInboundPorts": "8080,8443"});
        let body = json!({"spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {"containers": [container], "volumes": volumes},
        }}});
        let what = "command /entrypoint.sh and the certificate volumes";
        vec![workload_change(facts.deployment("scanner"), body, what)]
    },
};

pub(super) const SERVICE_PORTS: Rule = Rule {
    id: "scanner-ports",
    component: Component::Scanner,
    why: "Central speaks gRPC to the Scanner on port 8443, and the Scanner to its database on 5432",
    source: "upgrade guide, module upgrade-scanner-40",
    propose: |facts| {
        if facts.from.is_at_least(3, 44) {
            return Vec::new();
        }
        [("scanner", "grpcs-scanner", 8443), ("scanner-db", "tcp-db", 5432)]
            .into_iter()
            .filter_map(|(service, name, port)| missing_port(facts, service, name, port))
            .collect()
    },
};

pub(super) const USER: Rule = Rule {
    id: "scanner-user",
    component: Component::Scanner,
    why: "the Scanner's image runs as user 65534 since 3.67; as 4000 it cannot read its files",
    source: "upgrade guide 3.69, section 2.2.1; change log 67.0",
    propose: |facts| {
        let Some(container) = container(facts, "scanner", "scanner") else {
            return Vec::new();
        };
        let user = &container.value()["securityContext"]["runAsUser"];
        if !facts.to.is_at_least(3, 67) || *user == json!(65534) {
            return Vec::new();
        }
        let was = user.as_i64().map_or_else(|| "unset".to_owned(), |user| user.to_string());
        let body =
            container_patch(json!({"name": "scanner", "securityContext": {"runAsUser": 65534}}));
        let what = format!("runAsUser {was} → 65534");
        vec![workload_change(facts.deployment("scanner"), body, what)]
    },
};

pub(super) const POD_USER: Rule = Rule {
    id: "scanner-pod-user",
    component: Component::Scanner,
    why: "since 3.71 the pod as a whole is declared not to run as root",
    source: "product charts of 3.71",
    propose: |facts| {
        let Some(scanner) = facts.snapshot.deployment("scanner") else {
            return Vec::new();
        };
        let context = &scanner.pod_spec()["securityContext"];
        let set = !context["runAsUser"].is_null() && !context["runAsNonRoot"].is_null();
        if !facts.to.is_at_least(3, 71) || set {
            return Vec::new();
        }
        let body =
            pod_patch(json!({"securityContext": {"runAsNonRoot": true, "runAsUser": 65534}}));
        vec![workload_change(
            facts.deployment("scanner"),
            body,
            "pod runs as user 65534, never root",
        )]
    },
};

pub(super) const MINIMUM_REPLICAS: Rule = Rule {
    id: "scanner-replicas",
    component: Component::Scanner,
    why: "with one Scanner every rollout interrupts scanning",
    source: "upgrade guide, module upgrade-scanner",
    propose: |facts| {
        let Some(autoscaler) = facts.snapshot.object("HorizontalPodAutoscaler", "scanner") else {
            return Vec::new();
        };
        let minimum = autoscaler["spec"]["minReplicas"].as_i64().unwrap_or(1);
        // From 4.0 on the guide leaves the number to the operator of the cluster.
        if minimum >= 2 || facts.keeps_replicas || facts.to.is_at_least(4, 0) {
            return Vec::new();
        }
        let version = autoscaler["apiVersion"].as_str().unwrap_or("autoscaling/v2");
        let object = facts.namespaced(version, "HorizontalPodAutoscaler", "scanner");
        let mut spec = json!({"minReplicas": 2});
        let mut what = format!("minReplicas {minimum} → 2");
        // The API server refuses a minimum above the maximum.
        if let Some(maximum) = autoscaler["spec"]["maxReplicas"].as_i64().filter(|most| *most < 2) {
            spec["maxReplicas"] = json!(2);
            what.push_str(&format!(", maxReplicas {maximum} → 2"));
        }
        vec![preparation(object, json!({"spec": spec}), what)]
    },
};

pub(super) const DATABASE_INIT: Rule = Rule {
    id: "scanner-db-init",
    component: Component::Scanner,
    why: "since 3.71 the image sets its database up itself, without root and without a shell script",
    source: "upgrade guide, module upgrade-scanner-roxctl-371; product charts of 3.71",
    propose: |facts| {
        let Some(database) = facts.snapshot.deployment("scanner-db") else {
            return Vec::new();
        };
        let (Some(init), Some(main)) =
            (database.init_container("init-db"), database.container("db"))
        else {
            return Vec::new();
        };
        let context = &database.pod_spec()["securityContext"];
        let done = init.env(PASSWORD_FILE).is_some()
            && without_identity(&init).is_none()
            && without_identity(&main).is_none()
            && context["runAsUser"] == json!(70)
            && context["runAsNonRoot"] == json!(true);
        if !facts.to.is_at_least(3, 71) || done {
            return Vec::new();
        }
        let body = database_patch(&init, &main);
        let what = "init-db without root or script, password by file; pod runs as user 70";
        vec![workload_change(facts.deployment("scanner-db"), body, what)]
    },
};

pub(super) const DATABASE_INIT_FLAG: Rule = Rule {
    id: "scanner-db-init-flag",
    component: Component::Scanner,
    why: "since 3.73 the image only initialises, instead of serving, when told so",
    source: "upgrade guide, module set-rox-scanner-init-db-env-variable",
    propose: |facts| {
        let Some(database) = facts.snapshot.deployment("scanner-db") else {
            return Vec::new();
        };
        let Some(init) = database.init_container("init-db") else {
            return Vec::new();
        };
        if !facts.to.is_at_least(3, 73) || init.env("ROX_SCANNER_DB_INIT").is_some() {
            return Vec::new();
        }
        let env = json!([{"name": "ROX_SCANNER_DB_INIT", "value": "true"}]);
        let body = pod_patch(json!({"initContainers": [{"name": "init-db", "env": env}]}));
        let what = "env ROX_SCANNER_DB_INIT=true";
        vec![workload_change(facts.deployment("scanner-db"), body, what)]
    },
};

/// Moves the password from the database to its initialisation and lets both run as the pod does.
/// Mounts are found by their path: their order differs between installations.
fn database_patch(init: &Container<'_>, main: &Container<'_>) -> Value {
    let volume_at = |path: &str, default: &str| -> Value {
        let mount = init.mount(path).or_else(|| main.mount(path));
        mount.map_or_else(|| json!(default), |mount| mount["name"].clone())
    };
    let init_mounts = json!([
        {"mountPath": CERTIFICATES, "name": volume_at(CERTIFICATES, "scanner-db-tls-volume"), "readOnly": true},
        {"mountPath": SECRETS, "name": volume_at(SECRETS, "scanner-db-password"), "readOnly": true},
    ]);
    let mut main_mounts = Vec::new();
    if let Some(mount) = main.mount(CERTIFICATES) {
        main_mounts.push(json!({
            "mountPath": mount["mountPath"], "name": mount["name"], "readOnly": true,
        }));
    }
    if let Some(mount) = main.mount(SECRETS) {
        main_mounts.push(json!({"$patch": "delete", "mountPath": mount["mountPath"]}));
    }
    let password = json!([{"name": PASSWORD_FILE, "value": format!("{SECRETS}/password")}]);
    let mut init_patch = json!({
        "name": "init-db", "command": null, "env": password, "volumeMounts": init_mounts,
    });
    let mut main_patch = json!({"name": "db", "command": null, "volumeMounts": main_mounts});
    for (patch, container) in [(&mut init_patch, init), (&mut main_patch, main)] {
        if let Some(context) = without_identity(container) {
            patch["securityContext"] = context;
        }
    }
    pod_patch(json!({
        "securityContext": {"runAsUser": 70, "runAsGroup": 70, "runAsNonRoot": true},
        "initContainers": [init_patch],
        "containers": [main_patch],
    }))
}

/// What takes out of a container's security context who it runs as; none when it does not say so.
/// The rest of it is the operator's own.
fn without_identity(container: &Container<'_>) -> Option<Value> {
    let context = container.value()["securityContext"].as_object()?;
    let said = ["runAsUser", "runAsGroup", "runAsNonRoot"]
        .into_iter()
        .filter(|field| context.contains_key(*field));
    let fields: Map<String, Value> = said.map(|field| (field.to_owned(), Value::Null)).collect();
    match fields.len() {
        0 => None,
        all if all == context.len() => Some(Value::Null),
        _ => Some(Value::Object(fields)),
    }
}

fn missing_port(facts: &Facts<'_>, service: &str, name: &str, port: u16) -> Option<Proposal> {
    let live = facts.snapshot.object("Service", service)?;
    let ports = live["spec"]["ports"].as_array()?;
    if ports.iter().any(|known| known["port"] == json!(port)) {
        return None;
    }
    let entry = json!({"name": name, "port": port, "targetPort": port, "protocol": "TCP"});
    let write = Write::Patch {
        object: facts.namespaced("v1", "Service", service),
        patch: PatchKind::Strategic,
        body: json!({"spec": {"ports": [entry]}}),
    };
    Some(Proposal { write, what: format!("port {port} ({name})"), phase: Phase::Prepare })
}

fn container<'a>(facts: &Facts<'a>, deployment: &str, name: &str) -> Option<Container<'a>> {
    facts.snapshot.deployment(deployment)?.container(name)
}

const PASSWORD_FILE: &str = "POSTGRES_PASSWORD_FILE";
const CERTIFICATES: &str = "/run/secrets/stackrox.io/certs";
const SECRETS: &str = "/run/secrets/stackrox.io/secrets";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::apply_patch;
    use crate::rhacs::images::ImageOptions;
    use crate::rhacs::{Platform, Snapshot, Version, official};

    fn replicas(spec: Value) -> Vec<(String, Value)> {
        let autoscaler = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "scanner", "namespace": "stackrox"}, "spec": spec,
        });
        let snapshot = Snapshot {
            namespace: "stackrox".to_owned(),
            objects: vec![autoscaler],
            ..Snapshot::default()
        };
        let (from, to) = (Version::release(3, 62, 1), Version::release(3, 69, 2));
        let images = ImageOptions::default();
        let proposals = MINIMUM_REPLICAS.proposals(&Facts::new(&snapshot, &from, &to, &images));
        let body = |write: Write| match write {
            Write::Patch { body, .. } => body["spec"].clone(),
            other => unreachable!("{other:?}"),
        };
        proposals.into_iter().map(|proposal| (proposal.what, body(proposal.write))).collect()
    }

    #[test]
    fn the_minimum_takes_a_maximum_below_it_along() {
        assert_eq!(
            replicas(json!({"minReplicas": 1, "maxReplicas": 5})),
            [("minReplicas 1 → 2".to_owned(), json!({"minReplicas": 2}))]
        );
        assert_eq!(
            replicas(json!({"maxReplicas": 1})),
            [(
                "minReplicas 1 → 2, maxReplicas 1 → 2".to_owned(),
                json!({"minReplicas": 2, "maxReplicas": 2})
            )]
        );
        assert!(replicas(json!({"minReplicas": 2, "maxReplicas": 2})).is_empty());
    }

    /// The scanner's database of 3.69.2, changed, as the rule leaves it on the way to 3.74.9; none
    /// when the rule has nothing to do there.
    fn database(change: impl Fn(&mut Value)) -> Option<(Value, Value)> {
        let (from, to) = (Version::release(3, 69, 2), Version::release(3, 74, 9));
        let mut objects = official::objects(&from, Platform::Kubernetes, "stackrox");
        objects.retain(|object| object["metadata"]["name"] == "scanner-db");
        objects.retain(|object| object["kind"] == "Deployment");
        change(&mut objects[0]["spec"]["template"]["spec"]);
        let snapshot = Snapshot {
            namespace: "stackrox".to_owned(),
            platform: Some(Platform::Kubernetes),
            objects,
            ..Snapshot::default()
        };
        let images = ImageOptions::default();
        let proposals = DATABASE_INIT.proposals(&Facts::new(&snapshot, &from, &to, &images));
        let Write::Patch { body, patch, .. } = proposals.into_iter().next()?.write else {
            unreachable!("a patch");
        };
        let after = apply_patch(&snapshot.objects[0], &body, patch);
        let after = after["spec"]["template"]["spec"].clone();
        Some((after["initContainers"][0].clone(), after["containers"][0].clone()))
    }

    #[test]
    fn the_database_gives_up_who_it_runs_as_and_nothing_else_of_its_security_context() {
        let (init, main) = database(|_| {}).unwrap();
        assert_eq!(
            (&init["securityContext"], &main["securityContext"]),
            (&Value::Null, &Value::Null)
        );
        let own = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        let hardened = |pod: &mut Value| {
            for list in ["initContainers", "containers"] {
                let context = &mut pod[list][0]["securityContext"];
                for (field, value) in own.as_object().unwrap() {
                    context[field.as_str()] = value.clone();
                }
            }
        };
        let (init, main) = database(hardened).unwrap();
        assert_eq!((&init["securityContext"], &main["securityContext"]), (&own, &own));
    }

    #[test]
    fn a_database_that_is_done_but_hardened_needs_nothing() {
        let done = |pod: &mut Value| {
            pod["securityContext"] = json!({"runAsUser": 70, "runAsNonRoot": true, "fsGroup": 70});
            pod["initContainers"][0]["env"] = json!([{"name": PASSWORD_FILE, "value": "x"}]);
            for list in ["initContainers", "containers"] {
                pod[list][0]["securityContext"] = json!({"allowPrivilegeEscalation": false});
            }
        };
        assert_eq!(database(done), None);
    }
}
