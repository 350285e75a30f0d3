//! The planner against the official objects of every release.

use common::plan::{Action, Plan};
use common::plan::{Unfit, moved};
use common::rhacs::{Platform, SecuredCluster, Snapshot, Version, official};
use serde_json::{Value, json};

use super::*;

/// An installation as the release's own manifests make it.
struct Central(Snapshot);

impl Central {
    fn at(version: &str) -> Self {
        Self::on(version, Platform::Kubernetes)
    }

    fn on(version: &str, platform: Platform) -> Self {
        let version: Version = version.parse().expect("a version");
        Self(Snapshot {
            namespace: "stackrox".to_owned(),
            namespace_exists: true,
            platform: Some(platform),
            objects: official::objects(&version, platform, "stackrox"),
            ..Snapshot::default()
        })
    }

    fn with_credentials(mut self) -> Self {
        self.0.central.has_credentials = true;
        self
    }

    fn upgraded_to(&self, to: &str) -> Result<Plan, Refusal> {
        plan(&self.0, &request(to))
    }

    fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        self.0
            .objects
            .iter_mut()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .expect(name)
    }
}

fn request(to: &str) -> Request {
    Request {
        to: to.parse().expect("a version"),
        components: Vec::new(),
        images: ImageOptions::default(),
        backup_directory: Some(".".to_owned()),
        scanner_config: ScannerConfig::Keep,
        keep_replicas: false,
        roxctl: false,
        revoke_token: false,
        timeout_seconds: None,
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_guides_order_is_kept() {
    let openshift = Central::on("3.62.1", Platform::OpenShift).with_credentials();
    let plan = openshift.upgraded_to("3.69.2").expect("a plan");
    assert_eq!(
        ids(&plan),
        [
            "backup",
            "prepare-central",
            "central",
            "clean-central",
            "prepare-scanner",
            "scanner-bundle",
            "scanner",
            "scanner-db",
            "clean-scanner",
            "prepare-secured",
            "sensor",
            "collector",
            "admission-control",
            "clean-secured",
            "verify",
        ]
    );
    assert!(plan.is_intact());
}

#[test]
fn roxctl_comes_after_central_and_is_no_reason_for_a_run() {
    let asked = |central: &Central, to: &str, components: &[Component]| {
        let wish = Request { roxctl: true, components: components.into(), ..request(to) };
        plan(&central.0, &wish).expect("a plan")
    };
    let old = Central::on("3.62.1", Platform::OpenShift).with_credentials();
    let whole = asked(&old, "3.69.2", &[]);
    let at = |id: &str| ids(&whole).iter().position(|step| *step == id).expect(id);
    assert_eq!((at("clean-central") + 1, at("roxctl") + 1), (at("roxctl"), at("prepare-scanner")));
    let step = whole.step("roxctl").expect("a step");
    assert_eq!(step.action, Action::InstallRoxctl { version: whole.to.clone() });
    assert_eq!(step.component, None);
    let first = asked(&old, "3.69.2", &[Component::Central]);
    assert_eq!(ids(&first)[ids(&first).len() - 2..], ["roxctl", "verify"]);
    let rest = asked(&old, "3.69.2", &[Component::Secured]);
    assert_eq!(ids(&rest)[0], "roxctl");
    let done = asked(&Central::at("3.69.2"), "3.69.2", &[]);
    assert!(done.is_empty() && done.steps.is_empty());
}

#[test]
fn on_kubernetes_there_is_no_scc() {
    let plan = Central::at("3.62.1").upgraded_to("3.69.2").expect("a plan");
    let text = serde_json::to_string(&plan).expect("json");
    assert!(!text.contains("SecurityContextConstraints"), "{text}");
}

#[test]
fn every_supported_way_plans_something_and_nothing_twice() {
    for platform in [Platform::Kubernetes, Platform::OpenShift] {
        for from in ["3.58.1", "3.62.1", "3.63.0", "3.66.1", "3.68.2", "3.69.2", "3.71.3", "3.72.4"]
        {
            for to in ["3.69.2", "3.70.2", "3.73.5", "3.74.9"] {
                let (from_version, to_version): (Version, Version) =
                    (from.parse().expect(from), to.parse().expect(to));
                if from_version >= to_version {
                    continue;
                }
                let plan = Central::on(from, platform).upgraded_to(to).expect("a plan");
                assert!(!plan.is_empty(), "{from} → {to}");
                let mut seen = ids(&plan);
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), plan.steps.len(), "{from} → {to}: step ids are unique");
            }
        }
    }
}

#[test]
fn an_installation_of_the_target_needs_nothing() {
    for platform in [Platform::Kubernetes, Platform::OpenShift] {
        for version in ["3.64.2", "3.66.1", "3.69.2", "3.71.3", "3.73.5", "3.74.9"] {
            let plan = Central::on(version, platform).upgraded_to(version);
            if let Err(Refusal::UnknownTags(_)) = plan {
                continue;
            }
            assert_eq!(ids(&plan.expect(version)), Vec::<&str>::new(), "{version} {platform}");
        }
    }
}

