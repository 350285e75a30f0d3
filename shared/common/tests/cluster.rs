//! The room `cluster` against small servers: requests, waits, the lock and the records.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is to fail right there")]

#[path = "cluster/authority.rs"]
mod authority;
#[path = "cluster/forward.rs"]
mod forward;
#[path = "cluster/requests.rs"]
mod requests;
#[path = "cluster/server.rs"]
mod server;
#[path = "cluster/stored.rs"]
mod stored;
#[path = "cluster/support.rs"]
mod support;
#[path = "cluster/trust.rs"]
mod trust;
#[path = "cluster/waits.rs"]
mod waits;
