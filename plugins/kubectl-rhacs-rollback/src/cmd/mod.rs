//! What a rollback does between its flags and the rooms that all plugins share.

pub mod apply;
pub mod prepare;
pub mod rollback;
