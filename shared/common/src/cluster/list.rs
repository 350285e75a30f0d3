//! Listing collections, page by page.

use serde_json::Value;

use super::request::{Call, Query};
use super::{Cluster, ClusterError};
use crate::rhacs::ObjectRef;

const PAGE: &str = "500";
/// Where most of each object is thrown away, so that what comes at once stays small.
const KEPT_PAGE: &str = "100";
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Which objects are meant: those of a kind, in a namespace or everywhere, that fit the selectors.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Collection {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The namespace; none for all of them or for cluster-wide kinds.
    pub namespace: Option<String>,
    /// A label selector in the API's syntax, such as `app=central`.
    pub labels: Option<String>,
    /// A field selector, such as `metadata.name=central`.
    pub fields: Option<String>,
}

/// The objects of a collection at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The objects, each with its apiVersion and kind.
    pub items: Vec<Value>,
    /// The moment, for a watch from there.
    pub resource_version: String,
    /// Whether the API server knows the kind at all; without it the list is empty.
    pub served: bool,
}

impl Collection {
    /// All objects of a kind in a namespace.
    pub fn namespaced(api_version: &str, kind: &str, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::all(api_version, kind) }
    }

    /// All objects of a kind, of every namespace or cluster-wide.
    #[must_use]
    pub fn all(api_version: &str, kind: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            labels: None,
            fields: None,
        }
    }

    /// All objects of the kind of `object`, where it is.
    #[must_use]
    pub fn of(object: &ObjectRef) -> Self {
        Self { namespace: object.namespace.clone(), ..Self::all(&object.api_version, &object.kind) }
    }

    /// Only those whose labels fit.
    #[must_use]
    pub fn with_labels(mut self, selector: impl Into<String>) -> Self {
        self.labels = Some(selector.into());
        self
    }

    /// Only those whose fields fit.
    #[must_use]
    pub fn with_fields(mut self, selector: impl Into<String>) -> Self {
        self.fields = Some(selector.into());
        self
    }

    pub(super) fn path(&self) -> String {
        let any = ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: String::new(),
        };
        any.collection_path()
    }

    pub(super) fn query(&self) -> Query {
        Query::new()
            .with_some("labelSelector", self.labels.as_deref())
            .with_some("fieldSelector", self.fields.as_deref())
    }

    /// Names the kind in an item: lists leave it out.
    fn complete(&self, mut item: Value) -> Value {
        if let Some(fields) = item.as_object_mut() {
            fields.insert("apiVersion".to_owned(), self.api_version.clone().into());
            fields.insert("kind".to_owned(), self.kind.clone().into());
        }
        item
    }
}

impl Cluster {
    /// The objects of a collection, whole. A kind the API server does not know is an empty list.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn list(&self, collection: &Collection) -> Result<List, ClusterError> {
        self.list_as(collection, "application/json", PAGE, Some).await
    }

    /// As [`Self::list`], but of each object only what `keep` leaves, page by page.
    pub(super) async fn list_kept(
        &self,
        collection: &Collection,
        keep: fn(Value) -> Option<Value>,
    ) -> Result<List, ClusterError> {
        self.list_as(collection, "application/json", KEPT_PAGE, keep).await
    }

    /// As [`Self::list`], but of each object only its metadata.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn list_metadata(&self, collection: &Collection) -> Result<List, ClusterError> {
        self.list_as(collection, METADATA_ONLY, PAGE, Some).await
    }

    async fn list_as(
        &self,
        collection: &Collection,
        accept: &'static str,
        page: &'static str,
        keep: fn(Value) -> Option<Value>,
    ) -> Result<List, ClusterError> {
        let mut list = List { served: true, ..List::default() };
        let mut continued: Option<String> = None;
        let mut paged = true;
        loop {
            let query = collection
                .query()
                .with_some("limit", paged.then_some(page))
                .with_some("continue", continued.as_deref());
            let call = Call::get(query.on(&collection.path())).accept(accept);
            let mut answer = match self.json(call).await {
                Ok(answer) => answer,
                Err(error) if error.is_not_found() => return Ok(List::default()),
                Err(ClusterError::Gone { .. }) if continued.is_some() => {
                    // The moment of the first page is forgotten: read it all at once, anew.
                    list.items.clear();
                    continued = None;
                    paged = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Value::Array(items) = answer["items"].take() {
                list.items
                    .extend(items.into_iter().filter_map(|item| keep(collection.complete(item))));
            }
            let metadata = &answer["metadata"];
            list.resource_version =
                metadata["resourceVersion"].as_str().unwrap_or_default().to_owned();
            match metadata["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => continued = Some(token.to_owned()),
                None => return Ok(list),
            }
        }
    }
}
