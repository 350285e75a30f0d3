//! What is shown of an answer that is not the API's own: the page of a proxy, or any text.

/// So many characters of it are shown.
const LONGEST: usize = 200;

/// The words of an answer on one line: of a page its title, since the rest is layout, or an echo of
/// the request.
#[must_use]
pub fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    // A comment or a declaration may stand before `<html>`.
    if !text.trim_start().trim_start_matches('\u{feff}').starts_with('<') {
        return one_line(&text);
    }
    match title(&text).map(|title| one_line(&title)) {
        Some(title) => format!("a page with the title `{title}`, perhaps of a proxy"),
        None => "a page, perhaps of a proxy".to_owned(),
    }
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let between = |open: &str, close: &str| {
        let start = lower.find(open)? + open.len();
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find(close)?;
        Some(page[start..end].to_owned()).filter(|text| !text.trim().is_empty())
    };
    between("<title", "</title").or_else(|| between("<h1", "</h1"))
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
    fn of_a_page_only_its_title_is_shown() {
        for (body, shown) in [
            ("no\n healthy  upstream", "no healthy upstream"),
            ("", ""),
            (
                "<!DOCTYPE html>\n<html><head><TITLE>502 Bad\nGateway</TITLE></head>\
                 <body>Authorization: Bearer x</body></html>",
                "a page with the title `502 Bad Gateway`, perhaps of a proxy",
            ),
            ("<html><h1 class=a>Log in</h1>", "a page with the title `Log in`, perhaps of a proxy"),
            ("\u{feff}<html><body>token</body>", "a page, perhaps of a proxy"),
            ("<title", "a page, perhaps of a proxy"),
        ] {
            assert_eq!(words(body.as_bytes()), shown, "{body}");
        }
        let long = words("ä".repeat(900).as_bytes());
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
