//! The records of runs: a Secret for each, split when it is large. What is in them is not known here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::list::Collection;
use super::{Cluster, ClusterError, FIELD_MANAGER, WriteOptions};
use crate::rhacs::ObjectRef;

/// The most one Secret carries; the API server's limit for all of its data is 1 MiB.
const PART: usize = 900 << 10;
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RUN: &str = "rhacs.kubectl/run";
const PART_OF: &str = "rhacs.kubectl/part-of";
const STATE: &str = "rhacs.kubectl/state";
const DIGEST: &str = "rhacs.kubectl/digest";
const PARTS: &str = "rhacs.kubectl/parts";

/// The records of an installation.
#[derive(Clone, Debug)]
pub struct Records {
    cluster: Cluster,
    last_saved: Arc<Mutex<Option<Saved>>>,
}

/// What the newest save through these [`Records`] left in the cluster.
#[derive(Debug)]
struct Saved {
    id: String,
    /// There certainly is no part of it.
    without_parts: bool,
}

/// A record's name and labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordHeader {
    /// The run's id.
    pub id: String,
    /// The labels, such as `rhacs.kubectl/operation`.
    pub labels: BTreeMap<String, String>,
    /// When it was created, RFC 3339.
    pub created: String,
    /// For [`Records::save`].
    pub resource_version: String,
}

/// A record as it is stored.
#[derive(Clone, Eq, PartialEq)]
pub struct Stored {
    /// The bytes that were saved.
    pub bytes: Vec<u8>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// For [`Records::save`].
    pub resource_version: String,
}

