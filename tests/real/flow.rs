//! The main job, from the first look to the report.

use serde_json::Value;

use crate::installation::Installation;
use crate::{ACCEPT, upgrade};

const SCC: (&str, &str) = ("security.openshift.io/v1", "SecurityContextConstraints");

#[test]
fn an_upgrade_brings_everything_to_the_target() {
    let Some(installation) = Installation::in_the_usual_namespace("3.62.1") else { return };
    let status = upgrade(&installation, "status -o json").ends_with(0).json();
    assert_eq!(status["central"], "3.0.62.1");
    assert_eq!(status["clusters"][0]["sensorVersion"], "3.0.62.1");
    upgrade(&installation, "history").ends_with(0).says("no runs are recorded");

    let done = upgrade(&installation, &format!("--to 3.69.2 -o json {ACCEPT}")).ends_with(0);
    let report = done.json();
    assert_eq!(report["exit"], "done");
    assert!(
        report["components"].as_array().expect("components").iter().all(|component| {
            component["healthy"] == true
                && component["is"].as_str().is_some_and(|image| image.ends_with(":3.69.2"))
        }),
        "{report:#}"
    );
    let backup = report["backup"]["path"].as_str().expect("a backup");
    assert!(std::fs::metadata(backup).expect("the backup is there").len() > 0);
    everything_is_at_the_target(&installation);
    the_run_is_recorded(&installation);
    the_objects_tell_of_the_run(&installation);
    a_second_run_changes_nothing(&installation);
}

fn everything_is_at_the_target(installation: &Installation) {
    let main = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    for (kind, workload, container) in [
        ("Deployment", "central", "central"),
        ("Deployment", "sensor", "sensor"),
        ("Deployment", "admission-control", "admission-control"),
        ("DaemonSet", "collector", "compliance"),
    ] {
        assert_eq!(installation.image(kind, workload, container), main, "{workload}");
    }
    let sensor = installation.object("apps/v1", "Deployment", "sensor").expect("sensor");
    let probe = "/spec/template/spec/containers/0/readinessProbe/httpGet/path";
    assert_eq!(sensor.pointer(probe).expect("a probe"), "/ready");
    let constraints = installation.list(SCC.0, SCC.1);
    for name in ["central", "scanner", "admission-control", "collector", "sensor"] {
        let account = format!("system:serviceaccount:{}:{name}", installation.namespace());
        let of_account = constraints.iter().filter(|one| {
            one["users"].as_array().is_some_and(|users| users.iter().any(|user| *user == *account))
        });
        let names: Vec<&str> =
            of_account.filter_map(|one| one["metadata"]["name"].as_str()).collect();
        assert!(
            names.len() == 1 && names[0].starts_with("stackrox-") && names[0].ends_with(name),
            "{account} has {names:?}"
        );
    }
}

fn the_run_is_recorded(installation: &Installation) {
    let runs = upgrade(installation, "history -o json").ends_with(0).json()["runs"].clone();
    assert_eq!(runs[0]["state"], "finished");
    assert_eq!(runs[0]["to"], "3.69.2");
    let run = runs[0]["run"].as_str().expect("a run");
    let secret = installation
        .object("v1", "Secret", &format!("kubectl-rhacs-run-{run}"))
        .expect("the record is a Secret");
    assert_eq!(secret["type"], "rhacs.kubectl/run");
    assert_eq!(secret["metadata"]["labels"]["rhacs.kubectl/operation"], "upgrade", "{secret}");
    let lease = installation.object("coordination.k8s.io/v1", "Lease", "kubectl-rhacs");
    assert!(lease.is_none(), "the lock is released: {lease:?}");
}

fn the_objects_tell_of_the_run(installation: &Installation) {
    let named = |list: Vec<Value>| {
        let of_central = |one: &Value| one["metadata"]["labels"]["app"] == "central";
        list.into_iter().filter(of_central).collect::<Vec<Value>>()
    };
    // The controller hands the cause on to the revision, where `kubectl rollout history` reads it.
    let revisions = named(installation.list("apps/v1", "ReplicaSet"));
    let causes: Vec<&str> = revisions
        .iter()
        .filter_map(|one| one["metadata"]["annotations"]["kubernetes.io/change-cause"].as_str())
        .collect();
    assert!(causes.iter().any(|cause| cause.contains("3.69.2")), "{causes:?}");
    let events = installation.list("v1", "Event");
    let mut ours = events.iter().filter(|event| event["source"]["component"] == "kubectl-rhacs");
    assert!(ours.any(|event| event["involvedObject"]["name"] == "central"), "no event on central");
}

fn a_second_run_changes_nothing(installation: &Installation) {
    let before = installation.versions();
    upgrade(installation, "--to 3.69.2 --yes").ends_with(0).says("nothing to do");
    assert_eq!(installation.versions(), before);
}
