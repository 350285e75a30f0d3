//! Installations in every state, and what is said of them.

use serde_json::{Value, json};

use super::*;
use crate::checks::testing::{Installation, bound_claim, cluster, in_days, now, tls_secret};
use crate::rhacs::{Platform, SecretFacts, SecuredCluster};

/// A whole installation that has nothing to do.
fn whole(version: &str, platform: Platform) -> Installation {
    let mut installation = match platform {
        Platform::Kubernetes => Installation::at(version),
        Platform::OpenShift => Installation::on_openshift(version),
    };
    let names: Vec<String> = ["sensor", "collector", "admission-control"]
        .iter()
        .flat_map(|part| [format!("{part}-tls"), format!("tls-cert-{part}")])
        .chain(
            ["scanner", "scanner-db", "scanner-v4-db", "scanner-v4-indexer"]
                .iter()
                .flat_map(|part| [format!("{part}-tls"), format!("tls-cert-{part}")]),
        )
        .collect();
    for name in names {
        if installation.snapshot.secret(&name).is_none() {
            installation.snapshot.secrets.push(tls_secret(&name, 300));
        }
    }
    installation.snapshot.objects.extend(["central-db", "scanner-v4-db"].map(bound_claim));
    installation
}

fn judged(installation: &Installation) -> Health {
    health(&installation.snapshot, Ok(None), now())
}

/// What is to be done, each as `object: what`.
fn work(installation: &Installation) -> Vec<String> {
    let work = judged(installation).work;
    work.iter().map(|work| format!("{}: {}", work.object, work.what)).collect()
}

fn changed(kind: &str, name: &str, pointer: &str, value: Value) -> Installation {
    whole("3.69.2", Platform::Kubernetes).with(kind, name, |object| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value.clone();
    })
}

#[test]
fn an_installation_of_any_release_is_healthy_when_nothing_is_to_be_done() {
    for version in
        ["3.0.58.1", "3.62.1", "3.66.1", "3.69.2", "3.74.9", "4.3.8", "4.4.8", "4.8.11", "4.11.2"]
    {
        for platform in [Platform::Kubernetes, Platform::OpenShift] {
            let health = judged(&whole(version, platform));
            assert_eq!(health.work, [], "{version} on {platform}");
            assert_eq!(health.not_looked_at, [], "{version} on {platform}");
            assert_eq!(health.result, Verdict::Healthy);
            assert_eq!(health.version, Some(version.parse().unwrap()));
            assert!(health.workloads.len() > 5);
            assert!(health.workloads.iter().all(|it| it.version != "?" && it.component.is_some()));
        }
    }
}

#[test]
fn a_workload_that_is_held_back_is_told_with_the_command_that_frees_it() {
    let generation = json!(7);
    for (name, pointer, value, what, fix) in [
        (
            "sensor",
            "/spec/replicas",
            json!(0),
            "it is scaled to 0",
            "scale deploy/sensor --replicas=1",
        ),
        (
            "central",
            "/spec/paused",
            json!(true),
            "its rollout is paused",
            "rollout resume deploy/central",
        ),
        (
            "scanner",
            "/metadata/deletionTimestamp",
            json!("2026-01-01T00:00:00Z"),
            "it is being deleted since 2026-01-01T00:00:00Z",
            "get deploy/scanner -o yaml",
        ),
        (
            "scanner-db",
            "/status/availableReplicas",
            json!(0),
            "0 of 1 new pods to be available",
            "describe deploy/scanner-db",
        ),
        (
            "sensor",
            "/metadata/generation",
            generation,
            "the change to be noticed by its controller",
            "describe deploy/sensor",
        ),
    ] {
        let health = judged(&changed("Deployment", name, pointer, value));
        let expected = Work {
            object: format!("deploy/{name}"),
            what: what.to_owned(),
            fix: format!("kubectl -n stackrox {fix}"),
        };
        assert_eq!(health.work, [expected], "{pointer}");
        let row = health.workloads.iter().find(|row| row.object == format!("deploy/{name}"));
        assert!(!row.unwrap().healthy && row.unwrap().note == what);
    }
    let nowhere = changed(
        "DaemonSet",
        "collector",
        "/status",
        json!({"observedGeneration": 1, "desiredNumberScheduled": 0}),
    );
    assert_eq!(work(&nowhere), ["ds/collector: no node takes a pod of it"]);
}

