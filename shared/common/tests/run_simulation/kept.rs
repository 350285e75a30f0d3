//! What somebody else does to the objects of a run while it goes: exit 0 means that all of it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::run::{
    Captured, Conclusion, Execute, Outcome, Probe, StepContext, StepError, Verified,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sim::store::{DeleteOptions, Store, Subresource, Writer};

use super::*;

const DEPLOYMENTS: &str = "deployments.apps";
const NAMESPACE: Option<&str> = Some("stackrox");

/// What somebody does to a Deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    /// Its image is what it was before the run.
    PutImageBack,
    /// A field that the run wrote is another one.
    ChangeField,
    ScaleToZero,
    Delete,
    /// A pod with its labels runs the old image.
    RunOldPod,
}

/// One deed during a run.
#[derive(Clone, Debug)]
struct Interference {
    deed: Deed,
    target: &'static str,
    /// After so many requests of the run.
    after: usize,
    /// Whether it is done again whenever somebody undoes it.
    insists: bool,
}

/// The Deployments as they were before the run, and who interferes with them.
struct Meddler {
    store: Store,
    before: Vec<Value>,
    /// No more deeds: the last look has begun.
    closed: AtomicBool,
}

impl Meddler {
    fn new(store: &Store) -> Self {
        let read = |name: &str| store.read(DEPLOYMENTS, NAMESPACE, name).unwrap().as_ref().clone();
        let before = ["scanner", "sensor"].map(read).into();
        Self { store: store.clone(), before, closed: AtomicBool::new(false) }
    }

    fn before(&self, target: &str) -> &Value {
        self.before.iter().find(|object| object["metadata"]["name"] == target).unwrap()
    }

