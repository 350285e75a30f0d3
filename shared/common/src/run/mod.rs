//! Carrying out a plan: strictly in order, recorded before each step, told in events.

mod account;
pub mod event;
#[cfg(feature = "cluster")]
mod execute;
pub mod export;
#[cfg(feature = "cluster")]
mod interrupt;
#[cfg(feature = "cluster")]
mod journal;
#[cfg(feature = "cluster")]
mod lock;
#[cfg(feature = "cluster")]
mod observe;
#[cfg(feature = "cluster")]
mod record;
pub mod report;
#[cfg(feature = "cluster")]
mod runner;
#[cfg(feature = "cluster")]
mod step_error;
#[cfg(all(test, feature = "cluster"))]
pub(crate) mod testing;
#[cfg(feature = "cluster")]
mod undo;

pub use account::{Accepted, Closing, Part, Recheck, Span, Wait};
pub use event::{Event, Events, Outcome, OutcomeResult, Stamped, StepOutline, Unit};
#[cfg(feature = "cluster")]
pub(crate) use execute::health;
#[cfg(feature = "cluster")]
pub use execute::{
    ClusterExecutor, Conclusion, Execute, Probe, Refusal, RoxctlSetup, StepContext, Verified,
};
#[cfg(feature = "cluster")]
pub use interrupt::{Interrupt, Interrupter};
#[cfg(feature = "cluster")]
pub use journal::{ClusterJournal, Journal};
#[cfg(feature = "cluster")]
pub use lock::{lock, locked};
#[cfg(feature = "cluster")]
pub use record::{
    Captured, RECORD_SCHEMA, Record, RecordError, Resume, RunState, StepRecord, StepState, Wrote,
};
pub use report::{BackupReport, ClusterReport, ComponentReport, Report};
#[cfg(feature = "cluster")]
pub use runner::{Ending, Run, Runner};
#[cfg(feature = "cluster")]
pub use step_error::StepError;
#[cfg(feature = "cluster")]
pub use undo::{Restoration, restoration};