#[test]
fn a_half_done_upgrade_goes_on_from_what_is_there() {
    let mut central = Central::at("3.62.1");
    let image = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    central.object("Deployment", "central")["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!(image);
    let plan = central.upgraded_to("3.69.2").expect("a plan");
    assert_eq!(plan.from, Version::release(3, 62, 1));
    assert!(!ids(&plan).contains(&"central"), "{:?}", ids(&plan));
    assert!(ids(&plan).contains(&"sensor"));
}

#[test]
fn a_lower_version_is_refused_with_the_way_back() {
    let refusal = Central::at("3.69.2").upgraded_to("3.66.1").expect_err("a refusal");
    let failure = refusal.into_failure();
    assert_eq!(failure.exit(), common::exit::Exit::Usage);
    assert!(failure.render().contains("kubectl rhacs rollback"), "{}", failure.render());
}

#[test]
fn a_target_beyond_a_gate_names_the_stages() {
    let refusal = Central::at("3.69.2").upgraded_to("4.5.9").expect_err("a refusal");
    let failure = refusal.into_failure();
    assert_eq!(failure.exit(), common::exit::Exit::NoPath);
    let text = failure.render();
    assert!(text.contains("3.69.2 → 3.74.9") && text.contains("3.74.9 → 4.4.8"), "{text}");
}

#[test]
fn a_target_newer_than_this_tool_names_the_stages_up_to_what_it_knows() {
    for (from, to, stages) in [
        ("3.69.2", "5.0.0", &["3.69.2 → 3.74.9", "4.9.9 → 4.11.2"][..]),
        ("4.9.9", "4.12.0", &["4.9.9 → 4.11.2"]),
        ("4.11.2", "4.12.0", &[]),
    ] {
        let failure = Central::at(from).upgraded_to(to).expect_err("a refusal").into_failure();
        assert_eq!(failure.exit(), common::exit::Exit::NoPath);
        let text = failure.render();
        assert!(text.contains("knows releases up to 4.11"), "{text}");
        assert!(stages.iter().all(|stage| text.contains(stage)), "{text}");
        assert_eq!(text.matches(" → ").count() > 0, !stages.is_empty(), "{text}");
    }
}

#[test]
fn tags_that_are_not_known_are_asked_for_with_what_the_line_has() {
    let refusal = Central::at("3.62.1").upgraded_to("3.64.2").expect_err("a refusal");
    let text = refusal.into_failure().render();
    for flag in [
        "--image scanner=registry.redhat.io/rh-acs/scanner:2.18.0",
        "--image scanner-db=registry.redhat.io/rh-acs/scanner-db:2.18.0",
        "--image collector=registry.redhat.io/rh-acs/collector:3.2.0-slim",
    ] {
        assert!(text.contains(flag), "{flag}: {text}");
    }
    let refusal = Central::at("3.62.1").upgraded_to("3.65.0").expect_err("a refusal");
    let text = refusal.into_failure().render();
    assert!(text.contains("scanner=registry.redhat.io/rh-acs/scanner:TAG"), "{text}");
}

#[test]
fn unknown_releases_and_empty_namespaces_are_refused() {
    assert!(matches!(
        Central::at("3.69.2").upgraded_to("3.99.0"),
        Err(Refusal::UnknownTarget { .. })
    ));
    let mut nothing = Central::at("3.69.2");
    nothing.0.objects.clear();
    assert!(matches!(
        nothing.upgraded_to("3.74.9"),
        Err(Refusal::Unfit(Unfit::NotInstalled { .. }))
    ));
    nothing.0.namespace_exists = false;
    assert!(matches!(
        nothing.upgraded_to("3.74.9"),
        Err(Refusal::Unfit(Unfit::NoNamespace { .. }))
    ));
}

#[test]
fn an_scc_of_somebody_else_stays() {
    let mut central = Central::on("3.62.1", Platform::OpenShift);
    central.object("SecurityContextConstraints", "collector")["users"] =
        json!(["system:serviceaccount:logging:collector"]);
    let plan = central.upgraded_to("3.69.2").expect("a plan");
    let deleted: Vec<&str> = plan
        .steps
        .iter()
        .flat_map(|step| step.action.writes())
        .filter(|write| matches!(write, Write::Delete { .. }))
        .map(|write| write.object().name.as_str())
        .collect();
    assert_eq!(deleted, ["central", "scanner", "admission-control", "sensor"]);
}

#[test]
fn a_central_on_a_host_directory_keeps_its_right_to_it() {
    let mut central = Central::on("3.62.1", Platform::OpenShift);
    let spec = &mut central.object("Deployment", "central")["spec"]["template"]["spec"];
    spec["volumes"]
        .as_array_mut()
        .expect("volumes")
        .push(json!({"name": "disk", "hostPath": {"path": "/var/lib/stackrox"}}));
    let plan = central.upgraded_to("3.69.2").expect("a plan");
    let Action::Write { writes } = &plan.step("prepare-central").expect("a step").action else {
        panic!("writes");
    };
    let manifest = writes.iter().find_map(|write| match write {
        Write::Apply { manifest, .. } => Some(manifest),
        _ => None,
    });
    assert_eq!(manifest.expect("an SCC")["allowHostDirVolumePlugin"], true);
}

#[test]
fn an_object_that_moved_is_noticed() {
    let mut central = Central::at("3.62.1");
    let plan = central.upgraded_to("3.69.2").expect("a plan");
    assert_eq!(moved(&plan, |object| central.0.find(object)), []);
    central.object("Deployment", "sensor")["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    let moved = moved(&plan, |object| central.0.find(object));
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].name, "sensor");
}

