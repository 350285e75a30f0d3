//! Delivery of a secret: where it goes, who reads it there, and the restarts that make them use it.
//!
//! There is no record of a run beside what it works on. The API tells the current secret and when it
//! was made; annotations of a Secret and of the templates that read it tell by a fingerprint what
//! was delivered and which pods started with it. A file or a Secret with the state of a run would be
//! one more thing to keep, to lock and to trust, and could only repeat what these say.

pub mod args;
pub mod clusters;
pub mod collector;
pub mod command;
pub mod consumers;
pub mod file;
pub mod findings;
pub mod fingerprint;
mod on_delete;
pub mod owners;
mod reloader;
pub mod report;
pub mod restart;
pub mod restore;
mod roll;
pub mod run;
pub mod secret;
pub mod site;
pub mod survey;
pub mod target;
#[cfg(test)]
mod tests;
pub mod work;
mod write;

pub use args::{ClusterArgs, DestinationArgs, DryRun};
pub use report::{ConsumerReport, Delivered, DestinationReport};
pub use site::Site;
