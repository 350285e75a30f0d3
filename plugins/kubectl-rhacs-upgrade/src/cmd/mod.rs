//! The verbs that only an upgrade has.

pub mod prepare;
pub mod status;
pub mod upgrade;
pub mod way_back;
