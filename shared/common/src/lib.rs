//! What every plugin of the suite shares, in rooms; upper rooms use lower ones, never the reverse.
//!
//! ```text
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
pub mod cluster;
pub mod env;
pub mod exit;
pub mod failure;
pub mod fs;
pub mod plan;
pub mod rhacs;
pub mod run;
#[cfg(feature = "ui")]
pub mod ui;

/// The version of the suite, the same for every binary.
pub const SUITE_VERSION: &str = env!("CARGO_PKG_VERSION");