#[test]
fn a_namespace_that_is_being_deleted_is_told() {
    let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata":
        {"name": "stackrox", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let terminating = whole("3.69.2", Platform::Kubernetes).plus(own);
    let expected = "namespace/stackrox: it is being deleted since 2026-01-01T00:00:00Z, with \
                    everything in it";
    assert_eq!(work(&terminating), [expected]);
}

#[test]
fn what_the_release_has_and_nobody_took_out_is_missed() {
    for (version, kind, name, what) in [
        (
            "3.69.2",
            "Deployment",
            "scanner-db",
            "deploy/scanner-db: it is missing: 3.69.2 has it, and service/scanner-db is there",
        ),
        (
            "3.69.2",
            "DaemonSet",
            "collector",
            "ds/collector: it is missing: 3.69.2 has it, and sa/collector is there",
        ),
        (
            "3.69.2",
            "Service",
            "sensor",
            "service/sensor: it is missing: 3.69.2 has it, and deploy/sensor is there",
        ),
        (
            "4.8.11",
            "Deployment",
            "central-db",
            "deploy/central-db: it is missing: 4.8.11 has it, and service/central-db is there",
        ),
        (
            "4.8.11",
            "Deployment",
            "scanner-v4-db",
            "deploy/scanner-v4-db: it is missing: 4.8.11 has it, and service/scanner-v4-db is there",
        ),
        (
            "4.8.11",
            "Deployment",
            "config-controller",
            "deploy/config-controller: it is missing: 4.8.11 has it, and sa/config-controller is there",
        ),
    ] {
        let mut installation = whole(version, Platform::Kubernetes);
        installation
            .snapshot
            .objects
            .retain(|object| object["kind"] != kind || object["metadata"]["name"] != name);
        assert_eq!(work(&installation), [what], "{version} {name}");
        assert_eq!(judged(&installation).result, Verdict::WorkToDo);
    }
}

#[test]
fn a_part_that_was_never_installed_is_not_missed() {
    for (version, parts) in [
        ("3.69.2", &["scanner", "scanner-db"][..]),
        ("3.69.2", &["sensor", "collector", "admission-control", "sensor-webhook"]),
        ("4.8.11", &["scanner-v4", "scanner-v4-db", "scanner-v4-indexer", "scanner-v4-matcher"]),
        // With a database of the user's own.
        ("4.8.11", &["central-db"]),
    ] {
        let mut installation = whole(version, Platform::Kubernetes);
        installation.snapshot.objects.retain(|object| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            !parts.contains(&name)
        });
        installation.snapshot.secrets.retain(|secret| !secret.name.starts_with(parts[0]));
        assert_eq!(work(&installation), [""; 0], "{version} {parts:?}");
    }
}

#[test]
fn what_a_workload_cannot_start_without_is_missed() {
    let mut installation = whole("3.69.2", Platform::Kubernetes);
    installation.snapshot.secrets.retain(|secret| secret.name != "collector-tls");
    installation.snapshot.objects.retain(|object| {
        let name = &object["metadata"]["name"];
        let is = |kind: &str, is: &str| object["kind"] == kind && *name == is;
        !is("ConfigMap", "central-endpoints") && !is("PersistentVolumeClaim", "stackrox-db")
    });
    let because = |object: &str, user: &str| {
        format!("{object}: it is missing: {user} cannot start without it")
    };
    let mut found = work(&installation);
    found.sort();
    let expected = [
        because("cm/central-endpoints", "deploy/central"),
        because("pvc/stackrox-db", "deploy/central"),
        because("secret/collector-tls", "ds/collector"),
    ];
    assert_eq!(found, expected);
    // What may not be read is not missing, but nobody may say that it is there.
    installation.snapshot.unread.insert("Secret".to_owned(), "forbidden".to_owned());
    installation.snapshot.secrets.clear();
    let health = judged(&installation);
    assert!(health.missing.iter().all(|missing| !missing.object.starts_with("secret/")));
    assert!(health.not_looked_at.iter().any(|it| it.why == "forbidden" && it.failed));
}

