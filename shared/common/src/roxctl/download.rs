//! Streaming a file to disk: resumed after a break, retried within bounds, told while it goes on.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::time::Instant;

use super::error::RoxctlError;
use super::http::{Offset, innermost};
use super::image::is_page;
use super::origin::Origin;
use super::part::{Part, Received};
use crate::cluster::Backoff;
use crate::env::Clock;
use crate::fs::{PartialFile, free_space};
use crate::run::{Event, Events, Unit};

/// How patient a download is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How often it is tried in a row without a byte arriving.
    pub backoff: Backoff,
    /// The longest time without a byte.
    pub idle: Duration,
    /// The longest time for all of it.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let backoff = Backoff {
            tries: 5,
            first: Duration::from_millis(300),
            longest: Duration::from_secs(5),
        };
        Self { backoff, idle: Duration::from_secs(30), total: Duration::from_secs(30 * 60) }
    }
}

/// Whom a download tells, and by which clock it waits.
#[derive(Clone, Debug)]
pub struct Teller {
    /// Where progress, retries and notes go.
    pub events: Events,
    /// The step they are of.
    pub step: String,
    /// The clock that waits between two attempts go by.
    pub clock: Clock,
}

/// Receives the file of `origin` into `file`, which is closed and durable then.
pub(super) async fn download(
    origin: &Origin,
    file: PartialFile,
    limits: &Limits,
    teller: &Teller,
) -> Result<Received, RoxctlError> {
    let target = file.target().to_owned();
    let written = |error| RoxctlError::file("write", &target, error);
    let part = Part::start(file).map_err(written)?;
    let receive = async {
        match origin {
            Origin::File(path) => copy(path, &part, &target, teller).await,
            _ => Transfer::new(origin, &part, &target, limits, teller).run().await,
        }
    };
    match tokio::time::timeout(limits.total, receive).await {
        Ok(Ok(())) => part.finish().await.map_err(written),
        Ok(Err(Stop::Failed(error))) => Err(error),
        // The thread that writes knows why.
        Ok(Err(Stop::CannotWrite)) => {
            let result = part.finish().await;
            Err(written(result.err().unwrap_or_else(|| std::io::Error::other("it ended early"))))
        }
        Err(_) => Err(RoxctlError::Timeout(limits.total)),
    }
}

/// Copies a file of this computer.
async fn copy(path: &Path, part: &Part, target: &Path, teller: &Teller) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(RoxctlError::file("read", path, error));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let total = file.metadata().map(|found| found.len()).ok();
    check_space(target, total).map_err(Stop::Failed)?;
    let mut progress = Progress::new(teller);
    let mut current = 0;
    loop {
        let mut buffer = vec![0; 256 << 10];
        let length = file.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            progress.tell(current, total, true);
            return Ok(());
        }
        buffer.truncate(length);
        current += length as u64;
        progress.tell(current, total, false);
        if !part.push(Bytes::from(buffer)).await {
            return Err(Stop::CannotWrite);
        }
    }
}

/// Why receiving ends early.
enum Stop {
    Failed(RoxctlError),
    CannotWrite,
}

/// Why one attempt ended early: for good, or because of something that may pass.
enum Fault {
    Final(Stop),
    Passing(RoxctlError),
}

struct Transfer<'a> {
    origin: &'a Origin,
    part: &'a Part,
    target: &'a Path,
    limits: &'a Limits,
    teller: &'a Teller,
    progress: Progress<'a>,
    offset: Offset,
    total: Option<u64>,
}

impl<'a> Transfer<'a> {
    fn new(
        origin: &'a Origin,
        part: &'a Part,
        target: &'a Path,
        limits: &'a Limits,
        teller: &'a Teller,
    ) -> Self {
        let progress = Progress::new(teller);
        Self {
            origin,
            part,
            target,
            limits,
            teller,
            progress,
            offset: Offset::default(),
            total: None,
        }
    }

    /// Tries until everything is there. What arrived starts the count of attempts anew, so that a
    /// line that breaks now and then still gets there; the whole time is bounded.
    async fn run(mut self) -> Result<(), Stop> {
        let mut attempt = 1;
        loop {
            let before = self.offset.bytes;
            let error = match self.attempt().await {
                Ok(()) => {
                    self.progress.tell(self.offset.bytes, self.total, true);
                    return Ok(());
                }
                Err(Fault::Final(stop)) => return Err(stop),
                Err(Fault::Passing(error)) => error,
            };
            if self.offset.bytes > before {
                attempt = 1;
            }
            if attempt >= self.limits.backoff.tries {
                return Err(Stop::Failed(error));
            }
            let next_in = self.limits.backoff.jittered(attempt);
            attempt += 1;
            self.teller.events.emit(Event::Retry {
                what: format!("GET {}", self.origin.describe()),
                attempt,
                of: Some(self.limits.backoff.tries),
                left_seconds: None,
                reason: error.to_string(),
                next_in_seconds: next_in.as_secs_f64(),
            });
            self.teller.clock.sleep(next_in).await;
        }
    }

