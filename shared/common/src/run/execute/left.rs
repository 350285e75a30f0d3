//! Whether what a run wrote is still there: for a look at it after its end.

use super::cluster::ClusterExecutor;
use crate::plan::{Step, Write};
use crate::rhacs::ObjectRef;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// The objects that are not as `step` was to leave them, each once.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn not_as_left(&self, step: &Step) -> Result<Vec<ObjectRef>, StepError> {
        let mut objects: Vec<ObjectRef> = Vec::new();
        for write in step.action.writes() {
            let object = Write::object(write);
            if !objects.contains(object) && !self.is_written(write).await? {
                objects.push(object.clone());
            }
        }
        Ok(objects)
    }
}
