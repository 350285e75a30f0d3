//! In what two answers of Centrals differ that a client can see.

use http::header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use serde_json::Value;

use crate::client::Answer;
use crate::player::Exchange;

/// The fields of `/v1/auth/status` that are told before the recording is cut.
const FIRST_FIELDS: [&str; 5] =
    ["/userId", "/expires", "/refreshUrl", "/userInfo/username", "/userInfo/friendlyName"];

/// The differences, each with the part of the answer that they are in.
pub fn differences(recorded: &Exchange, ours: &Answer) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut note = |part: &'static str, theirs: String, mine: String| {
        if theirs != mine {
            found.push((part, format!("{theirs} there, {mine} here")));
        }
    };
    note("status", recorded.status.to_string(), ours.status.to_string());
    let mine = |name: http::HeaderName| {
        ours.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    for (part, name) in [
        ("type", CONTENT_TYPE),
        ("file", CONTENT_DISPOSITION),
        ("range", CONTENT_RANGE),
        ("location", LOCATION),
    ] {
        let theirs = recorded.headers.get(name.as_str()).cloned().unwrap_or_default();
        note(part, head_only(&theirs), head_only(&mine(name)));
    }
    if recorded.status == ours.status && recorded.request["method"] != "HEAD" {
        found.extend(bodies(recorded, ours));
    }
    found
}

/// A header without what is of the moment: digits of a name, and the size of the whole.
fn head_only(value: &str) -> String {
    match value.split_once('/') {
        Some((range, _)) if value.starts_with("bytes ") => range.to_owned(),
        _ if value.contains("filename") => {
            value.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
        }
        _ => value.to_owned(),
    }
}

fn bodies(recorded: &Exchange, ours: &Answer) -> Vec<(&'static str, String)> {
    let mine = String::from_utf8_lossy(&ours.body);
    if let Some(begin) = recorded.body.split_once("bytes begin b'").map(|(_, begin)| begin) {
        let magic = |begin: &str| begin.starts_with("PK");
        let same = magic(begin) == magic(&mine);
        return if same { Vec::new() } else { vec![("body", format!("{begin} there"))] };
    }
    if let Ok(theirs) = serde_json::from_str::<Value>(&recorded.body) {
        let Ok(mine) = serde_json::from_str::<Value>(&mine) else {
            return vec![("body", format!("no JSON here: {mine}"))];
        };
        let mut found = Vec::new();
        let part = if theirs.get("code").is_some() { "words" } else { "body" };
        values(&theirs, &mine, "", &mut found);
        return found.into_iter().map(|words| (part, words)).collect();
    }
    if recorded.body.starts_with('{') {
        let mine: Value = serde_json::from_str(&mine).unwrap_or_default();
        return if recorded.request["path"] == "/v1/auth/status" {
            fields(&recorded.body, &mine)
        } else {
            first_key(&recorded.body, &mine)
        };
    }
    let (theirs, mine) = (plain(&recorded.body), plain(&mine));
    if theirs == mine {
        Vec::new()
    } else {
        vec![("body", format!("{theirs:?} there, {mine:?} here"))]
    }
}

/// Of a long list only its name is compared.
fn first_key(theirs: &str, mine: &Value) -> Vec<(&'static str, String)> {
    let name = theirs.split('"').nth(1).unwrap_or_default();
    if mine.get(name).is_some() {
        Vec::new()
    } else {
        vec![("body", format!("/{name} is missing"))]
    }
}

/// Compares what can be read of a body that was cut.
fn fields(theirs: &str, mine: &Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for pointer in FIRST_FIELDS {
        let name = pointer.rsplit('/').next().unwrap();
        let begin = format!("\"{name}\":\"");
        let Some((_, rest)) = theirs.split_once(&begin) else { continue };
        let mut end = rest.char_indices().scan(false, |escaped, (place, c)| {
            let ends = c == '"' && !*escaped;
            *escaped = c == '\\' && !*escaped;
            Some((place, ends))
        });
        let Some((end, _)) = end.find(|(_, ends)| *ends) else { continue };
        let theirs: String = serde_json::from_str(&format!("\"{}\"", &rest[..end])).unwrap();
        let mine = mine.pointer(pointer).and_then(Value::as_str).unwrap_or("nothing");
        if plain(&theirs) != plain(mine) {
            found.push(("body", format!("{pointer}: {theirs:?} there, {mine:?} here")));
        }
    }
    found
}

/// Every value of theirs is to be in mine; lists of objects are alike when their first ones are.
fn values(theirs: &Value, mine: &Value, place: &str, found: &mut Vec<String>) {
    match (theirs, mine) {
        (Value::Object(theirs), Value::Object(mine)) => {
            for (key, theirs) in theirs {
                match mine.get(key) {
                    Some(mine) => values(theirs, mine, &format!("{place}/{key}"), found),
                    None => found.push(format!("{place}/{key} is missing")),
                }
            }
            let more = mine.keys().filter(|key| !theirs.contains_key(*key));
            found.extend(more.map(|key| format!("{place}/{key} is here only")));
        }
        (Value::Array(theirs), Value::Array(mine)) if theirs.iter().any(Value::is_object) => {
            match (&theirs[0], mine.first()) {
                (Value::Object(theirs), Some(Value::Object(mine))) => {
                    let keys = |map: &serde_json::Map<String, Value>| -> Vec<String> {
                        map.keys().cloned().collect()
                    };
                    if keys(theirs) != keys(mine) {
                        found.push(format!(
                            "{place}: {:?} there, {:?} here",
                            keys(theirs),
                            keys(mine)
                        ));
                    }
                }
                _ => found.push(format!("{place} is empty here")),
            }
        }
        (Value::String(theirs), Value::String(mine)) => {
            if plain(theirs) != plain(mine) {
                found.push(format!("{place}: {theirs:?} there, {mine:?} here"));
            }
        }
        _ if theirs == mine => {}
        _ => found.push(format!("{place}: {theirs} there, {mine} here")),
    }
}

/// A text without what is of the moment: ids, moments, tokens, and which release it is.
fn plain(text: &str) -> String {
    let text = text.replace("5.0.x-38-gbed4a7b242", "<release>").replace("4.11.2", "<release>");
    let is_token = text == "<jwt>" || (text.len() > 500 && text.starts_with("eyJ"));
    if is_token {
        return "<token>".to_owned();
    }
    let mut rest = text.as_str();
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let (length, name) = [(uuid(rest), "<id>"), (moment(rest), "<time>")]
            .into_iter()
            .find(|(length, _)| *length > 0)
            .unwrap_or((0, ""));
        out.push_str(name);
        if length == 0 {
            out.push(first);
        }
        rest = &rest[if length == 0 { first.len_utf8() } else { length }..];
    }
    out
}

fn shaped(text: &str, shape: &str, digit: impl Fn(u8) -> bool) -> bool {
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(c, s)| if s == b'0' { digit(c) } else { c == s })
}

fn uuid(text: &str) -> usize {
    let shape = "00000000-0000-0000-0000-000000000000";
    if shaped(text, shape, |c| c.is_ascii_hexdigit()) { shape.len() } else { 0 }
}

fn moment(text: &str) -> usize {
    // The end of time is no moment.
    if text.starts_with("9999") {
        return 0;
    }
    let digit = |c: u8| c.is_ascii_digit();
    if shaped(text, "0000-00-00T00:00:00", digit) {
        return text.find('Z').map_or(0, |end| end + 1);
    }
    let words = "0000-00-00 00:00:00";
    if shaped(text, words, digit) { words.len() } else { 0 }
}