#[test]
fn versions_that_differ_from_centrals_are_told_with_the_way_to_it() {
    let image = "/spec/template/spec/containers/0/image";
    let old = json!("quay.io/stackrox-io/main:3.69.1");
    let installation = changed("Deployment", "sensor", image, old);
    let health = judged(&installation);
    assert_eq!(health.work[0].what, "container sensor runs 3.69.1, 3.69.2 has 3.69.2");
    assert_eq!(health.work[0].fix, "kubectl rhacs upgrade --to 3.69.2");
    let row = health.workloads.iter().find(|row| row.container == "sensor").unwrap();
    assert_eq!((row.version.as_str(), row.expected.as_deref()), ("3.69.1", Some("3.69.2")));
    // To 4.x this suite has no way, so that its own command would be refused.
    let installation = whole("4.8.11", Platform::Kubernetes).with("Deployment", "sensor", |it| {
        *it.pointer_mut(image).unwrap() = json!("quay.io/stackrox-io/main:4.8.10");
    });
    let fix = &judged(&installation).work[0].fix;
    let expected =
        "kubectl -n stackrox set image deploy/sensor sensor=quay.io/stackrox-io/main:4.8.11";
    assert_eq!(fix, expected);
}

#[test]
fn images_of_their_own_versions_are_held_against_those_of_the_release() {
    let image = "/spec/template/spec/containers/0/image";
    let installation = whole("3.66.1", Platform::Kubernetes);
    let of = |installation: &Installation| {
        let scanner = installation.snapshot.deployment("scanner").unwrap();
        scanner.object().pointer(image).unwrap().as_str().unwrap().to_owned()
    };
    let (reference, tag) = {
        let full = of(&installation);
        let (a, b) = full.rsplit_once(':').unwrap();
        (a.to_owned(), b.to_owned())
    };
    assert!(tag.starts_with("2."), "the Scanner counted by itself then: {tag}");
    let old = installation.with("Deployment", "scanner", |scanner| {
        *scanner.pointer_mut(image).unwrap() = json!(format!("{reference}:2.0.1"));
    });
    let what = format!("deploy/scanner: container scanner runs 2.0.1, 3.0.66.1 has {tag}");
    assert_eq!(work(&old), [what.replace("3.0.66.1", "3.66.1")]);
}

/// Pinned by digest, as the operator does.
fn pinned(mut installation: Installation) -> Installation {
    for object in &mut installation.snapshot.objects {
        let containers = object.pointer_mut("/spec/template/spec/containers");
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            let image = container["image"].as_str().unwrap_or_default().to_owned();
            let (name, _) = image.rsplit_once(':').unwrap();
            container["image"] = json!(format!("{name}@sha256:{}", "0".repeat(64)));
        }
    }
    installation
}

#[test]
fn images_pinned_by_digest_are_shown_and_their_versions_never_guessed() {
    let health = judged(&pinned(whole("4.8.11", Platform::Kubernetes)));
    assert!(health.workloads.len() > 10, "all of them are there");
    assert!(health.workloads.iter().all(|row| row.version == "?"));
    assert_eq!(health.result, Verdict::NotLookedAt);
    let what: Vec<&str> = health.not_looked_at.iter().map(|it| it.what.as_str()).collect();
    assert!(what.contains(&"the version of deploy/central (central)"), "{what:?}");
}

