//! The formats of `-o`.

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// What `-o` takes, by kubectl's words.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// A table for people.
    #[default]
    Table,
    /// A table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Only the names, one a line.
    Name,
    /// A page with drawings, of reports only.
    #[value(skip)]
    Html,
    /// Text for a wiki, of reports only.
    #[value(skip)]
    Markdown,
}

impl Output {
    /// Whether programs read it.
    #[must_use]
    pub const fn is_structured(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }

    /// Whether it is [`Self::Wide`].
    #[must_use]
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::Wide)
    }
}

/// `value` as indented JSON with a line feed at its end.
///
/// # Errors
/// A value that JSON cannot say, such as a map with keys that are no strings.
pub fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::unexpected("cannot write JSON").caused_by(&error))?;
    text.push('\n');
    Ok(text)
}

/// `value` as YAML.
///
/// # Errors
/// A value that YAML cannot say.
pub fn to_yaml(value: &impl Serialize) -> Result<String, Failure> {
    let options =
        serde_saphyr::ser_options! { compact_list_indent: true, prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| Failure::unexpected("cannot write YAML").caused_by(&error))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn yaml_reads_back_as_it_was_written() {
        let value = json!({
            "digest": "0123", "version": "3.69", "no": "no", "empty": {}, "list": [{"a": 1}, null],
            "text": "two\nlines", "path": "/ready", "tilde": "~", "number": "1e3",
            "long": "x ".repeat(90),
        });
        let yaml = to_yaml(&value).unwrap();
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value, "{yaml}");
        assert!(yaml.contains("\nlist:\n- a: 1\n"), "{yaml}");
    }
}
