//! A client for the small server, and a store of objects behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::cluster::{Backoff, Cluster, ConnectionArgs, Options, Retry};
use http::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Seen, Server};

/// What a client told while it worked.
#[derive(Clone, Default)]
pub struct Told {
    pub retries: Arc<Mutex<Vec<Retry>>>,
    pub warnings: Arc<Mutex<Vec<String>>>,
}

/// A connection to `server`, and what it tells. Retries are quick.
pub async fn connect(server: &Server, timeout: Duration) -> (Cluster, Told) {
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": format!("http://{}", server.address)}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "users": [{"name": "x", "user": {"token": "canary"}}],
    });
    std::fs::write(kubeconfig.path(), text.to_string()).unwrap();
    let args = ConnectionArgs {
        kubeconfig: Some(kubeconfig.path().into()),
        request_timeout: Some(common::cluster::RequestTimeout(Some(timeout))),
        ..ConnectionArgs::default()
    };
    let told = Told::default();
    let (retries, warnings) = (Arc::clone(&told.retries), Arc::clone(&told.warnings));
    let options = Options {
        backoff: Backoff {
            first: Duration::from_millis(5),
            longest: Duration::from_millis(20),
            ..Backoff::default()
        },
        on_retry: Some(Arc::new(move |retry| retries.lock().unwrap().push(retry))),
        on_warning: Some(Arc::new(move |text| warnings.lock().unwrap().push(text))),
        ..Options::default()
    };
    (Cluster::connect(&args, &options).await.unwrap(), told)
}

/// An error answer of the API server.
pub fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                      "reason": reason, "message": message});
    Answer::json(code, &body)
}

/// Objects by path, with resource versions and uids, as the API server keeps them.
#[derive(Clone, Default)]
pub struct Store {
    objects: Arc<Mutex<BTreeMap<String, Value>>>,
    version: Arc<Mutex<u64>>,
}

impl Store {
    pub fn paths(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn remove(&self, path: &str) {
        self.objects.lock().unwrap().remove(path).unwrap();
    }

    pub fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        edit(self.objects.lock().unwrap().get_mut(path).unwrap());
    }

    pub fn answer(&self, seen: &Seen) -> Answer {
        let mut objects = self.objects.lock().unwrap();
        let path = seen.path().to_owned();
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let known = objects.get(&path).cloned();
        let stale = |known: &Value| {
            ["uid", "resourceVersion"].iter().any(|field| {
                let wanted = &body["metadata"][*field];
                wanted.is_string() && *wanted != known["metadata"][*field]
            })
        };
        match (seen.method.clone(), known) {
            (Method::POST, _) => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if objects.contains_key(&path) {
                    return status(409, "AlreadyExists", "exists");
                }
                let mut object = body;
                object["metadata"]["uid"] = json!(format!("uid-{}", self.next()));
                object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
                self.put(&mut objects, path, object)
            }
            (Method::GET, None) if !path.ends_with('s') => status(404, "NotFound", "gone"),
            (Method::GET, None) => self.list(&objects, seen),
            (_, None) => status(404, "NotFound", "gone"),
            (Method::GET, Some(known)) => Answer::json(200, &known),
            (Method::PUT | Method::PATCH, Some(known)) if stale(&known) => {
                status(409, "Conflict", "the object has been modified")
            }
            (Method::PUT, Some(known)) => {
                let mut object = body;
                object["metadata"]["uid"] = known["metadata"]["uid"].clone();
                object["metadata"]["creationTimestamp"] =
                    known["metadata"]["creationTimestamp"].clone();
                self.put(&mut objects, path, object)
            }
            (Method::PATCH, Some(mut known)) => {
                merge(&mut known, &body);
                self.put(&mut objects, path, known)
            }
            (Method::DELETE, Some(known)) => {
                let differs = |field: &str| {
                    let wanted = &body["preconditions"][field];
                    wanted.is_string() && *wanted != known["metadata"][field]
                };
                if differs("uid") || differs("resourceVersion") {
                    return status(409, "Conflict", "the precondition failed");
                }
                objects.remove(&path);
                Answer::json(200, &known)
            }
            _ => status(405, "MethodNotAllowed", "no"),
        }
    }

    fn put(
        &self,
        objects: &mut BTreeMap<String, Value>,
        path: String,
        mut object: Value,
    ) -> Answer {
        object["metadata"]["resourceVersion"] = json!(self.next().to_string());
        objects.insert(path, object.clone());
        Answer::json(200, &object)
    }

    fn list(&self, objects: &BTreeMap<String, Value>, seen: &Seen) -> Answer {
        let query = seen.query().replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
        let selector = query.split('&').find_map(|pair| pair.strip_prefix("labelSelector="));
        let prefix = format!("{}/", seen.path());
        let fits = |object: &Value| {
            let labels = &object["metadata"]["labels"];
            selector.unwrap_or_default().split(',').all(|term| match term.split_once('=') {
                Some((key, value)) => labels[key] == value,
                None => labels[term].is_string(),
            })
        };
        let items: Vec<&Value> = objects
            .iter()
            .filter(|(path, object)| path.starts_with(&prefix) && fits(object))
            .map(|(_, object)| object)
            .collect();
        Answer::json(200, &json!({"metadata": {"resourceVersion": "1"}, "items": items}))
    }

    fn next(&self) -> u64 {
        let mut version = self.version.lock().unwrap();
        *version += 1;
        *version
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else { return *target = patch.clone() };
    for (name, value) in fields {
        merge(&mut target[name.as_str()], value);
    }
}
