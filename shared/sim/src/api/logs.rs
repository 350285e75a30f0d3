//! The logs of containers.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::body::{self, Answer};
use super::hooks::{LogLine, PodLogs};
use super::route::Target;
use super::service::Call;
use super::verbs::live;
use crate::store::{Status, Store, meta};

/// How often a follower looks for new lines.
const POLL: Duration = Duration::from_millis(50);

/// Serves `pods/NAME/log`.
pub(crate) async fn serve(call: &Call, target: &Target) -> Result<Answer, Status> {
    let pod = live(call, target)?;
    let container = container(call, &pod)?;
    let Some(logs) = call.shared.options.logs.clone() else {
        return Ok(body::respond(200, "text/plain", body::full("")));
    };
    let namespace = target.namespace().unwrap_or_default().to_owned();
    let previous = call.query.is_set("previous");
    let lines = logs.lines(&namespace, target.name(), &container, previous)?;
    let options = Shown::parse(call)?;
    let seen = lines.len();
    let text = options.text(&lines, call.shared.options.store.now());
    if !call.query.is_set("follow") {
        return Ok(body::respond(200, "text/plain", body::full(text)));
    }
    let (sender, receiver) = mpsc::channel(16);
    let follower = Follower {
        logs,
        store: call.shared.options.store.clone(),
        namespace,
        pod: target.name().to_owned(),
        container,
        timestamps: options.timestamps,
    };
    tokio::spawn(follower.run(text, seen, sender));
    Ok(body::respond(200, "text/plain", body::stream(receiver)))
}

/// The container the request names, or the only one.
fn container(call: &Call, pod: &Value) -> Result<String, Status> {
    let name = meta::name(pod);
    let names = |list: &str| -> Vec<String> {
        let items = pod["spec"][list].as_array().into_iter().flatten();
        items.filter_map(|item| item["name"].as_str().map(str::to_owned)).collect()
    };
    let (containers, init) = (names("containers"), names("initContainers"));
    match call.query.get("container") {
        Some(wanted) if containers.iter().chain(&init).any(|it| it == wanted) => {
            Ok(wanted.to_owned())
        }
        Some(wanted) => {
            Err(Status::bad_request(format!("container {wanted} is not valid for pod {name}")))
        }
        None => match containers.as_slice() {
            [only] => Ok(only.clone()),
            many => {
                let mut message = format!(
                    "a container name must be specified for pod {name}, choose one of: [{}]",
                    many.join(" ")
                );
                if !init.is_empty() {
                    message
                        .push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
                }
                Err(Status::bad_request(message))
            }
        },
    }
}

/// Which lines are shown, and how.
struct Shown {
    tail: Option<usize>,
    since: Option<jiff::Timestamp>,
    since_seconds: Option<i64>,
    limit_bytes: Option<usize>,
    timestamps: bool,
}

impl Shown {
    fn parse(call: &Call) -> Result<Self, Status> {
        let count = |name: &str| -> Result<Option<usize>, Status> {
            Ok(call.query.number(name)?.and_then(|number| usize::try_from(number).ok()))
        };
        Ok(Self {
            tail: count("tailLines")?,
            since: call.query.get("sinceTime").and_then(|text| text.parse().ok()),
            since_seconds: call.query.number("sinceSeconds")?,
            limit_bytes: count("limitBytes")?,
            timestamps: call.query.is_set("timestamps"),
        })
    }

    fn text(&self, lines: &[LogLine], now: jiff::Timestamp) -> String {
        let mut start = self.since;
        if let Some(seconds) = self.since_seconds {
            start = now.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok();
        }
        let lines: Vec<&LogLine> =
            lines.iter().filter(|line| start.is_none_or(|start| line.at >= start)).collect();
        let skipped = self.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        let mut text: String =
            lines[skipped..].iter().map(|line| write_line(line, self.timestamps)).collect();
        if let Some(limit) = self.limit_bytes {
            let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
        text
    }
}

fn write_line(line: &LogLine, timestamps: bool) -> String {
    if timestamps { format!("{} {}\n", line.at, line.text) } else { format!("{}\n", line.text) }
}

struct Follower {
    logs: Arc<dyn PodLogs>,
    store: Store,
    namespace: String,
    pod: String,
    container: String,
    timestamps: bool,
}

impl Follower {
    /// Sends new lines until the client, the pod or the container is gone.
    async fn run(self, first: String, mut seen: usize, sender: mpsc::Sender<Bytes>) {
        if !first.is_empty() && sender.send(Bytes::from(first)).await.is_err() {
            return;
        }
        loop {
            let ended = self.has_ended();
            let read = self.logs.lines(&self.namespace, &self.pod, &self.container, false);
            let Ok(lines) = read else { return };
            let fresh = lines.get(seen..).unwrap_or_default();
            let text: String = fresh.iter().map(|line| write_line(line, self.timestamps)).collect();
            seen = lines.len();
            if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
                return;
            }
            if ended {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = sender.closed() => return,
            }
        }
    }

    fn has_ended(&self) -> bool {
        let Some(pod) = self.store.read("pods", Some(&self.namespace), &self.pod) else {
            return true;
        };
        ["containerStatuses", "initContainerStatuses"].iter().any(|list| {
            let mut statuses = pod["status"][*list].as_array().into_iter().flatten();
            let mine = statuses.find(|status| status["name"] == self.container.as_str());
            mine.is_some_and(|status| status.pointer("/state/terminated").is_some())
        })
    }
}