    fn image_before(&self, target: &str) -> Value {
        self.before(target)["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    }

    fn change(&self, target: &str, change: impl FnOnce(&mut Value)) {
        let by = Writer::new("meddler");
        // What is deleted cannot be changed.
        drop(self.store.modify(DEPLOYMENTS, NAMESPACE, target, Subresource::Main, &by, change));
    }

    fn carry_out(&self, deed: Deed, target: &str) {
        match deed {
            Deed::PutImageBack => {
                let image = self.image_before(target);
                self.change(target, |object| container(object)["image"] = image);
            }
            Deed::ChangeField => self.change(target, |object| {
                container(object)["readinessProbe"]["httpGet"]["path"] = json!("/elsewhere");
                container(object)["readinessProbe"]["httpGet"]["port"] = json!(8443);
            }),
            Deed::ScaleToZero => {
                self.change(target, |object| object["spec"]["replicas"] = json!(0))
            }
            Deed::Delete => {
                let options = DeleteOptions::default();
                drop(self.store.delete(DEPLOYMENTS, NAMESPACE, target, &options));
            }
            Deed::RunOldPod => {
                let pod = json!({
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": format!("old-{target}"), "namespace": "stackrox",
                                 "labels": {"app": target}},
                    "spec": {"containers": [{"name": target, "image": self.image_before(target)}]},
                });
                drop(self.store.create("pods", pod, &Writer::new("meddler")));
            }
        }
    }

    /// Whether the deed still shows.
    fn shows(&self, deed: Deed, target: &str) -> bool {
        let Some(now) = self.store.read(DEPLOYMENTS, NAMESPACE, target) else {
            return deed != Deed::RunOldPod;
        };
        let container = &now["spec"]["template"]["spec"]["containers"][0];
        match deed {
            Deed::PutImageBack => container["image"] == self.image_before(target),
            Deed::ChangeField => container["readinessProbe"]["httpGet"]["path"] == "/elsewhere",
            Deed::ScaleToZero => now["spec"]["replicas"] == 0,
            Deed::Delete => false,
            Deed::RunOldPod => {
                self.store.read("pods", NAMESPACE, &format!("old-{target}")).is_some()
            }
        }
    }

    /// Interferes until the last look begins.
    async fn interfere(&self, deeds: &[Interference], sim: &Simulation, begin: usize) {
        let mut left: Vec<&Interference> = deeds.iter().collect();
        while !self.closed.load(Ordering::SeqCst) {
            let requests = sim.requests().len() - begin;
            left.retain(|it| {
                let is_due = it.after <= requests && !self.shows(it.deed, it.target);
                if is_due {
                    self.carry_out(it.deed, it.target);
                }
                !is_due || it.insists
            });
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What an administrator does before the run is resumed: what no run may do by itself.
    async fn mend(&self) {
        for target in ["scanner", "sensor"] {
            let pod = format!("old-{target}");
            drop(self.store.delete("pods", NAMESPACE, &pod, &DeleteOptions::default()));
            if self.store.read(DEPLOYMENTS, NAMESPACE, target).is_none() {
                let mut again = self.before(target).clone();
                let metadata = again["metadata"].as_object_mut().unwrap();
                metadata.retain(|name, _| ["name", "namespace", "labels"].contains(&name.as_str()));
                again.as_object_mut().unwrap().remove("status");
                self.store.create(DEPLOYMENTS, again, &Writer::new("administrator")).unwrap();
            }
            self.change(target, |object| object["spec"]["replicas"] = json!(1));
        }
        while ["old-scanner", "old-sensor"]
            .iter()
            .any(|pod| self.store.read("pods", NAMESPACE, pod).is_some())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What of the plan does not hold, and what serves without being of it.
    fn wrong(&self, plan: &Plan) -> Vec<String> {
        let mut wrong = Vec::new();
        for target in ["scanner", "sensor"] {
            let Some(now) = self.store.read(DEPLOYMENTS, NAMESPACE, target) else {
                wrong.push(format!("{target} is gone"));
                continue;
            };
            let Action::Write { writes } = &plan.step(target).unwrap().action else { continue };
            for write in writes {
                let Write::Patch { body, .. } = write else { continue };
                let missing = common::plan::unsatisfied(&now, body);
                wrong.extend(missing.iter().map(|it| format!("{target}: {}", it.path_text())));
            }
            let image = &now["spec"]["template"]["spec"]["containers"][0]["image"];
            for pod in self.store.list("pods", NAMESPACE) {
                let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
                let mut ready = conditions.filter(|it| it["type"] == "Ready");
                let serves = pod["metadata"]["deletionTimestamp"].is_null()
                    && ready.any(|it| it["status"] == "True");
                if pod["metadata"]["labels"]["app"] == target
                    && serves
                    && pod["spec"]["containers"][0]["image"] != *image
                {
                    wrong.push(format!("{} serves", pod["metadata"]["name"]));
                }
            }
        }
        wrong
    }
}

fn container(object: &mut Value) -> &mut Value {
    &mut object["spec"]["template"]["spec"]["containers"][0]
}

/// The executor of a run with whom nobody interferes any more once the last look begins: what
/// happens after it no run can know.
struct UntilLastLook<'a> {
    inner: &'a ClusterExecutor,
    meddler: &'a Meddler,
}

impl Execute for UntilLastLook<'_> {
    async fn capture(&self, step: &Step) -> Result<Vec<Captured>, StepError> {
        self.inner.capture(step).await
    }

    async fn probe(&self, step: &Step, context: &StepContext<'_>) -> Result<Probe, StepError> {
        self.inner.probe(step, context).await
    }

    async fn prepare(&self, step: &Step, context: &StepContext<'_>) -> Result<(), StepError> {
        self.inner.prepare(step, context).await
    }

    async fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, StepError> {
        self.inner.apply(step, context).await
    }

    async fn verify(&self, step: &Step, context: &StepContext<'_>) -> Result<Verified, StepError> {
        self.inner.verify(step, context).await
    }

    async fn confirm(&self, step: &Step, context: &StepContext<'_>) -> Result<Verified, StepError> {
        self.meddler.closed.store(true, Ordering::SeqCst);
        self.inner.confirm(step, context).await
    }

    async fn conclude(&self, record: &Record) -> Conclusion {
        self.meddler.closed.store(true, Ordering::SeqCst);
        self.inner.conclude(record).await
    }
}

/// Runs an upgrade with which somebody interferes.
async fn interfered(
    installation: &Installation,
    meddler: &Meddler,
    record: Record,
    deeds: &[Interference],
) -> Run {
    let begin = installation.sim.requests().len();
    let central = Some(installation.central.clone());
    let inner = ClusterExecutor::new(installation.cluster.clone(), central, record.plan.clone())
        .with_token_credentials(true);
    let executor = UntilLastLook { inner: &inner, meddler };
    let mut journal = ClusterJournal::new(&installation.cluster);
    let (events, _receiver) = events(&record.id);
    let runner = Runner::new(&executor, &mut journal, &events, Interrupt::never());
    let interference = meddler.interfere(deeds, &installation.sim, begin);
    let (run, ()) = tokio::join!(runner.run(record), interference);
    run
}

/// A plan that ends with a step behind its verification, so that the last look is one of its own.
async fn short_plan(installation: &Installation) -> Plan {
    let mut plan = installation.plan().await;
    let kept = ["central", "scanner", "sensor", "verify", "token"];
    plan.steps.retain(|step| kept.contains(&step.id.as_str()));
    for step in &mut plan.steps {
        step.timeout_seconds = if step.id == "verify" { 2 } else { 20 };
    }
    plan.sealed()
}

async fn resumed(installation: &Installation, id: &str) -> Option<Run> {
    resumed_with(installation, id, &events(id).0).await
}

async fn resumed_with(installation: &Installation, id: &str, events: &Events) -> Option<Run> {
    let opened = ClusterJournal::open(&installation.cluster, id).await.unwrap();
    let (journal, mut record) = opened?;
    record.resume("eve".to_owned(), "laptop".to_owned(), Timestamp::now());
    for step in &mut record.plan.steps {
        step.timeout_seconds = 60;
    }
    Some(installation.run_with(record, journal, events, Interrupt::never()).await)
}

fn interferences() -> impl Strategy<Value = Vec<Interference>> {
    let deed = prop_oneof![
        Just(Deed::PutImageBack),
        Just(Deed::ChangeField),
        Just(Deed::ScaleToZero),
        Just(Deed::Delete),
        Just(Deed::RunOldPod),
    ];
    let one = (deed, prop_oneof![Just("scanner"), Just("sensor")], 0_usize..60, any::<bool>());
    let one = one.prop_map(|(deed, target, after, insists)| {
        // The probe is written to the sensor only.
        let target = if deed == Deed::ChangeField { "sensor" } else { target };
        Interference { deed, target, after, insists: insists && deed != Deed::Delete }
    });
    prop::collection::vec(one, 1..3)
}

#[test]
fn exit_0_means_that_everything_written_is_there_and_serves() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&interferences(), |deeds| {
        runtime.block_on(async {
            let installation = Installation::start(Script::default()).await;
            let meddler = Meddler::new(installation.sim.store());
            let record = new_record(short_plan(&installation).await);
            let (id, plan) = (record.id.clone(), record.plan.clone());
            let run = interfered(&installation, &meddler, record, &deeds).await;
            let wrong = meddler.wrong(&plan);
            prop_assert!(
                run.exit() != Exit::Done || wrong.is_empty(),
                "{wrong:?}: {:?}",
                run.ending
            );
            if run.exit() == Exit::Done {
                return Ok(());
            }
            meddler.mend().await;
            let Some(run) = resumed(&installation, &id).await else { return Ok(()) };
            prop_assert_eq!(run.exit(), Exit::Done, "resumed: {:?}", run.ending);
            let wrong = meddler.wrong(&plan);
            prop_assert!(wrong.is_empty(), "resumed: {wrong:?}");
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_taken_back_is_told_with_its_field_and_who_did_it() {
    let installation = Installation::start(Script::default()).await;
    let meddler = Meddler::new(installation.sim.store());
    let record = new_record(short_plan(&installation).await);
    let id = record.id.clone();
    let back =
        Interference { deed: Deed::PutImageBack, target: "scanner", after: 0, insists: true };
    let run = interfered(&installation, &meddler, record, &[back]).await;
    let Ending::Failed { step, error } = &run.ending else { panic!("{:?}", run.ending) };
    assert_eq!((step.as_deref(), error.exit), (Some("scanner"), Exit::StepFailed));
    let text = error.to_string();
    let field = "`spec.template.spec.containers[scanner].image` is `";
    assert!(text.starts_with("`deploy/scanner` is not as this run wrote it: "), "{text}");
    assert!(text.contains(field) && text.contains("`meddler` wrote it at "), "{text}");
    assert!(error.hints.iter().any(|hint| hint.contains("upgrade resume")), "{:?}", error.hints);
    let run = resumed(&installation, &id).await.unwrap();
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    assert!(meddler.wrong(&run.record.plan).is_empty());
}

#[tokio::test]
async fn an_object_that_a_finalizer_holds_is_not_deleted_yet() {
    let installation = Installation::start(Script::default()).await;
    let object = ObjectRef::namespaced("v1", "ConfigMap", "stackrox", "old");
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "old", "namespace": "stackrox", "finalizers": ["test/hold"]}});
    let options = common::cluster::WriteOptions::default();
    installation.cluster.create(&manifest, &options).await.unwrap();
    let mut plan = installation.plan().await;
    let writes = vec![Write::Delete { object: object.clone() }];
    plan.steps = vec![step("delete", None, Action::Write { writes })];
    plan.steps[0].timeout_seconds = 1;
    plan.components = Vec::new();
    let record = new_record(plan.sealed());
    let id = record.id.clone();
    let (run, _) = installation.run(record, ClusterJournal::new(&installation.cluster)).await;
    let Ending::Failed { error, .. } = &run.ending else { panic!("{:?}", run.ending) };
    assert_eq!(error.exit, Exit::Unverified);
    let expected =
        "`cm/old` is still there 1 s after its deletion: its finalizer `test/hold` holds it";
    assert_eq!(error.to_string(), expected);

    let store = installation.sim.store().clone();
    let free = move |stamped: common::run::Stamped| {
        let waits = matches!(&stamped.event, Event::Waiting { message, .. } if message.contains("`test/hold`"));
        if waits {
            let change = |object: &mut Value| object["metadata"]["finalizers"] = json!([]);
            let by = Writer::new("holder");
            store.modify("configmaps", NAMESPACE, "old", Subresource::Main, &by, change).unwrap();
        }
    };
    let events = Events::new(id.clone(), Timestamp::now, free);
    let run = resumed_with(&installation, &id, &events).await.unwrap();
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    assert!(installation.cluster.read(&object).await.unwrap().is_none());
}

#[tokio::test]
async fn a_namespace_that_is_being_deleted_is_named() {
    let installation = Installation::start(Script::default()).await;
    let mut plan = installation.plan().await;
    plan.steps.retain(|step| step.id == "scanner");
    let record = new_record(plan.sealed());
    let store = installation.sim.store().clone();
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "stackrox", "finalizers": ["test/hold"]}});
    store.create("configmaps", held, &Writer::new("somebody")).unwrap();
    let central = Some(installation.central.clone());
    let executor = ClusterExecutor::new(installation.cluster.clone(), central, record.plan.clone());
    let scanner = record.plan.steps[0].clone();
    executor.capture(&scanner).await.unwrap();
    store.delete("namespaces", None, "stackrox", &DeleteOptions::default()).unwrap();
    let (events, _receiver) = events(&record.id);
    let interrupt = Interrupt::never();
    let context = StepContext::new(&scanner, &record, &events, &interrupt);
    let error = executor.apply(&scanner, &context).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the namespace `stackrox` is being deleted since"), "{text}");
}

