use common::exit::Exit;
use common::plan::{Action, is_satisfied};
use common::rhacs::rules::component_of;
use common::rhacs::scc::verdicts;
use common::rhacs::{Snapshot, official};
use serde_json::{Value, json};

use super::testing::{installed, openshift, request};
use super::*;

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

/// `WORKLOAD=SCC` for each of the product's workloads, after the plan.
fn carried(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut all = verdicts(&snapshot.after(plan).objects, &[], "stackrox");
    all.retain(|(object, _)| component_of(&object.name).is_some());
    all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    all.into_iter()
        .map(|(object, verdict)| match verdict {
            Ok(scc) => format!("{}={scc}", object.name),
            Err(refused) => format!("{}: {}", object.name, refused.reason()),
        })
        .collect()
}

fn again(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    installed(
        snapshot
            .after(plan)
            .objects
            .into_iter()
            .filter(|object| {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let scc = object["kind"] == "SecurityContextConstraints";
                !name.starts_with("system:openshift:scc:")
                    && (!scc || object["metadata"]["labels"].is_object())
            })
            .collect(),
    )
}

#[test]
fn new_names_come_beside_the_old_ones() {
    let snapshot = openshift("3.63.0");
    let plan = plan(&snapshot, &request("3.69.2", false)).unwrap();
    assert_eq!(ids(&plan), ["prepare-central", "prepare-scanner", "prepare-secured"]);
    assert_eq!(plan.operation, Operation::Scc);
    let after = again(&snapshot, &plan);
    assert!(super::plan(&after, &request("3.69.2", false)).unwrap().is_empty(), "done once");
}

#[test]
fn with_prune_every_pod_is_carried_by_a_new_one_before_the_old_go() {
    let snapshot = openshift("3.63.0");
    let plan = plan(&snapshot, &request("3.69.2", true)).unwrap();
    assert_eq!(
        ids(&plan),
        [
            "prepare-central",
            "central",
            "prepare-scanner",
            "scanner-db",
            "scanner",
            "prepare-secured",
            "admission-control",
            "collector",
            "clean"
        ],
        "the sensor's Role lets it use anyuid up to 3.72: no old SCC carries it"
    );
    assert_eq!(
        carried(&snapshot, &plan),
        [
            "admission-control=stackrox-admission-control",
            "central=stackrox-central",
            "collector=stackrox-collector",
            "scanner=stackrox-scanner",
            "scanner-db=stackrox-scanner",
            "sensor=anyuid"
        ]
    );
    let after = again(&snapshot, &plan);
    assert!(super::plan(&after, &request("3.69.2", true)).unwrap().is_empty());
}

#[test]
fn from_4_4_on_the_pods_require_the_sccs_of_openshift() {
    let snapshot = openshift("4.3.8");
    for prune in [false, true] {
        let plan = plan(&snapshot, &request("4.4.0", prune)).unwrap();
        assert_eq!(
            carried(&snapshot, &plan),
            [
                "admission-control=restricted-v2",
                "central=nonroot-v2",
                "central-db=nonroot-v2",
                "collector=privileged",
                "scanner=nonroot-v2",
                "scanner-db=nonroot-v2",
                "sensor=restricted-v2"
            ]
        );
        assert_eq!(ids(&plan).last() == Some(&"clean"), prune);
        let after = again(&snapshot, &plan);
        assert!(super::plan(&after, &request("4.4.0", prune)).unwrap().is_empty(), "{prune}");
    }
}

#[test]
fn an_old_installation_gets_contexts_that_openshift_admits() {
    let snapshot = openshift("3.69.2");
    let plan = plan(&snapshot, &request("4.4.0", true)).unwrap();
    let sensor = plan.step("sensor").unwrap();
    assert!(sensor.changes[0].what.contains("security contexts"), "{sensor:?}");
    let Action::Write { writes } = &sensor.action else { panic!("no write") };
    let after = snapshot.after(&plan).objects;
    let live = after.iter().find(|it| ObjectRef::of(it).as_ref() == Some(writes[0].object()));
    let context = &live.unwrap()["spec"]["template"]["spec"]["securityContext"];
    assert!(context["runAsUser"].is_null(), "{context}");
    assert!(carried(&snapshot, &plan).contains(&"sensor=restricted-v2".to_owned()));
    assert!(carried(&snapshot, &plan).contains(&"scanner-db=nonroot-v2".to_owned()));
}

#[test]
fn a_central_on_a_directory_of_its_node_keeps_it() {
    let on_host = |version: &str, workload: &str| {
        let version = version.parse().unwrap();
        let mut objects = official::objects(&version, Platform::OpenShift, "stackrox");
        for object in &mut objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if object["kind"] == "Deployment" && name == workload {
                let volumes = object["spec"]["template"]["spec"]["volumes"].as_array_mut();
                volumes.unwrap().push(json!({"name": "host", "hostPath": {"path": "/data"}}));
            }
            if object["users"].is_array() && name.ends_with(workload) {
                object["allowHostDirVolumePlugin"] = json!(true);
            }
        }
        installed(objects)
    };
    let snapshot = on_host("3.63.0", "central");
    let plan = plan(&snapshot, &request("3.69.2", true)).unwrap();
    let after = snapshot.after(&plan).objects;
    let new = after
        .iter()
        .find(|it| it["users"].is_array() && it["metadata"]["name"] == "stackrox-central");
    assert_eq!(new.unwrap()["allowHostDirVolumePlugin"], true);
    assert!(carried(&snapshot, &plan).contains(&"central=stackrox-central".to_owned()));
    let snapshot = on_host("4.3.8", "central-db");
    let plan = super::plan(&snapshot, &request("4.4.0", true)).unwrap();
    assert!(carried(&snapshot, &plan).contains(&"central-db=hostmount-anyuid".to_owned()));
}

