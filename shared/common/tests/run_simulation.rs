//! The runner with the real executor against the embedded cluster.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

#[path = "run_simulation/kept.rs"]
mod kept;
#[path = "run_simulation/trouble.rs"]
mod trouble;

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::central::{CentralClient, CentralOptions, Credentials};
use common::cluster::{Cluster, ConnectionArgs, Lease, Options, Records};
use common::exit::Exit;
use common::plan::{
    Action, Basis, Operation, PLAN_SCHEMA, PatchKind, Plan, Running, ScannerConfig, Step, Undo,
    Verification, Write, basis_digest,
};
use common::rhacs::{ClusterIdentity, Component, ObjectRef, Platform, Version, official};
use common::run::{
    ClusterExecutor, ClusterJournal, Ending, Event, Events, Interrupt, OutcomeResult, Record, Run,
    RunState, Runner, StepState, lock,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sim::clock::Clock;
use sim::faults::{ClusterFault, Script};
use sim::simulation::Simulation;

const FROM: Version = Version::release(3, 62, 1);
const TO: Version = Version::release(3, 69, 2);

/// An installation in the embedded cluster, and the clients of one process.
struct Installation {
    sim: Simulation,
    cluster: Cluster,
    central: CentralClient,
    directory: tempfile::TempDir,
}

impl Installation {
    async fn start(script: Script) -> Self {
        Self::start_at(Clock::scaled(5_000.0), script).await
    }

    async fn start_at(clock: Clock, script: Script) -> Self {
        let sim = Simulation::builder()
            .objects(official::objects(&FROM, Platform::Kubernetes, "stackrox"))
            .faults(script)
            .clock(clock)
            .start()
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), sim.kubeconfig()).unwrap();
        let options = Options::default();
        let cluster = connect(&directory, &options).await;
        let secret = ObjectRef::namespaced("v1", "Secret", "stackrox", "central-tls");
        let secret = cluster.read(&secret).await.unwrap().unwrap();
        let ca = common::cluster::decoded(&secret, "ca.pem").unwrap();
        let access = CentralOptions {
            endpoint: None,
            credentials: Some(Credentials::Token(sim.admin_token())),
            ca: None,
            server_name: None,
            insecure: false,
            proxy: None,
        };
        let central = CentralClient::new(&access, &cluster, Some(&ca), &options).unwrap();
        Self { sim, cluster, central, directory }
    }

    /// A connection of another process.
    async fn connect(&self, options: &Options) -> Cluster {
        connect(&self.directory, options).await
    }

    async fn read(&self, object: &ObjectRef) -> Value {
        self.cluster.read(object).await.unwrap().unwrap()
    }

    async fn image(&self, name: &str) -> String {
        let object = self.read(&ObjectRef::deployment("stackrox", name)).await;
        let containers = &object["spec"]["template"]["spec"]["containers"];
        containers[0]["image"].as_str().unwrap().to_owned()
    }

    /// A plan that upgrades Central and everything after it, as the guide does.
    async fn plan(&self) -> Plan {
        let (mut before, mut basis, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let directory = self.directory.path().to_str().unwrap().to_owned();
        steps.push(step("backup", None, Action::Backup { directory }));
        for (name, component) in [
            ("central", Component::Central),
            ("scanner", Component::Scanner),
            ("sensor", Component::Secured),
        ] {
            let object = ObjectRef::deployment("stackrox", name);
            let now = self.read(&object).await;
            let image = self.image(name).await;
            let mut write = step(name, Some(component), set_image(&object, name, &image));
            write.verify.push(Verification::Rollout { object: object.clone() });
            if name == "central" {
                write.verify.push(Verification::CentralServes { version: TO });
            }
            if name == "scanner" {
                let action = Action::ScannerBundle { config: ScannerConfig::Keep };
                steps.push(step("scanner-bundle", Some(component), action));
            }
            steps.push(write);
            let uid = now["metadata"]["uid"].as_str().map(str::to_owned);
            basis.push(Basis { object: object.clone(), uid, digest: Some(basis_digest(&now)) });
            before.push(Running { component, object, container: name.to_owned(), image });
        }
        steps.push(step("verify", None, Action::VerifyAll { version: TO }));
        steps.push(step("token", None, Action::RevokeToken));
        Plan {
            schema: PLAN_SCHEMA,
            tool: "0.1.0".to_owned(),
            operation: Operation::Upgrade,
            cluster: ClusterIdentity::default(),
            namespace: "stackrox".to_owned(),
            platform: Platform::Kubernetes,
            from: FROM,
            to: TO,
            components: Component::ALL.to_vec(),
            before,
            basis,
            steps,
            course: None,
            digest: String::new(),
        }
        .sealed()
    }

    /// Runs `record` as one process would; returns the events as well.
    async fn run(&self, record: Record, journal: ClusterJournal<'_>) -> (Run, Vec<Event>) {
        let (events, receiver) = events(&record.id);
        let run = self.run_with(record, journal, &events, Interrupt::never()).await;
        drop(events);
        (run, receiver.try_iter().collect())
    }

    async fn run_with(
        &self,
        record: Record,
        mut journal: ClusterJournal<'_>,
        events: &Events,
        interrupt: Interrupt,
    ) -> Run {
        let central = Some(self.central.clone());
        let executor = ClusterExecutor::new(self.cluster.clone(), central, record.plan.clone())
            .with_token_credentials(true);
        Runner::new(&executor, &mut journal, events, interrupt).run(record).await
    }

    async fn upgrade(&self) -> (Run, Vec<Event>) {
        let record = new_record(self.plan().await);
        self.run(record, ClusterJournal::new(&self.cluster)).await
    }
}

