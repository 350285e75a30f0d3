//! What every plugin of the suite shares, in rooms; upper rooms use lower ones, never the reverse.
//!
//! ```text
//! command               one invocation of a plugin: flags, session, consent, run
//! checks observe        preflight findings; the look at the cluster
//! ui                    the only code that prints
//! run                   Runner, Event, Journal
//! cluster central       the API server and Central
//! plan                  Plan, Step, Action, Undo, Finding: plain data
//! rhacs                 pure knowledge of the product
//! env exit failure fs   the process and its files
//! ```
//!
//! `rhacs` and `plan` do no I/O: they never import kube, tokio or indicatif.

#[cfg(feature = "cluster")]
pub mod central;
#[cfg(feature = "cluster")]
pub mod checks;
#[cfg(feature = "cluster")]
pub mod cluster;
#[cfg(all(feature = "cluster", feature = "ui"))]
pub mod command;
pub mod env;
pub mod exit;
pub mod failure;
pub mod fs;
#[cfg(feature = "cluster")]
pub mod observe;
pub mod plan;
pub mod rehearsal;
pub mod rhacs;
pub mod run;
#[cfg(feature = "ui")]
pub mod ui;

/// The version of the suite, the same for every binary.
pub const SUITE_VERSION: &str = env!("CARGO_PKG_VERSION");
