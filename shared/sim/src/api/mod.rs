//! The HTTP side of the cluster: an API server that kubectl and kube-rs cannot tell from a real one.

mod accept;
mod access;
mod body;
mod bootstrap;
mod deletion;
mod discovery;
mod duplicates;
pub mod hooks;
pub mod identity;
mod listing;
mod logs;
mod openapi;
mod patching;
mod portforward;
mod protobuf;
mod query;
mod review;
mod route;
mod scale;
mod selector;
pub mod server;
mod service;
mod table;
mod table_pod;
mod table_rows;
mod verbs;
mod watch;

pub use hooks::{CutAt, Gate, LogLine, PodLogs, PortForward, RequestInfo, RequestRecord, Verdict};
pub use identity::User;
pub use server::{Error, Options, Running, Server};
