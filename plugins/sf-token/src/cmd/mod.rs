//! What the verbs do, one file each.

pub mod create;
pub mod delete;
pub mod expiring;
pub mod get;
pub mod list;
pub mod login;
pub mod logout;
pub mod rotate;
pub mod show;
pub mod sync;
mod told;
pub mod update;
pub mod verify;
pub mod view;
pub mod whoami;
