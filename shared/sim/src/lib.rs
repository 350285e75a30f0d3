//! The embedded cluster: an API server over an in-memory store, its controllers, a Central, and
//! scripted faults, for tests and rehearsals.

pub mod api;
pub mod central;
pub mod clock;
pub mod controllers;
pub mod faults;
pub mod mirror;
pub mod patch;
pub mod schema;
pub mod simulation;
pub mod splunk;
pub mod store;
mod webhooks;
pub mod world;
