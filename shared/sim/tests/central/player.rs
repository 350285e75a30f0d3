//! Asks the embedded Central what was asked of a real one, and compares the answers.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Version};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::Value;
use sim::central::CentralOptions;
use sim::simulation::Simulation;

use crate::client::{Answer, installation, send};
use crate::compare;

/// One recorded exchange.
pub struct Exchange {
    pub name: String,
    pub request: Value,
    pub status: u16,
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Exchange {
    /// Reads a line of the recordings.
    pub fn read(line: Value) -> Self {
        let response = &line["response"];
        let mut head: Vec<&str> = response["head"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        let body = response["body"].as_str().unwrap_or_default().replace("\r\n", "\n");
        let mut body = body.as_str();
        // What comes after the invitation to go on is the answer.
        if head[0].contains(" 100 ") {
            let (begin, end) = body.split_once("\n\n").unwrap();
            (head, body) = (begin.lines().collect(), end);
        }
        let headers = head[1..].iter().filter_map(|line| line.split_once(": "));
        Self {
            name: line["name"].as_str().unwrap().to_owned(),
            request: line["request"].clone(),
            status: head[0].split(' ').nth(1).unwrap().parse().unwrap(),
            headers: headers.map(|(key, value)| (key.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    fn asks(&self, field: &str) -> &str {
        self.request[field].as_str().unwrap_or_default()
    }
}

/// A Central, and what the player remembers to fill in.
pub struct Player {
    simulation: Simulation,
    /// Tokens by what the recordings call them.
    tokens: BTreeMap<String, String>,
    short: String,
    /// The ids of tokens, by those in the recordings.
    ids: Vec<(String, String)>,
}

impl Player {
    /// A new Central without clusters.
    pub async fn start(tag: &str, postgres: bool) -> Self {
        let mut objects = installation(tag);
        objects.retain(|object| {
            !["sensor", "collector"].contains(&object["metadata"]["name"].as_str().unwrap())
        });
        // The database of 4.x is elsewhere.
        objects.push(serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {},
            "metadata": {"name": "central-external-db", "namespace": "stackrox"},
        }));
        let options = CentralOptions { postgres, auto_upgrade: true, ..CentralOptions::default() };
        // A clock like ours, so that a token of a few seconds lives that long.
        let clock = sim::clock::Clock::scaled(1.0);
        let builder = Simulation::builder().objects(objects).central(options).clock(clock);
        let simulation = builder.start().await.unwrap();
        Self { simulation, tokens: BTreeMap::new(), short: String::new(), ids: Vec::new() }
    }

    /// Makes a recorded request; tells in what the answer differs, and how.
    pub async fn play(&mut self, exchange: &Exchange) -> Vec<(&'static str, String)> {
        let request = self.request(exchange);
        let address = self.simulation.central_address();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let answer = match send(&self.simulation, stream, request).await {
            Ok(answer) => answer,
            Err(error) => return vec![("answer", error.to_string())],
        };
        self.remember(exchange, &answer);
        compare::differences(exchange, &answer)
    }

    fn request(&self, exchange: &Exchange) -> Request<Full<Bytes>> {
        let mut path = exchange.asks("path").to_owned();
        for (recorded, ours) in &self.ids {
            path = path.replace(recorded, ours);
        }
        let mut request = Request::builder().method(exchange.asks("method")).uri(path);
        let headers = &exchange.request["headers"];
        if exchange.name == "http/1.0" {
            request = request.version(Version::HTTP_10);
        }
        if headers.get("Host").is_none() {
            request = request.header("host", "central.stackrox");
        }
        for (name, value) in
            headers.as_object().into_iter().flatten().filter(|(name, _)| *name != "Host")
        {
            let value = value.as_str().unwrap();
            let size = value.strip_prefix('<').and_then(|text| text.strip_suffix(" bytes>"));
            let value =
                size.map_or_else(|| value.to_owned(), |size| "x".repeat(size.parse().unwrap()));
            request = request.header(name, value);
        }
        if let Some(authorization) = self.authorization(exchange) {
            request = request.header("authorization", authorization);
        }
        request.body(Full::new(self.body(exchange).into())).unwrap()
    }

    fn authorization(&self, exchange: &Exchange) -> Option<String> {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let text = match exchange.asks("auth") {
            "" => return None,
            "<admin-auth>" => basic("admin:letmein"),
            "basic <admin>" => basic("admin:letmein").to_lowercase(),
            "Basic <redacted>" if exchange.name.contains("nouser") => basic("eve:wrong"),
            "Basic <redacted>" => basic("admin:wrong"),
            "Bearer <jwt>" => "Bearer e30.e30.bad".to_owned(),
            "Bearer <token-Admin>" if exchange.name.starts_with("use expired") => {
                format!("Bearer {}", self.short)
            }
            other => {
                let token =
                    other.strip_prefix("Bearer <token-").and_then(|end| end.strip_suffix('>'));
                let token = token.map(|role| format!("Bearer {}", self.tokens[role]));
                token.unwrap_or_else(|| other.to_owned())
            }
        };
        Some(text)
    }

    fn body(&self, exchange: &Exchange) -> String {
        let body = exchange.asks("body");
        if exchange.name == "big body" {
            let begin = body.split('…').next().unwrap();
            return format!("{begin}{}\"}}", "a".repeat(3_000_000));
        }
        let Ok(mut body) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
        // The moment that was some seconds away then.
        if body["expiration"].as_str().is_some_and(|moment| !moment.starts_with("2020")) {
            let soon = self.simulation.clock().now() + jiff::SignedDuration::from_secs(4);
            body["expiration"] = soon.to_string().into();
        }
        body.to_string()
    }

    fn remember(&mut self, exchange: &Exchange, answer: &Answer) {
        if answer.status != 200 || !exchange.asks("path").ends_with("/generate") {
            return;
        }
        let ours = answer.json();
        let token = ours["token"].as_str().unwrap().to_owned();
        let recorded: Value = serde_json::from_str(&exchange.body).unwrap_or_default();
        let id = |answer: &Value| answer["metadata"]["id"].as_str().unwrap_or_default().to_owned();
        if !id(&recorded).is_empty() {
            self.ids.push((id(&recorded), id(&ours)));
        }
        let role = ours["metadata"]["roles"][0].as_str().unwrap().to_owned();
        if exchange.name.contains("['expiration']") {
            if self.short.is_empty() {
                self.short = token;
            }
        } else {
            self.tokens.entry(role).or_insert(token);
        }
    }
}
