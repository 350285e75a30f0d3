//! How what kubectl prints is compared with what it printed when it was recorded.

use std::collections::BTreeSet;

use crate::normal::{normal, shape};

/// Characters of a command's output that the recording keeps.
const KEPT: usize = 3_000;

/// What a command printed on a real cluster.
pub struct Recorded {
    lines: Vec<String>,
    /// Whether the end is missing, and with it an unknown number of lines.
    is_cut: bool,
}

impl Recorded {
    /// Text of the recording.
    pub fn new(text: &str) -> Self {
        let is_cut = text.len() >= KEPT;
        // The last line of what was cut is a part of one.
        let whole =
            if is_cut { text.rsplit_once('\n').map_or("", |(whole, _)| whole) } else { text };
        Self { lines: whole.lines().map(str::to_owned).collect(), is_cut }
    }
}

/// How the output of a command is compared.
#[derive(Clone, Copy)]
pub enum How {
    /// Every line, but for times, ages and random names.
    Whole,
    /// Only the lines that begin so.
    LinesWith(&'static str),
    /// All lines but those that begin so.
    LinesWithout(&'static str),
    /// The lines of an explanation that name a kind, or a field and its type.
    Structure,
    /// Each line has the shape of a recorded line or of one of these.
    Shapes(&'static [&'static str]),
    /// The last line is the recorded one; the others are as in `Shapes`.
    Progress(&'static [&'static str]),
    /// The events that controllers tell: type, reason, object and message, each once.
    Events,
}

impl How {
    /// What was recorded and what there is, if they differ.
    pub fn differ(self, recorded: &Recorded, printed: &str) -> Option<(String, String)> {
        let printed: Vec<String> = printed.lines().map(str::to_owned).collect();
        match self {
            Self::Whole => same(recorded, &printed, |_| true),
            Self::LinesWith(start) => same(recorded, &printed, |line| line.starts_with(start)),
            Self::LinesWithout(start) => same(recorded, &printed, |line| !line.starts_with(start)),
            Self::Structure => same(recorded, &printed, names_a_kind_or_field),
            Self::Shapes(more) => shaped(&recorded.lines, &printed, more),
            Self::Progress(more) => {
                let (end, was) = (printed.last().cloned(), recorded.lines.last().cloned());
                if end != was {
                    return Some((was.unwrap_or_default(), end.unwrap_or_default()));
                }
                shaped(&recorded.lines, &printed, more)
            }
            Self::Events => events(recorded, &printed),
        }
    }
}

/// Compares the lines that count, one by one.
fn same(
    recorded: &Recorded,
    printed: &[String],
    counts: impl Fn(&str) -> bool,
) -> Option<(String, String)> {
    let left: Vec<&str> =
        recorded.lines.iter().map(String::as_str).filter(|line| counts(line)).collect();
    let right: Vec<&str> = printed.iter().map(String::as_str).filter(|line| counts(line)).collect();
    let left = normal(&left);
    let mut right = normal(&right);
    if recorded.is_cut {
        right.truncate(left.len());
    }
    (left != right || left.is_empty() != recorded.lines.is_empty())
        .then(|| (left.join("\n"), right.join("\n")))
}

fn names_a_kind_or_field(line: &str) -> bool {
    let is_head = line.chars().next().is_some_and(char::is_uppercase);
    is_head && !line.starts_with("DESCRIPTION") || line.contains("\t<")
}

/// Compares the shapes of lines, whatever their number and order.
fn shaped(recorded: &[String], printed: &[String], more: &[&str]) -> Option<(String, String)> {
    let mut known: BTreeSet<String> = recorded.iter().map(|line| shape(line)).collect();
    known.extend(more.iter().map(|line| (*line).to_owned()));
    let strange = printed.iter().map(|line| shape(line)).find(|line| !known.contains(line));
    let known: Vec<String> = known.into_iter().collect();
    match strange {
        Some(strange) => Some((known.join("\n"), strange)),
        None if printed.is_empty() => Some((known.join("\n"), "nothing".to_owned())),
        None => None,
    }
}

/// Compares what is told about workloads; a table that was cut lacks events of its last object.
fn events(recorded: &Recorded, printed: &[String]) -> Option<(String, String)> {
    let (left, right) = (told(&recorded.lines), told(printed));
    let object = |event: &String| event.split(' ').nth(2).unwrap_or_default().to_owned();
    let last = told(recorded.lines.last().as_slice()).first().map(object);
    let complete: BTreeSet<String> = left.iter().map(object).collect();
    let complete = |event: &&String| {
        let object = object(event);
        complete.contains(&object) && !(recorded.is_cut && Some(&object) == last.as_ref())
    };
    let missing: Vec<String> = left.difference(&right).cloned().collect();
    let strange: Vec<String> = right.difference(&left).filter(complete).cloned().collect();
    (left.is_empty() || !missing.is_empty() || !strange.is_empty()).then(|| {
        (format!("without\n{}", missing.join("\n")), format!("with\n{}", strange.join("\n")))
    })
}

/// The events of a table about workloads, without when they were.
fn told<Line: AsRef<str>>(lines: &[Line]) -> BTreeSet<String> {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let events = normal(&lines).into_iter().filter_map(|line| {
        let event = line.split_once(' ')?.1.to_owned();
        let object = event.split(' ').nth(2)?.split_once('/')?.0.to_owned();
        matches!(object.as_str(), "deployment" | "replicaset" | "daemonset").then_some(event)
    });
    events.collect()
}
