//! What will be done, shown before it is: plain data without any secret.

use common::plan::Finding;
use common::ui::{Cell, Header, Look, Role, Table, findings_text};
use jiff::Timestamp;
use serde::Serialize;

use super::duration::{Grace, Lifetime};
use super::expiry::{Forecast, day};
use crate::api::TokenName;
use crate::deliver::consumers::Consumer;
use crate::deliver::survey::Survey;
use crate::deliver::{DestinationArgs, Site};

/// What `rotate` or `sync` is about to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The token's name.
    pub token: String,
    /// The rotation; none when only the current secret is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Where the secret goes.
    pub destinations: Vec<Planned>,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

/// The one request that cannot be taken back.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The request's method and path.
    pub request: String,
    /// How long the old secret works, in seconds.
    pub grace_seconds: u64,
    /// When it stops, if the rotation were now.
    pub grace_ends: Timestamp,
    /// The expiry before and after.
    pub expiry: Forecast,
}

/// One destination.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The destination as a person names it.
    pub destination: String,
    /// What happens there, a fragment.
    pub what: String,
    /// The workloads that restart there, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<Consumer>,
}

impl Rotation {
    /// The rotation of `name` at `now`, after which its expiry is that of the forecast.
    #[must_use]
    pub fn new(
        name: &TokenName,
        grace: Grace,
        lifetime: Option<Lifetime>,
        expiry: Forecast,
        now: Timestamp,
    ) -> Self {
        let query = lifetime.map_or_else(String::new, |lifetime| {
            format!("&secondsUntilExpiry={}", lifetime.seconds())
        });
        let name = name.path_segment();
        Self {
            request: format!("POST /v2/token/{name}/rotate?graceful={}{query}", grace.seconds()),
            grace_seconds: grace.seconds(),
            grace_ends: grace.ends(now),
            expiry,
        }
    }
}

/// The destinations of `survey` and of `args`, as a plan lists them.
#[must_use]
pub fn destinations(args: &DestinationArgs, survey: &Survey) -> Vec<Planned> {
    let local = |destination: String, what: &str| Planned {
        destination,
        what: what.to_owned(),
        consumers: Vec::new(),
    };
    let files = survey.files.iter().map(|path| local(format!("file {}", path.display()), "write"));
    let stdout = args.stdout.then(|| local("standard output".to_owned(), "print"));
    let commands = args.exec.iter().map(|text| local(format!("command `{text}`"), "run"));
    let sites = survey.sites.iter().map(|site| planned(args, site));
    files.chain(stdout).chain(commands).chain(sites).collect()
}

fn planned(args: &DestinationArgs, site: &Site) -> Planned {
    Planned {
        destination: site.to_string(),
        what: "patch this key".to_owned(),
        consumers: if args.no_restart { Vec::new() } else { site.consumers.clone() },
    }
}

impl Plan {
    /// The plan for people, its findings above it.
    #[must_use]
    pub fn text(&self, look: Look, wide: bool) -> String {
        let mut text = findings_text(&self.findings, look, wide);
        if let Some(rotation) = &self.rotation {
            let title = look.paint(Role::Strong, &format!("Rotate {}", self.token));
            text.push_str(&format!(
                "{title}\n  {}\n  old secret works until  {}\n  expiry                  {}\n",
                look.text(&rotation.request),
                day(Some(rotation.grace_ends)),
                look.text(&rotation.expiry.spoken()),
            ));
        } else {
            let title = format!("Deliver the current secret of {}", self.token);
            text.push_str(&format!("{}\n", look.paint(Role::Strong, &title)));
        }
        let table = self.table().render(look, wide);
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table);
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            Header::new("DESTINATION"),
            Header::new("DO"),
            Header::new("THEN RESTART"),
            Header::new("WHICH READS IT BY").wide().wrapping(),
        ]);
        for planned in &self.destinations {
            let mut name = planned.destination.as_str();
            let mut what = planned.what.as_str();
            if planned.consumers.is_empty() {
                table.row([Cell::from(name), what.into(), "-".into(), "-".into()]);
            }
            for consumer in &planned.consumers {
                let reads = consumer.reads.join(", ");
                table.row([
                    Cell::from(name),
                    what.into(),
                    consumer.object.to_string().into(),
                    reads.into(),
                ]);
                (name, what) = ("", "");
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use common::rhacs::ObjectRef;

    use super::*;
    use crate::deliver::consumers::Role as ConsumerRole;

    #[test]
    fn a_plan_shows_the_request_the_times_and_the_restarts() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let name: TokenName = "my token".parse().unwrap();
        let grace = "604800".parse().unwrap();
        let lifetime = Some("90d".parse().unwrap());
        let forecast = Forecast::new(Some(now), lifetime, None, now);
        let consumer = |name: &str| Consumer {
            object: ObjectRef::daemon_set("monitoring", name),
            role: ConsumerRole::Agent,
            reads: vec!["env TOKEN of c".to_owned()],
            on_delete: false,
            paused: false,
            reloaded: false,
            estimate_seconds: 45,
        };
        let planned = |destination: &str, what: &str, consumers| Planned {
            destination: destination.to_owned(),
            what: what.to_owned(),
            consumers,
        };
        let plan = Plan {
            token: "my token".to_owned(),
            rotation: Some(Rotation::new(&name, grace, lifetime, forecast, now)),
            destinations: vec![
                planned("file /run/token", "write", vec![]),
                planned("prod/m/otel:key", "patch this key", vec![consumer("a"), consumer("b")]),
            ],
            findings: Vec::new(),
        };
        let expected = "\
Rotate my token
  POST /v2/token/my%20token/rotate?graceful=604800&secondsUntilExpiry=7776000
  old secret works until  2026-01-09 12:00 UTC
  expiry                  2026-01-02 12:00 UTC → 2026-04-02 12:00 UTC

DESTINATION       DO               THEN RESTART
file /run/token   write            -
prod/m/otel:key   patch this key   ds/a
                                   ds/b
";
        assert_eq!(plan.text(Look::plain(), false), expected);
    }
}
