//! The record of a run: all that resuming, undoing or explaining it needs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::{Accepted, Closing, Part, Recheck};
use super::event::Outcome;
use super::report::Report;
use crate::SUITE_VERSION;
use crate::exit::Exit;
use crate::plan::{Operation, PLAN_SCHEMA, Plan};
use crate::rhacs::ObjectRef;

/// The number of the record's format; a reader refuses any other.
pub const RECORD_SCHEMA: u32 = 1;

/// A record that decompresses to more than this many bytes is not one of ours.
const LARGEST_RECORD: u64 = 64 << 20;

/// Everything known about one run. It may hold the data of Secrets: store it only in a Secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// [`RECORD_SCHEMA`] of the writer.
    pub schema: u32,
    /// The id of the run, see [`crate::env::Env::run_id`].
    pub id: String,
    /// What kind of run it is.
    pub operation: Operation,
    /// The suite's version that wrote the record last.
    pub tool: String,
    /// Who started it, as the API server knows the user.
    pub who: String,
    /// The computer it was started on.
    pub host: String,
    /// When it started.
    pub started: Timestamp,
    /// When the record was written last.
    pub updated: Timestamp,
    /// How far it is as a whole.
    pub state: RunState,
    /// What was to be done.
    pub plan: Plan,
    /// What the objects of each step were before the run.
    pub captured: BTreeMap<String, Vec<Captured>>,
    /// How far each step is; a step that is missing was not reached.
    pub steps: BTreeMap<String, StepRecord>,
    /// What the run achieved, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Each time the run was taken up again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumes: Vec<Resume>,
    /// The findings it was started in spite of, and who accepted them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// What each process of the run lived through; empty in records of before this was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Each time the run was verified again after its end, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rechecks: Vec<Recheck>,
    /// Why it is never to be resumed, when somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closing>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// It runs, or its process died.
    Running,
    /// All steps are done.
    Finished,
    /// A step failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// It failed, and its changes were taken back.
    RolledBack,
}

/// One object as it was before the run.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Captured {
    /// The object.
    pub object: ObjectRef,
    /// The object without `status` and `managedFields`; none when it did not exist.
    pub before: Option<Value>,
}

/// How far one step is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// How far it is.
    pub state: StepState,
    /// Since when.
    pub at: Timestamp,
    /// When it began first; none in records of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// What it did, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it failed or was skipped; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What it wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrote: Vec<Wrote>,
}

/// The stations of a step.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Nothing happened yet.
    Pending,
    /// It may have written something.
    Started,
    /// It is done and verified.
    Done,
    /// It had nothing to do.
    Skipped,
    /// It failed; it may have written something.
    Failed,
}

/// One object as a step left it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrote {
    /// The object.
    pub object: ObjectRef,
    /// Its uid; none after a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its resourceVersion after the write; none after a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// [`crate::plan::basis_digest`] of it after the write; none after a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// One time a run was taken up again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// When.
    pub at: Timestamp,
    /// By whom, as the API server knows the user.
    pub who: String,
    /// On which computer.
    pub host: String,
    /// With which version of the suite.
    pub tool: String,
}

/// Why stored bytes are no record this tool can use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A newer tool wrote it.
    #[error(
        "it has format {found} and was written by version {tool}, this tool reads format {RECORD_SCHEMA}"
    )]
    Newer {
        /// The format found.
        found: u64,
        /// The version of the tool that wrote it, or `unknown`.
        tool: String,
    },
    /// The number is none that was ever written.
    #[error("it has the unknown format `{found}`")]
    UnknownSchema {
        /// What stands where the number should.
        found: String,
    },
    /// It cannot be read.
    #[error("it is damaged: {reason}")]
    Corrupt {
        /// What is wrong.
        reason: String,
    },
}

