//! The runner against a scripted world: order, failures, crashes and interruptions anywhere.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::json;

use super::*;
use crate::plan::{Plan, ScannerConfig, Write};
use crate::rhacs::ObjectRef;
use crate::run::event::Stamped;
use crate::run::execute::Conclusion;
use crate::run::interrupt::Interrupter;
use crate::run::record::{Captured, RunState};
use crate::run::testing::{plan_of, record_of};

const STEPS: [&str; 3] = ["sccs", "central", "scanner"];

/// What outlives a process: the cluster, the stored record, and the script of what goes wrong.
#[derive(Default)]
struct World {
    /// The steps that are applied.
    applied: RefCell<BTreeSet<String>>,
    /// Everything that was done, in order.
    log: RefCell<Vec<String>>,
    stored: RefCell<Option<Record>>,
    saves: Cell<usize>,
    /// Await points passed by this process.
    points: Cell<usize>,
    /// The await point at which this process dies.
    dies_at: Cell<Option<usize>>,
    /// The await point at which the user interrupts.
    interrupted_at: Cell<Option<usize>>,
    interrupter: RefCell<Option<Interrupter>>,
    /// Steps that fail, where, and with what.
    failing: RefCell<Vec<(&'static str, &'static str, StepError)>>,
    unverified: Cell<bool>,
}

/// The world as one process sees it.
#[derive(Clone)]
struct Process(Rc<World>);

impl Process {
    /// Passes an await point: yields, and dies or is interrupted there if the script says so.
    async fn point(&self) -> Result<(), StepError> {
        let number = self.0.points.get() + 1;
        self.0.points.set(number);
        if self.0.interrupted_at.get() == Some(number)
            && let Some(interrupter) = self.0.interrupter.borrow().as_ref()
        {
            interrupter.raise();
        }
        tokio::task::yield_now().await;
        match self.0.dies_at.get() {
            Some(last) if number >= last => Err(StepError::failed("killed")),
            _ => Ok(()),
        }
    }

    fn scripted(&self, step: &str, place: &str) -> Result<(), StepError> {
        self.0.log.borrow_mut().push(format!("{place} {step}"));
        let failing = self.0.failing.borrow();
        let found = failing.iter().find(|(id, at, _)| *id == step && *at == place);
        found.map_or(Ok(()), |(_, _, error)| Err(error.clone()))
    }
}

impl Execute for Process {
    async fn capture(&self, step: &Step) -> Result<Vec<Captured>, StepError> {
        self.point().await?;
        self.scripted(&step.id, "capture")?;
        let before = json!({"applied": self.0.applied.borrow().contains(&step.id)});
        Ok(vec![Captured::new(ObjectRef::deployment("stackrox", &step.id), Some(&before))])
    }

    async fn probe(&self, step: &Step, _: &StepContext<'_>) -> Result<Probe, StepError> {
        self.point().await?;
        self.scripted(&step.id, "probe")?;
        Ok(match self.0.applied.borrow().contains(&step.id) {
            true => Probe::Done { reason: "already there".to_owned() },
            false => Probe::Pending,
        })
    }

    async fn apply(&self, step: &Step, _: &StepContext<'_>) -> Result<Outcome, StepError> {
        self.point().await?;
        let stored = self.0.stored.borrow().clone().expect("a step starts only when recorded");
        assert_eq!(stored.step_state(&step.id), StepState::Started, "{} is recorded", step.id);
        assert_eq!(stored.captured.len(), stored.plan.steps.len(), "all undo material is recorded");
        self.scripted(&step.id, "apply")?;
        assert!(self.0.applied.borrow_mut().insert(step.id.clone()), "applied once");
        self.point().await?;
        Ok(Outcome::changed("changed"))
    }

    async fn verify(&self, step: &Step, _: &StepContext<'_>) -> Result<Verified, StepError> {
        self.point().await?;
        self.scripted(&step.id, "verify")?;
        let mut verified = Verified::default();
        if self.0.unverified.get() {
            verified.unverified.push("the secured clusters".to_owned());
        }
        Ok(verified)
    }

    async fn conclude(&self, _: &Record) -> Conclusion {
        Conclusion { outage_seconds: Some(1.5), central_asked: true, ..Conclusion::default() }
    }
}

impl Journal for Process {
    async fn save(&mut self, record: &Record) -> Result<(), StepError> {
        self.point().await?;
        *self.0.stored.borrow_mut() = Some(record.clone());
        self.0.saves.set(self.0.saves.get() + 1);
        // Stored, but the process may not live to hear of it.
        self.point().await
    }
}

