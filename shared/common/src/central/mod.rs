//! Central's API: versions, secured clusters, backups, tokens, over TLS that tells faults apart.

mod api;
mod args;
pub mod backup;
mod client;
mod connection;
mod decode;
mod download;
mod error;
mod identity;
mod probe;
mod scanner;
mod tls;

pub use api::{AuthStatus, BackupStatus, Metadata, Token};
pub use args::{CentralArgs, CentralOptions, Credentials, Endpoint};
pub use backup::{Backup, BackupError, BackupRequest};
pub use client::CentralClient;
pub(crate) use connection::describe_tls;
pub use error::{CentralError, TlsFault};
pub use identity::Belonging;
pub use probe::{Outage, Probe};
pub use scanner::BundleFile;
pub(crate) use tls::fault as tls_fault;