impl Record {
    /// The record of a run of `plan` that has not started.
    #[must_use]
    pub fn new(id: String, plan: Plan, who: String, host: String, at: Timestamp) -> Self {
        Self {
            schema: RECORD_SCHEMA,
            id,
            operation: plan.operation,
            tool: SUITE_VERSION.to_owned(),
            who,
            host,
            started: at,
            updated: at,
            state: RunState::Running,
            plan,
            captured: BTreeMap::new(),
            steps: BTreeMap::new(),
            report: None,
            resumes: Vec::new(),
            accepted: Vec::new(),
            parts: vec![Part::new(at)],
            rechecks: Vec::new(),
            closed: None,
        }
    }

    /// Notes that `who` takes the run up again; the steps keep their states.
    pub fn resume(&mut self, who: String, host: String, at: Timestamp) {
        let tool = SUITE_VERSION.to_owned();
        self.resumes.push(Resume { at, who, host, tool: tool.clone() });
        self.tool = tool;
        self.state = RunState::Running;
        self.report = None;
        self.updated = at;
        self.parts.push(Part::new(at));
    }

    /// The state of the step `id`.
    #[must_use]
    pub fn step_state(&self, id: &str) -> StepState {
        self.steps.get(id).map_or(StepState::Pending, |step| step.state)
    }

    /// Whether `resume` has something to do.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        self.closed.is_none()
            && matches!(self.state, RunState::Running | RunState::Failed | RunState::Interrupted)
    }

    /// How the run ended, by the newest look at it; none while it runs or when its process died.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        let recheck = self.rechecks.last().map(|recheck| recheck.exit);
        recheck.or_else(|| self.report.as_ref().map(|report| report.exit))
    }

    /// What could not be verified, by the newest look at the run, in the order of its steps.
    #[must_use]
    pub fn unverified(&self) -> Vec<String> {
        if let Some(recheck) = self.rechecks.last() {
            return recheck.unverified.clone();
        }
        let steps = self.plan.steps.iter().filter_map(|step| self.steps.get(&step.id));
        let outcomes = steps.filter_map(|step| step.outcome.as_ref());
        outcomes.flat_map(Outcome::unverified_things).map(str::to_owned).collect()
    }

    /// How many processes worked at it, the present one included.
    #[must_use]
    pub fn part_count(&self) -> usize {
        self.resumes.len() + 1
    }

    /// How long Central did not answer in the parts before the present one, in seconds, as far as
    /// they lived to record it.
    #[must_use]
    pub fn earlier_outage(&self) -> f64 {
        let earlier = self.parts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        earlier.iter().map(Part::outage_seconds).sum()
    }

    /// The record as compressed JSON.
    ///
    /// # Errors
    /// Never for a record built by this crate; the error is passed on rather than hidden.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        // It is encoded anew before each step: a little larger costs less than much slower.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&json)?;
        encoder.finish()
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged, or written in another format.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let corrupt = |reason: String| RecordError::Corrupt { reason };
        let mut json = Vec::new();
        GzDecoder::new(bytes)
            .take(LARGEST_RECORD)
            .read_to_end(&mut json)
            .map_err(|error| corrupt(error.to_string()))?;
        let value: Value =
            serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))?;
        check_schema(&value)?;
        serde_json::from_value(value).map_err(|error| corrupt(error.to_string()))
    }
}

impl Captured {
    /// Captures `object`, which is `now`; none when it does not exist.
    #[must_use]
    pub fn new(object: ObjectRef, now: Option<&Value>) -> Self {
        let before = now.map(|now| {
            let mut before = now.clone();
            if let Some(fields) = before.as_object_mut() {
                fields.remove("status");
            }
            if let Some(metadata) = before.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
            before
        });
        Self { object, before }
    }
}

impl fmt::Debug for Captured {
    /// Leaves the content out: it may be that of a Secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured")
            .field("object", &self.object)
            .field("existed", &self.before.is_some())
            .finish_non_exhaustive()
    }
}

