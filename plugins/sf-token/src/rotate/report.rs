//! What a rotation or a delivery achieved: the record of the run, without any secret.

use common::exit::Exit;
use common::ui::{Cell, Header, Look, Role, Table};
use jiff::Timestamp;
use serde::Serialize;

use super::expiry::day;
use crate::api::Verdict;
use crate::deliver::report::Restarted;
use crate::deliver::{ConsumerReport, Delivered, DestinationReport};

/// The end of `rotate` or `sync`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How the process ends.
    pub exit: Exit,
    /// The same as a number.
    pub code: u8,
    /// The token's name.
    pub token: String,
    /// Whether this run rotated it.
    pub rotated: bool,
    /// When its current secret was made.
    pub latest_rotation: Option<Timestamp>,
    /// When the old secret stops, after a rotation by this run.
    pub grace_ends: Option<Timestamp>,
    /// When the old secret would have expired.
    pub expiry_before: Option<Timestamp>,
    /// When the current one expires.
    pub expiry: Option<Timestamp>,
    /// The fingerprint of the current secret, as annotations carry it.
    pub secret_hash: String,
    /// Whether the secret was seen to work.
    pub verified: Verdict,
    /// What became of each destination.
    pub destinations: Vec<DestinationReport>,
    /// What deserves a look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The next command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

impl Report {
    /// The report for people.
    #[must_use]
    pub fn text(&self, look: Look, wide: bool) -> String {
        let mut text = String::new();
        if self.rotated {
            let what = format!("{} was rotated", self.token);
            text.push_str(&format!(
                "{}\n  old secret works until  {}\n  expiry                  {} → {}\n  verified                {}\n",
                look.paint(Role::Strong, &what),
                day(self.grace_ends),
                day(self.expiry_before),
                day(self.expiry),
                look.text(&verdict(&self.verified)),
            ));
        }
        let table = self.table().render(look, wide);
        if !table.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&table);
        }
        text
    }

    /// The destinations that are not done, each with its reason: for the last word.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        self.destinations.iter().filter(|row| row.delivered != Delivered::Done).map(why).collect()
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            Header::new("DESTINATION"),
            Header::new("DELIVERED"),
            Header::new("CONSUMER"),
            Header::new("RESTARTED"),
            Header::new("WHAT HAPPENED").wrapping(),
        ]);
        for row in &self.destinations {
            let role = match row.delivered {
                Delivered::Done => Role::Success,
                Delivered::NotRestarted => Role::Warning,
                Delivered::No | Delivered::PutBack => Role::Error,
            };
            table.row([
                Cell::from(row.destination.as_str()),
                Cell::painted(role, row.delivered.word()),
                "-".into(),
                "-".into(),
                row.message.as_str().into(),
            ]);
            for consumer in &row.consumers {
                table.row([
                    Cell::from(""),
                    "".into(),
                    consumer.object.to_string().into(),
                    consumer.restarted.word().into(),
                    consumer.message.as_str().into(),
                ]);
            }
        }
        table
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Works => "the new secret works".to_owned(),
        Verdict::Refused { status, words } => format!("refused with {status}: {words}"),
        Verdict::Untold { reason } => format!("not: {reason}"),
    }
}

fn why(row: &DestinationReport) -> String {
    let no = |consumer: &&ConsumerReport| consumer.restarted == Restarted::No;
    let open = |consumer: &&ConsumerReport| consumer.restarted.is_open();
    let troubled = row.consumers.iter().find(no).or_else(|| row.consumers.iter().find(open));
    match (row.delivered, troubled) {
        (Delivered::NotRestarted, Some(consumer)) => {
            format!("{}: `{}`: {}", row.destination, consumer.object, consumer.message)
        }
        _ => format!("{}: {}", row.destination, row.message),
    }
}

#[cfg(test)]
mod tests {
    use common::rhacs::ObjectRef;

    use super::*;

    #[test]
    fn a_report_says_how_far_each_destination_came_and_why() {
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let consumer = |name: &str, restarted, message: &str| ConsumerReport {
            object: ObjectRef::daemon_set("m", name),
            restarted,
            message: message.to_owned(),
            logs: Vec::new(),
        };
        let report = Report {
            exit: Exit::Unverified,
            code: 5,
            token: "a".to_owned(),
            rotated: true,
            latest_rotation: None,
            grace_ends: time("2026-01-09T12:00:00Z"),
            expiry_before: time("2026-06-01T00:00:00Z"),
            expiry: time("2026-02-01T12:00:00Z"),
            secret_hash: "0123456789abcdef".to_owned(),
            verified: Verdict::Works,
            destinations: vec![
                DestinationReport::done("file /run/token", "written"),
                DestinationReport {
                    delivered: Delivered::NotRestarted,
                    consumers: vec![
                        consumer("agent", Restarted::Yes, "new and ready"),
                        consumer("other", Restarted::No, "no such image"),
                    ],
                    ..DestinationReport::done("prod/m/otel:key", "written")
                },
            ],
            warnings: Vec::new(),
            next: Vec::new(),
        };
        let expected = "\
a was rotated
  old secret works until  2026-01-09 12:00 UTC
  expiry                  2026-06-01 00:00 UTC → 2026-02-01 12:00 UTC
  verified                the new secret works

DESTINATION       DELIVERED            CONSUMER   RESTARTED   WHAT HAPPENED
file /run/token   yes                  -          -           written
prod/m/otel:key   yes, not restarted   -          -           written
                                       ds/agent   yes         new and ready
                                       ds/other   no          no such image
";
        assert_eq!(report.text(Look::plain(), false), expected);
        assert_eq!(report.unfinished(), ["prod/m/otel:key: `ds/other`: no such image"]);
    }
}
