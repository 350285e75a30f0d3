//! The controllers on a cluster without servers: rollouts, DaemonSets, failures, constraints.

mod failures;
mod manifests;
mod rollouts;
mod support;
