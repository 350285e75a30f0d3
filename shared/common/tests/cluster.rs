//! The room `cluster` against small servers: requests, waits, the lock and the records.

#[path = "cluster/requests.rs"]
mod requests;
#[path = "cluster/server.rs"]
mod server;
#[path = "cluster/stored.rs"]
mod stored;
#[path = "cluster/support.rs"]
mod support;
#[path = "cluster/waits.rs"]
mod waits;
