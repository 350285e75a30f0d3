//! What is true of RHACS: pure knowledge, no I/O.

pub mod authorization;
pub mod central_config;
pub mod certificates;
mod component;
pub mod database;
mod elsewhere;
pub mod hops;
pub mod images;
mod install;
pub mod migrator;
mod object;
pub mod official;
pub mod parity;
mod platform;
mod presumed;
mod reconcilers;
pub mod rules;
pub mod scanner_config;
pub mod scc;
pub mod sequence;
mod snapshot;
mod upgrader_state;
mod version;
pub mod way_back;
pub mod webhooks;
mod workload;

pub use component::Component;
pub use elsewhere::{Elsewhere, central_elsewhere, service_namespace};
pub use install::{Installation, ManagedPart, Method};
pub use object::{ObjectRef, essence};
pub use platform::Platform;
pub use presumed::{presumed_version, untold_images};
pub use reconcilers::reconcilers;
pub use snapshot::{
    Access, CentralFacts, Certificate, ClusterIdentity, Need, Permission, SecretFacts,
    SecuredCluster, Snapshot, UpgradeStatus,
};
pub use upgrader_state::UpgraderState;
pub use version::{Version, VersionError};
pub use workload::{Container, Workload};
