//! What containers wrote, kept per container with the time of each line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// The logs of all containers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct LogBook {
    books: Arc<Mutex<HashMap<Address, Book>>>,
}

/// One line and when it was, or will have been, written.
pub type Line = (Timestamp, String);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Address {
    namespace: String,
    pod: String,
    container: String,
}

#[derive(Debug, Default)]
struct Book {
    current: Vec<Line>,
    previous: Option<Vec<Line>>,
}

impl LogBook {
    /// Opens the log of a container that starts: what it wrote before becomes the previous log.
    pub fn start(&self, namespace: &str, pod: &str, container: &str) {
        let mut books = self.lock();
        let present = books.contains_key(&address(namespace, pod, container));
        let book = books.entry(address(namespace, pod, container)).or_default();
        if present {
            book.previous = Some(std::mem::take(&mut book.current));
        }
    }

    /// Adds a line. A time in the future keeps it hidden until then.
    pub fn write(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        at: Timestamp,
        line: impl Into<String>,
    ) {
        let mut books = self.lock();
        books
            .entry(address(namespace, pod, container))
            .or_default()
            .current
            .push((at, line.into()));
    }

    /// The lines written until `now`; none when the container never started, or never restarted
    /// and `previous` is asked for.
    #[must_use]
    pub fn read(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        previous: bool,
        now: Timestamp,
    ) -> Option<Vec<Line>> {
        let books = self.lock();
        let book = books.get(&address(namespace, pod, container))?;
        let lines = if previous { book.previous.as_ref()? } else { &book.current };
        Some(lines.iter().filter(|(at, _)| *at <= now).cloned().collect())
    }

    /// Forgets a pod.
    pub fn forget(&self, namespace: &str, pod: &str) {
        self.lock().retain(|address, _| address.namespace != namespace || address.pod != pod);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Book>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(namespace: &str, pod: &str, container: &str) -> Address {
    Address {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_turns_the_log_into_the_previous_one() {
        let book = LogBook::default();
        let at = Timestamp::UNIX_EPOCH;
        let container = ("ns", "pod", "main");
        book.start("ns", "pod", "main");
        book.write("ns", "pod", "main", at, "first life");
        assert_eq!(book.read(container, true, at), None);
        book.start("ns", "pod", "main");
        book.write("ns", "pod", "main", at, "second life");
        assert_eq!(book.read(container, true, at).unwrap()[0].1, "first life");
        assert_eq!(book.read(container, false, at).unwrap()[0].1, "second life");
    }

    #[test]
    fn a_line_of_the_future_is_not_read_yet() {
        let book = LogBook::default();
        book.write("ns", "pod", "main", Timestamp::MAX, "later");
        assert_eq!(
            book.read(("ns", "pod", "main"), false, Timestamp::UNIX_EPOCH),
            Some(Vec::new())
        );
    }
}
