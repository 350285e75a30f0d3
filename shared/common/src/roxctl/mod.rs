//! roxctl on this computer: found, downloaded, verified, put in place, and taken away again.
//!
//! [`install`] is the one way to install it, for `kubectl rhacs roxctl` and for an upgrade's step:
//! it takes where from and where to as an [`InstallRequest`], this computer as a [`System`], and
//! tells the run's events through a [`Teller`]. It locks, tidies up after killed commands, verifies
//! and keeps the receipt by itself.

mod address;
mod checksum;
mod download;
mod error;
mod http;
mod image;
mod install;
mod inventory;
mod machine;
mod mirror;
mod names;
mod origin;
mod part;
mod place;
mod program;
mod receipts;
mod remove;
mod source;
mod switch;
mod system;
mod tidy;

pub use checksum::{Checksum, ChecksumError};
pub use download::{Limits, Teller};
pub use error::RoxctlError;
pub use http::Http;
pub use install::{InstallRequest, Installed, install};
pub use inventory::{Found, survey};
pub use machine::{Target, UnknownWord, os_name, parse_arch, parse_os};
pub use mirror::{Mirror, Release};
pub use names::{VENDOR_MIRROR, installed_name, mirror_file, offered_by_central};
pub use place::{Place, Reach};
pub use program::{ProgramError, Reported, reported_version};
pub use receipts::{Receipt, Receipts};
pub use remove::{Removal, Scope, removals, remove};
pub use source::Source;
pub use switch::{Switched, switch};
pub use system::System;
