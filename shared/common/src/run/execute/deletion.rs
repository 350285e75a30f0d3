//! An object is deleted when it is gone: finalizers may hold it for long.

use std::time::Duration;

use serde_json::Value;

use super::StepContext;
use super::cluster::{ClusterExecutor, Deadline};
use crate::plan::Write;
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

/// How often an object is looked for that is being deleted.
const POLL: Duration = Duration::from_secs(1);

impl ClusterExecutor {
    /// Waits until every object that `writes` delete is gone.
    pub(super) async fn await_deletions(
        &self,
        writes: &[Write],
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<(), StepError> {
        let deleted = writes.iter().filter_map(|write| match write {
            Write::Delete { object } => Some(object),
            _ => None,
        });
        for object in deleted {
            // An answer that says that it is gone needs no other look.
            if self.known.get(&self.cluster, object).await?.is_some() {
                self.await_deletion(object, deadline, context).await?;
            }
        }
        Ok(())
    }

    async fn await_deletion(
        &self,
        object: &ObjectRef,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<(), StepError> {
        let mut told = String::new();
        loop {
            let Some(now) = self.known.refresh(&self.cluster, object).await? else {
                return Ok(());
            };
            if now["metadata"]["deletionTimestamp"].is_null() {
                let message = format!("`{object}`, which this run deleted, is there again");
                return Err(StepError::failed(message)
                    .hint("stop whoever creates it before the run goes on"));
            }
            let words = holds_it(&now);
            if deadline.is_over() {
                let error = late(object, deadline, &words);
                return Err(self.with_fate_of_namespace(error).await);
            }
            if told != words {
                context.waiting(format!("`{object}` to be gone: {words}"), None);
                told = words;
            }
            deadline.pause(POLL).await;
        }
    }
}

fn late(object: &ObjectRef, deadline: Deadline, words: &str) -> StepError {
    let seconds = deadline.seconds();
    let place = object.namespace.as_ref().map(|it| format!(" -n {it}")).unwrap_or_default();
    StepError::unverified(format!("`{object}` is still there {seconds} s after its deletion"))
        .because(words)
        .hint(format!("see it: `kubectl get {}{place} -o yaml`", object.qualified()))
}

/// What keeps an object that is being deleted.
fn holds_it(object: &Value) -> String {
    let metadata = &object["metadata"];
    let finalizers: Vec<String> = metadata["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| format!("`{name}`"))
        .collect();
    match finalizers.len() {
        0 => "it ends".to_owned(),
        1 => format!("its finalizer {} holds it", finalizers[0]),
        _ => format!("its finalizers {} hold it", finalizers.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_an_object_is_named() {
        let held = |finalizers: Value| holds_it(&json!({"metadata": {"finalizers": finalizers}}));
        assert_eq!(held(json!(["a/b"])), "its finalizer `a/b` holds it");
        assert_eq!(held(json!(["a/b", "c/d"])), "its finalizers `a/b`, `c/d` hold it");
        assert_eq!(held(Value::Null), "it ends");
    }
}
