//! The room `central` against small servers: trust, requests and backups.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is to fail right there")]

#[path = "cluster/authority.rs"]
mod authority;
#[path = "central/backups.rs"]
mod backups;
#[path = "central/embedded.rs"]
mod embedded;
#[path = "central/identity.rs"]
mod identity;
#[path = "central/requests.rs"]
mod requests;
#[path = "cluster/server.rs"]
mod server;
#[path = "central/support.rs"]
mod support;
