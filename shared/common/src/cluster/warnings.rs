//! The `Warning` headers of the API server, each told once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::WARNING;

use super::options::Observer;

/// Collects warnings and tells each text to the observer once.
#[derive(Clone, Default)]
pub(super) struct Warnings {
    told: Arc<Mutex<BTreeSet<String>>>,
    observer: Option<Observer<String>>,
}

impl Warnings {
    /// Warnings that are told to `observer`.
    pub(super) fn new(observer: Option<Observer<String>>) -> Self {
        Self { told: Arc::default(), observer }
    }

    /// Tells what is new in `headers`.
    pub(super) fn collect(&self, headers: &HeaderMap) {
        for value in headers.get_all(WARNING) {
            let Some(text) = value.to_str().ok().and_then(parse) else { continue };
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = told.insert(without_indexes(&text));
            drop(told);
            if let (true, Some(observer)) = (is_new, &self.observer) {
                observer(text);
            }
        }
    }
}

/// The text without positions in lists: the same thing is wrong with each of them.
fn without_indexes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        rest = match after[digits..].strip_prefix(']') {
            Some(behind) if digits > 0 => behind,
            _ => {
                plain.push('[');
                after
            }
        };
    }
    plain + rest
}

/// The text of `299 - "text"`, with its quoting undone.
fn parse(value: &str) -> Option<String> {
    let quoted = value.split_once('"')?.1;
    let mut text = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&told);
        let warnings = Warnings::new(Some(Arc::new(move |text| seen.lock().unwrap().push(text))));
        let mut headers = HeaderMap::new();
        for value in [r#"299 - "policy \"x\" is deprecated""#, r#"299 - "b""#, "broken"] {
            headers.append(WARNING, value.parse().unwrap());
        }
        warnings.collect(&headers);
        headers.append(WARNING, r#"299 - "c[0].d is old""#.parse().unwrap());
        headers.append(WARNING, r#"299 - "c[12].d is old""#.parse().unwrap());
        warnings.collect(&headers);
        assert_eq!(*told.lock().unwrap(), [r#"policy "x" is deprecated"#, "b", "c[0].d is old"]);
    }
}
