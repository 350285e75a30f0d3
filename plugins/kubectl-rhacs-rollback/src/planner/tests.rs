//! The planner against small installations and the records of runs that changed them.

use common::plan::{Action, Change, PatchKind, Undo};
use common::rhacs::migrator::MigratorState;
use common::rhacs::{CentralFacts, UpgradeStatus, official};
use common::run::{Captured, StepRecord, StepState, Wrote};
use serde_json::{Value, json};

use super::*;

const OLD: Version = Version::release(3, 66, 1);
const NEW: Version = Version::release(3, 69, 2);

/// An installation with a history.
struct House {
    snapshot: Snapshot,
    ground: Ground,
    records: Vec<Record>,
}

impl House {
    fn at(version: &Version) -> Self {
        let objects = official::objects(version, Platform::Kubernetes, "stackrox");
        let objects = objects.into_iter().enumerate().map(|(index, mut object)| {
            object["metadata"]["uid"] = json!(format!("uid-{index}"));
            object
        });
        let snapshot = Snapshot {
            namespace: "stackrox".to_owned(),
            namespace_exists: true,
            platform: Some(Platform::Kubernetes),
            objects: objects.collect(),
            taken_at: "2026-01-02T12:00:00Z".to_owned(),
            central: CentralFacts { version: Some(version.clone()), ..CentralFacts::default() },
            ..Snapshot::default()
        };
        Self { snapshot, ground: Ground::default(), records: Vec::new() }
    }

    fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        let mut all = self.snapshot.objects.iter_mut();
        all.find(|object| object["kind"] == kind && object["metadata"]["name"] == name).unwrap()
    }

    /// A run to `to` that sets the image of these workloads, one step each, and does `more`.
    fn upgraded(mut self, to: &Version, workloads: &[(&str, Component)]) -> Self {
        let from = self.snapshot.central.version.clone().unwrap();
        let mut record = Record::new(
            format!("19700101-000000-{:04x}", self.records.len()),
            plan_of(&from, to),
            "ann".to_owned(),
            "host".to_owned(),
            jiff_epoch(),
        );
        for (name, component) in workloads {
            let object = ObjectRef::deployment("stackrox", *name);
            let before = self.snapshot.find(&object).unwrap().clone();
            let container = &before["spec"]["template"]["spec"]["containers"][0];
            let image = container["image"].as_str().unwrap();
            let image = format!("{}:{to}", image.rsplit_once(':').unwrap().0);
            let body = json!({"spec": {"template": {"spec": {"containers": [
                {"name": container["name"], "image": image}]}}}});
            let after = common::plan::apply_patch(&before, &body, PatchKind::Strategic);
            *self.object("Deployment", name) = after.clone();
            let write = Write::Patch { object: object.clone(), patch: PatchKind::Strategic, body };
            note(&mut record, name, *component, write, Some(&before), Some(&after));
        }
        self.snapshot.central.version = Some(to.clone());
        self.records.insert(0, record);
        self
    }

    /// The newest run also created `object`.
    fn created(mut self, id: &str, component: Component, mut object: Value) -> Self {
        object["metadata"]["uid"] = json!("uid-created");
        let reference = ObjectRef::of(&object).unwrap();
        let write = Write::Apply { object: reference, manifest: object.clone() };
        note(&mut self.records[0], id, component, write, None, Some(&object));
        self.snapshot.objects.push(object);
        self
    }

    /// The newest run also deleted an object.
    fn deleted(mut self, id: &str, component: Component, kind: &str, name: &str) -> Self {
        let before = self.object(kind, name).clone();
        self.snapshot.objects.retain(|object| *object != before);
        let write = Write::Delete { object: ObjectRef::of(&before).unwrap() };
        note(&mut self.records[0], id, component, write, Some(&before), None);
        self
    }

    fn back(&self, request: &Request) -> Result<Proposed, Refusal> {
        let way = Way::Records { records: self.records.clone(), is_named: false };
        plan(&self.snapshot, &way, request, &self.ground)
    }
}

fn jiff_epoch() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}