#[test]
fn automatic_upgrade_replaces_the_secured_steps() {
    let mut central = Central::at("3.62.1");
    central.0.central.auto_upgrade = Some(true);
    let plan = central.upgraded_to("3.69.2").expect("a plan");
    assert!(ids(&plan).contains(&"sensor-upgrader"));
    assert!(!ids(&plan).contains(&"collector"));
}

#[test]
fn a_cluster_that_helm_upgrades_is_not_left_to_the_upgrader() {
    let mut central = Central::at("3.62.1");
    central.0.central.auto_upgrade = Some(true);
    let mut cluster = SecuredCluster { id: "a".to_owned(), ..SecuredCluster::default() };
    cluster.upgradability = "UP_TO_DATE".to_owned();
    for (manager, awaits) in [("MANAGER_TYPE_MANUAL", true), ("MANAGER_TYPE_HELM_CHART", false)] {
        cluster.managed_by = manager.to_owned();
        central.0.central.clusters = vec![cluster.clone()];
        let plan = central.upgraded_to("3.69.2").expect("a plan");
        assert_eq!(ids(&plan).contains(&"sensor-upgrader"), awaits, "{manager}");
    }
}

#[test]
fn constraints_that_may_not_be_read_are_not_taken_for_missing() {
    let unreadable = |version: &str| {
        let mut central = Central::on(version, Platform::OpenShift);
        central.0.objects.retain(|object| object["kind"] != "SecurityContextConstraints");
        central.0.unread.insert("SecurityContextConstraints".into(), "forbidden".into());
        let plan = central.upgraded_to("3.69.2").expect("a plan");
        let asked = common::checks::permissions(&plan);
        let asks = asked.iter().any(|it| it.resource == "securitycontextconstraints");
        let writes = plan.steps.iter().flat_map(|step| step.action.writes());
        let is_one = |write: &Write| write.object().kind == "SecurityContextConstraints";
        (writes.into_iter().any(is_one), asks)
    };
    // The release that runs has them already: an administrator of the namespace is enough.
    assert_eq!(unreadable("3.66.1"), (false, false));
    // Here the way there makes them, whoever may.
    assert_eq!(unreadable("3.62.1"), (true, true));
}

#[test]
fn an_autoscaler_keeps_its_limits_when_it_shall() {
    let single = || {
        let mut central = Central::at("3.66.1");
        let spec = &mut central.object("HorizontalPodAutoscaler", "scanner")["spec"];
        spec["minReplicas"] = json!(1);
        central
    };
    let raises = |keep_replicas: bool| {
        let wish = Request { keep_replicas, ..request("3.69.2") };
        let plan = plan(&single().0, &wish).expect("a plan");
        let mut writes = plan.steps.iter().flat_map(|step| step.action.writes());
        let write = writes.find(|write| write.object().kind == "HorizontalPodAutoscaler")?;
        let Write::Patch { body, .. } = write else { unreachable!("{write:?}") };
        Some(body["spec"].clone())
    };
    assert_eq!(raises(false), Some(json!({"minReplicas": 2})));
    assert_eq!(raises(true), None);
}

#[test]
fn data_that_go_with_the_pod_do_not_come_back_with_its_deployment() {
    let undo = |central: &Central| {
        let plan = central.upgraded_to("3.69.2").expect("a plan");
        plan.step("central").expect("a step").undo.clone()
    };
    let mut central = Central::at("3.66.1");
    assert!(matches!(undo(&central), common::plan::Undo::Partly { .. }));
    let volumes =
        &mut central.object("Deployment", "central")["spec"]["template"]["spec"]["volumes"];
    for volume in volumes.as_array_mut().expect("volumes") {
        if volume["name"] == "stackrox-db" {
            *volume = json!({"name": "stackrox-db", "persistentVolumeClaim": {"claimName": "x"}});
        }
    }
    assert_eq!(undo(&central), common::plan::Undo::Restore);
}
