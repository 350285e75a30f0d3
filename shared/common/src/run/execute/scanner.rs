//! Applying Central's scanner bundle.

use std::sync::PoisonError;

use serde_json::Value;

use super::StepContext;
use super::bundle::{self, Decision};
use super::cluster::ClusterExecutor;
use super::write::Written;
use crate::plan::{ScannerConfig, basis_digest};
use crate::rhacs::ObjectRef;
use crate::run::event::Outcome;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// Fetches the bundle and applies what of it is wanted. Data of Secrets is never told.
    pub(super) async fn apply_bundle(
        &self,
        choice: ScannerConfig,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let bundle = self.central()?.scanner_bundle(self.plan.platform).await;
        let files = bundle.map_err(|error| {
            StepError::from(error.into_failure("cannot fetch the scanner bundle from Central"))
        })?;
        let mut changed = Vec::new();
        for object in bundle::objects(&files, &self.plan.namespace)? {
            if bundle::is_config(&object) && self.keeps_config(&object, choice, context).await? {
                continue;
            }
            let Some(write) = bundle::write(object) else { continue };
            if self.write(&write, context).await? == Written::Changed {
                changed.push(format!("`{}`", write.object()));
            }
            self.bundle.lock().unwrap_or_else(PoisonError::into_inner).push(write);
        }
        Ok(if changed.is_empty() {
            Outcome::unchanged("the bundle is applied already")
        } else {
            Outcome::changed(format!("{} changed", changed.join(", ")))
        })
    }

    /// Whether what an earlier part of the run applied of the bundle is as it left it.
    pub(super) async fn bundle_is_left(
        &self,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        for wrote in context.earlier().map(|earlier| &*earlier.wrote).unwrap_or_default() {
            let now = self.known.get_fresh(&self.cluster, &wrote.object).await?;
            if wrote.digest.is_some() && now.as_ref().map(basis_digest) != wrote.digest {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the live configuration stays; then it is told how the new one differs.
    async fn keeps_config(
        &self,
        new: &Value,
        choice: ScannerConfig,
        context: &StepContext<'_>,
    ) -> Result<bool, StepError> {
        let Some(object) = ObjectRef::of(new) else { return Ok(false) };
        let live = self.known.get(&self.cluster, &object).await?;
        let plan = &self.plan;
        let namespace = plan.namespace.as_str();
        match bundle::decide(live.as_ref(), new, choice, &plan.to, plan.platform, namespace) {
            Decision::Replace => Ok(false),
            Decision::Keep { diff } => {
                context.events.note(format!(
                    "`{object}` was changed by hand and is kept; the new release differs:\n{diff}"
                ));
                Ok(true)
            }
        }
    }
}
