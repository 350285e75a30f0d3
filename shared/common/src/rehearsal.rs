//! What a plugin and the program with the embedded cluster say to each other, a line of JSON each.
//!
//! The plugin writes an [`Order`] to the program's standard input and keeps it open; the program
//! answers with an [`Answer`] on its standard output, serves, and ends when its input ends, so that
//! it never outlives the plugin.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rhacs::Version;

/// The program that has the embedded cluster.
pub const PROGRAM: &str = "rhacs-sim";

/// The cluster that is wanted.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The suite's version of the plugin; the program refuses another one.
    pub version: String,
    /// The objects it starts with.
    pub objects: Vec<Value>,
    /// Where those of them go that need a namespace and name none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether they are a sample of an installation, which has a volume wherever one belongs.
    #[serde(default)]
    pub sample: bool,
    /// Whether it is an OpenShift cluster.
    pub openshift: bool,
    /// Whether OpenShift's own constraints have to be made, since the objects lack them.
    pub built_in_constraints: bool,
    /// The API server that it plays; none for one that serves what it can.
    pub server: Option<Server>,
    /// The version of whose database its Central keeps a copy, as of before its last upgrade.
    pub database_copy: Option<Version>,
    /// How much faster than real time it lives.
    pub speed: f64,
}

/// What an API server says of itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Its version, such as `v1.27.8+4fab27b`.
    pub version: String,
    /// The group versions that it serves, such as `apps/v1`, without the core group.
    pub served: BTreeSet<String>,
}

/// What came of an [`Order`].
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// It serves.
    Serves(Serves),
    /// It could not be started.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// How to reach the embedded cluster. Holds credentials of it, so that it has no `Debug`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Serves {
    /// A kubeconfig of its administrator.
    pub kubeconfig: String,
    /// An API token of its Central's administrator.
    pub central_token: String,
    /// The time there.
    pub now: Timestamp,
}
