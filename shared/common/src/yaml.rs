//! YAML as kubectl reads it: version 1.1, in which `0640` is octal and `on` is a truth value.

use serde_json::Value;

/// The documents of a text; empty ones are left out.
///
/// # Errors
/// When the text is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true, strict_booleans: false };
    serde_saphyr::from_multiple_with_options(text, options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_words_are_those_of_kubectl() {
        let text = "defaultMode: 0640\nmode: 0555\nnew: 0o644\nplain: 640\nquoted: '0640'\n\
                    zero: 0\non: yes\nb: Off\nword: yesterday\nversion: 3.74.9\n---\n---\nb: true\n";
        let read = documents(text).expect("YAML");
        let first = json!({
            "defaultMode": 416, "mode": 365, "new": 420, "plain": 640, "quoted": "0640", "zero": 0,
            "on": true, "b": false, "word": "yesterday", "version": "3.74.9",
        });
        assert_eq!(read, [first, json!({"b": true})]);
    }
}
