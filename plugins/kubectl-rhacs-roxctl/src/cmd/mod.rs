//! The verbs, one file each.

pub mod install;
pub mod list;
pub mod switch;
pub mod uninstall;
pub mod verify;
pub mod which;
