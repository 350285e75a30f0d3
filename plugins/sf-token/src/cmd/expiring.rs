//! `sf-token expiring`: which tokens expire soon, for people, for monitoring and for Prometheus.

mod metrics;

use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Cell, Header, Output, Role, Table, count};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::view::relative;
use crate::api::{ApiError, LARGEST_RESULT, Status, Token};
use crate::cli::{ExpiringArgs, Format, Span};
use crate::session::Session;

/// How it is about the tokens, by the exit codes of monitoring plugins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing expires soon.
    Ok = 0,
    /// Something does.
    Warning = 1,
    /// Something has, or does very soon.
    Critical = 2,
    /// It cannot be told.
    Unknown = 3,
}

impl Health {
    /// The number given to the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Ok => Role::Success,
            Self::Warning => Role::Warning,
            Self::Critical | Self::Unknown => Role::Error,
        }
    }
}

/// What is kept of a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    scopes: Vec<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_until_expiry: Option<i64>,
    #[serde(skip)]
    rotated: Option<Timestamp>,
    health: Health,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict<'a> {
    health: Health,
    code: u8,
    looked_at: usize,
    /// Whether the API showed all tokens there are.
    complete: bool,
    items: &'a [&'a Entry],
}

/// Prints what expires soon, and returns how bad it is.
///
/// # Errors
/// Why it cannot be told.
pub async fn run(
    session: &Session,
    args: &ExpiringArgs,
    format: Format,
) -> Result<Health, Failure> {
    if args.critical() > args.within {
        return Err(Failure::usage("`--fail-within` is longer than `--within`"));
    }
    let now = session.env.now();
    let mut entries = Vec::new();
    let listed = session.client.each_page(args.name.as_deref(), |page, _| {
        entries.extend(page.into_iter().filter_map(|token| entry(token, args, now)));
        Ok::<(), ApiError>(())
    });
    let listed = listed.await;
    let listed = listed.map_err(|error| error.into_failure("cannot tell which tokens expire"))?;
    let complete = listed.count < LARGEST_RESULT;
    if !complete {
        session.ui.warn(&format!(
            "the API shows no more than {LARGEST_RESULT} tokens; look at the others with --name"
        ));
    }
    let key = |entry: &Entry| entry.expiry.unwrap_or(Timestamp::MAX);
    entries.sort_by(|one, other| (key(one), &one.name).cmp(&(key(other), &other.name)));
    // Tokens that come meanwhile move others to the next page.
    entries.dedup_by(|one, other| one.name == other.name);
    // Nobody knows about those that were not shown.
    let least = if complete { Health::Ok } else { Health::Warning };
    let health = entries.iter().map(|entry| entry.health).fold(least, Health::max);
    if format == Format::Prometheus {
        session.ui.data(&metrics::text(&entries))?;
        return Ok(health);
    }
    let soon: Vec<&Entry> = entries.iter().filter(|entry| entry.health > Health::Ok).collect();
    let (code, looked_at) = (health.code(), entries.len());
    let verdict = Verdict { health, code, looked_at, complete, items: &soon };
    match session.ui.output() {
        Output::Json | Output::Yaml => session.ui.print(&verdict, |_, _| String::new())?,
        Output::Name => {
            let look = session.ui.stdout_look();
            let names = soon.iter().map(|entry| format!("{}\n", look.text(&entry.name)));
            session.ui.data(&names.collect::<String>())?;
        }
        Output::Table | Output::Wide | Output::Html | Output::Markdown => {
            print(session, &verdict, args, now)?
        }
    }
    Ok(health)
}

/// `failure` as monitoring has to see it: nothing is known.
#[must_use]
pub fn unknown(failure: &Failure) -> Failure {
    // 3 means unknown to monitoring, and is the number of this code as well.
    let causes = failure.causes().iter();
    let told = causes.fold(Failure::new(Exit::Blocked, failure.to_string()), |told, cause| {
        told.because(cause.clone())
    });
    failure.hints().iter().fold(told, |told, hint| told.hint(hint.clone()))
}

fn entry(token: Token, args: &ExpiringArgs, now: Timestamp) -> Option<Entry> {
    let status = token.status(now);
    let is_left_out = match status {
        Status::Disabled => !args.include_disabled,
        // What was switched off before it expired is nobody's trouble either.
        Status::Expired => args.ignore_expired || (token.disabled && !args.include_disabled),
        Status::Active => false,
    };
    if is_left_out {
        return None;
    }
    let remaining = token.remaining(now);
    Some(Entry {
        health: remaining.map_or(Health::Ok, |remaining| health(remaining, args)),
        seconds_until_expiry: remaining.map(|remaining| remaining.as_secs()),
        expiry: token.expiry,
        rotated: token.latest_rotation,
        name: token.name,
        scopes: token.auth_scopes,
        status,
    })
}

fn health(remaining: SignedDuration, args: &ExpiringArgs) -> Health {
    let within = |span: Span| {
        let span = i64::try_from(span.seconds()).unwrap_or(i64::MAX);
        remaining <= SignedDuration::from_secs(span)
    };
    if within(args.critical()) {
        Health::Critical
    } else if within(args.within) {
        Health::Warning
    } else {
        Health::Ok
    }
}

/// One line for monitoring, and a table for people below it.
fn print(
    session: &Session,
    verdict: &Verdict<'_>,
    args: &ExpiringArgs,
    now: Timestamp,
) -> Result<(), Failure> {
    let look = session.ui.stdout_look();
    let word = look.paint(verdict.health.role(), &verdict.health.as_str().to_uppercase());
    let within = common::ui::duration(seconds(args.within));
    let of = count(verdict.looked_at, "token");
    let first = match verdict.items {
        [] => format!("{word}: none of {of} expires within {within}\n"),
        items => format!("{word}: {} of {of} expired or expiring within {within}\n", items.len()),
    };
    let mut table = Table::new([
        Header::new("NAME"),
        Header::new("HEALTH"),
        Header::new("SCOPES"),
        Header::new("EXPIRES IN"),
        Header::new("EXPIRY"),
    ]);
    for entry in verdict.items {
        let expiry = entry.expiry.unwrap_or(Timestamp::MAX);
        table.row([
            entry.name.clone().into(),
            Cell::painted(entry.health.role(), entry.health.as_str()),
            entry.scopes.join(",").into(),
            relative(expiry, now).into(),
            expiry.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
        ]);
    }
    session.ui.data(&first)?;
    table.write(look, false, |part| session.ui.data(part))
}

#[expect(clippy::cast_precision_loss, reason = "two units of it are shown")]
const fn seconds(span: Span) -> f64 {
    span.seconds() as f64
}
