//! Paths and queries as the servlet container takes them apart: what a client encodes wrongly does not arrive.

use super::answer::Refusal;

/// The segments of a raw path, decoded once each. A `;` begins a matrix parameter, which is cut off;
/// `.` and `..` are resolved, and are refused when they hide behind an encoding.
pub(super) fn segments(path: &str, slash_in_names: bool) -> Result<Vec<String>, Refusal> {
    let mut segments: Vec<String> = Vec::new();
    for raw in path.trim_start_matches('/').split('/') {
        let raw = raw.split(';').next().unwrap_or_default();
        let segment = decode(raw, false)?;
        match (raw, segment.as_str()) {
            (".", _) => {}
            ("..", _) => drop(segments.pop()),
            (_, "." | "..") => return Err(Refusal::page(400, "Ambiguous URI path segment")),
            _ if segment.contains('/') && !slash_in_names => {
                return Err(Refusal::page(400, "Ambiguous URI path separator"));
            }
            _ => segments.push(segment),
        }
    }
    Ok(segments)
}

/// The first value of a query parameter.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key, true)? == name {
            return decode(value, true).map(Some);
        }
    }
    Ok(None)
}

fn decode(text: &str, plus_is_space: bool) -> Result<String, Refusal> {
    let bad = || Refusal::page(400, "Bad URI");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let [high, low, tail @ ..] = tail else { return Err(bad()) };
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low);
                bytes.push(value.and_then(|value| u8::try_from(value).ok()).ok_or_else(bad)?);
                rest = tail;
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_arrive_as_they_were_encoded() {
        for (path, name) in [
            ("my%20token", "my token"),
            ("my+token", "my+token"),
            ("a%2Fb", "a/b"),
            ("a;v=1", "a"),
            ("a%3Bv%3D1", "a;v=1"),
            ("100%25", "100%"),
            ("my%2520token", "my%20token"),
            ("t%C3%B6ken", "töken"),
        ] {
            let segments = segments(&format!("/v2/token/{path}/rotate"), true).unwrap();
            assert_eq!(segments, ["v2", "token", name, "rotate"], "{path}");
        }
    }

    #[test]
    fn dots_never_become_a_name() {
        assert_eq!(segments("/v2/token/../rotate", true).unwrap(), ["v2", "rotate"]);
        assert_eq!(segments("/v2/token/./rotate", true).unwrap(), ["v2", "token", "rotate"]);
        assert!(segments("/v2/token/%2e%2E/rotate", true).is_err());
    }

    #[test]
    fn a_container_may_refuse_slashes_and_refuses_nonsense() {
        assert!(segments("/v2/token/a%2Fb", false).is_err());
        for path in ["/v2/token/%", "/v2/token/%2", "/v2/token/%zz", "/v2/token/%ff"] {
            assert!(segments(path, true).is_err(), "{path}");
        }
    }

    #[test]
    fn parameters_are_form_encoded() {
        let query = "limit=5&name=my+token%2F&empty";
        assert_eq!(parameter(query, "name").unwrap().as_deref(), Some("my token/"));
        assert_eq!(parameter(query, "empty").unwrap().as_deref(), Some(""));
        assert_eq!(parameter(query, "offset").unwrap(), None);
    }
}
