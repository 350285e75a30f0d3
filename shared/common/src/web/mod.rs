//! Connections to servers, the same for all of them: address, proxy, trust; and HTTP to those that
//! are neither the cluster's nor Central.

mod connect;
mod dial;
mod error;
mod no_proxy;
mod origin;
mod page;
mod proxy;
mod trust;
mod verify;

pub use connect::{Connection, Connector};
pub(crate) use dial::{Stream, reach};
pub use error::ConnectError;
pub use origin::Origin;
pub use page::words;
pub use proxy::Proxy;
pub use trust::Trust;
pub(crate) use verify::{Computer, Judge, Listed, Shown, Verifying};