fn plan_of(from: &Version, to: &Version) -> Plan {
    Plan {
        schema: PLAN_SCHEMA,
        tool: "kubectl-rhacs 0.1.0".to_owned(),
        operation: Operation::Upgrade,
        cluster: common::rhacs::ClusterIdentity::default(),
        namespace: "stackrox".to_owned(),
        platform: Platform::Kubernetes,
        from: from.clone(),
        to: to.clone(),
        components: Component::ALL.into(),
        before: Vec::new(),
        basis: Vec::new(),
        steps: Vec::new(),
        course: None,
        digest: String::new(),
    }
}

fn note(
    record: &mut Record,
    id: &str,
    component: Component,
    write: Write,
    before: Option<&Value>,
    after: Option<&Value>,
) {
    let object = write.object().clone();
    let change = Change {
        rule: "test".to_owned(),
        object: Some(object.clone()),
        what: String::new(),
        why: String::new(),
        source: String::new(),
    };
    record.plan.steps.push(Step {
        id: id.to_owned(),
        component: Some(component),
        title: format!("Change {object}"),
        action: Action::Write { writes: vec![write] },
        changes: vec![change],
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: 60,
    });
    let mut entry = StepRecord::new(StepState::Done, record.started);
    entry.wrote.push(Wrote {
        object: object.clone(),
        uid: after.and_then(|after| after["metadata"]["uid"].as_str()).map(str::to_owned),
        resource_version: None,
        digest: after.map(common::plan::basis_digest),
    });
    record.captured.insert(id.to_owned(), vec![Captured::new(object, before)]);
    record.steps.insert(id.to_owned(), entry);
}

fn everything() -> Request {
    Request { components: Component::ALL.into(), ..Request::default() }
}

fn ids(way_back: &Proposed) -> Vec<&str> {
    way_back.plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn codes(way_back: &Proposed) -> Vec<&str> {
    way_back.findings.iter().map(|finding| finding.code.as_str()).collect()
}

const BOTH: [(&str, Component); 2] =
    [("central", Component::Central), ("sensor", Component::Secured)];

#[test]
fn a_run_goes_back_newest_change_first() {
    let house = House::at(&OLD).upgraded(&NEW, &BOTH);
    let back = house.back(&everything()).unwrap();
    assert_eq!(ids(&back), ["sensor", "force-rollback", "central", "force-rollback-off", "verify"]);
    assert_eq!((back.plan.from, back.plan.to), (NEW, OLD));
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back), ["force-rollback", "central", "force-rollback-off", "verify"]);
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-PARTIAL"));
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-DATA-LOST"));
    assert!(back.plan.is_intact());
}

#[test]
fn what_is_as_it_was_needs_nothing() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH);
    house.snapshot.objects = House::at(&OLD).snapshot.objects;
    let back = house.back(&everything()).unwrap();
    assert!(back.plan.is_empty() && back.findings.is_empty(), "{back:?}");
}

#[test]
fn a_central_that_never_started_needs_no_force() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH[..1]);
    house.snapshot.central.version = None;
    house.ground.log = Some(MigratorState::Failed { line: "Migrator failed: disk".to_owned() });
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back), ["central", "verify"]);
    assert!(!codes(&back).contains(&"RHACS-ROLLBACK-DATA-LOST"));
    house.ground.log = None;
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back)[0], "force-rollback", "in doubt it is forced");
}

#[test]
fn a_foreign_change_is_shown_three_ways_and_has_to_be_accepted() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH);
    let sensor = house.object("Deployment", "sensor");
    sensor["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    let back = house.back(&everything()).unwrap();
    let finding =
        back.findings.iter().find(|it| it.code == "RHACS-ROLLBACK-CHANGED-SINCE").unwrap();
    assert!(finding.is_blocking());
    let [field] = finding.fields.as_slice() else { panic!("{:?}", finding.fields) };
    assert_eq!((field.field.as_str(), field.now.as_str()), ("hostNetwork", "true"));
    assert_eq!([&field.before, &field.left], ["nothing", "nothing"]);
    assert!(finding.what.contains("1 field is not as run"), "{}", finding.what);
    house.object("Deployment", "sensor")["spec"]["replicas"] = json!(4);
}

