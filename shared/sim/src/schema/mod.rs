//! What the server knows of the kinds it serves: resources, fields, defaults and rules.

pub mod convert;
pub mod custom;
pub mod decode;
pub mod defaults;
pub mod fields;
pub mod kinds;
pub mod numbers;
pub mod quantity;
mod template;
pub mod validate;
mod validate_pod;
pub mod warnings;
