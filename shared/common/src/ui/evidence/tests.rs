//! The evidence of runs that went in every way, with names that want to be more than names.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::exit::Exit;
use crate::plan::{Action, Running};
use crate::rhacs::{Component, ObjectRef};
use crate::run::testing::{plan_of, record_of};
use crate::run::{
    Accepted, BackupReport, ComponentReport, Outcome, Part, Record, Report, RunState, Span,
    StepRecord, StepState, Wait,
};

const EVIL: &str = "<script>alert(1)</script>&\"'|`*_\u{1b}[2J";

fn at(record: &Record, second: u64) -> Timestamp {
    record.started + Duration::from_secs(second)
}

/// A finished run of two steps, with everything in it that can be told.
fn finished() -> Record {
    let mut plan = plan_of(&["backup", "central"]);
    plan.steps[0].action = Action::Backup { directory: "/backup".to_owned() };
    plan.before = vec![Running {
        component: Component::Central,
        object: ObjectRef::deployment("stackrox", "central"),
        container: "central".to_owned(),
        image: "registry/main:3.0.62.1".to_owned(),
    }];
    let mut record = record_of(plan.sealed());
    for (id, from, to) in [("backup", 0, 40), ("central", 40, 200)] {
        let mut step = StepRecord::new(StepState::Done, at(&record, to));
        step.began = Some(at(&record, from));
        step.outcome = Some(Outcome::changed(format!("{id} is done")));
        record.steps.insert(id.to_owned(), step);
    }
    let wait = |from, to| Wait {
        step: "central".to_owned(),
        message: "the rollout".to_owned(),
        from: at(&record, from),
        to: Some(at(&record, to)),
    };
    let part = Part {
        ended: Some(at(&record, 200)),
        waits: vec![wait(50, 150)],
        outages: Some(vec![Span { from: at(&record, 60), to: at(&record, 102) }]),
        ..Part::new(record.started)
    };
    record.parts = vec![part];
    record.accepted = vec![Accepted {
        code: "RHACS-REPLICAS-ZERO".to_owned(),
        what: "deploy/sensor is at 0".to_owned(),
        why: "it does not run".to_owned(),
        by: "alice".to_owned(),
        at: record.started,
    }];
    record.state = RunState::Finished;
    record.updated = at(&record, 200);
    record.report = Some(report(&record));
    record
}

fn report(record: &Record) -> Report {
    Report {
        exit: Exit::Done,
        operation: record.operation,
        run: record.id.clone(),
        from: record.plan.from.clone(),
        to: record.plan.to.clone(),
        components: vec![ComponentReport {
            component: Component::Central,
            object: ObjectRef::deployment("stackrox", "central"),
            container: "central".to_owned(),
            was: "registry/main:3.0.62.1".to_owned(),
            is: "registry/main:3.69.2".to_owned(),
            wanted: "registry/main:3.69.2".to_owned(),
            part_of_run: true,
            healthy: true,
            note: String::new(),
        }],
        limited_to: Vec::new(),
        central_asked: true,
        backup: Some(BackupReport {
            path: "/backup/db.zip".to_owned(),
            size: 2048,
            sha256: "00ff".to_owned(),
        }),
        outage_seconds: Some(42.0),
        outage_whole: true,
        parts: 1,
        elapsed_seconds: 200.0,
        clusters: Vec::new(),
        parity: None,
        warnings: Vec::new(),
        next: Vec::new(),
    }
}

fn html(record: &Record) -> String {
    evidence_html(&Account::of(record, None), record.started)
}

fn markdown(record: &Record) -> String {
    evidence_markdown(&Account::of(record, None), record.started)
}

#[test]
fn everything_about_a_run_is_told() {
    let record = finished();
    for text in [html(&record), markdown(&record)] {
        for told in [
            "Done: everything is verified",
            "20240229-120000-00ff",
            "alice",
            "bastion",
            &record.plan.digest,
            "RHACS-REPLICAS-ZERO",
            "Central did not answer for 42s.",
            "registry/main:3.0.62.1",
            "registry/main:3.69.2",
            "/backup/db.zip",
            "2048 bytes",
            "00ff",
            "Nothing is missing",
            "the rollout",
            "1m40s",
        ] {
            // The dash of a code is not Markdown's, its underscore would be.
            assert!(text.contains(told), "it does not tell {told:?}:\n{text}");
        }
    }
}

