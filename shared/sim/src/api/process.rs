//! What would need a process in a container: a clear refusal, since no container here runs any.

use super::body::Answer;
use super::route::Target;
use super::service::Call;
use super::verbs::live;
use crate::store::Status;

/// Refuses `pods/NAME/exec` and `pods/NAME/attach`, after the usual questions.
///
/// # Errors
/// Always: 404 for a pod that is not there, 400 for one that is.
pub(crate) fn refuse(call: &Call, target: &Target) -> Result<Answer, Status> {
    live(call, target)?;
    let verb = target.subresource.as_deref().unwrap_or_default();
    Err(Status::bad_request(format!(
        "{verb} is not possible in pod {}: the containers of an embedded cluster have no processes",
        target.name()
    )))
}
