//! The controllers on a cluster without servers: rollouts, DaemonSets, failures, constraints.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers fail and speak as tests do")]

mod failures;
mod manifests;
mod rollouts;
mod stateful;
mod support;
