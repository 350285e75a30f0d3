//! What the API server asks of the rest: faults, logs of containers, connections to pods.

use std::io;
use std::time::Duration;

use common::rhacs::Version;
use serde_json::json;

use crate::api::hooks::{Connecting, Duplex};
use crate::api::{CutAt, Gate, LogLine, PodLogs, PortForward, RequestInfo, Verdict};
use crate::central::{Central, Connector};
use crate::clock::Clock;
use crate::controllers::LogBook;
use crate::controllers::objects::{is_true, items};
use crate::faults::{Asked, Faults, On, RequestAction};
use crate::store::{Status, Store, meta};

/// The port of Central's API in its pod.
const CENTRAL_PORT: u16 = 8443;
/// Bytes that wait in one direction of a connection to a pod.
const BUFFER: usize = 256 * 1024;

/// Faults as the API server's gate.
pub(super) struct FaultGate(pub(super) Faults);

impl Gate for FaultGate {
    fn admit(&self, request: &RequestInfo) -> Verdict {
        let path = if request.query.is_empty() {
            request.path.clone()
        } else {
            format!("{}?{}", request.path, request.query)
        };
        let asked = Asked {
            on: On::Api,
            method: &request.method,
            path: &path,
            user_agent: &request.user_agent,
        };
        match self.0.decide(asked) {
            None => Verdict::Pass,
            Some(RequestAction::Refuse { status, retry_after, message }) => {
                Verdict::Answer(refusal(status, retry_after, message))
            }
            Some(RequestAction::Delay { milliseconds }) => {
                Verdict::Delay(Duration::from_millis(milliseconds))
            }
            Some(RequestAction::CutBefore | RequestAction::DropWatch) => {
                Verdict::Cut(CutAt::Before)
            }
            Some(RequestAction::CutAfter) => Verdict::Cut(CutAt::After),
            Some(RequestAction::ExpireWatch) => Verdict::Answer(refusal(410, None, None)),
        }
    }
}

/// The usual `Status` of a code.
fn refusal(code: u16, retry_after: Option<u32>, message: Option<String>) -> Status {
    let (reason, usual) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: the request is refused by a scripted fault"),
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "too old resource version"),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
    };
    let mut status = Status::new(code, reason, message.unwrap_or_else(|| usual.to_owned()));
    if let Some(seconds) = retry_after {
        status.details = Some(json!({"retryAfterSeconds": seconds}));
    }
    status
}

/// Logs from the book of the kubelets.
pub(super) struct Logs {
    pub(super) book: LogBook,
    pub(super) store: Store,
    pub(super) clock: Clock,
}

impl PodLogs for Logs {
    fn lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<Vec<LogLine>, Status> {
        let lines = self.book.read((namespace, pod, container), previous, self.clock.now());
        if let Some(lines) = lines {
            return Ok(lines.into_iter().map(|(at, text)| LogLine { at, text }).collect());
        }
        if previous {
            return Err(Status::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{pod}\" not found"
            )));
        }
        let object = self.store.read("pods", Some(namespace), pod);
        let why = object.as_deref().and_then(|object| {
            let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
            let mut all = statuses.into_iter().flat_map(|pointer| items(object, pointer));
            let status = all.find(|status| status["name"] == container)?;
            status.pointer("/state/waiting/reason")?.as_str().map(str::to_owned)
        });
        let why = match why.as_deref() {
            Some(reason @ ("ErrImagePull" | "ImagePullBackOff")) => {
                format!("trying and failing to pull image ({reason})")
            }
            Some(reason) => reason.to_owned(),
            None => "ContainerCreating".to_owned(),
        };
        Err(Status::bad_request(format!(
            "container \"{container}\" in pod \"{pod}\" is waiting to start: {why}"
        )))
    }
}

/// Connections to the port of Central's pod.
pub(super) struct Forward {
    pub(super) store: Store,
    pub(super) central: Central,
    pub(super) connector: Connector,
}

impl PortForward for Forward {
    fn connect(&self, namespace: &str, pod: &str, port: u16) -> Connecting {
        let serves = self.serves(namespace, pod, port);
        let connector = self.connector.clone();
        Box::pin(async move {
            if !serves {
                let refused = format!("dial tcp4 127.0.0.1:{port}: connect: connection refused");
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, refused));
            }
            let (near, far) = tokio::io::duplex(BUFFER);
            tokio::spawn(async move { connector.serve(far).await });
            Ok(Box::new(near) as Box<dyn Duplex>)
        })
    }
}

impl Forward {
    /// Whether Central listens behind that port of that pod.
    fn serves(&self, namespace: &str, pod: &str, port: u16) -> bool {
        let object = self.store.read("pods", Some(namespace), pod);
        let version: Option<Version> = self.central.version();
        port == CENTRAL_PORT
            && version.is_some()
            && object.is_some_and(|pod| {
                meta::label(&pod, "app") == Some("central") && is_true(&pod, "Ready")
            })
    }
}