    async fn attempt(&mut self) -> Result<(), Fault> {
        let opening = tokio::time::timeout(self.limits.idle, self.origin.open(&self.offset));
        let response = match opening.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if is_passing(&error) => return Err(Fault::Passing(error)),
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(Fault::Passing(self.silence())),
        };
        let response = self.accept(response).await?;
        self.receive(response.into_body()).await
    }

    /// Looks at the head of an answer: whether it goes on where the last one broke off, begins
    /// again, or is no file at all.
    async fn accept(&mut self, response: Response<Incoming>) -> Result<Response<Incoming>, Fault> {
        let place = self.origin.describe();
        let status = response.status();
        let headers = response.headers();
        if status == StatusCode::PARTIAL_CONTENT && starts_at(headers) == Some(self.offset.bytes) {
            return Ok(response);
        }
        if status == StatusCode::RANGE_NOT_SATISFIABLE || status == StatusCode::PARTIAL_CONTENT {
            // It is another file by now. Without a validator the next request asks for all of it.
            self.offset.validator = None;
            return Err(Fault::Passing(self.cut_off("the server cannot go on where it broke off")));
        }
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            return Err(Fault::Passing(self.origin.refused(status.as_u16())));
        }
        if !status.is_success() {
            return Err(failed(self.origin.refused(status.as_u16())));
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("text/html")) {
            let reason = "it is a web page: a proxy or a login page has answered".to_owned();
            return Err(failed(RoxctlError::NotTheFile { place, reason }));
        }
        if self.offset.bytes > 0 && !self.part.restart().await {
            return Err(Fault::Final(Stop::CannotWrite));
        }
        let validator = validator(headers);
        self.total = number(headers, &CONTENT_LENGTH);
        self.offset = Offset { bytes: 0, validator };
        check_space(self.target, self.total).map_err(failed)?;
        Ok(response)
    }

    async fn receive(&mut self, mut body: Incoming) -> Result<(), Fault> {
        loop {
            let Ok(frame) = tokio::time::timeout(self.limits.idle, body.frame()).await else {
                return Err(Fault::Passing(self.silence()));
            };
            match frame {
                None => break,
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(data).await?;
                    }
                }
                Some(Err(error)) => return Err(Fault::Passing(self.cut_off(&innermost(&error)))),
            }
        }
        match self.total {
            Some(total) if total != self.offset.bytes => {
                Err(Fault::Passing(self.cut_off("the connection was closed early")))
            }
            _ if self.offset.bytes == 0 => {
                let (place, reason) = (self.origin.describe(), "it is empty".to_owned());
                Err(failed(RoxctlError::NotTheFile { place, reason }))
            }
            _ => Ok(()),
        }
    }

    async fn take(&mut self, data: Bytes) -> Result<(), Fault> {
        if self.offset.bytes == 0 && is_page(&data) {
            let (place, reason) = (self.origin.describe(), "it is a web page".to_owned());
            return Err(failed(RoxctlError::NotTheFile { place, reason }));
        }
        self.offset.bytes += data.len() as u64;
        self.progress.tell(self.offset.bytes, self.total, false);
        if self.part.push(data).await { Ok(()) } else { Err(Fault::Final(Stop::CannotWrite)) }
    }

    fn silence(&self) -> RoxctlError {
        self.cut_off(&format!("nothing arrived within {} s", self.limits.idle.as_secs_f64()))
    }

    fn cut_off(&self, reason: &str) -> RoxctlError {
        let received = self.offset.bytes;
        if received > 0 {
            return RoxctlError::CutOff { received, reason: reason.to_owned() };
        }
        RoxctlError::Unreachable { place: self.origin.describe(), reason: reason.to_owned() }
    }
}

/// A file that cannot fit is not begun.
fn check_space(target: &Path, total: Option<u64>) -> Result<(), RoxctlError> {
    let directory = target.parent().unwrap_or(target);
    match (total, free_space(directory)) {
        (Some(needed), Some(free)) if needed > free => {
            let directory = directory.to_owned();
            Err(RoxctlError::NoSpace { directory, needed, free })
        }
        _ => Ok(()),
    }
}

/// Whether another attempt may succeed without anybody changing anything.
fn is_passing(error: &RoxctlError) -> bool {
    match error {
        RoxctlError::Unreachable { .. } | RoxctlError::CutOff { .. } => true,
        RoxctlError::Connect { error, .. } => error.is_transient(),
        RoxctlError::Central(error) => error.is_transient(),
        _ => false,
    }
}

const fn failed(error: RoxctlError) -> Fault {
    Fault::Final(Stop::Failed(error))
}

/// Tells ten times a second how far a download is.
struct Progress<'a> {
    teller: &'a Teller,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    const fn new(teller: &'a Teller) -> Self {
        Self { teller, told: None }
    }

    fn tell(&mut self, current: u64, total: Option<u64>, is_last: bool) {
        let recently = |told: Instant| told.elapsed() < Duration::from_millis(100);
        if !is_last && self.told.is_some_and(recently) {
            return;
        }
        self.told = Some(Instant::now());
        let id = self.teller.step.clone();
        self.teller.events.emit(Event::Progress { id, current, total, unit: Unit::Bytes });
    }
}

/// What names the state of the file strongly enough to go on with it.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let strong = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    strong.or_else(|| headers.get(LAST_MODIFIED)).cloned()
}

/// Where the bytes of a partial answer begin: `bytes 500-999/1000`.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn number(headers: &HeaderMap, name: &http::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_validator_is_gone_on_with() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_static("W/\"1\""));
        assert_eq!(validator(&headers), None);
        headers.insert(LAST_MODIFIED, HeaderValue::from_static("Sat, 01 Jan 2022 00:00:00 GMT"));
        assert!(validator(&headers).is_some());
        headers.insert(ETAG, HeaderValue::from_static("\"1\""));
        assert_eq!(validator(&headers).unwrap(), "\"1\"");
    }

    #[test]
    fn a_partial_answer_says_where_it_begins() {
        let mut headers = HeaderMap::new();
        assert_eq!(starts_at(&headers), None);
        headers.insert(CONTENT_RANGE, HeaderValue::from_static("bytes 500-999/1000"));
        assert_eq!(starts_at(&headers), Some(500));
    }
}
