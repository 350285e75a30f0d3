//! What a run does when Central is late, refuses to go back, or somebody else was there first.

use std::time::Duration;

use common::cluster::Patience;
use common::run::{Execute, StepContext};
use sim::faults::{RequestAction, RequestRule};

use super::*;

/// The events and the executor of one process that carries out single stations of a step.
fn process(installation: &Installation, record: &Record) -> (ClusterExecutor, Events) {
    let central = Some(installation.central.clone());
    let executor = ClusterExecutor::new(installation.cluster.clone(), central, record.plan.clone());
    (executor, events(&record.id).0)
}

#[tokio::test]
async fn a_migration_longer_than_the_progress_deadline_is_waited_for() {
    let fault = ClusterFault::slow_readiness("deployment/central", Duration::from_secs(10_000));
    let installation = Installation::start(Script::default().cluster(fault)).await;
    let (run, events) = installation.upgrade().await;
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    let outlasts = |event: &Event| matches!(event, Event::Waiting { message, .. } if message.contains("longer than its progress deadline"));
    assert!(events.iter().any(outlasts), "{events:?}");
}

#[tokio::test]
async fn a_central_that_is_never_ready_is_late_and_has_failed_when_steps_are_left() {
    let fault = ClusterFault::never_ready("deployment/central");
    let installation = Installation::start(Script::default().cluster(fault)).await;
    for (steps, exit) in [
        (&["central", "verify"][..], Exit::Unverified),
        (&["central", "sensor"][..], Exit::StepFailed),
    ] {
        let mut plan = installation.plan().await;
        plan.steps.retain(|step| steps.contains(&step.id.as_str()));
        plan.steps[0].timeout_seconds = 3;
        let record = new_record(plan.sealed());
        let (executor, events) = process(&installation, &record);
        let mut journal = ClusterJournal::new(&installation.cluster);
        let run =
            Runner::new(&executor, &mut journal, &events, Interrupt::never()).run(record).await;
        assert_eq!(run.exit(), exit, "{steps:?}");
        let Ending::Failed { error, .. } = &run.ending else { panic!("{:?}", run.ending) };
        assert!(error.message.contains("ProgressDeadlineExceeded"), "{error}");
    }
}

#[tokio::test]
async fn an_object_that_somebody_changed_meanwhile_is_not_deleted() {
    let installation = Installation::start(Script::default()).await;
    let object = ObjectRef::namespaced("v1", "ConfigMap", "stackrox", "old");
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
                          "metadata": {"name": "old", "namespace": "stackrox"}});
    let options = common::cluster::WriteOptions::default();
    for is_changed in [false, true] {
        installation.cluster.create(&manifest, &options).await.unwrap();
        let mut plan = installation.plan().await;
        let writes = vec![Write::Delete { object: object.clone() }];
        let delete = step("delete", None, Action::Write { writes });
        plan.steps = vec![delete.clone()];
        let mut record = new_record(plan.sealed());
        let (executor, events) = process(&installation, &record);
        record.captured.insert("delete".to_owned(), executor.capture(&delete).await.unwrap());
        if is_changed {
            let body = json!({"data": {"a": "2"}});
            installation.cluster.patch(&object, PatchKind::Merge, &body, &options).await.unwrap();
        }
        let interrupt = Interrupt::never();
        let context = StepContext::new(&delete, &record, &events, &interrupt);
        let applied = executor.apply(&delete, &context).await;
        assert_eq!(applied.is_err(), is_changed, "{applied:?}");
        let is_there = installation.cluster.read(&object).await.unwrap().is_some();
        assert_eq!(is_there, is_changed);
        if let Err(error) = applied {
            assert_eq!(error.exit, Exit::PlanStale);
            assert_eq!(error.message, "`cm/old` was changed by someone else: `data.a`");
        }
    }
}

#[tokio::test]
async fn a_foreign_change_that_a_watch_tells_of_is_not_written_over() {
    let installation = Installation::start(Script::default()).await;
    let plan = installation.plan().await;
    let write = plan.step("scanner").unwrap().clone();
    let mut record = new_record(plan);
    let (executor, events) = process(&installation, &record);
    record.captured.insert("scanner".to_owned(), executor.capture(&write).await.unwrap());
    let scanner = ObjectRef::deployment("stackrox", "scanner");
    let body = json!({"spec": {"template": {"spec": {"priorityClassName": "high"}}}});
    let options = common::cluster::WriteOptions::default();
    installation.cluster.patch(&scanner, PatchKind::Merge, &body, &options).await.unwrap();
    let limit = Duration::from_secs(20);
    let cluster = &installation.cluster;
    common::cluster::wait::rollout(cluster, &scanner, None, limit, &mut |_| {}).await.unwrap();
    let (seen, _) = cluster.seen(&scanner).unwrap();
    assert_eq!(seen["spec"]["template"]["spec"]["priorityClassName"], "high");
    let interrupt = Interrupt::never();
    let context = StepContext::new(&write, &record, &events, &interrupt);
    let error = executor.apply(&write, &context).await.unwrap_err();
    assert_eq!(error.exit, Exit::PlanStale);
    assert!(error.message.contains("priorityClassName"), "{error}");
}