/// One process: a new run, or the stored one resumed.
async fn process(world: &Rc<World>, plan: &Plan) -> (Run, Vec<Event>) {
    let (sender, receiver) = std::sync::mpsc::channel::<Stamped>();
    let clock = record_of(plan.clone()).started;
    let events = Events::new(
        "r",
        move || clock,
        move |event| {
            sender.send(event).unwrap();
        },
    );
    let stored = world.stored.borrow().clone();
    let record = match stored {
        Some(mut record) => {
            record.resume("alice".to_owned(), "bastion".to_owned(), clock);
            record
        }
        None => record_of(plan.clone()),
    };
    let (interrupter, interrupt) = Interrupt::pair();
    *world.interrupter.borrow_mut() = Some(interrupter);
    world.points.set(0);
    let executor = Process(Rc::clone(world));
    let mut journal = Process(Rc::clone(world));
    let run = Runner::new(&executor, &mut journal, &events, interrupt).run(record).await;
    let events: Vec<Event> = receiver.try_iter().map(|stamped| stamped.event).collect();
    assert!(matches!(events.first(), Some(Event::RunStarted { .. })));
    assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1);
    assert!(events.last().is_some_and(Event::is_terminal));
    (run, events)
}

fn all() -> BTreeSet<String> {
    STEPS.map(str::to_owned).into()
}

fn assert_complete(world: &World, run: &Run) {
    assert_eq!(run.exit(), Exit::Done);
    assert_eq!(*world.applied.borrow(), all());
    assert_eq!(run.record.state, RunState::Finished);
    for id in STEPS {
        let state = run.record.step_state(id);
        assert!(matches!(state, StepState::Done | StepState::Skipped), "{id} is {state:?}");
        let before = run.record.captured[id][0].before.clone();
        assert_eq!(before, Some(json!({"applied": false})), "undo material is that of the start");
    }
}

