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
mod openapi_protobuf;
mod patching;
mod portforward;
mod portforward_spdy;
mod process;
mod protobuf;
mod query;
mod review;
mod route;
mod scale;
mod selector;
pub mod server;
mod service;
mod spdy;
mod table;
mod table_pod;
mod table_rest;
mod table_rows;
mod token;
mod verbs;
mod watch;

pub use hooks::{CutAt, Gate, LogLine, PodLogs, PortForward, RequestInfo, RequestRecord, Verdict};
pub use identity::User;
pub use server::{Error, Options, Running, Server};
