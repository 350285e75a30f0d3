//! Rotation: what may be asked for, what speaks against it, sending it once, and what came of it.

pub mod duration;
pub mod expiry;
pub mod findings;
pub mod finish;
mod mistaken;
pub mod once;
pub mod outcome;
pub mod plan;
pub mod prepare;
pub mod probe;
pub mod report;
pub mod steps;

pub use duration::{Grace, Lifetime};
pub use expiry::{Basis, Forecast};
