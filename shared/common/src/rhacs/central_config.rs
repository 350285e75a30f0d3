//! The text of `central-config.yaml`: its `maintenance.safeMode`, and reading and setting its
//! `maintenance.forceRollbackVersion`.
//!
//! Central reads it at its start. People write comments into it, so that one line is changed rather
//! than the whole written anew.

use serde_json::{Value, json};

/// The key of the ConfigMap `central-config` that holds the text.
pub const KEY: &str = "central-config.yaml";
/// The value that forces nothing.
pub const NONE: &str = "none";

const SECTION: &str = "maintenance";
const FIELD: &str = "forceRollbackVersion";
const SAFE_MODE: &str = "safeMode";
const TRUE: [&str; 4] = ["true", "yes", "on", "y"];

/// The version that is forced; none when nothing is.
///
/// # Errors
/// When the text is not YAML.
pub fn forced_version(text: &str) -> Result<Option<String>, String> {
    let config = parse(text)?;
    let value = &config[SECTION][FIELD];
    Ok(value.as_str().filter(|value| *value != NONE).map(str::to_owned))
}

/// Whether Central and its migrator are told to leave the database alone.
///
/// # Errors
/// When the text is not YAML.
pub fn is_safe_mode(text: &str) -> Result<bool, String> {
    let value = &parse(text)?[SECTION][SAFE_MODE];
    // Central reads YAML 1.1, in which more words are true.
    let is_word = |word: &str| TRUE.iter().any(|it| word.eq_ignore_ascii_case(it));
    Ok(value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(is_word)))
}

/// `text` with the forced version set to `value`; all else in it stays, comments included wherever
/// the section is written over several lines.
///
/// # Errors
/// When the text is not YAML, or its `maintenance` is not a section.
pub fn with_forced_version(text: &str, value: &str) -> Result<String, String> {
    let mut wanted = parse(text)?;
    if wanted.is_null() {
        wanted = json!({});
    }
    let section = &wanted[SECTION];
    if !wanted.is_object() || !(section.is_object() || section.is_null()) {
        return Err(format!("`{SECTION}` is not a section of it"));
    }
    wanted[SECTION][FIELD] = value.into();
    let edited = edit(text, value);
    if parse(&edited).as_ref() == Ok(&wanted) {
        return Ok(edited);
    }
    // Written in a way that a line cannot be changed in: the words stay, the layout does not.
    serde_saphyr::to_string(&wanted).map_err(|error| error.to_string())
}

fn parse(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|_| "it is not YAML".to_owned())
}

/// Changes or adds the one line; the caller looks whether that made what it should.
fn edit(text: &str, value: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let entry = |indent: usize| format!("{:indent$}{FIELD}: {value}", "");
    let Some(start) = lines.iter().position(|line| names(line, SECTION) && indent(line) == 0)
    else {
        return join(
            lines.iter().map(|line| (*line).to_owned()).chain([format!("{SECTION}:"), entry(2)]),
        );
    };
    let is_inside = |line: &&&str| is_blank(line) || indent(line) > 0;
    let length = lines[start + 1..].iter().take_while(is_inside).count();
    let section = start + 1..start + 1 + length;
    let depth = lines[section.clone()].iter().find(|line| !is_blank(line)).map(|line| indent(line));
    let depth = depth.unwrap_or(2);
    let mut all: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let mut places = section.filter(|place| indent(lines[*place]) == depth);
    match places.find(|place| names(lines[*place], FIELD)) {
        Some(place) => all[place] = format!("{}{}", entry(depth), comment(lines[place])),
        None => all.insert(start + 1, entry(depth)),
    }
    join(all)
}

fn join(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn names(line: &str, key: &str) -> bool {
    line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether the line says nothing: it is empty, or a comment.
fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The comment at the end of a line, with the space before it.
fn comment(line: &str) -> &str {
    line.find(" #").map_or("", |place| &line[place..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICIAL: &str = "maintenance:\n  safeMode: false\n  compaction:\n    enabled: true\n    \
                            freeFractionThreshold: 0.75\n  forceRollbackVersion: none\n";

    #[test]
    fn one_line_changes_and_comes_back() {
        let forced = with_forced_version(OFFICIAL, "3.66.1").unwrap();
        assert_eq!(forced, OFFICIAL.replace("none", "3.66.1"));
        assert_eq!(forced_version(&forced).unwrap().as_deref(), Some("3.66.1"));
        assert_eq!(with_forced_version(&forced, NONE).unwrap(), OFFICIAL);
        assert_eq!(forced_version(OFFICIAL).unwrap(), None);
    }

    #[test]
    fn comments_and_other_keys_stay() {
        let text = "# ours\nother: 1\nmaintenance:\n    # careful\n    forceRollbackVersion: none # see the guide\n    safeMode: true\nlast: x\n";
        let forced = with_forced_version(text, "3.0.62.1").unwrap();
        let line = "    forceRollbackVersion: 3.0.62.1 # see the guide\n";
        assert_eq!(forced, text.replace("    forceRollbackVersion: none # see the guide\n", line));
    }

    #[test]
    fn what_is_missing_is_added() {
        for text in ["", "other: 1\n", "maintenance:\n  safeMode: false\n", "maintenance:\n"] {
            let forced = with_forced_version(text, "3.66.1").unwrap();
            assert_eq!(forced_version(&forced).unwrap().as_deref(), Some("3.66.1"), "{text}");
            assert_eq!(parse(&forced).unwrap()["other"], parse(text).unwrap()["other"]);
        }
    }

    #[test]
    fn a_section_on_one_line_keeps_its_words() {
        let text = "maintenance: {safeMode: true, forceRollbackVersion: none}\nother: [1, 2]\n";
        let forced = parse(&with_forced_version(text, "3.66.1").unwrap()).unwrap();
        assert_eq!(
            forced["maintenance"],
            json!({"safeMode": true, "forceRollbackVersion": "3.66.1"})
        );
        assert_eq!(forced["other"], json!([1, 2]));
    }

    #[test]
    fn safe_mode_is_what_yaml_takes_for_true() {
        for (text, expected) in [
            (OFFICIAL, false),
            ("", false),
            ("safeMode: true\n", false),
            ("maintenance:\n  # safeMode: true\n  forceRollbackVersion: none\n", false),
            ("maintenance:\n  safeMode: true\n", true),
            ("maintenance: {safeMode: true}\n", true),
            ("maintenance:\n  safeMode: yes\n", true),
            ("maintenance:\n  safeMode: off\n", false),
        ] {
            assert_eq!(is_safe_mode(text), Ok(expected), "{text}");
        }
        assert!(is_safe_mode("a: [").is_err());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["a: [", "maintenance: yes please\n", "- a list\n"] {
            assert!(with_forced_version(text, "3.66.1").is_err(), "{text}");
        }
    }
}
