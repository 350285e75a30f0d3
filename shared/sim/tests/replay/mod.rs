//! Playing recorded exchanges over real HTTP, and comparing the answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sim::api::{Options, Running, Server};
use sim::store::Store;

/// One recorded exchange.
pub struct Exchange {
    pub name: String,
    request: Value,
    response: Value,
}

impl Exchange {
    /// The exchanges of a file beside the workspace, or none if it is absent.
    pub fn recorded(file: &str) -> Option<Vec<Self>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
        let text = std::fs::read_to_string(path.join(file)).ok()?;
        let list: Vec<Value> = serde_json::from_str(&text).unwrap();
        let exchange = |value: Value| Self {
            name: value["name"].as_str().unwrap().to_owned(),
            request: value["request"].clone(),
            response: value["response"].clone(),
        };
        Some(list.into_iter().map(exchange).collect())
    }
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub warnings: Vec<String>,
    pub body: Value,
}

/// A server, and what the player remembers to fill in.
pub struct Player {
    pub server: Running,
    lease: String,
    list: String,
    page: String,
}

impl Player {
    /// Starts an OpenShift without objects.
    pub async fn start() -> Self {
        let mut options = Options::new(Store::new(Arc::new(jiff::Timestamp::now)));
        options.openshift = true;
        Self::with(options).await
    }

    /// Starts any server.
    pub async fn with(options: Options) -> Self {
        let server = Server::start(options).await.unwrap();
        Self { server, lease: String::new(), list: String::new(), page: String::new() }
    }

    /// Makes a recorded request.
    pub async fn play(&mut self, exchange: &Exchange) -> Answer {
        let request = &exchange.request;
        let path = self.path(exchange);
        let mut body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let version = if exchange.name.starts_with("lease-update") { &self.lease } else { "1" };
        body = body.replace("<rv>", version).replace("<time>", "2026-11-21T22:03:38.000000Z");
        body = body.replace("<1048577 times a>", &"a".repeat(1_048_577));
        body = body.replace("<uid>", "00000000-0000-4000-8000-000000000000");
        let method = request["method"].as_str().unwrap();
        let content_type = request["contentType"].as_str().unwrap_or("application/json");
        let user = request["as"].as_str().unwrap();
        let answer = if exchange.response.get("events").is_some() {
            self.watch(user, &path).await
        } else {
            self.send(method, user, &path, content_type, body).await
        };
        self.remember(exchange, &answer);
        answer
    }

    fn path(&self, exchange: &Exchange) -> String {
        let page = if exchange.name == "list-bad-continue" { "aW52YWxpZA" } else { &self.page };
        let path = exchange.request["path"].as_str().unwrap();
        path.replace("<continue>", page).replace("<rv of the list before>", &self.list)
    }

    fn remember(&mut self, exchange: &Exchange, answer: &Answer) {
        let text = |pointer: &str| {
            answer.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let version = text("/metadata/resourceVersion");
        if exchange.name == "lease-create" {
            self.lease.clone_from(&version);
        }
        if exchange.name == "list-page-1" {
            self.page = text("/metadata/continue");
        }
        // The watch was recorded to start at the state before it.
        self.list = self.server.store().version().to_string();
    }

    /// Makes any request.
    pub async fn send(
        &self,
        method: &str,
        user: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Answer {
        self.try_send(method, user, path, content_type, body).await.unwrap()
    }

    /// Makes any request; none if the connection was cut.
    pub async fn try_send(
        &self,
        method: &str,
        user: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Option<Answer> {
        let address = self.server.plain_url();
        let address = address.trim_start_matches("http://");
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", address)
            .header("user-agent", "Python-urllib/3.11")
            .header("content-type", content_type);
        if let Some(token) = self.server.token(user) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter();
        let warnings = warnings.map(|value| value.to_str().unwrap().to_owned()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, warnings, body })
    }

    /// The recorded watch: what its note says happens while it is open.
    async fn watch(&self, user: &str, path: &str) -> Answer {
        let path = path.replace("timeoutSeconds=4", "timeoutSeconds=1");
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let base = "/apis/apps/v1/namespaces/stackrox/deployments";
            let strategic = "application/strategic-merge-patch+json";
            let image = json!({"spec": {"template": {"spec": {"containers": [
                {"name": "sensor", "image": "r/w:1"}]}}}});
            let label = json!({"metadata": {"labels": {"app": null}}});
            for (method, name, body) in [
                ("PATCH", "sensor", image.to_string()),
                ("PATCH", "sensor", label.to_string()),
                ("DELETE", "scanner-db", String::new()),
            ] {
                self.send(method, user, &format!("{base}/{name}"), strategic, body).await;
            }
        };
        let (mut answer, ()) = tokio::join!(
            self.send("GET", user, &path, "application/json", String::new()),
            meanwhile
        );
        let text = answer.body.as_str().unwrap_or_default().to_owned();
        answer.body =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
        answer
    }
}

impl Answer {
    /// How it differs from the recorded one, but for what may differ.
    pub fn differences(&self, exchange: &Exchange, allowed: &[(&str, &str, &str)]) -> Vec<String> {
        let name = &exchange.name;
        let recorded = &exchange.response;
        let mut found = Vec::new();
        if recorded["status"] != self.status {
            found.push(format!(
                "{name}: status {} is {}: {}",
                recorded["status"], self.status, self.body
            ));
        }
        let warnings = recorded.get("warnings").cloned().unwrap_or_else(|| json!([]));
        if warnings != json!(self.warnings) {
            found.push(format!("{name}: warnings {warnings} are {:?}", self.warnings));
        }
        let expected = recorded.get("events").or_else(|| recorded.get("body"));
        let mut differences = Vec::new();
        compare(expected.unwrap_or(&Value::Null), &self.body, String::new(), &mut differences);
        differences.retain(|(pointer, _)| {
            !allowed.iter().any(|(exchange, prefix, _)| {
                (*exchange == "*" || exchange == name) && pointer.starts_with(prefix)
            })
        });
        found.extend(differences.into_iter().map(|(at, what)| format!("{name}: {at}: {what}")));
        found
    }
}

fn compare(expected: &Value, found: &Value, at: String, differences: &mut Vec<(String, String)>) {
    match (expected, found) {
        (Value::String(mark), _) if matches!(mark.as_str(), "<uid>" | "<rv>" | "<continue>") => {
            if found.as_str().is_none_or(str::is_empty) {
                differences.push((at, format!("{mark} is {found}")));
            }
        }
        (Value::String(mark), _) if mark == "<time>" => {
            if found.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).is_none() {
                differences.push((at, format!("a time is {found}")));
            }
        }
        (Value::String(expected), Value::String(text)) if expected.contains("<uid>") => {
            if mask_uids(text) != *expected {
                differences.push((at, format!("{expected:?} is {text:?}")));
            }
        }
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                let at = format!("{at}/{key}");
                match right.get(key) {
                    Some(other) => compare(value, other, at, differences),
                    None => differences.push((at, format!("{value} is missing"))),
                }
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                differences.push((format!("{at}/{key}"), format!("{value} is too much")));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                compare(value, other, format!("{at}/{index}"), differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push((at, format!("{expected} is {found}"))),
    }
}

/// A text with the mark of the recording for every uid in it.
fn mask_uids(text: &str) -> String {
    let is_uid =
        |word: &str| word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let mut masked = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_hexdigit() || c == '-' {
            word.push(c);
            continue;
        }
        masked.push_str(if is_uid(&word) { "<uid>" } else { &word });
        word.clear();
        masked.push(c);
    }
    masked.pop();
    masked
}
