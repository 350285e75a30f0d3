//! From a record to what is shown of it.

use super::{Account, Former, Resumption, RunDetails, RunLine, StepLine, Written, hide};
use crate::plan::{Action, Step};
use crate::run::event::{Outcome, OutcomeResult};
use crate::run::record::{Captured, Record, RunState, StepRecord, StepState};

impl Account {
    /// What is shown of `record`; `holder` is who holds the lock of the installation now.
    #[must_use]
    pub fn of(record: &Record, holder: Option<&str>) -> Self {
        Self { line: RunLine::of(record, holder), details: RunDetails::of(record) }
    }
}

impl RunLine {
    /// The line of `record`; `holder` is who holds the lock of the installation now.
    #[must_use]
    pub fn of(record: &Record, holder: Option<&str>) -> Self {
        let is_done =
            |step: &&StepRecord| matches!(step.state, StepState::Done | StepState::Skipped);
        let exit = record.exit();
        Self {
            run: record.id.clone(),
            started: record.started,
            updated: record.updated,
            operation: record.operation,
            from: record.plan.from.clone(),
            to: record.plan.to.clone(),
            state: state(record, holder).to_owned(),
            exit,
            code: exit.map(|exit| exit.code()),
            unverified: record.unverified(),
            who: record.who.clone(),
            steps_done: record.steps.values().filter(is_done).count(),
            steps: record.plan.steps.len(),
        }
    }
}

impl RunDetails {
    fn of(record: &Record) -> Self {
        let at_end = Record { rechecks: Vec::new(), ..record.clone() };
        let mut plan = record.plan.clone();
        for step in &mut plan.steps {
            let Action::Write { writes } = &mut step.action else { continue };
            writes.iter_mut().for_each(hide::in_write);
        }
        let former = |captured: &Captured| Former {
            object: captured.object.clone(),
            before: captured.before.clone().map(|mut before| {
                hide::in_object(&captured.object, &mut before);
                before
            }),
        };
        Self {
            host: record.host.clone(),
            tool: record.tool.clone(),
            steps: record.plan.steps.iter().map(|step| step_line(record, step)).collect(),
            unverified_at_end: at_end.unverified(),
            accepted: record.accepted.clone(),
            parts: record.parts.clone(),
            resumes: record
                .resumes
                .iter()
                .map(|resume| Resumption {
                    at: resume.at,
                    who: resume.who.clone(),
                    host: resume.host.clone(),
                    tool: resume.tool.clone(),
                })
                .collect(),
            report: record.report.clone(),
            verifications: record.rechecks.clone(),
            closed: record.closed.clone(),
            plan,
            captured: record
                .captured
                .iter()
                .map(|(step, all)| (step.clone(), all.iter().map(former).collect()))
                .collect(),
        }
    }
}

/// The state of a run; one that is recorded as running but does not hold the lock was stopped.
fn state(record: &Record, holder: Option<&str>) -> &'static str {
    let is_at_work = holder.is_some_and(|holder| holder.ends_with(&record.id));
    match record.state {
        _ if record.closed.is_some() => "closed",
        RunState::Running if is_at_work => "running",
        RunState::Running => "stopped",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Interrupted => "interrupted",
        RunState::RolledBack => "rolledBack",
    }
}

fn step_line(record: &Record, step: &Step) -> StepLine {
    let entry = record.steps.get(&step.id);
    let outcome = entry.and_then(|entry| entry.outcome.as_ref());
    let unverified: Vec<String> =
        outcome.into_iter().flat_map(Outcome::unverified_things).map(str::to_owned).collect();
    let is_unverified = outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Unverified);
    let state = match record.step_state(&step.id) {
        StepState::Pending => "not reached",
        StepState::Started => "started",
        StepState::Done | StepState::Skipped if is_unverified => "not verified",
        StepState::Done => "done",
        StepState::Skipped => "nothing to do",
        StepState::Failed => "failed",
    };
    StepLine {
        step: step.id.clone(),
        title: step.title.clone(),
        component: step.component,
        state: state.to_owned(),
        message: entry.map(|entry| message(step, entry, &unverified)).unwrap_or_default(),
        began: entry.and_then(|entry| entry.began),
        at: entry.map(|entry| entry.at),
        result: outcome.map(|outcome| outcome.result),
        unverified,
        wrote: entry
            .into_iter()
            .flat_map(|entry| &entry.wrote)
            .map(|wrote| Written {
                object: wrote.object.clone(),
                resource_version: wrote.resource_version.clone(),
                digest: wrote.digest.clone(),
            })
            .collect(),
    }
}

