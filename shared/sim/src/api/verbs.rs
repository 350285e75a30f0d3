//! The verbs on objects: get, create, update, and the ways to the other verbs.

use std::sync::Arc;

use http::header;
use serde_json::{Map, Value, json};

use super::accept::{Form, wanted};
use super::body::{self, Answer};
use super::route::Target;
use super::service::{Call, not_allowed};
use super::{
    deletion, duplicates, listing, logs, patching, portforward, process, protobuf, scale, table,
    token, watch,
};
use crate::schema::{convert, decode, fields, warnings};
use crate::store::{Status, Subresource, Writer, meta};

/// Serves a verb on a resource that exists.
pub(crate) async fn serve(
    call: &Call,
    target: &Target,
    verb: &str,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
) -> Result<Answer, Status> {
    match (verb, target.subresource.as_deref()) {
        ("get", None) => get(call, target),
        ("list", None) => listing::list(call, target),
        ("watch", None) => watch::watch(call, target),
        ("create", None) if target.name.is_none() => create(call, target),
        ("update", None) => update(call, target, Subresource::Main),
        ("patch", None) => patching::patch(call, target, Subresource::Main),
        ("delete", None) => deletion::delete(call, target),
        ("deletecollection", None) => deletion::delete_collection(call, target),
        ("get", Some("status")) if target.resource.has_status => get(call, target),
        ("update", Some("status")) if target.resource.has_status => {
            update(call, target, Subresource::Status)
        }
        ("patch", Some("status")) if target.resource.has_status => {
            patching::patch(call, target, Subresource::Status)
        }
        (_, Some("scale")) if target.resource.has_scale => scale::serve(call, target, verb),
        ("get", Some("log")) if target.resource.key() == "pods" => logs::serve(call, target).await,
        ("get" | "create", Some("portforward")) if target.resource.key() == "pods" => {
            portforward::serve(call, target, upgrade)
        }
        ("create", Some("eviction")) if target.resource.key() == "pods" => {
            deletion::evict(call, target)
        }
        ("get" | "create", Some("exec" | "attach")) if target.resource.key() == "pods" => {
            process::refuse(call, target)
        }
        (_, Some("ephemeralcontainers")) if target.resource.key() == "pods" => match verb {
            "get" => get(call, target),
            "update" => update(call, target, Subresource::Main),
            "patch" => patching::patch(call, target, Subresource::Main),
            _ => Err(not_allowed()),
        },
        ("create", Some("token")) if target.resource.key() == "serviceaccounts" => {
            token::create(call, target)
        }
        (_, Some(_)) => {
            let message = "the server could not find the requested resource";
            let mut status = Status::new(404, "NotFound", message);
            // Clients look for a name in here to tell this from an object that is not there.
            status.details = Some(json!({}));
            Err(status)
        }
        _ => Err(not_allowed()),
    }
}

fn get(call: &Call, target: &Target) -> Result<Answer, Status> {
    let object = live(call, target)?;
    show(call, target, 200, &object)
}

/// The object a request names.
pub(crate) fn live(call: &Call, target: &Target) -> Result<Arc<Value>, Status> {
    let store = &call.shared.options.store;
    let found = store.read(target.resource.key(), target.namespace(), target.name());
    found.ok_or_else(|| Status::not_found(&target.resource, target.name()))
}

/// An object in the form the client wants.
pub(crate) fn show(
    call: &Call,
    target: &Target,
    code: u16,
    object: &Value,
) -> Result<Answer, Status> {
    let wanted = wanted(call.header(header::ACCEPT))?;
    let shown = convert::to_version(&target.resource, &target.version, object);
    let value = match wanted.form {
        Form::Plain if !wanted.yaml => return Ok(body::json(code, &shown)),
        Form::Plain => shown.into_owned(),
        Form::Metadata => table::partial(&shown),
        Form::Table => {
            let version = shown["metadata"]["resourceVersion"].clone();
            let now = call.shared.options.store.now();
            let objects = [Arc::new(shown.into_owned())];
            let list_meta = json!({"resourceVersion": version});
            table::table(
                &target.resource,
                &objects,
                list_meta,
                call.query.get("includeObject"),
                now,
            )
        }
    };
    if wanted.yaml {
        let text = serde_saphyr::to_string(&value).unwrap_or_default();
        return Ok(body::respond(code, "application/yaml", body::full(text)));
    }
    Ok(body::json(code, &value))
}

fn create(call: &Call, target: &Target) -> Result<Answer, Status> {
    let (object, mut notes) = read_object(call, target)?;
    let by = writer(call, call.query.dry_run("CreateOptions")?);
    let object = place(target, object)?;
    let store = &call.shared.options.store;
    // A name that is taken is refused after the object was looked at, so the warnings go with it.
    match store.create(target.resource.key(), object.clone(), &by) {
        Ok(created) => {
            notes.extend(warnings::of(&target.resource, &created, None));
            let mut answer = show(call, target, 201, &created)?;
            body::warn(&mut answer, &notes);
            Ok(answer)
        }
        Err(status) if status.reason == "AlreadyExists" => {
            notes.extend(warnings::of(&target.resource, &object, None));
            let mut answer = body::refusal(&status);
            body::warn(&mut answer, &notes);
            Ok(answer)
        }
        Err(status) => Err(status),
    }
}

