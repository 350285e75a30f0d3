//! Lists: selectors, pages, versions, forms.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use serde::Serialize;
use serde_json::{Value, json};

use super::accept::{Form, wanted};
use super::body::{self, Answer};
use super::route::Target;
use super::selector::Selector;
use super::service::Call;
use super::table;
use crate::schema::convert;
use crate::store::{Status, meta};

/// Serves a list.
pub(crate) fn list(call: &Call, target: &Target) -> Result<Answer, Status> {
    let wanted = wanted(call.header(header::ACCEPT))?;
    let limit = call.query.number("limit")?.unwrap_or(0);
    let page = call.query.get("continue").map(Page::parse).transpose()?;
    let (mut objects, version) = match &page {
        Some(page) => at(call, target, page.version)?,
        None => selected(call, target)?,
    };
    if let Some(page) = &page {
        objects.retain(|object| place(object) >= page.start);
    }
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if target.resource.custom.is_some() {
        metadata["continue"] = "".into();
    }
    let limit = usize::try_from(limit).unwrap_or(0);
    if limit > 0 && objects.len() > limit {
        let rest = objects.split_off(limit);
        let start = place(&rest[0]);
        metadata["continue"] = Page { version, start }.token().into();
        if selector(call, target)?.is_empty() {
            metadata["remainingItemCount"] = rest.len().into();
        }
    }
    if target.version != target.resource.version() {
        for object in &mut objects {
            let shown = convert::to_version(&target.resource, &target.version, object).into_owned();
            *object = Arc::new(shown);
        }
    }
    let value = match wanted.form {
        Form::Table => {
            let include = call.query.get("includeObject");
            let now = call.shared.options.store.now();
            table::table(&target.resource, &objects, metadata, include, now)
        }
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| table::partial(object)).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items})
        }
        Form::Plain => return Ok(plain(target, &metadata, &objects, wanted.yaml)),
    };
    Ok(body::json(200, &value))
}

/// What the selectors of a request leave, and the version it was so.
pub(crate) fn selected(call: &Call, target: &Target) -> Result<(Vec<Arc<Value>>, u64), Status> {
    let store = &call.shared.options.store;
    let asked = call.query.get("resourceVersion").map(parse_version).transpose()?.unwrap_or(0);
    if call.query.get("resourceVersionMatch") == Some("Exact") && asked > 0 {
        return at(call, target, asked);
    }
    let selector = selector(call, target)?;
    let (mut objects, version) = store.snapshot(target.resource.key(), target.namespace());
    if asked > version {
        let message = format!("Too large resource version: {asked}, current: {version}");
        let mut status = Status::new(504, "Timeout", message);
        let cause = json!({"reason": "ResourceVersionTooLarge",
            "message": "Too large resource version"});
        status.details = Some(json!({"causes": [cause], "retryAfterSeconds": 1}));
        return Err(status);
    }
    objects.retain(|object| selector.matches(object));
    Ok((objects, version))
}

/// The selectors of a request.
pub(crate) fn selector(call: &Call, target: &Target) -> Result<Selector, Status> {
    let labels = call.query.get("labelSelector");
    Selector::parse(&target.resource, labels, call.query.get("fieldSelector"))
}

/// A `resourceVersion` of a query.
pub(crate) fn parse_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        // A real server gives this refusal code 500 and no reason.
        let message = format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": \
             invalid syntax"
        );
        Status::new(500, "", message)
    })
}

fn at(call: &Call, target: &Target, version: u64) -> Result<(Vec<Arc<Value>>, u64), Status> {
    let selector = selector(call, target)?;
    let store = &call.shared.options.store;
    let (mut objects, version) =
        store.snapshot_at(target.resource.key(), target.namespace(), version).map_err(|_| {
            Status::expired(
                "The provided continue parameter is too old to display a consistent list result. \
                 You can start a new list without the continue parameter, or use the continue \
                 token in this response to retrieve the remainder of the results. Continuing with \
                 the provided token results in an inconsistent list - objects that were created, \
                 modified, or deleted between the time the first chunk was returned and now may \
                 show up in the list.",
            )
        })?;
    objects.retain(|object| selector.matches(object));
    Ok((objects, version))
}

/// The list itself; items of built-in kinds do not repeat their kind.
fn plain(target: &Target, metadata: &Value, objects: &[Arc<Value>], yaml: bool) -> Answer {
    let list = List {
        kind: format!("{}List", target.resource.kind),
        api_version: target.resource.api_version_of(&target.version),
        metadata,
        items: objects
            .iter()
            .map(|object| Item { object, bare: target.resource.custom.is_none() })
            .collect(),
    };
    if yaml {
        let text = serde_saphyr::to_string(&list).unwrap_or_default();
        return body::respond(200, "application/yaml", body::full(text));
    }
    let text = serde_json::to_string(&list).unwrap_or_default();
    body::respond(200, "application/json", body::full(text))
}

/// A list that borrows its objects, because they are many and large.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: &'a Value,
    items: Vec<Item<'a>>,
}

/// An object of a list; a bare one does not repeat its kind.
struct Item<'a> {
    object: &'a Value,
    bare: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.object.as_object().into_iter().flatten();
        let is_kind = |key: &str| matches!(key, "kind" | "apiVersion");
        serializer.collect_map(fields.filter(|(key, _)| !(self.bare && is_kind(key))))
    }
}

/// Where the next page starts.
struct Page {
    version: u64,
    start: String,
}

impl Page {
    fn token(&self) -> String {
        let text =
            json!({"v": "meta.k8s.io/v1", "rv": self.version, "start": self.start}).to_string();
        URL_SAFE_NO_PAD.encode(text)
    }

    fn parse(token: &str) -> Result<Self, Status> {
        let refuse = |why: String| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(token.trim_end_matches('='))
            .map_err(|_| refuse("illegal base64 data at input byte 0".to_owned()))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
            let first = bytes.first().map_or(' ', |byte| char::from(*byte));
            refuse(format!("invalid character '{first}' looking for beginning of value"))
        })?;
        let version = value["rv"].as_u64().filter(|_| value["v"] == "meta.k8s.io/v1");
        let version = version.ok_or_else(|| {
            refuse("server does not recognize this encoded version \"\"".to_owned())
        })?;
        Ok(Self { version, start: value["start"].as_str().unwrap_or_default().to_owned() })
    }
}

/// The place of an object in the order of lists.
fn place(object: &Value) -> String {
    format!("{}\0{}", meta::namespace(object), meta::name(object))
}
