//! The words of an answer that is no success: JSON, a bare string, or somebody's HTML page.

use serde_json::Value;

/// The longest text of an answer that is shown.
const LONGEST: usize = 300;

/// What an answer says, on one line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words {
    /// The text; empty when the answer has none.
    pub text: String,
    /// Whether it is a web page: then a proxy or a gateway may have answered instead of the API.
    pub is_page: bool,
}

impl Words {
    /// Reads the body of an answer; `hide` takes out what the request held in confidence, for a
    /// server may repeat it.
    pub(super) fn of(body: &[u8], hide: impl Fn(&str) -> String) -> Self {
        let text = match serde_json::from_slice::<Value>(body) {
            Ok(Value::String(text)) => text,
            Ok(Value::Object(object)) => ["message", "error", "errorMessage", "detail"]
                .iter()
                .find_map(|field| object.get(*field).and_then(Value::as_str))
                .unwrap_or_default()
                .to_owned(),
            // Whatever else is JSON might hold a secret: it is not shown.
            Ok(_) => String::new(),
            Err(_) => return Self::of_text(&hide(&String::from_utf8_lossy(body))),
        };
        Self { text: one_line(&hide(&text)), is_page: false }
    }

    fn of_text(text: &str) -> Self {
        // A comment or a declaration may stand before `<html>`.
        let is_page = text.trim_start().starts_with('<');
        let shown = if is_page { title(text) } else { text.to_owned() };
        Self { text: one_line(&shown), is_page }
    }
}

/// The title of a page; the rest is layout, or an echo of the request with its headers.
fn title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let between = |open: &str, close: &str| {
        let start = lower.find(open)? + open.len();
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find(close)?;
        Some(page[start..end].to_owned()).filter(|text| !text.trim().is_empty())
    };
    between("<title", "</title").or_else(|| between("<h1", "</h1")).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_body_seen_in_the_wild_is_read() {
        let page = "<html>\n<head><title>Error 403 \n Forbidden</title></head><body>X-SF-TOKEN: c";
        for (body, text, is_page) in [
            (
                r#"{"code":400,"message":"Please provide a name for this token."}"#,
                "Please provide a name for this token.",
                false,
            ),
            (r#"{"type":"error","status":401,"message":"wrong"}"#, "wrong", false),
            (r#""Invalid token specified.""#, "Invalid token specified.", false),
            (page, "Error 403 Forbidden", true),
            ("<!DOCTYPE html><h1 class=x>Bad gateway</h1>", "Bad gateway", true),
            (
                "upstream connect error\n or disconnect",
                "upstream connect error or disconnect",
                false,
            ),
            ("", "", false),
            ("[1]", "", false),
            (r#"{"secret":"canary"}"#, "", false),
        ] {
            let words = Words::of(body.as_bytes(), str::to_owned);
            assert_eq!((words.text.as_str(), words.is_page), (text, is_page), "{body}");
        }
    }

    #[test]
    fn what_must_not_be_shown_is_hidden_before_the_text_is_cut() {
        let start = "x".repeat(LONGEST - 3);
        for body in ["\"{}\"", "{\"message\": \"{}\"}", "{}", "<html><title>{}</title>"] {
            let body = body.replace("{}", &format!("{start}canary"));
            let words = Words::of(body.as_bytes(), |text| text.replace("canary", "[secret]"));
            assert!(words.text.starts_with("x") && !words.text.contains("xc"), "{words:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let words = Words::of("ä".repeat(1000).as_bytes(), str::to_owned);
        assert_eq!(words.text.chars().count(), LONGEST + 1);
    }
}