#[test]
fn whole_objects_come_back_and_created_ones_go() {
    let scc = json!({
        "apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
        "metadata": {"name": "stackrox-sensor"}, "users": ["a"],
    });
    let house = House::at(&OLD)
        .upgraded(&NEW, &[])
        .created("prepare", Component::Secured, scc)
        .deleted("clean", Component::Secured, "Service", "sensor");
    let back = house.back(&everything()).unwrap();
    assert_eq!(ids(&back), ["clean", "prepare", "verify"]);
    let writes: Vec<&Write> =
        back.plan.steps.iter().flat_map(|step| step.action.writes()).collect();
    assert!(matches!(writes[0], Write::Restore { object, .. } if object.kind == "Service"));
    assert!(matches!(writes[1], Write::Delete { object } if object.name == "stackrox-sensor"));

    let mut foreign = house;
    foreign.object("SecurityContextConstraints", "stackrox-sensor")["metadata"]["uid"] =
        json!("uid-of-another");
    let back = foreign.back(&everything()).unwrap();
    assert_eq!(ids(&back), ["clean", "verify"]);
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-LEFT"));
}

#[test]
fn a_secret_is_named_but_never_shown() {
    let mut house = House::at(&OLD).upgraded(&NEW, &[]);
    let secret = |data: &str| {
        json!({"apiVersion": "v1", "kind": "Secret",
               "metadata": {"name": "scanner-tls", "namespace": "stackrox", "uid": "s"},
               "data": {"key.pem": data}})
    };
    let (before, after) = (secret("Y2FuYXJ5"), secret("bmV3"));
    let object = ObjectRef::of(&before).unwrap();
    let write = Write::Apply { object: object.clone(), manifest: json!({}) };
    let scanner = Component::Scanner;
    note(&mut house.records[0], "bundle", scanner, write, Some(&before), Some(&after));
    house.ground.live.insert(object, after);
    let back = house.back(&everything()).unwrap();
    assert_eq!(ids(&back), ["bundle", "verify"]);
    let text = format!("{:?}{}", house.ground, serde_json::to_string(&back.plan).unwrap());
    assert!(!text.contains("Y2FuYXJ5") && !text.contains("bmV3"), "{text}");
    assert!(text.contains(&house.records[0].id));
}

#[test]
fn several_runs_go_back_to_the_oldest() {
    let last = Version::release(3, 74, 9);
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH).upgraded(&last, &BOTH[..1]);
    let back = house.back(&everything()).unwrap();
    assert_eq!((&back.plan.from, &back.plan.to), (&last, &OLD));
    assert_eq!(ids(&back), ["force-rollback", "central", "force-rollback-off", "sensor", "verify"]);
    // Central keeps only the copy from before its last upgrade.
    house.snapshot.central.upgrade_status =
        Some(UpgradeStatus { force_rollback_to: NEW.tag(), ..UpgradeStatus::default() });
    let back = house.back(&everything()).unwrap();
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-NO-COPY"), "{:?}", codes(&back));
}

#[test]
fn forcing_names_the_version_and_accepts_the_loss() {
    let house = House::at(&OLD).upgraded(&NEW, &BOTH);
    let force = |version: &Version| Request { force: Some(version.clone()), ..Request::default() };
    let back = plan(&house.snapshot, &Way::Image, &force(&OLD), &house.ground).unwrap();
    assert_eq!(ids(&back), ["force-rollback", "central", "force-rollback-off", "verify"]);
    let lost = back.findings.iter().find(|it| it.code == "RHACS-ROLLBACK-DATA-LOST").unwrap();
    assert!(lost.accepted);
    let Action::Write { writes } = &back.plan.steps[0].action else { panic!("no writes") };
    let Write::Patch { body, .. } = &writes[0] else { panic!("no patch") };
    let text = body["data"]["central-config.yaml"].as_str().unwrap();
    assert!(text.contains("forceRollbackVersion: 3.66.1"), "{text}");

    let none = plan(&house.snapshot, &Way::Image, &Request::default(), &house.ground);
    assert_eq!(none, Err(Refusal::ForceWithoutVersion));
    let up = plan(&house.snapshot, &Way::Image, &force(&Version::release(3, 74, 9)), &house.ground);
    assert!(matches!(up, Err(Refusal::NotLower { .. })), "{up:?}");
    let low =
        plan(&house.snapshot, &Way::Image, &force(&Version::release(3, 57, 2)), &house.ground);
    assert!(matches!(low, Err(Refusal::BelowFloor { .. })), "{low:?}");
    let other = house.back(&force(&Version::release(3, 63, 0)));
    assert!(matches!(other, Err(Refusal::OtherVersion { .. })), "{other:?}");
}

