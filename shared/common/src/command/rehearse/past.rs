//! The recorded runs of a live cluster, and their way into its copy.
//!
//! A record names objects by uid and digest and holds the data of Secrets. In the copy the uids are
//! others and the Secrets have data of their own, so that each record is carried over: what agreed
//! with the live object agrees with the copied one, and no data of a Secret comes along.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, ConnectionArgs, Options, Records};
use crate::failure::Failure;
use crate::plan::{Action, Basis, Before, Plan, Write, basis_digest, digest_of};
use crate::rhacs::{ObjectRef, essence};
use crate::run::{Captured, ClusterJournal, Journal, Record, StepError, Wrote};

/// The recorded runs of a cluster, and the objects that they are about. It holds the data of
/// Secrets, so that it has no `Debug`.
#[derive(Default)]
pub(super) struct Past {
    /// With their ids, oldest first; none is a record that cannot be read.
    runs: Vec<(String, Option<Record>)>,
    live: BTreeMap<ObjectRef, Value>,
}

impl Past {
    /// Reads the records of `cluster`, whose objects are `objects`.
    pub(super) async fn read(cluster: &Cluster, objects: &[Value]) -> Result<Self, Failure> {
        let store = Records::new(cluster);
        let cannot = "cannot copy the recorded runs";
        let headers = match store.list().await {
            Err(ClusterError::Forbidden { .. }) => return Ok(Self::default()),
            headers => headers.map_err(|error| error.into_failure(cannot))?,
        };
        let mut runs = Vec::new();
        for header in headers.into_iter().rev() {
            let record = match store.load(&header.id).await {
                Ok(Some(stored)) => Record::decode(&stored.bytes).ok(),
                Err(ClusterError::Decode { .. }) => None,
                // It was deleted meanwhile.
                Ok(None) => continue,
                Err(error) => return Err(error.into_failure(cannot)),
            };
            runs.push((header.id, record));
        }
        let named = objects.iter().filter_map(|object| Some((ObjectRef::of(object)?, object)));
        let is_touched = |object: &ObjectRef| {
            runs.iter()
                .filter_map(|(_, record)| record.as_ref())
                .any(|record| touched(record).any(|touched| touched == object))
        };
        let live = named
            .filter(|(object, _)| is_touched(object))
            .map(|(object, live)| (object, live.clone()))
            .collect();
        Ok(Self { runs, live })
    }

    /// The records, oldest first.
    pub(super) fn records(&self) -> Vec<&Record> {
        self.runs.iter().filter_map(|(_, record)| record.as_ref()).collect()
    }

    /// Writes the records into the copy that `connection` leads to.
    pub(super) async fn write(
        self,
        connection: &ConnectionArgs,
        options: &Options,
    ) -> Result<(), Failure> {
        if self.runs.is_empty() {
            return Ok(());
        }
        let cannot = "cannot put the recorded runs into the copy";
        let connected = Cluster::connect(connection, options).await;
        let cluster = connected.map_err(|error| error.into_failure(cannot))?;
        let mut copy = BTreeMap::new();
        for object in self.live.keys() {
            let read = cluster.read(object).await;
            if let Some(found) = read.map_err(|error| error.into_failure(cannot))? {
                copy.insert(object.clone(), found);
            }
        }
        let mut carried: Vec<Record> = Vec::new();
        for (id, record) in self.runs {
            let Some(record) = record else {
                // What cannot be read there cannot be read here.
                let saved = Records::new(&cluster).save(&id, &BTreeMap::new(), &[], None).await;
                saved.map_err(|error| error.into_failure(cannot))?;
                continue;
            };
            let record = Carrier { live: &self.live, copy: &copy, earlier: &carried }.carry(record);
            let saved = ClusterJournal::new(&cluster).save(&record).await;
            saved.map_err(StepError::into_failure)?;
            carried.push(record);
        }
        Ok(())
    }
}

/// What carries a record over.
struct Carrier<'a> {
    live: &'a BTreeMap<ObjectRef, Value>,
    copy: &'a BTreeMap<ObjectRef, Value>,
    /// The records that are carried over already.
    earlier: &'a [Record],
}

