//! What every plugin of the suite shares, in rooms; upper rooms use lower ones, never the reverse.
//!
//! ```text
//! command               one invocation of a plugin: flags, session, consent, run
//! health                how an installation is
//! checks observe        preflight findings; the look at the cluster
//! ui                    the only code that prints
//! complete              what may come next on a command line
//! run                   Runner, Event, Journal
//! roxctl                roxctl on this computer
//! cluster central web   the API server, Central, any other server
//! plan                  Plan, Step, Action, Undo, Finding: plain data
//! rhacs                 pure knowledge of the product
//! owners                who else writes an object
//! env exit failure fs   the process and its files
//! bug                   what is told of a panic
//! ```
//!
//! `rhacs` and `plan` do no I/O: they never import kube, tokio or indicatif.

pub mod bug;
#[cfg(feature = "cluster")]
pub mod central;
#[cfg(feature = "cluster")]
pub mod checks;
#[cfg(feature = "cluster")]
pub mod cluster;
#[cfg(all(feature = "cluster", feature = "ui"))]
pub mod command;
#[cfg(feature = "complete")]
pub mod complete;
pub mod env;
pub mod exit;
pub mod failure;
pub mod fs;
#[cfg(feature = "cluster")]
pub mod health;
#[cfg(any(feature = "cluster", feature = "complete"))]
mod kubeconfig;
#[cfg(feature = "cluster")]
pub mod observe;
pub mod owners;
pub mod plan;
pub mod rehearsal;
pub mod rhacs;
#[cfg(feature = "cluster")]
pub mod roxctl;
pub mod run;
#[cfg(feature = "ui")]
pub mod ui;
#[cfg(feature = "cluster")]
pub mod web;

/// The version of the suite, the same for every binary.
pub const SUITE_VERSION: &str = env!("CARGO_PKG_VERSION");