fn update(call: &Call, target: &Target, part: Subresource) -> Result<Answer, Status> {
    let (object, mut notes) = read_object(call, target)?;
    let name = meta::name(&object);
    if !name.is_empty() && name != target.name() {
        let message = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name()
        );
        return Err(Status::bad_request(message));
    }
    let object = place(target, object)?;
    let conditional = target.resource.custom.is_some() || target.resource.kind == "Lease";
    if conditional && object["metadata"].get("resourceVersion").is_none() {
        let why = "must be specified for an update";
        let cause = crate::store::Cause::invalid("metadata.resourceVersion", "0", why);
        return Err(Status::invalid(&target.resource, target.name(), &[cause]));
    }
    let by = writer(call, call.query.dry_run("UpdateOptions")?);
    let before = live(call, target)?;
    let store = &call.shared.options.store;
    let (key, namespace, name) = (target.resource.key(), target.namespace(), target.name());
    let updated = store.try_modify(key, namespace, name, part, &by, |_| Ok(object))?;
    notes.extend(warnings::of(&target.resource, &updated, Some(&*before)));
    let mut answer = show(call, target, 200, &updated)?;
    body::warn(&mut answer, &notes);
    Ok(answer)
}

/// Who writes: the named manager, else the program in the user agent.
pub(crate) fn writer(call: &Call, dry_run: bool) -> Writer {
    let agent = call.header(header::USER_AGENT).unwrap_or("unknown");
    let program = agent.split('/').next().unwrap_or(agent);
    let manager = call.query.get("fieldManager").unwrap_or(program);
    Writer { dry_run, ..Writer::new(manager) }
}

/// The object in the body with what is to be warned of.
pub(crate) fn read_object(call: &Call, target: &Target) -> Result<(Value, Vec<String>), Status> {
    let mut object = parse(call)?;
    let expected = target.resource.api_version_of(&target.version);
    if !object.is_object() {
        return Err(Status::bad_request("the body of the request is no object"));
    }
    if let Some(given) =
        object["apiVersion"].as_str().filter(|it| *it != expected && !it.is_empty())
    {
        let message = format!(
            "the API version in the data ({given}) does not match the expected API version \
             ({expected})"
        );
        return Err(Status::bad_request(message));
    }
    let kind = target.resource.kind.as_str();
    if let Some(given) = object["kind"].as_str().filter(|it| *it != kind && !it.is_empty()) {
        let message = format!(
            "{given} in version \"{}\" cannot be handled as a {kind}: no kind \"{given}\" is \
             registered for the internal version of group \"{}\" in scheme",
            target.version, target.resource.group
        );
        return Err(Status::bad_request(message));
    }
    object["apiVersion"] = expected.into();
    object["kind"] = kind.into();
    object = convert::to_stored(&target.resource, object);
    let report = decode::decode(&fields::shape_of(&target.resource), &mut object);
    if let Some(message) = report.mismatch.filter(|_| target.resource.custom.is_none()) {
        let version = &target.version;
        return Err(Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {message}"
        )));
    }
    let unknown = report.unknown;
    let notes = field_notes(call, unknown, |errors| {
        Status::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {errors}",
            target.version
        ))
    })?;
    Ok((object, notes))
}

/// What `fieldValidation` makes of duplicate and unknown fields: nothing, warnings, or a refusal.
pub(crate) fn field_notes(
    call: &Call,
    unknown: Vec<String>,
    refuse: impl FnOnce(&str) -> Status,
) -> Result<Vec<String>, Status> {
    let mode = call.query.get("fieldValidation");
    if mode == Some("Ignore") {
        return Ok(Vec::new());
    }
    let twice = duplicates::find(&call.body).into_iter();
    let mut notes: Vec<String> = twice.map(|path| format!("duplicate field \"{path}\"")).collect();
    notes.extend(unknown.into_iter().map(|path| format!("unknown field \"{path}\"")));
    if mode == Some("Strict") && !notes.is_empty() {
        return Err(refuse(&notes.join(", ")));
    }
    Ok(notes)
}

/// The body as JSON, whatever it is written in.
pub(crate) fn parse(call: &Call) -> Result<Value, Status> {
    match call.content_type() {
        "application/json" | "*/*" | "" => parse_json(&call.body),
        "application/yaml" | "application/apply-patch+yaml" => parse_yaml(&call.body),
        "application/vnd.kubernetes.protobuf" => protobuf::decode(&call.body),
        _ => {
            let message = "the body of the request was in an unknown format - accepted media types \
                           include: application/json, application/yaml";
            Err(Status::new(415, "UnsupportedMediaType", message))
        }
    }
}

/// JSON, with the words of Go's decoder for what is none.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            return Status::bad_request("unexpected end of JSON input");
        }
        let found = bytes.get(error.column().saturating_sub(1)).copied().unwrap_or(b' ');
        let found = char::from(found);
        Status::bad_request(format!("invalid character '{found}' looking for beginning of value"))
    })
}

/// YAML, of which JSON is a part.
pub(crate) fn parse_yaml(bytes: &[u8]) -> Result<Value, Status> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Status::bad_request("error decoding YAML: yaml: invalid UTF-8"))?;
    if text.trim_start().starts_with('{') {
        return parse_json(bytes);
    }
    serde_saphyr::from_str(text)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))
}

/// The object with the name and namespace of the path.
fn place(target: &Target, mut object: Value) -> Result<Value, Status> {
    let given = meta::namespace(&object).to_owned();
    let metadata: &mut Map<String, Value> = meta::of(&mut object);
    if let Some(namespace) = target.namespace() {
        if !given.is_empty() && given != namespace {
            let message = "the namespace of the provided object does not match the namespace sent \
                           on the request";
            return Err(Status::bad_request(message));
        }
        metadata.insert("namespace".to_owned(), namespace.into());
    } else if target.resource.namespaced {
        return Err(Status::bad_request("an empty namespace may not be set during creation"));
    }
    if let Some(name) = &target.name {
        metadata.insert("name".to_owned(), name.as_str().into());
    }
    Ok(object)
}
