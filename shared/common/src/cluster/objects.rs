//! Reading and writing single objects.

use http::Method;
use serde_json::{Value, json};

use super::request::{Call, Query};
use super::{Cluster, ClusterError};
use crate::plan::PatchKind;
use crate::rhacs::ObjectRef;

/// How a write is made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WriteOptions {
    /// The API server checks and answers as if, but stores nothing.
    pub dry_run: bool,
    /// Server-side apply takes over fields that others own.
    pub force: bool,
    /// A creation is sent again when nobody knows whether it was carried out, because who asks can
    /// tell from what is there then.
    pub repeat: bool,
}

impl WriteOptions {
    /// Writes for real, or only as if.
    #[must_use]
    pub const fn dry_run(dry_run: bool) -> Self {
        Self { dry_run, force: false, repeat: false }
    }

    /// Takes over the fields of others (server-side apply only).
    #[must_use]
    pub const fn forced(mut self) -> Self {
        self.force = true;
        self
    }

    /// Sends a creation again when nobody knows whether it was carried out.
    #[must_use]
    pub const fn repeated(mut self) -> Self {
        self.repeat = true;
        self
    }

    fn query(self, manager: &str) -> Query {
        let query = Query::new().with("fieldManager", manager);
        if self.dry_run { query.with("dryRun", "All") } else { query }
    }
}

impl Cluster {
    /// The object, or none when it (or its kind) does not exist.
    ///
    /// # Errors
    ///
    /// Everything but `NotFound`.
    pub async fn read(&self, object: &ObjectRef) -> Result<Option<Value>, ClusterError> {
        match self.json(Call::get(object.path())).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object and returns it as stored.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when there is one of that name, and everything a request can fail with.
    pub async fn create(
        &self,
        manifest: &Value,
        options: &WriteOptions,
    ) -> Result<Value, ClusterError> {
        let object = reference(manifest)?;
        let path = options.query(&self.options.field_manager).on(&object.collection_path());
        let call = Call::send(Method::POST, path, manifest).idempotent(options.repeat);
        self.json(call).await
    }

    /// Patches an object and returns it as stored.
    ///
    /// A body with `metadata.resourceVersion` is a guarded patch: it fails with `Conflict` when
    /// the object moved on, and is repeated when the way to the server breaks.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn patch(
        &self,
        object: &ObjectRef,
        kind: PatchKind,
        body: &Value,
        options: &WriteOptions,
    ) -> Result<Value, ClusterError> {
        let media_type = match kind {
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
        };
        let path = options.query(&self.options.field_manager).on(&object.path());
        let call = Call::send(Method::PATCH, path, body)
            .content_type(media_type)
            .idempotent(has_version(body));
        self.json(call).await
    }

    /// Brings an object to be as the manifest says, creating it if needed (server-side apply).
    ///
    /// # Errors
    ///
    /// `Conflict` when others own the fields and `options.force` is not set, and everything a
    /// request can fail with.
    pub async fn apply(
        &self,
        manifest: &Value,
        options: &WriteOptions,
    ) -> Result<Value, ClusterError> {
        let object = reference(manifest)?;
        let query = options.query(&self.options.field_manager);
        let query = if options.force { query.with("force", "true") } else { query };
        let mut manifest = manifest.clone();
        if let Some(metadata) = manifest["metadata"].as_object_mut() {
            // The API server refuses an apply that carries them.
            metadata.remove("managedFields");
        }
        let call = Call::send(Method::PATCH, query.on(&object.path()), &manifest)
            .content_type("application/apply-patch+yaml")
            .idempotent(true);
        self.json(call).await
    }

    /// Replaces an object whole and returns it as stored. A manifest with
    /// `metadata.resourceVersion` fails with `Conflict` when the object moved on.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn replace(
        &self,
        manifest: &Value,
        options: &WriteOptions,
    ) -> Result<Value, ClusterError> {
        let object = reference(manifest)?;
        let path = options.query(&self.options.field_manager).on(&object.path());
        let call = Call::send(Method::PUT, path, manifest).idempotent(has_version(manifest));
        self.json(call).await
    }

    /// Deletes an object, with what it owns; it being gone already is success. Returns whether it
    /// was there.
    ///
    /// # Errors
    ///
    /// `Conflict` when the object of that name has another `uid`, and everything a request can
    /// fail with.
    pub async fn delete(
        &self,
        object: &ObjectRef,
        uid: Option<&str>,
        dry_run: bool,
    ) -> Result<bool, ClusterError> {
        let preconditions = uid.map_or(Value::Null, |uid| json!({"uid": uid}));
        self.delete_if(object, preconditions, dry_run).await
    }

    /// Deletes an object if `preconditions` (`uid`, `resourceVersion`) hold; as [`Self::delete`].
    ///
    /// # Errors
    ///
    /// `Conflict` when one does not hold, and everything a request can fail with.
    pub(crate) async fn delete_if(
        &self,
        object: &ObjectRef,
        preconditions: Value,
        dry_run: bool,
    ) -> Result<bool, ClusterError> {
        self.delete_now(object, preconditions, dry_run).await.map(|answer| answer.is_some())
    }

    /// As [`Self::delete_if`]; returns the server's answer: the object while something holds it,
    /// else a `Status`. None when there was nothing to delete.
    ///
    /// # Errors
    ///
    /// As [`Self::delete_if`].
    pub(crate) async fn delete_now(
        &self,
        object: &ObjectRef,
        preconditions: Value,
        dry_run: bool,
    ) -> Result<Option<Value>, ClusterError> {
        let is_guarded = preconditions.is_object();
        let mut options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
        });
        if is_guarded {
            options["preconditions"] = preconditions;
        }
        if dry_run {
            options["dryRun"] = json!(["All"]);
        }
        let call = Call::send(Method::DELETE, object.path(), &options).idempotent(is_guarded);
        match self.json(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn has_version(body: &Value) -> bool {
    body["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty())
}

fn reference(manifest: &Value) -> Result<ObjectRef, ClusterError> {
    ObjectRef::of(manifest).ok_or_else(|| ClusterError::Config {
        message: "the manifest has no apiVersion, kind or name".to_owned(),
    })
}