async fn connect(directory: &tempfile::TempDir, options: &Options) -> Cluster {
    let kubeconfig = Some(directory.path().join("kubeconfig"));
    let args = ConnectionArgs { kubeconfig, ..ConnectionArgs::default() };
    Cluster::connect(&args, options).await.unwrap()
}

fn events(run: &str) -> (Events, Receiver<Event>) {
    let (sender, receiver) = channel();
    let sink = move |stamped: common::run::Stamped| drop(sender.send(stamped.event));
    (Events::new(run, Timestamp::now, sink), receiver)
}

fn new_record(plan: Plan) -> Record {
    let now = Timestamp::now();
    Record::new("20240229-120000-0007".to_owned(), plan, "eve".to_owned(), "laptop".to_owned(), now)
}

fn step(id: &str, component: Option<Component>, action: Action) -> Step {
    Step {
        id: id.to_owned(),
        component,
        title: format!("Do {id}"),
        action,
        changes: Vec::new(),
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: 60,
    }
}

fn set_image(object: &ObjectRef, container: &str, image: &str) -> Action {
    let (repository, _) = image.rsplit_once(':').unwrap();
    let tag = if container == "scanner" { "2.17.2" } else { "3.69.2" };
    let mut patch = json!({"name": container, "image": format!("{repository}:{tag}")});
    if container == "sensor" {
        patch["readinessProbe"] = json!({"httpGet": {"path": "/ready"}});
    }
    let body = json!({"spec": {"template": {"spec": {"containers": [patch]}}}});
    let (object, patch) = (object.clone(), PatchKind::Strategic);
    Action::Write { writes: vec![Write::Patch { object, patch, body }] }
}

#[tokio::test]
async fn an_upgrade_goes_through_and_leaves_a_record() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(installation.plan().await);
    let id = record.id.clone();
    let held = lock(&installation.cluster, "eve", "laptop", 1, &id).await.unwrap();
    let journal = ClusterJournal::new(&installation.cluster).under(&held);
    let before = installation.sim.requests().len();
    let (run, events) = installation.run(record, journal).await;
    let requests = installation.sim.requests().len() - before;
    assert!(requests <= 50, "{requests} requests");
    let Ending::Finished(report) = &run.ending else { panic!("{:?}", run.ending) };
    assert_eq!(report.exit, Exit::Done, "{:?}", report.warnings);
    assert!(report.components.iter().all(|component| component.healthy), "{report:?}");
    assert!(report.components[0].is.ends_with(":3.69.2"));
    assert!(report.clusters.iter().all(|cluster| cluster.verified));
    let backup = report.backup.clone().unwrap();
    assert!(Path::new(&backup.path).exists() && backup.sha256.len() == 64);
    assert!(matches!(events.last(), Some(Event::RunFinished { .. })));

    let central = installation.read(&ObjectRef::deployment("stackrox", "central")).await;
    let cause = central["metadata"]["annotations"]["kubernetes.io/change-cause"].as_str().unwrap();
    assert!(cause.starts_with("kubectl rhacs upgrade --to 3.69.2 (run "), "{cause}");

    let (_, stored) = ClusterJournal::open(&installation.cluster, &id).await.unwrap().unwrap();
    assert_eq!(stored, run.record);
    let labels = &Records::new(&installation.cluster).list().await.unwrap()[0].labels;
    assert_eq!(labels["rhacs.kubectl/state"], "finished");
    held.release().await.unwrap();
    assert!(Lease::current(&installation.cluster).await.unwrap().is_none());
    for request in installation.sim.requests() {
        assert!(!format!("{request:?}").contains("embedded-cluster-admin-token"));
    }
}

