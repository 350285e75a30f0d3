//! Prometheus' text format, for the text file collector of its node exporter.

use std::fmt::Write;

use jiff::Timestamp;

use super::Entry;

/// The metrics of `entries`; times in seconds since the epoch, as Prometheus has them.
pub(super) fn text(entries: &[Entry]) -> String {
    let mut text = String::new();
    family(
        &mut text,
        "sf_token_expiry_timestamp_seconds",
        "When the current secret of the token stops working.",
        entries.iter().filter_map(|entry| Some((entry, second(entry.expiry?)))),
    );
    family(
        &mut text,
        "sf_token_latest_rotation_timestamp_seconds",
        "When the current secret of the token was made.",
        entries.iter().filter_map(|entry| Some((entry, second(entry.rotated?)))),
    );
    family(
        &mut text,
        "sf_token_health",
        "0 when the token does not expire soon, 1 when it does, 2 when it has or does very soon.",
        entries.iter().map(|entry| (entry, i64::from(entry.health.code()))),
    );
    text
}

fn family<'a>(
    text: &mut String,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = (&'a Entry, i64)>,
) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (entry, value) in samples {
        let (token, scopes) = (escaped(&entry.name), escaped(&entry.scopes.join(",")));
        let status = entry.status;
        let _ = writeln!(
            text,
            "{name}{{token=\"{token}\",scopes=\"{scopes}\",status=\"{status}\"}} {value}"
        );
    }
}

fn second(time: Timestamp) -> i64 {
    time.as_second()
}

fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Status;
    use crate::cmd::expiring::Health;

    #[test]
    fn labels_are_escaped_and_times_are_seconds() {
        let entry = Entry {
            name: "a\"b\\c".to_owned(),
            scopes: vec!["INGEST".to_owned()],
            status: Status::Active,
            expiry: Some(Timestamp::from_second(1_700_000_000).unwrap()),
            seconds_until_expiry: Some(1),
            rotated: None,
            health: Health::Critical,
        };
        let text = text(&[entry]);
        let labels = r#"{token="a\"b\\c",scopes="INGEST",status="active"}"#;
        assert!(text.contains(&format!("sf_token_expiry_timestamp_seconds{labels} 1700000000\n")));
        assert!(text.contains(&format!("sf_token_health{labels} 2\n")), "{text}");
        assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("sf_token_")));
    }
}