#[tokio::test]
async fn a_token_on_record_is_the_only_one_that_is_revoked() {
    let installation = Installation::start(Script::default()).await;
    let mut plan = installation.plan().await;
    plan.steps.retain(|step| step.id == "token");
    let token = plan.steps[0].clone();
    let mut record = new_record(plan.sealed());
    let (executor, events) = process(&installation, &record);
    let interrupt = Interrupt::never();
    let context = StepContext::new(&token, &record, &events, &interrupt);
    let nothing = executor.apply(&token, &context).await.unwrap_err();
    assert!(nothing.message.contains("not on record"), "{nothing}");
    executor.prepare(&token, &context).await.unwrap();
    // What an earlier part of the run recorded, that died before it sent anything.
    let mut entry = common::run::StepRecord::new(StepState::Started, record.started);
    entry.wrote.push(common::run::Wrote {
        object: ObjectRef::cluster_wide("central/v1", "ApiToken", "another"),
        uid: Some("another".to_owned()),
        resource_version: None,
        digest: None,
    });
    record.steps.insert("token".to_owned(), entry);
    record.resume("eve".to_owned(), "laptop".to_owned(), record.started);
    let context = StepContext::new(&token, &record, &events, &interrupt);
    executor.prepare(&token, &context).await.unwrap();
    let outcome = executor.apply(&token, &context).await.unwrap();
    assert_eq!(outcome.message, "the API token `another` is gone already");
    assert!(installation.central.auth_status().await.is_ok(), "the token in use still is valid");
}

#[tokio::test]
async fn a_backup_on_another_computer_is_believed_once_the_run_has_gone_on() {
    let installation = Installation::start(Script::default()).await;
    let mut record = new_record(installation.plan().await);
    let backup = record.plan.steps[0].clone();
    let mut outcome = common::run::Outcome::changed("written");
    let (path, sha256) = ("elsewhere/backup.zip".to_owned(), "5ba3".to_owned());
    outcome.backup = Some(common::run::BackupReport { path, size: 7, sha256 });
    let mut entry = common::run::StepRecord::new(StepState::Done, record.started);
    entry.outcome = Some(outcome);
    record.steps.insert("backup".to_owned(), entry);
    for (state, is_done) in [(StepState::Pending, false), (StepState::Failed, true)] {
        let central = common::run::StepRecord::new(state, record.started);
        record.steps.insert("central".to_owned(), central);
        let (events, receiver) = events(&record.id);
        let executor =
            ClusterExecutor::new(installation.cluster.clone(), None, record.plan.clone());
        let interrupt = Interrupt::never();
        let context = StepContext::new(&backup, &record, &events, &interrupt);
        let probe = executor.probe(&backup, &context).await.unwrap();
        assert_eq!(matches!(probe, common::run::Probe::Done { .. }), is_done, "{state:?}");
        let told = |event: Event| matches!(event, Event::Warning { message } if message.contains("`elsewhere/backup.zip`, SHA-256 5ba3"));
        assert_eq!(receiver.try_iter().any(told), is_done);
    }
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_replaced_by_what_the_api_says() {
    let rule = RequestRule::api(RequestAction::refuse(403)).path("*/pods/*/log*");
    let installation = Installation::start(Script::default().request(rule)).await;
    let mut plan = installation.plan().await;
    plan.steps.retain(|step| step.id == "central");
    let record = new_record(plan.sealed());
    let (run, _) = installation.run(record, ClusterJournal::new(&installation.cluster)).await;
    let report = run.into_result().unwrap();
    assert_eq!(report.exit, Exit::Done);
    let told = report.warnings.iter().any(|warning| warning.contains("log was not readable"));
    assert!(told, "{:?}", report.warnings);
}

/// One request of the run that is refused `times` times.
fn away(method: &str, path: &str, status: u16, times: u64) -> RequestRule {
    RequestRule::api(RequestAction::refuse(status)).method(method).path(path).times(times)
}

#[tokio::test]
async fn an_api_server_that_is_away_for_longer_than_seconds_does_not_end_the_run() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(installation.plan().await);
    let faults = installation.sim.faults();
    // More often than a request is tried before the run; then it refuses what it will allow.
    let saves = "*/secrets/kubectl-rhacs-run-*";
    faults.add_rule(away("PUT", saves, 503, 5));
    faults.add_rule(away("PUT", saves, 403, 1));
    faults.add_rule(away("PATCH", "*/deployments/central*", 502, 5));
    let (events, receiver) = events(&record.id);
    let options = Options {
        on_retry: Some(std::sync::Arc::new({
            let events = events.clone();
            move |retry: common::cluster::Retry| events.emit(retry.into())
        })),
        backoff: common::cluster::Backoff {
            first: Duration::from_millis(5),
            ..common::cluster::Backoff::default()
        },
        ..Options::default()
    };
    let interrupt = Interrupt::never();
    let patience = Patience::new(Duration::from_secs(600), interrupt.signal());
    let cluster = installation.connect(&options).await.with_patience(patience);
    let central = Some(installation.central.clone());
    let executor = ClusterExecutor::new(cluster.clone(), central, record.plan.clone())
        .with_token_credentials(true);
    let mut journal = ClusterJournal::new(&cluster);
    let run = Runner::new(&executor, &mut journal, &events, interrupt).run(record).await;
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
    assert_eq!(faults.decided(), 11);
    let told: Vec<Event> = receiver.try_iter().collect();
    let limits: Vec<f64> = told
        .iter()
        .filter_map(|event| match event {
            Event::Retry { left_seconds, of: None, .. } => *left_seconds,
            _ => None,
        })
        .collect();
    assert!(limits.len() >= 11 && limits.iter().all(|left| *left > 500.0), "{limits:?}");
}

