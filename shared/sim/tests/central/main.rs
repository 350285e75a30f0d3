//! Central and the servers of a whole simulation: upgrades, API, backup, port-forward, faults.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers fail and speak as tests do")]

mod api;
mod client;
#[cfg(test)]
mod compare;
mod faults;
mod kubectl;
#[cfg(test)]
mod player;
#[path = "../program/mod.rs"]
mod program;
#[cfg(test)]
mod recorded;
mod upgrades;
