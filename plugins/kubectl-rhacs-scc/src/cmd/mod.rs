//! The verbs that only this plugin has.

pub mod apply;
pub mod export;
pub mod prepare;
pub mod restore;
pub mod status;
