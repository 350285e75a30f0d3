//! HTTP to servers that are neither the cluster's nor Central: address, trust, proxy, connection.

mod connect;
mod error;
mod origin;
mod page;
mod proxy;
mod trust;

pub use connect::{Connection, Connector};
pub use error::ConnectError;
pub use origin::Origin;
pub use page::words;
pub use proxy::Proxy;
pub use trust::Trust;