impl StepRecord {
    /// A step that came to `state` at `at`.
    #[must_use]
    pub const fn new(state: StepState, at: Timestamp) -> Self {
        Self { state, at, began: None, outcome: None, message: String::new(), wrote: Vec::new() }
    }
}

/// Looks at the numbers before anything else, so that a newer record is called newer, not damaged.
fn check_schema(value: &Value) -> Result<(), RecordError> {
    let ours = [(value, RECORD_SCHEMA), (&value["plan"], PLAN_SCHEMA)];
    for (part, known) in ours {
        let Some(found) = part["schema"].as_u64() else {
            return Err(RecordError::UnknownSchema { found: part["schema"].to_string() });
        };
        if found > u64::from(known) {
            let tool = value["tool"].as_str().unwrap_or("unknown").to_owned();
            return Err(RecordError::Newer { found, tool });
        }
        if found == 0 {
            return Err(RecordError::UnknownSchema { found: found.to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{plan_of, record_of};

    fn gzip(value: &Value) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(value.to_string().as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut record = record_of(plan_of(&["backup", "central"]));
        let central = ObjectRef::deployment("stackrox", "central");
        let object = json!({"metadata": {"managedFields": [1], "uid": "u"}, "status": {"a": 1}});
        let captured = Captured::new(central, Some(&object));
        assert_eq!(captured.before, Some(json!({"metadata": {"uid": "u"}})));
        record.captured.insert("central".to_owned(), vec![captured]);
        record
            .steps
            .insert("central".to_owned(), StepRecord::new(StepState::Started, record.started));
        record.resume("eve".to_owned(), "laptop".to_owned(), record.started);
        let bytes = record.encode().unwrap();
        assert_eq!(Record::decode(&bytes).unwrap(), record);
        assert_eq!(bytes, record.encode().unwrap(), "the same record gives the same bytes");
    }

    #[test]
    fn the_first_format_is_still_read() {
        let json = include_str!("fixtures/record-1.json");
        let record = Record::decode(&gzip(&serde_json::from_str(json).unwrap())).unwrap();
        assert_eq!(record.id, "20240229-120000-00ff");
        assert_eq!(record.step_state("central"), StepState::Done);
        assert_eq!(record.step_state("scanner"), StepState::Pending);
        assert_eq!(record.plan.to.to_string(), "3.69.2");
        assert_eq!(record.captured["scanner"][0].before, None);
        assert_eq!(record.resumes.len(), 1);
        assert!(record.is_resumable());
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let record = record_of(plan_of(&["central"]));
        let mut newer = serde_json::to_value(&record).unwrap();
        newer["schema"] = json!(7);
        newer["tool"] = json!("9.9.9");
        let error = Record::decode(&gzip(&newer)).unwrap_err();
        assert_eq!(error, RecordError::Newer { found: 7, tool: "9.9.9".to_owned() });
        assert_eq!(
            error.to_string(),
            "it has format 7 and was written by version 9.9.9, this tool reads format 1"
        );
        newer["schema"] = json!("one");
        let error = Record::decode(&gzip(&newer)).unwrap_err();
        assert_eq!(error, RecordError::UnknownSchema { found: "\"one\"".to_owned() });
        let bytes = record.encode().unwrap();
        for damaged in [&bytes[..bytes.len() / 2], b"not gzip at all", b""] {
            let error = Record::decode(damaged).unwrap_err();
            assert!(matches!(error, RecordError::Corrupt { .. }), "{error}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let object = ObjectRef::namespaced("v1", "Secret", "stackrox", "scanner-tls");
        let secret = json!({"data": {"key.pem": "c2VjcmV0"}});
        let mut record = record_of(plan_of(&["scanner"]));
        record.captured.insert("scanner".to_owned(), vec![Captured::new(object, Some(&secret))]);
        assert!(!format!("{record:?}").contains("c2VjcmV0"));
    }
}