#[tokio::test]
async fn a_pull_that_fails_ends_in_seconds_and_is_named() {
    let script = Script::default().cluster(ClusterFault::broken_pull("*/main:3.69.2"));
    let installation = Installation::start(script).await;
    let (run, events) = installation.upgrade().await;
    let Ending::Failed { step, error } = &run.ending else { panic!("{:?}", run.ending) };
    assert_eq!(step.as_deref(), Some("central"));
    assert!(error.message.contains("ImagePull"), "{}", error.message);
    assert_eq!(error.exit, Exit::StepFailed);
    assert_eq!(run.record.state, RunState::Failed);
    assert!(matches!(events.last(), Some(Event::RunFailed { .. })));
}

#[tokio::test]
async fn a_migration_that_fails_is_told_with_its_log() {
    let fault = ClusterFault::FailedMigration { message: "disk is full".to_owned() };
    let installation = Installation::start(Script::default().cluster(fault)).await;
    let (run, _) = installation.upgrade().await;
    let Ending::Failed { error, .. } = &run.ending else { panic!("{:?}", run.ending) };
    let text = format!("{error} {:?}", error.logs);
    assert!(text.contains("disk is full"), "{text}");
}

#[tokio::test]
async fn a_change_by_someone_else_stops_the_run_and_is_named() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(installation.plan().await);
    let scanner = ObjectRef::deployment("stackrox", "scanner");
    let body = json!({"spec": {"template": {"spec": {"priorityClassName": "high"}}}});
    let options = common::cluster::WriteOptions::default();
    installation.cluster.patch(&scanner, PatchKind::Merge, &body, &options).await.unwrap();
    let (run, _) = installation.run(record, ClusterJournal::new(&installation.cluster)).await;
    let Ending::Failed { step: None, error } = &run.ending else { panic!("{:?}", run.ending) };
    assert_eq!(error.exit, Exit::PlanStale);
    assert_eq!(error.message, "`deploy/scanner` was changed since the plan was made");
    assert!(installation.image("central").await.contains("62"), "nothing was changed");
    assert!(Records::new(&installation.cluster).list().await.unwrap().is_empty());
}

#[tokio::test]
async fn scaling_meanwhile_does_not_matter() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(installation.plan().await);
    let central = Some(installation.central.clone());
    let executor = ClusterExecutor::new(installation.cluster.clone(), central, record.plan.clone());
    let scanner = ObjectRef::deployment("stackrox", "scanner");
    let known = installation.read(&scanner).await;
    let executor = executor.with_objects([&known]).with_token_credentials(true);
    let body = json!({"spec": {"replicas": 2}});
    let options = common::cluster::WriteOptions::default();
    installation.cluster.patch(&scanner, PatchKind::Merge, &body, &options).await.unwrap();
    let mut journal = ClusterJournal::new(&installation.cluster);
    let (events, _receiver) = events(&record.id);
    let run = Runner::new(&executor, &mut journal, &events, Interrupt::never()).run(record).await;
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    assert_eq!(installation.read(&scanner).await["spec"]["replicas"], 2);
}

#[tokio::test]
async fn without_credentials_it_is_said_what_was_not_verified() {
    let installation = Installation::start(Script::default()).await;
    let mut plan = installation.plan().await;
    plan.steps.retain(|step| ["central", "sensor", "verify"].contains(&step.id.as_str()));
    let record = new_record(plan.sealed());
    let executor = ClusterExecutor::new(installation.cluster.clone(), None, record.plan.clone());
    let mut journal = ClusterJournal::new(&installation.cluster);
    let (events, _receiver) = events(&record.id);
    let run = Runner::new(&executor, &mut journal, &events, Interrupt::never()).run(record).await;
    let report = run.into_result().unwrap();
    assert_eq!(report.exit, Exit::Done);
    assert!(report.warnings.iter().any(|warning| warning.contains("without credentials")));
}