#[tokio::test]
async fn steps_run_in_order_with_one_save_each_and_one_at_the_end() {
    let world = Rc::new(World::default());
    let (run, events) = process(&world, &plan_of(&STEPS)).await;
    assert_complete(&world, &run);
    let expected: Vec<String> = STEPS
        .iter()
        .map(|step| format!("capture {step}"))
        .chain(STEPS.iter().flat_map(|step| {
            ["probe", "apply", "verify"].map(|station| format!("{station} {step}"))
        }))
        .collect();
    assert_eq!(*world.log.borrow(), expected);
    assert_eq!(world.saves.get(), STEPS.len() + 1);
    assert_eq!(world.stored.borrow().as_ref(), Some(&run.record));
    let Event::RunStarted { steps, resumed, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!((steps.len(), *resumed), (3, false));
    let Some(Event::RunFinished { report }) = events.last() else { panic!("{events:?}") };
    assert_eq!(report.outage_seconds, Some(1.5));
    assert_eq!(report.next, ["kubectl rhacs upgrade status"]);
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_leaves_no_record() {
    let world = Rc::new(World::default());
    *world.applied.borrow_mut() = all();
    let (run, events) = process(&world, &plan_of(&STEPS)).await;
    assert_eq!(run.exit(), Exit::Done);
    let skipped = events.iter().filter(|event| matches!(event, Event::StepSkipped { .. }));
    assert_eq!(skipped.count(), 3);
    assert_eq!(world.saves.get(), 0);
}

#[tokio::test]
async fn the_first_failure_stops_the_run_and_is_told_whole() {
    let world = Rc::new(World::default());
    let error = StepError::failed("`deploy/central` does not start")
        .because("CrashLoopBackOff")
        .with_logs(["disk full".to_owned()]);
    world.failing.borrow_mut().push(("central", "verify", error));
    let (run, events) = process(&world, &plan_of(&STEPS)).await;
    assert_eq!(run.exit(), Exit::StepFailed);
    assert_eq!(run.record.state, RunState::Failed);
    assert_eq!(run.record.step_state("central"), StepState::Failed);
    assert_eq!(run.record.step_state("scanner"), StepState::Pending);
    assert_eq!(world.stored.borrow().as_ref(), Some(&run.record));
    let Some(Event::RunFailed { step, logs, hints, causes, .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(step.as_deref(), Some("central"));
    assert_eq!(
        (&logs[..], &causes[..]),
        (&["disk full".to_owned()][..], &["CrashLoopBackOff".to_owned()][..])
    );
    let id = &run.record.id;
    let ways = [
        format!("kubectl rhacs upgrade resume {id}"),
        format!("kubectl rhacs upgrade history {id}"),
    ];
    assert_eq!(hints[..], ways);

    world.failing.borrow_mut().clear();
    let (run, _) = process(&world, &plan_of(&STEPS)).await;
    assert_complete(&world, &run);
}

#[tokio::test]
async fn a_capture_that_fails_leaves_the_cluster_alone() {
    let world = Rc::new(World::default());
    world.failing.borrow_mut().push(("scanner", "capture", StepError::stale("moved")));
    let (run, _) = process(&world, &plan_of(&STEPS)).await;
    assert_eq!(run.exit(), Exit::PlanStale);
    assert!(world.applied.borrow().is_empty());
    assert_eq!(world.saves.get(), 0);
}

#[tokio::test]
async fn a_run_killed_at_any_point_is_finished_by_resuming() {
    for dies_at in 1.. {
        let world = Rc::new(World::default());
        world.dies_at.set(Some(dies_at));
        let (first, _) = process(&world, &plan_of(&STEPS)).await;
        let survived = world.points.get() < dies_at;
        if world.stored.borrow().is_none() {
            assert!(world.applied.borrow().is_empty(), "nothing happens unrecorded");
        }
        if survived {
            assert_complete(&world, &first);
            assert!(dies_at > 20, "the script reaches every point");
            break;
        }
        world.dies_at.set(None);
        let (second, _) = process(&world, &plan_of(&STEPS)).await;
        assert_complete(&world, &second);
    }
}

#[tokio::test]
async fn a_run_killed_again_while_resuming_is_still_finished() {
    for dies_at in 5..30 {
        let world = Rc::new(World::default());
        let mut lives = 0;
        loop {
            // Each process lives a little longer, so that the last one gets through.
            world.dies_at.set(Some(dies_at + lives));
            let (run, _) = process(&world, &plan_of(&STEPS)).await;
            if world.points.get() < dies_at + lives {
                assert_complete(&world, &run);
                break;
            }
            lives += 1;
        }
    }
}

#[tokio::test]
async fn an_interruption_at_any_point_is_recorded_and_can_be_resumed() {
    for point in 1.. {
        let world = Rc::new(World::default());
        world.interrupted_at.set(Some(point));
        let (run, events) = process(&world, &plan_of(&STEPS)).await;
        world.interrupted_at.set(None);
        if run.exit() == Exit::Done {
            assert_complete(&world, &run);
            assert!(point > 20, "the script reaches every point");
            break;
        }
        assert_eq!(run.exit(), Exit::Interrupted, "at point {point}");
        assert!(matches!(events.last(), Some(Event::RunInterrupted { .. })));
        if !world.applied.borrow().is_empty() {
            let stored = world.stored.borrow().clone().unwrap();
            assert_eq!(stored.state, RunState::Interrupted);
            for id in world.applied.borrow().iter() {
                let outcome = stored.steps[id].outcome.clone();
                assert_eq!(outcome.unwrap().message, "changed", "{id} has its result");
            }
        }
        let (run, _) = process(&world, &plan_of(&STEPS)).await;
        assert_complete(&world, &run);
    }
}

#[tokio::test]
async fn only_the_last_writing_step_can_be_applied_but_unverified() {
    for (step, exit) in [("central", Exit::StepFailed), ("scanner", Exit::Unverified)] {
        let world = Rc::new(World::default());
        world.failing.borrow_mut().push((step, "verify", StepError::unverified("late")));
        let mut plan = plan_of(&["sccs", "central", "scanner", "look"]);
        plan.steps[3].action = Action::VerifyAll { version: plan.to.clone() };
        let (run, events) = process(&world, &plan).await;
        assert_eq!(run.exit(), exit, "{step}");
        let Some(Event::RunFailed { message, .. }) = events.last() else { panic!("{events:?}") };
        assert_eq!(message, "late");
    }
}

#[tokio::test]
async fn what_could_not_be_verified_ends_with_its_own_code_and_keeps_the_token() {
    let world = Rc::new(World::default());
    world.unverified.set(true);
    let mut plan = plan_of(&["central", "token"]);
    plan.steps[0].action = Action::ScannerBundle { config: ScannerConfig::Keep };
    plan.steps[1].action = Action::RevokeToken;
    let (run, _) = process(&world, &plan).await;
    assert_eq!(run.exit(), Exit::Unverified);
    assert_eq!(run.record.state, RunState::Finished);
    assert_eq!(run.record.step_state("token"), StepState::Skipped);
    assert!(!world.applied.borrow().contains("token"));
    let report = run.into_result().unwrap();
    assert_eq!(report.warnings, ["the secured clusters"]);
}

#[test]
fn a_step_that_a_later_one_overtook_is_not_looked_for_again() {
    let write = || Write::Delete { object: ObjectRef::scc("scanner") };
    let mut plan = plan_of(&["empty", "other", "delete"]);
    for index in [0, 2] {
        plan.steps[index].action = Action::Write { writes: vec![write()] };
    }
    let mut record = record_of(plan);
    let overtaken = |record: &Record| {
        record.plan.steps.iter().map(|step| is_overtaken(record, step)).collect::<Vec<_>>()
    };
    let mut set = |id: &str, state| {
        record.steps.insert(id.to_owned(), StepRecord::new(state, record.started));
        overtaken(&record)
    };
    assert_eq!(set("empty", StepState::Done), [false, false, false]);
    assert_eq!(set("other", StepState::Done), [false, false, false]);
    assert_eq!(set("delete", StepState::Started), [true, false, false]);
    assert_eq!(set("empty", StepState::Started), [false, false, false]);
}