#[test]
fn what_the_operator_or_helm_manages_is_known_by_its_label() {
    let custom = |kind: &str| {
        json!({"apiVersion": "platform.stackrox.io/v1alpha1", "kind": kind,
            "metadata": {"name": "acs", "namespace": "stackrox"}})
    };
    let labelled = |object: &mut Value, version: &str| {
        object["metadata"]["labels"]["app.kubernetes.io/version"] = json!(version);
    };
    let mut operator = pinned(whole("4.8.11", Platform::OpenShift))
        .plus(custom("Central"))
        .plus(custom("SecuredCluster"));
    operator.snapshot.objects.iter_mut().for_each(|object| labelled(object, "4.8.11"));
    let health = judged(&operator);
    assert_eq!((&health.work[..], &health.not_looked_at[..]), (&[][..], &[][..]));
    assert!(health.workloads.iter().all(|row| row.version == "4.8.11"));
    assert!(health.workloads.iter().all(|row| row.version_from == VersionSource::Label));
    let central = health.managed_by.central.as_ref().expect("it is installed");
    assert_eq!(central.method, crate::rhacs::Method::Operator);
    let behind = operator.with("Deployment", "sensor", |sensor| labelled(sensor, "4.8.10"));
    let health = judged(&behind);
    assert_eq!(health.work[0].what, "container sensor runs 4.8.10, 4.8.11 has 4.8.11");
    assert!(health.work[0].fix.contains("subscription"), "{}", health.work[0].fix);
}

#[test]
fn strangers_are_shown_for_what_they_are() {
    let sidecar = json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.20.0"});
    let containers = "/spec/template/spec/containers";
    let installation = whole("3.69.2", Platform::Kubernetes)
        .with("Deployment", "central", |central| {
            central.pointer_mut(containers).unwrap().as_array_mut().unwrap().push(sidecar.clone());
        })
        .plus(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "prod-central", "namespace": "stackrox", "labels": {"app": "central"}},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [
                {"name": "central", "image": "mirror.example/main:3.69.2"}]}}},
            "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}))
        .plus(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "shop", "namespace": "stackrox"},
            "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "shop/main:1"}]}}}}));
    let health = judged(&installation);
    let row = |object: &str, container: &str| {
        let rows = &health.workloads;
        rows.iter().find(|row| row.object == object && row.container == container).cloned()
    };
    let proxy = row("deploy/central", "istio-proxy").expect("it is in a pod of the product");
    assert_eq!((proxy.version.as_str(), proxy.version_from), ("1.20.0", VersionSource::Foreign));
    assert_eq!(
        row("deploy/prod-central", "central").unwrap().component,
        Some(crate::rhacs::Component::Central)
    );
    assert!(row("deploy/shop", "main").is_none());
    assert_eq!(health.result, Verdict::Healthy, "{:?}", health.work);
}

#[test]
fn clusters_are_held_against_central() {
    let with = |change: fn(&mut SecuredCluster)| {
        let mut edge = cluster("edge", "3.69.2");
        change(&mut edge);
        whole("3.69.2", Platform::Kubernetes).central(|central| central.clusters.push(edge.clone()))
    };
    assert_eq!(work(&with(|_| {})), [""; 0]);
    for (change, what) in [
        (
            with(|it| it.sensor_version = "3.68.1".to_owned()),
            "its sensor runs 3.68.1, Central 3.69.2",
        ),
        (with(|it| it.health = "UNHEALTHY".to_owned()), "Central says that it is unhealthy"),
        (with(|it| it.certificate_expiry = in_days(3)), "its certificate expires in 3 days"),
        (
            with(|it| (it.sensor_version, it.last_contact) = Default::default()),
            "it was registered and never connected",
        ),
    ] {
        assert_eq!(work(&change), [format!("cluster edge: {what}")]);
        let health = judged(&change);
        assert!(health.clusters.iter().any(|it| it.cluster.name == "edge" && !it.healthy));
    }
    let mut failed = with(|it| {
        (it.sensor_version, it.upgrade_state) =
            ("3.68.1".to_owned(), "UPGRADE_TIMED_OUT".to_owned());
    });
    assert_eq!(work(&failed).len(), 2, "{:?}", work(&failed));
    // It is over: the sensor has come to where it was to go.
    failed.snapshot.central.clusters[1].sensor_version = "3.69.2".to_owned();
    assert_eq!(work(&failed), [""; 0]);
}