#[tokio::test]
async fn a_record_that_somebody_deletes_during_the_run_is_written_again() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(short_plan(&installation).await);
    let id = record.id.clone();
    let store = installation.sim.store().clone();
    let name = format!("kubectl-rhacs-run-{id}");
    let deleted = Arc::new(AtomicBool::new(false));
    let sink = {
        let (name, deleted) = (name.clone(), Arc::clone(&deleted));
        let (sender, receiver) = channel();
        let sink = move |stamped: common::run::Stamped| {
            let is_central =
                matches!(&stamped.event, Event::StepFinished { id, .. } if id == "central");
            if is_central && !deleted.swap(true, Ordering::SeqCst) {
                store.delete("secrets", NAMESPACE, &name, &DeleteOptions::default()).unwrap();
            }
            drop(sender.send(stamped.event));
        };
        (sink, receiver)
    };
    let (sink, receiver) = sink;
    let events = Events::new(id.clone(), Timestamp::now, sink);
    let journal = ClusterJournal::new(&installation.cluster);
    let run = installation.run_with(record, journal, &events, Interrupt::never()).await;
    assert!(deleted.load(Ordering::SeqCst));
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    let (_, stored) = ClusterJournal::open(&installation.cluster, &id).await.unwrap().unwrap();
    assert_eq!(stored, run.record);
    assert!(stored.captured["central"][0].before.is_some(), "what undoes the run is there");
    let told = |event: Event| matches!(event, Event::Warning { message } if message.contains("deleted the record"));
    assert!(receiver.try_iter().any(told));
}
