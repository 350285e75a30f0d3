//! What can be wrong with the suite on a computer: facts first, then pure checks, then repairs.

mod checks;
mod facts;
mod repair;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use common::plan::Finding;

pub use checks::diagnose;
pub use facts::{Directory, Facts, Kubectl, Origin, Program};
pub use repair::Repair;

/// Something that is wrong, and what would mend it without asking.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What a person reads.
    pub finding: Finding,
    /// What `--fix` does; none when a person has to decide.
    pub repair: Option<Repair>,
}
