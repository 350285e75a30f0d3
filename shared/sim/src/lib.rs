//! The embedded cluster.
pub mod patch;
pub mod schema;
pub mod store;
pub mod central;
pub mod clock;
pub mod controllers;
pub mod faults;
pub mod world;
pub mod api;
pub mod simulation;
