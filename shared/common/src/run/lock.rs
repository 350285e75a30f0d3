//! One run at a time.

use crate::cluster::{Cluster, Held, Lease, LeaseError};
use crate::exit::Exit;
use crate::failure::Failure;

/// Takes the lock of the installation for the run `run`, held by `user` at `host` in the process
/// `process`. It is renewed by itself; [`Held::release`] gives it back, and it expires within a
/// minute when the process dies.
///
/// # Errors
/// Exit 8 when another run holds it; else what kept it from being taken.
pub async fn lock(
    cluster: &Cluster,
    user: &str,
    host: &str,
    process: u32,
    run: &str,
) -> Result<Held, Failure> {
    let holder = format!("{user}@{host} pid {process} run {run}");
    match Lease::acquire(cluster, &holder).await {
        Ok(held) => Ok(held),
        Err(LeaseError::Locked(lease)) => Err(locked(&lease)),
        Err(LeaseError::Cluster(error)) => Err(error.into_failure("cannot take the lock")),
    }
}

/// The failure of a command that finds `lease` held: exit 8, by whom and since when.
#[must_use]
pub fn locked(lease: &Lease) -> Failure {
    let message = format!("another run holds the lock: {} since {}", lease.holder, lease.since);
    Failure::new(Exit::Locked, message)
        .hint(format!("it expires at {} unless that run goes on", lease.expires))
        .hint("if that run is dead: `kubectl rhacs upgrade unlock --reason TEXT`")
}
