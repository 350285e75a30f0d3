//! A plan as a table, and each step of it in full.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::human::{count, duration};
use super::look::{Look, Role};
use super::output::to_yaml;
use super::table::{Cell, Header, Table};
use crate::plan::{Before, Operation, PatchKind, Plan, Step, Undo, Verification, Write};

/// The plan as a heading, a row for each change, and a line of totals.
#[must_use]
pub fn plan_text(plan: &Plan, look: Look, wide: bool) -> String {
    let heading = heading(plan, look);
    if plan.is_empty() {
        return format!("{heading}\nNothing to change.\n");
    }
    let changes = plan.steps.iter().map(|step| step.changes.len()).sum();
    let totals = format!("{}, {}.", count(plan.steps.len(), "step"), count(changes, "change"));
    format!("{heading}\n\n{}{totals}\n", plan_table(plan).render(look, wide))
}

/// Everything about each step: why, from which source, the exact writes, how it is verified and
/// taken back. YAML, with the words for people as comments.
#[must_use]
pub fn explain_plan(plan: &Plan) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        explain_step(&mut text, index + 1, step);
    }
    text
}

fn heading(plan: &Plan, look: Look) -> String {
    let verb = match plan.operation {
        Operation::Upgrade => "Upgrade",
        Operation::Rollback => "Rollback",
        Operation::Scc => "SCC migration",
    };
    let what = match plan.operation {
        Operation::Rollback if plan.from == plan.to => {
            format!("{verb}, Central stays at {}", plan.to)
        }
        _ => format!("{verb} {} → {}", plan.from, plan.to),
    };
    let versions = look.paint(Role::Strong, &what);
    let place =
        format!("namespace {} on {} ({})", plan.namespace, plan.cluster.server, plan.platform);
    format!("{versions}, {}", look.text(&place))
}

fn plan_table(plan: &Plan) -> Table {
    let mut table = Table::new([
        Header::new("STEP"),
        Header::new("OBJECT"),
        Header::new("CHANGE").wrapping(),
        Header::new("WHY").wrapping(),
        Header::new("REVERSIBLE"),
        Header::new("TIMEOUT").wide(),
        Header::new("SOURCE").wide().wrapping(),
    ]);
    for step in &plan.steps {
        let row = |object: String, what: &str, why: &str, source: &str| -> [Cell; 7] {
            [
                step.id.as_str().into(),
                object.into(),
                what.into(),
                why.into(),
                reversible(step),
                duration(seconds(step.timeout_seconds)).into(),
                source.into(),
            ]
        };
        if step.changes.is_empty() {
            table.row(row("-".to_owned(), &step.title, "", ""));
        }
        for change in &step.changes {
            let object = change.object.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            table.row(row(object, &change.what, &change.why, &change.source));
        }
    }
    table
}

fn reversible(step: &Step) -> Cell {
    match &step.undo {
        Undo::Restore => "yes".into(),
        Undo::Partly { .. } => Cell::painted(Role::Warning, "no"),
        Undo::None { .. } if step.action.changes_something() => Cell::painted(Role::Warning, "no"),
        Undo::None { .. } => "-".into(),
    }
}

fn explain_step(text: &mut String, number: usize, step: &Step) {
    comment(text, &format!("Step {number}, {}: {}", step.id, step.title));
    for change in &step.changes {
        let object = change.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        comment(text, &format!("- {object}{}", change.what));
        comment(text, &format!("  why: {} ({}; rule {})", change.why, change.source, change.rule));
    }
    for verification in &step.verify {
        let limit = duration(seconds(step.timeout_seconds));
        comment(text, &format!("Verified within {limit}: {}", verified(verification)));
    }
    match &step.undo {
        Undo::Restore => comment(text, "Undo: every object is put back as it was captured"),
        Undo::Partly { reason } => {
            comment(text, &format!("Undo: every object is put back, but {reason}"));
        }
        Undo::None { reason } => comment(text, &format!("Undo: none, {reason}")),
    }
    let writes: Vec<Explained<'_>> = step.action.writes().iter().map(explain_write).collect();
    let body = if writes.is_empty() { to_yaml(&step.action) } else { to_yaml(&writes) };
    match body {
        Ok(body) => text.push_str(&body),
        Err(failure) => comment(text, &failure.render()),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

/// A write as people read it: the verb and the object first.
#[derive(Default, Serialize)]
struct Explained<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<String>,
    #[serde(rename = "fromRun", skip_serializing_if = "Option::is_none")]
    from_run: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<PatchKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Value>,
}

fn explain_write(write: &Write) -> Explained<'_> {
    let object = Some(write.object().qualified());
    let empty = Explained::default();
    match write {
        Write::Patch { patch, body, .. } => {
            Explained { patch: object, kind: Some(*patch), body: Some(body), ..empty }
        }
        Write::Apply { manifest, .. } => Explained { apply: object, body: Some(manifest), ..empty },
        Write::Delete { .. } => Explained { delete: object, ..empty },
        Write::Restore { before: Before::Manifest { manifest }, .. } => {
            Explained { restore: object, body: Some(manifest), ..empty }
        }
        Write::Restore { before: Before::Recorded { run, .. }, .. } => {
            Explained { restore: object, from_run: Some(run), ..empty }
        }
    }
}

fn verified(verification: &Verification) -> String {
    match verification {
        Verification::Rollout { object } => format!("the rollout of {object} is complete"),
        Verification::CentralServes { version } => {
            format!("Central's log says its database is current, and its API serves {version}")
        }
    }
}

fn comment(text: &mut String, words: &str) {
    for line in words.lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {line}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "time-outs are far below 2^52 seconds")]
const fn seconds(whole: u64) -> f64 {
    whole as f64
}
