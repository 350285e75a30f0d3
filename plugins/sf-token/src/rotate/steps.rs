//! The steps of a run, as events tell them.

use common::env::Env;
use common::failure::Failure;
use common::run::{Event, Events, Outcome};
use common::ui::Ui;
use jiff::Timestamp;

/// Tells of one step after the other; their titles are their ids.
#[derive(Debug)]
pub struct Steps {
    events: Events,
    of: usize,
    index: usize,
    running: Option<(String, Timestamp)>,
}

impl Steps {
    /// A run of `of` steps whose events go to `ui`.
    #[must_use]
    pub fn new(env: &Env, ui: &Ui, of: usize) -> Self {
        let (clock, ui) = (env.clock().clone(), ui.clone());
        let events =
            Events::new(env.run_id(), move || clock.now(), move |event| ui.consume(&event));
        Self { events, of, index: 0, running: None }
    }

    /// Where the events go.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// The id of the running step; empty when none runs.
    #[must_use]
    pub fn current(&self) -> &str {
        self.running.as_ref().map_or("", |(id, _)| id)
    }

    /// The next step begins; returns its id.
    pub fn start(&mut self, title: &str) -> String {
        self.index += 1;
        self.running = Some((title.to_owned(), self.events.now()));
        let (index, of) = (self.index, self.of.max(self.index));
        self.events.emit(Event::StepStarted { id: title.to_owned(), index, of });
        title.to_owned()
    }

    /// The running step is done.
    pub fn finish(&mut self, outcome: Outcome) {
        let Some((id, start)) = self.running.take() else { return };
        let elapsed_seconds = self.events.seconds_since(start);
        self.events.emit(Event::StepFinished { id, outcome, elapsed_seconds });
    }

    /// The running step, if one is, failed; the run ends with that.
    pub fn fail(&mut self, failure: &Failure) {
        let step = self.running.take().map(|(id, _)| id);
        if step.is_none() {
            return;
        }
        self.events.emit(Event::RunFailed {
            step,
            exit: failure.exit(),
            message: failure.to_string(),
            causes: failure.causes().to_vec(),
            logs: Vec::new(),
            hints: failure.hints().to_vec(),
            report: None,
        });
    }
}