/// What a step did, and never more than what is known to have worked.
fn message(step: &Step, entry: &StepRecord, unverified: &[String]) -> String {
    if !entry.message.is_empty() {
        return entry.message.clone();
    }
    let done = entry.outcome.as_ref().map(|outcome| outcome.message.clone()).unwrap_or_default();
    if unverified.is_empty() {
        return done;
    }
    let missing = unverified.join("; ");
    // A step that only looks did nothing besides; of old records its message says too much.
    if step.action.only_asks() { missing } else { format!("{done}; not verified: {missing}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;
    use crate::plan::Write;
    use crate::rhacs::{ObjectRef, Version};
    use crate::run::account::{Closing, Recheck};
    use crate::run::testing::{plan_of, record_of};

    /// A run whose sensor was left at no replicas: everything is applied, the cluster is not there.
    fn unverified() -> Record {
        let mut plan = plan_of(&["central", "verify"]);
        plan.steps[1].action = Action::VerifyAll { version: Version::release(3, 69, 2) };
        let mut record = record_of(plan.sealed());
        let mut done = StepRecord::new(StepState::Done, record.started);
        done.outcome = Some(Outcome::changed("`deploy/central` changed"));
        record.steps.insert("central".to_owned(), done.clone());
        let mut looked = Outcome::unchanged("everything was looked at");
        looked.result = OutcomeResult::Unverified;
        looked.warnings = vec!["cluster `production`: its last contact was before".to_owned()];
        done.outcome = Some(looked);
        record.steps.insert("verify".to_owned(), done);
        record.state = RunState::Finished;
        record
    }

    fn recheck(exit: Exit, unverified: &[&str]) -> Recheck {
        let record = unverified_record_time();
        Recheck {
            at: record,
            who: "bob".to_owned(),
            host: "bastion".to_owned(),
            tool: "0.1.0".to_owned(),
            exit,
            unverified: unverified.iter().map(ToString::to_string).collect(),
            components: Vec::new(),
            clusters: Vec::new(),
            central_asked: true,
        }
    }

    fn unverified_record_time() -> jiff::Timestamp {
        unverified().started
    }

    #[test]
    fn what_was_not_verified_is_not_called_done() {
        let account = Account::of(&unverified(), None);
        let verify = &account.details.steps[1];
        assert_eq!(verify.state, "not verified");
        assert_eq!(verify.message, "cluster `production`: its last contact was before");
        assert!(!verify.message.contains("everything was looked at"));
        assert_eq!(account.line.unverified, ["cluster `production`: its last contact was before"]);
    }

    #[test]
    fn a_later_look_completes_the_record_and_keeps_what_was_before() {
        let mut record = unverified();
        record.rechecks.push(recheck(Exit::Unverified, &["the sensor"]));
        assert_eq!(Account::of(&record, None).line.code, Some(5));
        assert_eq!(record.unverified(), ["the sensor"]);
        record.rechecks.push(recheck(Exit::Done, &[]));
        let account = Account::of(&record, None);
        assert_eq!((account.line.exit, account.line.code), (Some(Exit::Done), Some(0)));
        assert!(account.line.unverified.is_empty());
        assert_eq!(account.details.unverified_at_end.len(), 1);
        assert_eq!(account.details.verifications.len(), 2);
    }

    #[test]
    fn the_state_is_that_of_the_world() {
        let mut record = record_of(plan_of(&["central"]));
        let state = |record: &Record, holder| Account::of(record, holder).line.state;
        let holder = format!("ann@laptop/1/{}", record.id);
        assert_eq!(state(&record, Some(&holder)), "running");
        assert_eq!(state(&record, None), "stopped");
        assert!(record.is_resumable());
        record.closed = Some(Closing {
            at: record.started,
            who: "ann".to_owned(),
            host: "laptop".to_owned(),
            reason: "done by hand".to_owned(),
        });
        assert_eq!(state(&record, None), "closed");
        assert!(!record.is_resumable());
    }

    #[test]
    fn no_data_of_a_secret_is_exported() {
        let object = ObjectRef::namespaced("v1", "Secret", "stackrox", "central-tls");
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "data": {"key.pem": "Y2FuYXJ5"},
            "stringData": {"password": "canary"},
            "metadata": {"name": "central-tls", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":\"canary\"}"}},
        });
        let workload = ObjectRef::deployment("stackrox", "central");
        let deployment = json!({"kind": "Deployment", "spec": {"template": {"spec": {
            "containers": [{"name": "central", "env": [
                {"name": "ROX_ADMIN_PASSWORD", "value": "canary"},
                {"name": "HTTPS_PROXY", "value": "http://ann:canary@proxy:3128"},
                {"name": "ROX_OFFLINE_MODE", "value": "true"}]}]}}},
            "metadata": {"annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"value\":\"canary\"}"}}});
        let mut plan = plan_of(&["central"]);
        let manifest = secret.clone();
        plan.steps[0].action =
            Action::Write { writes: vec![Write::Apply { object: object.clone(), manifest }] };
        let mut record = record_of(plan.sealed());
        let captured =
            vec![Captured::new(object, Some(&secret)), Captured::new(workload, Some(&deployment))];
        record.captured.insert("central".to_owned(), captured);
        let shown = serde_json::to_string(&Account::of(&record, None)).unwrap();
        assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
        assert!(shown.contains("key.pem") && shown.contains("ROX_OFFLINE_MODE"), "{shown}");
        assert!(shown.contains("proxy:3128") && shown.contains("\"true\""), "{shown}");
    }
}