#[test]
fn no_name_becomes_part_of_the_page() {
    let mut record = finished();
    record.who = EVIL.to_owned();
    record.host = EVIL.to_owned();
    record.plan.namespace = EVIL.to_owned();
    record.plan.steps[1].title = EVIL.to_owned();
    record.plan.before[0].image = EVIL.to_owned();
    record.plan.before[0].container = EVIL.to_owned();
    record.accepted[0].what = EVIL.to_owned();
    record.parts[0].waits[0].message = EVIL.to_owned();
    if let Some(step) = record.steps.get_mut("central") {
        step.outcome = Some(Outcome::unverified("changed", vec![EVIL.to_owned()]));
    }
    let page = html(&record);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"), "{page}");
    assert!(!page.contains('\u{1b}'), "no control characters");
    let tags = |page: &str| page.matches('<').count();
    assert_eq!(tags(&page), page.matches('>').count(), "every < is one of ours");
    let text = markdown(&record);
    assert!(!text.contains("<script") && text.contains("\\|\\`\\*\\_"), "{text}");
}

#[test]
fn a_verdict_says_no_more_than_was_so() {
    let verdict = |change: &dyn Fn(&mut Record)| {
        let mut record = finished();
        change(&mut record);
        let text = markdown(&record);
        text.lines().nth(2).unwrap_or_default().to_owned()
    };
    let exit = |record: &mut Record, exit| record.report.iter_mut().for_each(|it| it.exit = exit);
    assert!(verdict(&|_| {}).contains("everything is verified"));
    let unverified = verdict(&|record| exit(record, Exit::Unverified));
    assert!(unverified.contains("not everything is verified"), "{unverified}");
    let alone = verdict(&|it| it.report.iter_mut().for_each(|it| it.central_asked = false));
    assert!(alone.contains("Central was not asked"), "{alone}");
    let failed = verdict(&|record| {
        record.state = RunState::Failed;
        exit(record, Exit::StepFailed);
    });
    assert!(failed.contains("Not done") && failed.contains("exit code 4"), "{failed}");
    let killed = verdict(&|record| {
        record.state = RunState::Running;
        record.report = None;
    });
    assert!(killed.contains("Its process died"), "{killed}");
}

#[test]
fn an_outage_that_was_not_measured_to_its_end_is_told_so() {
    let mut record = finished();
    record.parts[0].ended = None;
    assert!(markdown(&record).contains("at least 42s: the run was cut off"));
    record.resume("bob".to_owned(), "laptop".to_owned(), at(&record, 900));
    record.parts[1].ended = Some(at(&record, 960));
    record.parts[1].outages = Some(Vec::new());
    let text = markdown(&record);
    assert!(text.contains("at least 42s: the run had 2 parts, and nobody measured"), "{text}");
    assert!(html(&record).contains("class=\"joint\""), "the cut is drawn");
    (record.parts, record.accepted) = (Vec::new(), Vec::new());
    let old = markdown(&record);
    assert!(old.contains("was not measured") && old.contains("written before that was kept"));
}

#[test]
fn the_time_between_parts_takes_no_room() {
    let mut record = finished();
    record.parts[0].ended = Some(at(&record, 100));
    record.resume("bob".to_owned(), "laptop".to_owned(), at(&record, 100_000));
    record.parts[1].ended = Some(at(&record, 100_100));
    let account = Account::of(&record, None);
    let scale = scale::Scale::of(&account.details, account.line.started, account.line.updated);
    assert!((scale.seconds() - 200.0).abs() < 0.01, "{}", scale.seconds());
    assert!((scale.place(at(&record, 50)) - 0.25).abs() < 0.01);
    assert!((scale.place(at(&record, 5000)) - 0.5).abs() < 0.01, "between the parts");
    assert!((scale.place(at(&record, 100_050)) - 0.75).abs() < 0.01);
    assert_eq!(scale.joints().len(), 1);
}