#[test]
fn an_older_central_that_is_refused_is_restarted_with_force() {
    let mut house = House::at(&OLD);
    house.snapshot.central.version = None;
    house.ground.log = Some(MigratorState::Refused { line: "force rollback".to_owned() });
    let request = Request { force: Some(OLD), ..Request::default() };
    let back = plan(&house.snapshot, &Way::Image, &request, &house.ground).unwrap();
    assert_eq!(ids(&back), ["force-rollback", "central", "force-rollback-off", "verify"]);
    assert_eq!(back.plan.steps[1].title, "Start deploy/central again");
}

#[test]
fn a_rollback_that_is_started_twice_does_not_go_forward_by_itself() {
    let mut house = House::at(&NEW).upgraded(&OLD, &BOTH[..1]);
    house.records[0].operation = Operation::Rollback;
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back), ["central", "verify"]);
    let finding = back.findings.iter().find(|it| it.code == "RHACS-ROLLBACK-FORWARD").unwrap();
    assert!(finding.is_blocking());
    let way = Way::Records { records: house.records.clone(), is_named: true };
    let back = plan(&house.snapshot, &way, &Request::default(), &house.ground).unwrap();
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-OF-ROLLBACK"));
}

#[test]
fn a_revision_gives_central_its_whole_template() {
    let house = House::at(&OLD);
    let central = house.snapshot.deployment("central").unwrap().object().clone();
    let set = |number: u32, image: &str| {
        let mut template = central["spec"]["template"].clone();
        template["spec"]["containers"][0]["image"] = json!(image);
        json!({
            "metadata": {
                "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
                "ownerReferences": [{"uid": central["metadata"]["uid"], "controller": true}],
            },
            "spec": {"template": template},
        })
    };
    let sets = [set(1, "r/main:3.63.0"), set(2, "r/main:3.66.1")];
    let revisions = revisions(&house.snapshot, &sets);
    let ground = Ground { revisions, ..Ground::default() };
    let way = Way::Revision { number: None };
    let back = plan(&house.snapshot, &way, &Request::default(), &ground).unwrap();
    assert_eq!(back.plan.to, Version::release(3, 63, 0));
    assert_eq!(ids(&back), ["force-rollback", "central", "force-rollback-off", "verify"]);
    let all = plan(&house.snapshot, &way, &everything(), &ground);
    assert!(matches!(all, Err(Refusal::NeedsRecord { .. })), "{all:?}");
}

#[test]
fn the_database_server_never_goes_back() {
    let (old, new) = (Version::release(4, 7, 1), Version::release(4, 8, 11));
    let workloads = [("central-db", Component::Central), ("central", Component::Central)];
    let house = House::at(&old).upgraded(&new, &workloads);
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back), ["central", "verify"]);
    assert!(codes(&back).contains(&"RHACS-ROLLBACK-POSTGRES"));
}

#[test]
fn another_manager_is_told_how_it_goes_back() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH);
    house.object("Deployment", "central")["metadata"]["labels"]["app.stackrox.io/managed-by"] =
        json!("operator");
    let failure = house.back(&Request::default()).unwrap_err().into_failure();
    assert_eq!(failure.exit(), common::exit::Exit::NoPath);
    assert!(failure.render().contains("forceRollbackVersion"), "{}", failure.render());
}

#[test]
fn what_another_manager_has_does_not_hold_up_the_rest() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH);
    house.object("Deployment", "sensor")["metadata"]["labels"]["app.stackrox.io/managed-by"] =
        json!("operator");
    let failure = house.back(&everything()).unwrap_err().into_failure().render();
    assert!(failure.contains("secured: managed by the RHACS operator"), "{failure}");
    assert!(failure.contains("--components central"), "{failure}");
    let central = Request { components: vec![Component::Central], ..Request::default() };
    assert!(house.back(&central).is_ok());
}

