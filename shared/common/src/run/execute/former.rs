//! The former states of objects that a plan names without showing them: from the records of runs.

use std::borrow::Cow;

use serde_json::Value;

use super::cluster::ClusterExecutor;
use crate::cluster::Records;
use crate::plan::{Before, Write, digest_of};
use crate::rhacs::{ObjectRef, essence};
use crate::run::record::Record;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// `write` with everything in it that has to be sent.
    pub(super) async fn complete<'a>(&self, write: &'a Write) -> Result<Cow<'a, Write>, StepError> {
        let Write::Restore { object, before: Before::Recorded { run, digest } } = write else {
            return Ok(Cow::Borrowed(write));
        };
        let known = self.former.lock().await.get(object).cloned();
        let manifest = match known.filter(|known| digest_of(&essence(known)) == *digest) {
            Some(manifest) => manifest,
            None => self.load_former(object, run, digest).await?,
        };
        let before = Before::Manifest { manifest };
        Ok(Cow::Owned(Write::Restore { object: object.clone(), before }))
    }

    async fn load_former(
        &self,
        object: &ObjectRef,
        run: &str,
        digest: &str,
    ) -> Result<Value, StepError> {
        let cannot = || format!("cannot read `{object}` from the record of run `{run}`");
        let stored = Records::new(&self.cluster).load(run).await;
        let stored = stored.map_err(|error| StepError::from(error.into_failure(cannot())))?;
        let stored = stored.ok_or_else(|| {
            StepError::stale(cannot())
                .because("the record is gone")
                .hint("make a new plan: `kubectl rhacs rollback plan`")
        })?;
        let record = Record::decode(&stored.bytes)
            .map_err(|error| StepError::failed(cannot()).because(error.to_string()))?;
        let former = record
            .captured
            .into_values()
            .flatten()
            .filter(|captured| captured.object == *object)
            .filter_map(|captured| captured.before)
            .find(|before| digest_of(&essence(before)) == digest);
        let former = former.ok_or_else(|| {
            StepError::stale(cannot()).because("the record holds another state of it")
        })?;
        self.former.lock().await.insert(object.clone(), former.clone());
        Ok(former)
    }
}
