//! `sf-token list`: all tokens, filtered and sorted here, because the API can do neither.

use std::collections::HashSet;

use common::exit::Exit;
use common::failure::Failure;
use common::run::{Event, Stamped, Unit};
use common::ui::{Cell, Header, Output, Role, Table, Ui, count, to_yaml};
use jiff::{SignedDuration, Timestamp};

use super::view::{self, status_cell};
use crate::api::{ApiError, LARGEST_RESULT, Listed, Status, Token};
use crate::cli::{ListArgs, Sort};
use crate::session::Session;

/// From so many tokens on, progress is told.
const LONG: u64 = 1000;

/// Prints the tokens that `args` ask for.
///
/// # Errors
/// Why a page cannot be read.
pub async fn run(session: &Session, args: &ListArgs) -> Result<Exit, Failure> {
    let now = session.env.now();
    let mut lines = Lines::new(session.ui.output(), args.sort, now);
    let mut known = HashSet::new();
    let progress = Progress { ui: &session.ui, now };
    let listed = session
        .client
        .each_page(args.name.as_deref(), |page, listed| {
            progress.tell(listed);
            for token in page {
                // Tokens that come meanwhile move others to the next page.
                if known.insert(token.name.clone()) && is_wanted(&token, args, now) {
                    lines.add(&token)?;
                }
            }
            Ok::<(), Trouble>(())
        })
        .await;
    let listed = listed.map_err(Trouble::into_failure)?;
    if listed.count >= LARGEST_RESULT {
        session.ui.warn(&format!(
            "the API shows no more than {LARGEST_RESULT} tokens; narrow the list with --name"
        ));
    }
    let (shown, all) = (lines.items.len(), known.len());
    lines.print(&session.ui)?;
    if shown == 0 && !session.ui.output().is_structured() {
        let of = if all == 0 { String::new() } else { format!(" (of {})", count(all, "token")) };
        session.ui.say(&format!("no tokens found{of}"));
    }
    Ok(Exit::Done)
}

/// Whether `token` passes the filters.
fn is_wanted(token: &Token, args: &ListArgs, now: Timestamp) -> bool {
    let expires_soon = |within: crate::cli::Span| {
        let limit = SignedDuration::from_secs(i64::try_from(within.seconds()).unwrap_or(i64::MAX));
        token.remaining(now).is_some_and(|left| left > SignedDuration::ZERO && left <= limit)
    };
    args.status.is_none_or(|status| token.status(now) == status)
        && args.scope.is_none_or(|scope| token.has_scope(scope))
        && args.expiring_within.is_none_or(expires_soon)
}

/// What is kept of the tokens until they are printed: as little as the format needs.
struct Lines {
    output: Output,
    sort: Option<(Sort, bool)>,
    now: Timestamp,
    items: Vec<(Key, Line)>,
}

/// What a token is sorted by; one that does not expire comes last.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    Unsorted,
    Name(Box<str>),
    Time(Timestamp),
}

enum Line {
    Name(Box<str>),
    Json(Box<str>),
    Cells(Vec<Cell>),
}

impl Lines {
    const fn new(output: Output, sort: Option<(Sort, bool)>, now: Timestamp) -> Self {
        Self { output, sort, now, items: Vec::new() }
    }

    fn add(&mut self, token: &Token) -> Result<(), Failure> {
        let time = |time: Option<Timestamp>| Key::Time(time.unwrap_or(Timestamp::MAX));
        let key = match self.sort.map(|(sort, _)| sort) {
            None => Key::Unsorted,
            Some(Sort::Name) => Key::Name(token.name.clone().into_boxed_str()),
            Some(Sort::Expiry) => time(token.expiry),
            Some(Sort::Created) => time(token.created),
            Some(Sort::Rotated) => time(token.latest_rotation),
        };
        let line = match self.output {
            Output::Json | Output::Yaml => {
                let text = serde_json::to_string(&view::value(token, self.now));
                let text = text
                    .map_err(|error| Failure::unexpected("cannot write JSON").caused_by(&error))?;
                Line::Json(text.into_boxed_str())
            }
            Output::Name => Line::Name(token.name.clone().into_boxed_str()),
            Output::Table | Output::Wide | Output::Html | Output::Markdown => {
                Line::Cells(cells(token, self.now, self.output.is_wide()))
            }
        };
        self.items.push((key, line));
        Ok(())
    }

    fn print(mut self, ui: &Ui) -> Result<(), Failure> {
        match self.sort {
            Some((_, false)) => self.items.sort_by(|(one, _), (other, _)| one.cmp(other)),
            Some((_, true)) => self.items.sort_by(|(one, _), (other, _)| other.cmp(one)),
            None => {}
        }
        match self.output {
            Output::Json => self.print_json(ui),
            Output::Yaml => self.print_yaml(ui),
            Output::Name => self.print_names(ui),
            Output::Table | Output::Wide | Output::Html | Output::Markdown => self.print_table(ui),
        }
    }

