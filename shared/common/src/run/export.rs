//! A record as it is shown to others: everything in it but the data of Secrets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::account::{Accepted, Closing, Part, Recheck};
use super::event::OutcomeResult;
use super::report::Report;
use crate::exit::Exit;
use crate::plan::{Operation, Plan};
use crate::rhacs::{Component, ObjectRef, Version};

#[cfg(feature = "cluster")]
mod hide;
#[cfg(feature = "cluster")]
mod of_record;

/// A run in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLine {
    /// Its id.
    pub run: String,
    /// When it started.
    pub started: Timestamp,
    /// When its record was written last.
    pub updated: Timestamp,
    /// What kind of run it is.
    pub operation: Operation,
    /// The version that ran before.
    pub from: Version,
    /// The version it went to.
    pub to: Version,
    /// How far it is, in a word.
    pub state: String,
    /// How it ended, by the newest look at it; none while it runs or when its process died.
    pub exit: Option<Exit>,
    /// The same as the number that the process ended with.
    pub code: Option<u8>,
    /// What could not be verified, by the newest look at it.
    pub unverified: Vec<String>,
    /// Who started it.
    pub who: String,
    /// The number of steps that are done, or had nothing to do.
    pub steps_done: usize,
    /// The number of steps.
    pub steps: usize,
}

/// Everything else that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// The computer it was started on.
    pub host: String,
    /// The suite's version that wrote the record last.
    pub tool: String,
    /// How far each step is, in the order of the plan.
    pub steps: Vec<StepLine>,
    /// What could not be verified at the end of the run, before anybody looked again.
    pub unverified_at_end: Vec<String>,
    /// The findings it was started in spite of.
    pub accepted: Vec<Accepted>,
    /// What each process of the run lived through.
    pub parts: Vec<Part>,
    /// Each time the run was taken up again.
    pub resumes: Vec<Resumption>,
    /// What the run achieved, once it ended.
    pub report: Option<Report>,
    /// Each time it was verified again, oldest first.
    pub verifications: Vec<Recheck>,
    /// Why it is never to be resumed.
    pub closed: Option<Closing>,
    /// What was to be done.
    pub plan: Plan,
    /// What the objects of each step were before the run, the data of Secrets left out.
    pub captured: BTreeMap<String, Vec<Former>>,
}

/// One step of a recorded run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepLine {
    /// Its id.
    pub step: String,
    /// What it does.
    pub title: String,
    /// The part of the product.
    pub component: Option<Component>,
    /// How far it is, in words.
    pub state: String,
    /// What it did, or why it did not.
    pub message: String,
    /// When it began first.
    pub began: Option<Timestamp>,
    /// Since when it is in this state; none when it was not reached.
    pub at: Option<Timestamp>,
    /// Whether it changed anything, and whether that is known to have worked.
    pub result: Option<OutcomeResult>,
    /// What could not be verified.
    pub unverified: Vec<String>,
    /// What it wrote.
    pub wrote: Vec<Written>,
}

/// An object as a step left it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The object.
    pub object: ObjectRef,
    /// Its resourceVersion after the write; none after a deletion.
    pub resource_version: Option<String>,
    /// The digest of it after the write; none after a deletion.
    pub digest: Option<String>,
}

/// One time a run was taken up again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumption {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// On which computer.
    pub host: String,
    /// With which version of the suite.
    pub tool: String,
}

/// An object as it was before the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// The object.
    pub object: ObjectRef,
    /// The object, without what may be secret in it; none when it did not exist.
    pub before: Option<Value>,
}

/// A run with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The run in one line.
    pub line: RunLine,
    /// The rest.
    pub details: RunDetails,
}