impl Carrier<'_> {
    fn carry(&self, mut record: Record) -> Record {
        for captured in record.captured.values_mut().flatten() {
            self.captured(captured);
        }
        for wrote in record.steps.values_mut().flat_map(|step| &mut step.wrote) {
            let Wrote { object, uid, resource_version, digest } = wrote;
            self.state(object, uid, digest);
            self.same(object, resource_version, |object| text(object, "resourceVersion"));
        }
        self.plan(&mut record.plan);
        record
    }

    fn plan(&self, plan: &mut Plan) {
        for Basis { object, uid, digest } in &mut plan.basis {
            self.state(object, uid, digest);
        }
        for step in &mut plan.steps {
            let Action::Write { writes } = &mut step.action else { continue };
            for write in writes {
                self.planned(write);
            }
        }
        *plan = plan.clone().sealed();
    }

    fn planned(&self, write: &mut Write) {
        let object = write.object().clone();
        match write {
            Write::Restore { before: Before::Recorded { run, digest }, .. } => {
                let record = self.earlier.iter().find(|record| record.id == *run);
                let captured = record.and_then(|record| captured(record, &object));
                if let Some(before) = captured.and_then(|captured| captured.before.as_ref()) {
                    *digest = digest_of(&essence(before));
                }
            }
            Write::Restore { before: Before::Manifest { manifest: body }, .. }
            | Write::Apply { manifest: body, .. }
            | Write::Patch { body, .. } => self.hide(&object, body),
            Write::Delete { .. } => {}
        }
    }

    fn captured(&self, captured: &mut Captured) {
        let Captured { object, before: Some(before) } = captured else { return };
        self.hide(object, before);
        let mut uid = text(before, "uid");
        self.same(object, &mut uid, |object| text(object, "uid"));
        if let Some(uid) = uid {
            before["metadata"]["uid"] = uid.into();
        }
    }

    /// A Secret gets the copy's data where it had the live one's, else data of which only the copy
    /// knows the meaning.
    fn hide(&self, object: &ObjectRef, secret: &mut Value) {
        if object.kind != "Secret" {
            return;
        }
        let value_in = |objects: &BTreeMap<ObjectRef, Value>, key: &str| {
            objects.get(object).and_then(|secret| secret["data"].get(key).cloned())
        };
        for field in ["data", "stringData"] {
            let values = secret.get_mut(field).and_then(Value::as_object_mut);
            for (key, value) in values.into_iter().flatten() {
                let live = value_in(self.live, key).filter(|live| live == value);
                let copied = live.and_then(|_| value_in(self.copy, key));
                *value = copied.unwrap_or_else(|| BASE64_STANDARD.encode("of another time").into());
            }
        }
    }

    /// Replaces what tells the live object by what tells the copied one.
    fn state(&self, object: &ObjectRef, uid: &mut Option<String>, digest: &mut Option<String>) {
        self.same(object, uid, |object| text(object, "uid"));
        self.same(object, digest, |object| Some(basis_digest(object)));
    }

    fn same(
        &self,
        object: &ObjectRef,
        value: &mut Option<String>,
        of: impl Fn(&Value) -> Option<String>,
    ) {
        let (live, copy) = (self.live.get(object), self.copy.get(object));
        if value.is_some() && live.and_then(&of) == *value {
            *value = copy.and_then(of);
        }
    }
}

/// What `object` was before the run of `record`.
fn captured<'a>(record: &'a Record, object: &ObjectRef) -> Option<&'a Captured> {
    record.captured.values().flatten().find(|captured| captured.object == *object)
}

/// Every object that a record knows the state of.
fn touched(record: &Record) -> impl Iterator<Item = &ObjectRef> {
    let captured = record.captured.values().flatten().map(|captured| &captured.object);
    let wrote = record.steps.values().flat_map(|step| &step.wrote).map(|wrote| &wrote.object);
    captured.chain(wrote).chain(record.plan.basis.iter().map(|basis| &basis.object))
}

fn text(object: &Value, field: &str) -> Option<String> {
    object["metadata"][field].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{plan_of, record_of};
    use crate::run::{StepRecord, StepState};

    fn secret(uid: &str, value: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret",
               "metadata": {"name": "scanner-tls", "namespace": "stackrox", "uid": uid},
               "data": {"ca.pem": "same", "key.pem": value}})
    }

    /// A record of a run that replaced the key of a Secret, as it is in a copy of the cluster.
    fn carried() -> (Record, Value) {
        let (before, live) = (secret("live", "canary-old"), secret("live", "canary-new"));
        let mut copied = secret("copied", "fresh");
        copied["data"]["ca.pem"] = json!("fresh-ca");
        let object = ObjectRef::of(&live).expect("a reference");
        let mut record = record_of(plan_of(&["scanner"]));
        record
            .captured
            .insert("scanner".to_owned(), vec![Captured::new(object.clone(), Some(&before))]);
        let mut step = StepRecord::new(StepState::Done, record.started);
        step.wrote = vec![Wrote {
            object: object.clone(),
            uid: Some("live".to_owned()),
            resource_version: None,
            digest: Some(basis_digest(&live)),
        }];
        record.steps.insert("scanner".to_owned(), step);
        let live = BTreeMap::from([(object.clone(), live)]);
        let copy = BTreeMap::from([(object, copied.clone())]);
        let record = Carrier { live: &live, copy: &copy, earlier: &[] }.carry(record);
        (record, copied)
    }

    #[test]
    fn what_was_as_the_run_left_it_is_so_in_the_copy() {
        let (record, copied) = carried();
        let wrote = &record.steps["scanner"].wrote[0];
        assert_eq!(wrote.uid.as_deref(), Some("copied"));
        assert_eq!(wrote.digest, Some(basis_digest(&copied)));
        assert!(record.plan.is_intact());
    }

    #[test]
    fn no_data_of_a_secret_comes_along() {
        let (record, copied) = carried();
        let text = serde_json::to_string(&record).expect("json");
        assert!(!text.contains("canary"), "{text}");
        let before = record.captured["scanner"][0].before.as_ref().expect("a state");
        assert_eq!(before["data"]["ca.pem"], copied["data"]["ca.pem"], "it was not changed");
        assert_ne!(before["data"]["key.pem"], copied["data"]["key.pem"], "it was");
        assert_eq!(before["metadata"]["uid"], "copied");
    }
}