#[tokio::test]
async fn a_dry_run_asks_about_every_write_and_changes_nothing() {
    let installation = Installation::start(Script::default()).await;
    let mut plan = installation.plan().await;
    let bad = ObjectRef::deployment("stackrox", "sensor");
    let body = json!({"spec": {"replicas": -1}});
    let patch = PatchKind::Strategic;
    let writes = vec![Write::Patch { object: bad.clone(), patch, body }];
    plan.steps.push(step("bad", None, Action::Write { writes }));
    let record = new_record(plan);
    let executor = ClusterExecutor::new(installation.cluster.clone(), None, record.plan.clone());
    let (events, receiver) = events(&record.id);
    let central = ObjectRef::deployment("stackrox", "central");
    let before = installation.read(&central).await;
    let refusals = executor.dry_run(&record, &events, &Interrupt::never()).await.unwrap();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!((refusals[0].step.as_str(), &refusals[0].object), ("bad", &bad));
    assert!(refusals[0].reason.contains("spec.replicas"), "{}", refusals[0].reason);
    assert_eq!(installation.read(&central).await, before);
    assert!(receiver.try_iter().count() >= record.plan.steps.len());
}

#[tokio::test]
async fn a_process_killed_after_any_request_is_finished_by_the_next_one() {
    let reference = Installation::start(Script::default()).await;
    let before = reference.sim.requests().len();
    reference.upgrade().await;
    let all = reference.sim.requests().len() - before;
    for requests in [all / 3, 2 * all / 3, all - 3, all - 1] {
        let installation = Installation::start(Script::default()).await;
        let record = new_record(installation.plan().await);
        let (id, plan) = (record.id.clone(), record.plan.clone());
        let begin = installation.sim.requests().len();
        let killed = async {
            while installation.sim.requests().len() < begin + requests {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        tokio::select! {
            biased;
            () = killed => {}
            _ = installation.run(record, ClusterJournal::new(&installation.cluster)) => {}
        }
        let opened = ClusterJournal::open(&installation.cluster, &id).await.unwrap();
        let (journal, record) = match opened {
            Some((journal, mut record)) => {
                record.resume("eve".to_owned(), "laptop".to_owned(), Timestamp::now());
                (journal, record)
            }
            None => (ClusterJournal::new(&installation.cluster), new_record(plan)),
        };
        let (run, _) = installation.run(record, journal).await;
        assert_eq!(run.exit(), Exit::Done, "after {requests} requests: {:?}", run.ending);
        assert_eq!(run.record.state, RunState::Finished);
        for name in ["central", "sensor"] {
            assert!(installation.image(name).await.ends_with(":3.69.2"));
        }
    }
}

#[tokio::test]
async fn an_interruption_inside_a_wait_ends_it_at_once_and_is_recorded() {
    let fault = ClusterFault::NeverReady { workload: "scanner".to_owned() };
    // Slow enough that the controller does not give up first.
    let clock = Clock::scaled(200.0);
    let installation = Installation::start_at(clock, Script::default().cluster(fault)).await;
    let record = new_record(installation.plan().await);
    let id = record.id.clone();
    let (interrupter, interrupt) = Interrupt::pair();
    let sink = move |stamped: common::run::Stamped| {
        if matches!(&stamped.event, Event::Waiting { id, .. } if id == "scanner") {
            interrupter.raise();
        }
    };
    let events = Events::new(id.clone(), Timestamp::now, sink);
    let journal = ClusterJournal::new(&installation.cluster);
    let run = installation.run_with(record, journal, &events, interrupt).await;
    assert_eq!(run.exit(), Exit::Interrupted);
    let (_, stored) = ClusterJournal::open(&installation.cluster, &id).await.unwrap().unwrap();
    assert_eq!(stored.state, RunState::Interrupted);
    assert_eq!(stored.step_state("scanner"), StepState::Started);
    let outcome = stored.steps["scanner"].outcome.clone().unwrap();
    assert_eq!(outcome.result, OutcomeResult::Changed);
    assert_eq!(stored.steps["scanner"].wrote[0].object.name, "scanner");
}

#[tokio::test]
async fn a_large_record_is_stored_in_parts_and_comes_back() {
    let installation = Installation::start(Script::default()).await;
    let mut record = new_record(installation.plan().await);
    // Text that does not compress: digests of numbers.
    let noise: String = (0..30_000).map(|number| common::plan::digest_of(&json!(number))).collect();
    let object = ObjectRef::namespaced("v1", "ConfigMap", "stackrox", "large");
    let captured = common::run::Captured::new(object, Some(&json!({"data": {"a": noise}})));
    record.captured.insert("central".to_owned(), vec![captured]);
    assert!(record.encode().unwrap().len() > 900 << 10);
    let mut journal = ClusterJournal::new(&installation.cluster);
    common::run::Journal::save(&mut journal, &record).await.unwrap();
    common::run::Journal::save(&mut journal, &record).await.unwrap();
    let opened = ClusterJournal::open(&installation.cluster, &record.id).await.unwrap().unwrap();
    assert_eq!(opened.1, record);
}
