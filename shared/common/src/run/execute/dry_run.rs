//! Asking the API server whether it would accept the writes of a plan (`--dry-run=server`).

use super::StepContext;
use super::cluster::ClusterExecutor;
use super::write::{MOST_ATTEMPTS, same_basis};
use crate::cluster::{ClusterError, WriteOptions};
use crate::plan::{Step, Write};
use crate::rhacs::ObjectRef;
use crate::run::event::Events;
use crate::run::interrupt::Interrupt;
use crate::run::record::Record;
use crate::run::step_error::StepError;

/// What the API server would not accept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The step of the write.
    pub step: String,
    /// The object that would be written.
    pub object: ObjectRef,
    /// The API server's words, and those of its admission plugins.
    pub reason: String,
}

impl ClusterExecutor {
    /// Sends every write of the plan of `record` with `dryRun=All` and collects what is refused.
    /// Nothing is stored, recorded or waited for; each step is announced by a note.
    ///
    /// # Errors
    /// When the API server cannot be asked at all, or the user interrupts.
    pub async fn dry_run(
        &self,
        record: &Record,
        events: &Events,
        interrupt: &Interrupt,
    ) -> Result<Vec<Refusal>, StepError> {
        let mut refusals = Vec::new();
        for step in &record.plan.steps {
            let context = StepContext::new(step, record, events, interrupt);
            for write in step.action.writes() {
                let asked = interrupt.during(self.ask(write, &context)).await?;
                if let Some(reason) = asked {
                    let (step, object) = (step.id.clone(), write.object().clone());
                    refusals.push(Refusal { step, object, reason });
                }
            }
            events.note(summary(step, &refusals));
        }
        Ok(refusals)
    }

    /// Why the API server would refuse `write`; none when it would not.
    async fn ask(
        &self,
        write: &Write,
        context: &StepContext<'_>,
    ) -> Result<Option<String>, StepError> {
        let write = &*self.complete(write).await?;
        let object = write.object();
        let mut live = self.known.get(&self.cluster, object).await?;
        let mut attempt = 1;
        let answer = loop {
            let options = WriteOptions::dry_run(true);
            match self.send(write, live.as_ref(), context, options).await {
                // Its controller wrote a status meanwhile, as it may at any time.
                Err(ClusterError::Conflict { .. }) if attempt < MOST_ATTEMPTS => {
                    let now = self.known.refresh(&self.cluster, object).await?;
                    same_basis(object, live.as_ref(), now.as_ref())?;
                    (live, attempt) = (now, attempt + 1);
                }
                answer => break answer,
            }
        };
        match answer {
            Ok(_) => Ok(None),
            Err(error @ (ClusterError::Unreachable { .. } | ClusterError::Unauthorized { .. })) => {
                Err(error.into_failure(format!("cannot try to write `{object}`")).into())
            }
            Err(ClusterError::Invalid { message, causes }) => {
                let causes: Vec<String> =
                    causes.into_iter().filter(|cause| !message.contains(cause)).collect();
                let all = std::iter::once(message).chain(causes).collect::<Vec<_>>();
                Ok(Some(all.join("; ")))
            }
            Err(error) => Ok(Some(error.status_message())),
        }
    }
}

fn summary(step: &Step, refusals: &[Refusal]) -> String {
    let writes = step.action.writes().len();
    let refused = refusals.iter().filter(|refusal| refusal.step == step.id).count();
    match (writes, refused) {
        (0, _) => format!("{}: nothing to ask the API server", step.title),
        (_, 0) => format!("{}: would be accepted", step.title),
        (_, _) => format!("{}: {refused} of {writes} writes would be refused", step.title),
    }
}
