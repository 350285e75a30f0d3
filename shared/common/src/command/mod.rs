//! What the RHACS plugins share around their planners: one invocation from flags to exit code.
//!
//! ```text
//! flags → Session (connection, terminal) → observe → the plugin's planner → Prepared → proposal → execute
//! ```

pub mod apply;
mod args;
pub mod check;
mod completions;
pub mod evidence;
pub mod execute;
pub mod help;
pub mod history;
pub mod plan;
mod prepare;
pub mod process;
mod proposal;
mod rehearse;
pub mod resume;
mod roxctl;
mod session;
mod taken_back;
pub mod unlock;
pub mod verbs;
pub mod verify;
mod webhooks;

pub use args::{DryRun, Flags, RunArgs};
pub use prepare::{Prepared, check as prepare, stop_if_blocked};
pub use proposal::{propose, run as propose_and_run};
pub use session::{Session, Stop};

use crate::checks::Group;
use crate::plan::Operation;

/// What tells one plugin from another.
#[derive(Clone, Copy)]
pub struct Tool {
    /// The word behind `kubectl rhacs`.
    pub word: &'static str,
    /// What its plans are.
    pub operation: Operation,
    /// What its plans are checked for.
    pub groups: &'static [Group],
}

impl Tool {
    /// `kubectl rhacs WORD …`, for hints.
    #[must_use]
    pub fn command(&self, rest: &str) -> String {
        format!("kubectl rhacs {} {rest}", self.word)
    }
}
