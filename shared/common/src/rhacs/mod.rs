//! What is true of RHACS: pure knowledge, no I/O.

mod component;
pub mod hops;
pub mod images;
mod install;
pub mod migrator;
mod object;
pub mod official;
pub mod parity;
mod platform;
pub mod rules;
mod snapshot;
mod version;
mod workload;

pub use component::Component;
pub use install::InstallMethod;
pub use object::{ObjectRef, essence};
pub use platform::Platform;
pub use snapshot::{
    Access, CentralFacts, Certificate, ClusterIdentity, Permission, SecretFacts, SecuredCluster,
    Snapshot, UpgradeStatus,
};
pub use version::{Version, VersionError};
pub use workload::{Container, Workload};