#[test]
fn a_central_that_is_silent_is_no_healthy_one() {
    type Facts = crate::rhacs::CentralFacts;
    let refused: fn(&mut Facts) = |it| it.unauthorized = Some("bad token".to_owned());
    let away: fn(&mut Facts) = |it| it.unreachable = Some("refused".to_owned());
    let half: fn(&mut Facts) = |it| {
        it.unread.insert("Central's list of clusters".to_owned(), "403".to_owned());
    };
    for (change, failed) in [(refused, true), (away, true), (half, true)] {
        let health = judged(&whole("3.69.2", Platform::Kubernetes).central(change));
        assert_eq!((health.result, health.central_failed), (Verdict::NotLookedAt, failed));
    }
    let unasked = whole("3.69.2", Platform::Kubernetes).central(|central| {
        *central = Facts { endpoint: Some("port-forward".to_owned()), ..Facts::default() };
    });
    let health = judged(&unasked);
    assert_eq!((health.result, health.central_failed), (Verdict::Healthy, false));
    assert!(!health.not_looked_at[0].failed && health.central_note.is_some());
}

#[test]
fn certificates_that_end_soon_are_work() {
    let mut installation = whole("3.69.2", Platform::Kubernetes);
    for secret in &mut installation.snapshot.secrets {
        if secret.name == "collector-tls" {
            *secret = tls_secret("collector-tls", 29);
        }
    }
    let health = judged(&installation);
    assert_eq!(work(&installation), ["secret/collector-tls: its certificate expires in 29 days"]);
    let first = &health.certificates[0];
    assert_eq!(
        (first.key.as_str(), first.days, first.is_ending()),
        ("collector-cert.pem", 29, true)
    );
}

#[test]
fn an_unfinished_run_comes_with_the_command_that_finishes_it() {
    let mut installation = whole("3.69.2", Platform::Kubernetes);
    let label = |name: &str, value: &str| (format!("rhacs.kubectl/{name}"), value.to_owned());
    installation.snapshot.secrets.push(SecretFacts {
        name: "kubectl-rhacs-run-20260101-080000-abcd".to_owned(),
        kind: "rhacs.kubectl/run".to_owned(),
        labels: [label("state", "failed"), label("operation", "rollback")].into(),
        ..SecretFacts::default()
    });
    let health_with = |lock: Option<Lock>, namespace: &str| {
        let mut snapshot = installation.snapshot.clone();
        snapshot.namespace = namespace.to_owned();
        health(&snapshot, Ok(lock), now())
    };
    let resume = "kubectl rhacs rollback resume 20260101-080000-abcd";
    let stopped = health_with(None, "stackrox");
    assert_eq!((stopped.runs[0].resume.as_str(), stopped.runs[0].at_work), (resume, false));
    assert_eq!(stopped.work[0].fix, resume);
    assert_eq!(health_with(None, "acs").runs[0].resume, format!("{resume} -n acs"));
    let holder = "ann@laptop 20260101-080000-abcd".to_owned();
    let lock = Lock { holder, since: "2026-01-01T08:00:00Z".to_owned() };
    let at_work = health_with(Some(lock), "stackrox");
    assert!(at_work.runs[0].at_work);
    assert_eq!(at_work.work[0].fix, "kubectl rhacs upgrade status --watch");
    let unread = health(&installation.snapshot, Err("forbidden".to_owned()), now());
    assert!(unread.not_looked_at.iter().any(|it| it.what == "the lock" && it.failed));
}