#[test]
fn what_pods_need_comes_first_and_what_only_the_newer_state_needs_goes_last() {
    let scc = |name: &str| {
        json!({
            "apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
            "metadata": {"name": name}, "users": ["a"],
        })
    };
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH);
    house.snapshot.objects.push(scc("stackrox-sensor"));
    house.snapshot.objects.push(scc("stackrox-central"));
    let mut house = house
        .created("prepare", Component::Secured, scc("created"))
        .deleted("clean", Component::Secured, "SecurityContextConstraints", "stackrox-sensor")
        .deleted("clean-2", Component::Central, "SecurityContextConstraints", "stackrox-central");
    let all = ["clean-2", "clean", "sensor", "force-rollback", "central", "force-rollback-off"];
    let wanted = [&all[..], &["prepare", "verify"]].concat();
    assert_eq!(ids(&house.back(&everything()).unwrap()), wanted);
    assert!(!codes(&house.back(&everything()).unwrap()).contains(&"RHACS-ROLLBACK-CHANGED-SINCE"));
    // A step for all components has none of its own: each object is that of its component.
    for step in &mut house.records[0].plan.steps {
        if step.id.starts_with("clean") {
            step.component = None;
        }
    }
    let back = house.back(&everything()).unwrap();
    assert_eq!(ids(&back)[..2], ["clean-2-central", "clean-secured"]);
    let central = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&central)[0], "clean-2-central");
}

#[test]
fn a_run_of_scc_leaves_every_version_as_it_is() {
    let mut house = House::at(&OLD).upgraded(&OLD, &[]);
    house.records[0].operation = Operation::Scc;
    house.records[0].plan.to = Version::release(4, 4, 0);
    let object = ObjectRef::deployment("stackrox", "central");
    let before = house.snapshot.find(&object).unwrap().clone();
    let marked = json!({"openshift.io/required-scc": "nonroot-v2"});
    let body = json!({"spec": {"template": {"metadata": {"annotations": marked}}}});
    let after = common::plan::apply_patch(&before, &body, PatchKind::Strategic);
    *house.object("Deployment", "central") = after.clone();
    let write = Write::Patch { object, patch: PatchKind::Strategic, body };
    let component = Component::Central;
    note(&mut house.records[0], "central", component, write, Some(&before), Some(&after));
    // What would block a way back to another version.
    house.snapshot.central.upgrade_status = Some(UpgradeStatus::default());
    let back = house.back(&Request::default()).unwrap();
    assert_eq!(ids(&back), ["central", "verify"]);
    assert_eq!((&back.plan.from, &back.plan.to), (&OLD, &OLD));
    assert_eq!(codes(&back), ["RHACS-ROLLBACK-SCC-RUN"]);
    assert!(back.findings[0].fix.contains("kubectl rhacs scc restore"), "{:?}", back.findings);
    // An upgrade below it is a way back to its version, as ever.
    let mut both = House::at(&OLD).upgraded(&NEW, &BOTH[..1]);
    let mut scc = house.records.remove(0);
    scc.plan.from = NEW;
    both.records.insert(0, scc);
    let back = both.back(&Request::default()).unwrap();
    assert_eq!((&back.plan.from, &back.plan.to), (&NEW, &OLD));
    assert!(ids(&back).contains(&"force-rollback"));
}

#[test]
fn what_centrals_own_upgrader_did_is_said_and_left() {
    let mut house = House::at(&OLD).upgraded(&NEW, &BOTH[..1]);
    let write = Write::Delete { object: ObjectRef::deployment("stackrox", "none") };
    note(&mut house.records[0], "sensor-upgrader", Component::Secured, write, None, None);
    let step = house.records[0].plan.steps.last_mut().unwrap();
    step.action = Action::AwaitUpgrader { version: NEW };
    house.records[0].captured.remove("sensor-upgrader");
    let back = house.back(&everything()).unwrap();
    assert!(!back.plan.components.contains(&Component::Secured), "{:?}", back.plan.components);
    let finding = back.findings.iter().find(|it| it.code == "RHACS-ROLLBACK-BY-UPGRADER").unwrap();
    assert!(finding.is_blocking() && finding.fix.contains("turn automatic upgrade off"));
    let secured = Request { components: vec![Component::Secured], ..Request::default() };
    let refused = house.back(&secured);
    assert!(matches!(refused, Err(Refusal::ByUpgrader { .. })), "{refused:?}");
    let alone = house.back(&Request::default()).unwrap();
    assert!(!codes(&alone).contains(&"RHACS-ROLLBACK-BY-UPGRADER"));
}
