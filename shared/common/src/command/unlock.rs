//! `unlock`: remove the lock of a run that died.

use serde::Serialize;

use super::Session;
use crate::cluster::Lease;
use crate::exit::Exit;
use crate::failure::Failure;

/// What became of the lock, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unlocked<'a> {
    /// The number of this format.
    schema: u32,
    /// Whether there was a lock, which is gone.
    removed: bool,
    /// Who held it.
    holder: Option<&'a str>,
    /// Since when, RFC 3339.
    since: Option<&'a str>,
    /// Whether it had expired by itself.
    expired: Option<bool>,
}

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
        return report(session, None);
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
        return Err(Failure::new(Exit::Declined, "declined; the lock is left as it is"));
    }
    Lease::break_lock(&session.cluster, reason)
        .await
        .map_err(|error| error.into_failure("cannot remove the lock"))?;
    session.ui.say("the lock is removed");
    report(session, Some(&lease))
}

/// Prints what became of `lease` where programs read it; people have been told in words.
fn report(session: &Session, lease: Option<&Lease>) -> Result<Exit, Failure> {
    let unlocked = Unlocked {
        schema: 1,
        removed: lease.is_some(),
        holder: lease.map(|lease| lease.holder.as_str()),
        since: lease.map(|lease| lease.since.as_str()),
        expired: lease.map(|lease| lease.expired),
    };
    session.ui.print(&unlocked, |_, _| String::new())?;
    Ok(Exit::Done)
}