    fn print_json(self, ui: &Ui) -> Result<(), Failure> {
        let mut text = String::from("{\n  \"items\": [");
        let mut separator = "\n";
        for value in self.values() {
            let pretty = common::ui::to_json(&value?)?;
            text.push_str(separator);
            separator = ",\n";
            text.push_str("    ");
            text.push_str(&pretty.trim_end().replace('\n', "\n    "));
            flush(ui, &mut text, PART)?;
        }
        text.push_str(if separator == "\n" { "]\n}\n" } else { "\n  ]\n}\n" });
        ui.data(&text)
    }

    fn print_yaml(self, ui: &Ui) -> Result<(), Failure> {
        if self.items.is_empty() {
            return ui.data("items: []\n");
        }
        let mut text = String::from("items:\n");
        for value in self.values() {
            text.push_str(&to_yaml(&[value?])?);
            flush(ui, &mut text, PART)?;
        }
        ui.data(&text)
    }

    fn print_names(self, ui: &Ui) -> Result<(), Failure> {
        let look = ui.stdout_look();
        let mut text = String::new();
        for (_, line) in self.items {
            if let Line::Name(name) = line {
                text.push_str(&look.text(&name));
                text.push('\n');
            }
            flush(ui, &mut text, PART)?;
        }
        ui.data(&text)
    }

    fn print_table(self, ui: &Ui) -> Result<(), Failure> {
        let mut table = Table::new(HEADERS);
        for (_, line) in self.items {
            if let Line::Cells(cells) = line {
                table.row(cells);
            }
        }
        table.write(ui.stdout_look(), self.output.is_wide(), |part| ui.data(part))
    }

    fn values(self) -> impl Iterator<Item = Result<serde_json::Value, Failure>> {
        self.items.into_iter().filter_map(|(_, line)| match line {
            Line::Json(text) => Some(
                serde_json::from_str(&text)
                    .map_err(|error| Failure::unexpected("cannot write JSON").caused_by(&error)),
            ),
            _ => None,
        })
    }
}

/// A part of a long output is about this long, in bytes.
const PART: usize = 32 << 10;

fn flush(ui: &Ui, text: &mut String, at: usize) -> Result<(), Failure> {
    if text.len() >= at {
        ui.data(text)?;
        text.clear();
    }
    Ok(())
}

const HEADERS: [Header; 10] = [
    Header::new("NAME"),
    Header::new("STATUS"),
    Header::new("SCOPES"),
    Header::new("EXPIRES IN"),
    Header::new("EXPIRY"),
    Header::new("ROTATED"),
    Header::new("CREATED").wide(),
    Header::new("VISIBLE TO").wide(),
    Header::new("ID").wide(),
    Header::new("DESCRIPTION").wide(),
];

fn cells(token: &Token, now: Timestamp, wide: bool) -> Vec<Cell> {
    let day = |time: Option<Timestamp>| -> Cell {
        time.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default().into()
    };
    let status = token.status(now);
    let mut cells = vec![
        token.name.clone().into(),
        status_cell(status),
        token.auth_scopes.join(",").into(),
        left(token, status, now),
        day(token.expiry),
        day(token.latest_rotation),
    ];
    if wide {
        cells.extend([
            day(token.created),
            view::visibility(token.permissions.as_ref()).into(),
            token.id.clone().into(),
            token.description.clone().into(),
        ]);
    }
    cells
}

/// How long a token still lives; the last week is painted.
fn left(token: &Token, status: Status, now: Timestamp) -> Cell {
    const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
    let Some(expiry) = token.expiry else { return "".into() };
    let text = view::relative(expiry, now);
    match status {
        Status::Expired => Cell::painted(Role::Error, text),
        Status::Active if expiry.duration_since(now) <= WEEK => Cell::painted(Role::Warning, text),
        _ => text.into(),
    }
}

/// Tells how far a long listing has come.
struct Progress<'a> {
    ui: &'a Ui,
    now: Timestamp,
}

impl Progress<'_> {
    fn tell(&self, listed: Listed) {
        if listed.count < LONG {
            return;
        }
        let id = || "list".to_owned();
        if listed.read <= 100 {
            self.consume(1, Event::StepStarted { id: id(), index: 1, of: 1 });
        }
        let (current, total) = (listed.read, Some(listed.count));
        self.consume(2, Event::Progress { id: id(), current, total, unit: Unit::Items });
        if listed.read >= listed.count {
            self.consume(3, Event::RunInterrupted { step: None });
        }
    }

    fn consume(&self, seq: u64, event: Event) {
        self.ui.consume(&Stamped { run: "list".to_owned(), seq, at: self.now, event });
    }
}

/// What ends a listing.
enum Trouble {
    Api(ApiError),
    Own(Failure),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Own(failure)
    }
}

impl Trouble {
    fn into_failure(self) -> Failure {
        match self {
            Self::Api(error) => error.into_failure("cannot list the tokens"),
            Self::Own(failure) => failure,
        }
    }
}
