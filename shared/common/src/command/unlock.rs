//! `unlock`: remove the lock of a run that died.

use super::Session;
use crate::cluster::Lease;
use crate::exit::Exit;
use crate::failure::Failure;

/// Shows who holds the lock, asks, and removes it; the reason is recorded. A lock that is still
/// renewed belongs to a run that is alive: it is removed by `force` only.
///
/// # Errors
/// When the lock cannot be read or removed, is alive, or there is no one to ask.
pub async fn run(session: &Session, reason: &str, force: bool) -> Result<Exit, Failure> {
    if reason.trim().is_empty() {
        return Err(Failure::usage("--reason must say why"));
    }
    let context = "cannot read the lock";
    let lease = Lease::current(&session.cluster).await;
    let Some(lease) = lease.map_err(|error| error.into_failure(context))? else {
        session.ui.say("there is no lock");
        return Ok(Exit::Done);
    };
    if !lease.expired && !force {
        let message = format!("the lock is held by {} since {}", lease.holder, lease.since);
        return Err(Failure::new(Exit::Locked, message)
            .because("its run may be alive, and two runs would change the installation at once")
            .hint(format!("a dead run's lock expires by itself, this one at {}", lease.expires))
            .hint(session.tool.command("unlock --force --reason TEXT")));
    }
    let state = if lease.expired { "expired" } else { "still renewed" };
    session.ui.say(&format!("held by {} since {}, {state}", lease.holder, lease.since));
    let warning = "If that run is alive, two runs will change the installation at once.";
    if !session.confirm("Remove the lock?", warning.to_owned()).await? {
        return Ok(Exit::Declined);
    }
    Lease::break_lock(&session.cluster, reason)
        .await
        .map_err(|error| error.into_failure("cannot remove the lock"))?;
    session.ui.say("the lock is removed");
    Ok(Exit::Done)
}
