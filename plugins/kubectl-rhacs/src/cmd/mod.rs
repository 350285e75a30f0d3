//! One file for each word of the front door.

pub mod completion;
pub mod doctor;
pub mod help;
pub mod schema;
pub mod version;