impl Records {
    /// The records of the installation that `cluster` is about.
    #[must_use]
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone(), last_saved: Arc::default() }
    }

    /// Saves a record and returns its new resource version. `known` is the version that was
    /// loaded or saved last; none creates the record.
    ///
    /// A record of several parts changes in one step: the new parts are written before the Secret
    /// that names them, and the old ones deleted after it.
    ///
    /// # Errors
    ///
    /// `Conflict` or `AlreadyExists` when somebody else wrote the record in the meantime.
    pub async fn save(
        &self,
        id: &str,
        labels: &BTreeMap<String, String>,
        bytes: &[u8],
        known: Option<&str>,
    ) -> Result<String, ClusterError> {
        let digest = digest(bytes);
        let mut chunks = bytes.chunks(PART);
        let first = chunks.next().unwrap_or_default();
        let had_none = self.is_without_parts(id);
        self.remember(id, false);
        let mut parts = Vec::new();
        for (number, chunk) in (2_usize..).zip(chunks) {
            let name = part_name(id, &digest, number);
            self.save_part(id, &name, chunk).await?;
            parts.push(name);
        }
        let secret = self.main_secret(id, labels, &digest, &parts, first);
        let version = self.save_main(secret, &digest, known).await?;
        // Each save of a small record would else cost a list. What was just created has no old
        // parts: ids are never used again.
        let has_no_old = had_none || known.is_none();
        let is_tidy = has_no_old && parts.is_empty() || self.delete_parts(id, &parts).await;
        self.remember(id, is_tidy && parts.is_empty());
        Ok(version)
    }

    /// Loads a record; none when there is none of that id.
    ///
    /// # Errors
    ///
    /// `Decode` when parts of it are missing or damaged.
    pub async fn load(&self, id: &str) -> Result<Option<Stored>, ClusterError> {
        let Some(secret) = self.cluster.read(&self.reference(&main_name(id))).await? else {
            return Ok(None);
        };
        let mut bytes = record_bytes(&secret).ok_or_else(|| damaged(id, "its data is missing"))?;
        let metadata = &secret["metadata"];
        let parts = metadata["annotations"][PARTS].as_str().unwrap_or_default();
        for name in parts.split(',').filter(|name| !name.is_empty()) {
            let part = self.cluster.read(&self.reference(name)).await?;
            let chunk = part.as_ref().and_then(record_bytes);
            bytes.extend(chunk.ok_or_else(|| damaged(id, &format!("`{name}` is missing")))?);
        }
        if metadata["annotations"][DIGEST].as_str() != Some(digest(&bytes).as_str()) {
            return Err(damaged(id, "its checksum is wrong"));
        }
        let header = header(&secret);
        let RecordHeader { labels, resource_version, .. } = header;
        Ok(Some(Stored { bytes, labels, resource_version }))
    }

    /// All records, the newest first, without their content.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn list(&self) -> Result<Vec<RecordHeader>, ClusterError> {
        let selector = format!("{MANAGED_BY}={FIELD_MANAGER},{RUN}");
        let list = self.cluster.list_metadata(&self.secrets(selector)).await?;
        let mut headers: Vec<RecordHeader> = list.items.iter().map(header).collect();
        headers.sort_by(|a, b| (&b.created, &b.id).cmp(&(&a.created, &a.id)));
        Ok(headers)
    }

    /// Deletes a record and its parts.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn delete(&self, id: &str) -> Result<(), ClusterError> {
        self.cluster.delete(&self.reference(&main_name(id)), None, false).await?;
        self.delete_parts(id, &[]).await;
        Ok(())
    }

    /// Deletes all records but the newest `keep`, those of runs that go on, and the one that was
    /// saved last through these [`Records`], which may be an old one. Returns how many.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn prune(&self, keep: usize) -> Result<usize, ClusterError> {
        let mut deleted = 0;
        for record in self.list().await?.iter().skip(keep) {
            let goes_on = record.labels.get(STATE).is_some_and(|state| state == "running");
            if !goes_on && !self.was_saved_last(&record.id) {
                self.delete(&record.id).await?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn save_main(
        &self,
        mut secret: Value,
        digest: &str,
        known: Option<&str>,
    ) -> Result<String, ClusterError> {
        let options = WriteOptions::default();
        let saved = match known {
            Some(version) => {
                secret["metadata"]["resourceVersion"] = json!(version);
                self.cluster.replace(&secret, &options).await
            }
            None => self.cluster.create(&secret, &options.repeated()).await,
        };
        let saved = match saved {
            // An answer that was lost on the way: the first attempt had been carried out.
            Err(error @ (ClusterError::Conflict { .. } | ClusterError::AlreadyExists { .. })) => {
                let object = ObjectRef::of(&secret).ok_or_else(|| error.clone())?;
                let there = self.cluster.read(&object).await?;
                there
                    .filter(|there| there["metadata"]["annotations"][DIGEST] == digest)
                    .ok_or(error)?
            }
            other => other?,
        };
        Ok(header(&saved).resource_version)
    }

    /// Parts are named after the content of the whole, so one that is there already is right.
    async fn save_part(&self, id: &str, name: &str, chunk: &[u8]) -> Result<(), ClusterError> {
        let labels = json!({MANAGED_BY: FIELD_MANAGER, PART_OF: id});
        let secret = self.secret(name, "rhacs.kubectl/run-part", labels, chunk);
        match self.cluster.create(&secret, &WriteOptions::default().repeated()).await {
            Ok(_) | Err(ClusterError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes the parts of a record but those in `keep`, and returns whether all others are gone.
    /// Best effort: what is left over is found again with the next save or when the record is
    /// deleted.
    async fn delete_parts(&self, id: &str, keep: &[String]) -> bool {
        let selector = format!("{MANAGED_BY}={FIELD_MANAGER},{PART_OF}={id}");
        let Ok(list) = self.cluster.list_metadata(&self.secrets(selector)).await else {
            return false;
        };
        let mut all_gone = true;
        for part in list.items.iter().filter_map(ObjectRef::of) {
            if !keep.contains(&part.name) {
                all_gone &= self.cluster.delete(&part, None, false).await.is_ok();
            }
        }
        all_gone
    }

    fn remember(&self, id: &str, without_parts: bool) {
        let saved = Saved { id: id.to_owned(), without_parts };
        *self.last_saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
    }

    fn was_saved_last(&self, id: &str) -> bool {
        let saved = self.last_saved.lock().unwrap_or_else(PoisonError::into_inner);
        saved.as_ref().is_some_and(|saved| saved.id == id)
    }

    fn is_without_parts(&self, id: &str) -> bool {
        let saved = self.last_saved.lock().unwrap_or_else(PoisonError::into_inner);
        saved.as_ref().is_some_and(|saved| saved.id == id && saved.without_parts)
    }

    fn main_secret(
        &self,
        id: &str,
        labels: &BTreeMap<String, String>,
        digest: &str,
        parts: &[String],
        chunk: &[u8],
    ) -> Value {
        let mut all = labels.clone();
        all.insert(MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned());
        all.insert(RUN.to_owned(), id.to_owned());
        let mut secret = self.secret(&main_name(id), "rhacs.kubectl/run", json!(all), chunk);
        secret["metadata"]["annotations"] = json!({DIGEST: digest, PARTS: parts.join(",")});
        secret
    }

    fn secret(&self, name: &str, kind: &str, labels: Value, chunk: &[u8]) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": kind,
            "metadata": {
                "name": name,
                "namespace": self.cluster.namespace(),
                "labels": labels,
            },
            "data": {"record": BASE64_STANDARD.encode(chunk)},
        })
    }

    fn secrets(&self, selector: String) -> Collection {
        Collection::namespaced("v1", "Secret", self.cluster.namespace()).with_labels(selector)
    }

    fn reference(&self, name: &str) -> ObjectRef {
        ObjectRef::namespaced("v1", "Secret", self.cluster.namespace(), name)
    }
}

impl std::fmt::Debug for Stored {
    /// A record holds captured objects, Secrets among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored")
            .field("bytes", &self.bytes.len())
            .field("labels", &self.labels)
            .field("resource_version", &self.resource_version)
            .finish()
    }
}

fn main_name(id: &str) -> String {
    format!("kubectl-rhacs-run-{id}")
}

fn part_name(id: &str, digest: &str, number: usize) -> String {
    format!("kubectl-rhacs-run-{id}-{}-part{number}", &digest[..8])
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record_bytes(secret: &Value) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(secret["data"]["record"].as_str()?).ok()
}

fn header(secret: &Value) -> RecordHeader {
    let metadata = &secret["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels: BTreeMap<String, String> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    RecordHeader {
        id: labels.get(RUN).cloned().unwrap_or_default(),
        labels,
        created: text(&metadata["creationTimestamp"]),
        resource_version: text(&metadata["resourceVersion"]),
    }
}

fn damaged(id: &str, reason: &str) -> ClusterError {
    ClusterError::Decode { what: format!("the record of run `{id}`"), reason: reason.to_owned() }
}