#[tokio::test]
async fn a_run_that_waits_for_the_api_server_is_interrupted_at_once_and_resumed() {
    let installation = Installation::start(Script::default()).await;
    let record = new_record(installation.plan().await);
    let id = record.id.clone();
    let faults = installation.sim.faults();
    faults.add_rule(away("PATCH", "*/deployments/central*", 503, u64::MAX));
    let (interrupter, interrupt) = Interrupt::pair();
    let on_retry = move |_: common::cluster::Retry| interrupter.raise();
    let options = Options { on_retry: Some(std::sync::Arc::new(on_retry)), ..Options::default() };
    let patience = Patience::new(Duration::from_secs(600), interrupt.signal());
    let cluster = installation.connect(&options).await.with_patience(patience);
    let central = Some(installation.central.clone());
    let executor = ClusterExecutor::new(cluster.clone(), central, record.plan.clone());
    let (events, _receiver) = events(&id);
    let mut journal = ClusterJournal::new(&cluster);
    let run = Runner::new(&executor, &mut journal, &events, interrupt).run(record).await;
    assert_eq!(run.exit(), Exit::Interrupted, "{:?}", run.ending);
    assert_eq!(run.record.state, RunState::Interrupted);
    faults.clear();
    let opened = ClusterJournal::open(&installation.cluster, &id).await.unwrap().unwrap();
    let (journal, mut record) = opened;
    record.resume("eve".to_owned(), "laptop".to_owned(), Timestamp::now());
    let (run, _) = installation.run(record, journal).await;
    assert_eq!(run.exit(), Exit::Done, "{:?}", run.ending);
}

#[tokio::test]
async fn without_log_and_credentials_it_is_said_at_once_that_nothing_proves_the_version() {
    let rule = RequestRule::api(RequestAction::refuse(403)).path("*/pods/*/log*");
    let installation = Installation::start(Script::default().request(rule)).await;
    let mut plan = installation.plan().await;
    plan.steps.retain(|step| ["central", "sensor"].contains(&step.id.as_str()));
    let record = new_record(plan.sealed());
    let executor = ClusterExecutor::new(installation.cluster.clone(), None, record.plan.clone());
    let mut journal = ClusterJournal::new(&installation.cluster);
    let (events, receiver) = events(&record.id);
    let run = Runner::new(&executor, &mut journal, &events, Interrupt::never()).run(record).await;
    assert_eq!(run.exit(), Exit::Unverified, "{:?}", run.ending);
    let Ending::Finished(report) = &run.ending else { panic!("{:?}", run.ending) };
    let proof = |warning: &String| warning.contains("nothing proves that Central serves 3.69.2");
    assert!(report.warnings.iter().any(proof), "{:?}", report.warnings);
    let told: Vec<Event> = receiver.try_iter().collect();
    let hints = told.iter().filter(|event| {
        matches!(event, Event::Warning { message } if message.contains("Central's log may not"))
    });
    assert_eq!(hints.count(), 1, "{told:?}");
    assert!(installation.image("sensor").await.ends_with(":3.69.2"), "the run went on");
}