#[test]
fn what_people_added_to_a_role_stays() {
    let mut snapshot = openshift("4.4.0");
    let role = |objects: &mut Vec<Value>, names: &Value| {
        let role = objects
            .iter_mut()
            .find(|it| it["kind"] == "Role" && it["metadata"]["name"] == "use-central-scc");
        role.unwrap()["rules"][0]["resourceNames"] = names.clone();
    };
    role(&mut snapshot.objects, &json!(["nonroot-v2", "my-scc"]));
    assert!(plan(&snapshot, &request("4.4.0", true)).unwrap().is_empty());
    role(&mut snapshot.objects, &json!(["my-scc"]));
    let plan = plan(&snapshot, &request("4.4.0", true)).unwrap();
    let after = snapshot.after(&plan).objects;
    let role =
        after.iter().find(|it| it["kind"] == "Role" && it["metadata"]["name"] == "use-central-scc");
    let names = &role.unwrap()["rules"][0]["resourceNames"];
    assert_eq!(*names, json!(["my-scc", "nonroot-v2"]));
}

#[test]
fn a_requirement_of_ones_own_stays() {
    let mut snapshot = openshift("4.3.8");
    let scc = json!({"apiVersion": "security.openshift.io/v1",
        "kind": "SecurityContextConstraints", "metadata": {"name": "mine"},
        "users": ["system:serviceaccount:stackrox:scanner"],
        "runAsUser": {"type": "RunAsAny"}, "seLinuxContext": {"type": "RunAsAny"}});
    snapshot.objects.push(scc);
    let scanner = snapshot
        .objects
        .iter_mut()
        .find(|it| it["kind"] == "Deployment" && it["metadata"]["name"] == "scanner");
    let annotations = &mut scanner.unwrap()["spec"]["template"]["metadata"]["annotations"];
    annotations["openshift.io/required-scc"] = json!("mine");
    let plan = plan(&snapshot, &request("4.4.0", true)).unwrap();
    assert!(carried(&snapshot, &plan).contains(&"scanner=mine".to_owned()));
    let deleted = snapshot.after(&plan).objects;
    assert!(deleted.iter().any(|it| it["metadata"]["name"] == "mine"));
}

#[test]
fn the_way_from_4_4_to_an_older_release_is_planned_too() {
    let snapshot = openshift("4.4.0");
    let plan = plan(&snapshot, &request("4.3.8", true)).unwrap();
    let carried = carried(&snapshot, &plan);
    assert!(carried.contains(&"central=stackrox-central".to_owned()), "{carried:?}");
    assert!(carried.contains(&"collector=stackrox-collector".to_owned()), "{carried:?}");
    let after = snapshot.after(&plan).objects;
    assert!(!after.iter().any(|it| it["metadata"]["name"] == "use-central-scc"));
}

#[test]
fn one_component_goes_alone() {
    let snapshot = openshift("4.3.8");
    let only = Request { components: vec![Component::Scanner], ..request("4.4.0", true) };
    let plan = plan(&snapshot, &only).unwrap();
    assert_eq!(ids(&plan), ["prepare-scanner", "scanner-db", "scanner", "clean"]);
    let prepare = &plan.steps[0];
    let handover = json!({"users": [], "groups": []});
    let last = prepare.action.writes().last().unwrap();
    let Write::Patch { body, .. } = last else { panic!("no handover in {prepare:?}") };
    assert!(is_satisfied(body, &handover));
}

#[test]
fn another_namespace_keeps_its_own_names() {
    let objects = official::objects(&"3.63.0".parse().unwrap(), Platform::OpenShift, "acs");
    let mut snapshot = installed(objects);
    snapshot.namespace = "acs".to_owned();
    let plan = plan(&snapshot, &request("3.69.2", true)).unwrap();
    let after = snapshot.after(&plan).objects;
    let admitted = verdicts(&after, &[], "acs");
    let central = admitted.iter().find(|(object, _)| object.name == "central").unwrap();
    assert_eq!(central.1.as_deref(), Ok("stackrox-acs-central"));
}

#[test]
fn what_cannot_be_planned_is_said() {
    let snapshot = openshift("4.3.8");
    let exit = |release: &str| {
        plan(&snapshot, &request(release, false)).unwrap_err().into_failure().exit()
    };
    assert_eq!(exit("3.62.1"), Exit::NoPath);
    assert_eq!(exit("9.9.9"), Exit::Usage);
    let empty = Snapshot { namespace_exists: true, ..Snapshot::default() };
    let refusal = plan(&empty, &request("4.4.0", false)).unwrap_err();
    assert_eq!(refusal.into_failure().exit(), Exit::Usage);
}
