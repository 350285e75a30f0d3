//! The ways of changing an object, and the record of who owns which field.

pub mod apply;
pub mod compare;
pub mod json;
pub mod managed;
pub mod set;
pub mod strategic;
