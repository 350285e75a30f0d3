//! What the evidence says, whatever it is written in.

use jiff::Timestamp;

use crate::exit::Exit;
use crate::plan::Operation;
use crate::run::ComponentReport;
use crate::run::export::{Account, RunDetails, StepLine};
use crate::ui::{bytes, count, duration};

/// A document: a verdict above sections.
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) verdict: (Tone, String),
    pub(super) sections: Vec<Section>,
    pub(super) footer: String,
}

/// How good a verdict is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Good,
    Doubtful,
    Bad,
}

/// A heading with what is below it.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a section.
pub(super) enum Block {
    Facts(Vec<(&'static str, String)>),
    Table {
        headers: Vec<&'static str>,
        rows: Vec<Vec<String>>,
    },
    List(Vec<String>),
    Words(String),
    /// The timeline, where there can be drawings.
    Drawing,
}

/// How a run ended, in a word or two.
#[must_use]
pub fn exit_words(exit: Option<Exit>) -> &'static str {
    match exit {
        None => "-",
        Some(Exit::Done) => "done",
        Some(Exit::Unverified) => "not verified",
        Some(Exit::StepFailed) => "failed",
        Some(Exit::Interrupted) => "interrupted",
        Some(Exit::Locked) => "locked",
        Some(Exit::PlanStale) => "plan stale",
        Some(_) => "failed unexpectedly",
    }
}

pub(super) fn sheet(account: &Account, now: Timestamp) -> Sheet {
    let (line, details) = (&account.line, &account.details);
    let word = match line.operation {
        Operation::Upgrade => "Upgrade",
        Operation::Rollback => "Rollback",
        Operation::Scc => "SCC migration",
    };
    let namespace = &details.plan.namespace;
    Sheet {
        title: format!("{word} {} → {}, namespace {namespace}", line.from, line.to),
        verdict: verdict(account),
        sections: vec![
            Section { title: "The change", blocks: vec![Block::Facts(facts(account))] },
            Section { title: "Not verified", blocks: vec![unverified(account)] },
            Section { title: "Findings accepted", blocks: vec![accepted(details)] },
            Section {
                title: "Timeline",
                blocks: [vec![Block::Drawing, steps(details)], waits(details), outage(details)]
                    .into_iter()
                    .flatten()
                    .collect(),
            },
            Section { title: "Before and after", blocks: containers(details) },
            Section { title: "Backup", blocks: vec![backup(details)] },
            Section { title: "Objects written", blocks: vec![written(details)] },
            Section { title: "Looked at", blocks: looks(account) },
        ],
        footer: format!(
            "Written by kubectl-rhacs {} at {} from the record kubectl-rhacs-run-{}. All times are \
             UTC.",
            crate::SUITE_VERSION,
            moment(now),
            line.run
        ),
    }
}

fn verdict(account: &Account) -> (Tone, String) {
    let (line, details) = (&account.line, &account.details);
    if let Some(closed) = &details.closed {
        let words = format!("Given up by {}: {}", closed.who, closed.reason);
        return (Tone::Bad, words);
    }
    let central_asked = match details.verifications.last() {
        Some(look) => look.central_asked,
        None => details.report.as_ref().is_some_and(|report| report.central_asked),
    };
    let is_sccs = line.operation == Operation::Scc;
    match (line.state.as_str(), line.exit) {
        ("finished", Some(Exit::Done)) if central_asked || is_sccs => {
            (Tone::Good, "Done: everything is verified".to_owned())
        }
        ("finished", Some(Exit::Done)) => {
            (Tone::Doubtful, "Done: its workloads are ready; Central was not asked".to_owned())
        }
        ("finished", _) => {
            let missing = count(line.unverified.len(), "thing");
            (Tone::Doubtful, format!("Applied, but not everything is verified: {missing} missing"))
        }
        ("rolledBack", _) => (Tone::Bad, "It was taken back by a rollback".to_owned()),
        ("running", _) => (Tone::Doubtful, "It is at work: this is not its end".to_owned()),
        ("stopped", _) => {
            (Tone::Bad, "Its process died: it is neither done nor taken back".to_owned())
        }
        (state, exit) => {
            let code = exit.map(|exit| format!(" (exit code {})", exit.code()));
            (Tone::Bad, format!("Not done: it is {state}{}", code.unwrap_or_default()))
        }
    }
}

fn facts(account: &Account) -> Vec<(&'static str, String)> {
    let (line, details) = (&account.line, &account.details);
    let plan = &details.plan;
    let parts: Vec<String> = plan.components.iter().map(ToString::to_string).collect();
    let cluster = [&plan.cluster.server, &plan.cluster.version, &plan.cluster.id];
    let cluster: Vec<&str> =
        cluster.into_iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    let mut facts = vec![
        ("Run", line.run.clone()),
        (
            "Result",
            match line.exit {
                Some(exit) => format!("{}, exit code {}", exit_words(Some(exit)), exit.code()),
                None => format!("none: it is {}", line.state),
            },
        ),
        ("Started", format!("{} by {} on {}", moment(line.started), line.who, details.host)),
        ("Ended", moment(line.updated)),
        ("Parts", parts.join(", ")),
        ("Cluster", format!("{} ({})", cluster.join(", "), plan.platform)),
        ("Plan", format!("SHA-256 {}, made by {}", plan.digest, plan.tool)),
        ("Carried out by", format!("kubectl-rhacs {}", details.tool)),
    ];
    for resume in &details.resumes {
        let words = format!("{} by {} on {}", moment(resume.at), resume.who, resume.host);
        facts.push(("Taken up again", words));
    }
    facts
}

fn unverified(account: &Account) -> Block {
    let (line, details) = (&account.line, &account.details);
    if !line.unverified.is_empty() {
        return Block::List(line.unverified.clone());
    }
    Block::Words(match (line.exit, details.unverified_at_end.len()) {
        (Some(Exit::Done), 0) if verdict(account).0 == Tone::Good => {
            "Nothing is missing: all that the plan promises was looked at.".to_owned()
        }
        (Some(Exit::Done), 0) => {
            "What Central itself says was not looked at: there were no credentials for it."
                .to_owned()
        }
        (Some(Exit::Done), then) => {
            format!("Nothing any more; at the end of the run it was {}.", count(then, "thing"))
        }
        _ => "The run did not come to the point of verifying everything.".to_owned(),
    })
}

fn accepted(details: &RunDetails) -> Block {
    if details.accepted.is_empty() {
        return Block::Words(match details.parts.is_empty() {
            true => "Not known: this record was written before that was kept.".to_owned(),
            false => "None had to be.".to_owned(),
        });
    }
    let row = |one: &crate::run::Accepted| {
        let words = [&one.code, &one.what, &one.why, &one.by].map(Clone::clone);
        [words.to_vec(), vec![moment(one.at)]].concat()
    };
    Block::Table {
        headers: vec!["Code", "What was found", "Why it matters", "Accepted by", "When"],
        rows: details.accepted.iter().map(row).collect(),
    }
}

fn steps(details: &RunDetails) -> Block {
    let row = |step: &StepLine| {
        let took = step.began.zip(step.at).map(|(began, at)| length(began, at));
        vec![
            step.step.clone(),
            step.title.clone(),
            step.state.clone(),
            step.began.or(step.at).map(moment).unwrap_or_default(),
            took.unwrap_or_default(),
            step.message.clone(),
        ]
    };
    Block::Table {
        headers: vec!["Step", "What it does", "State", "Began", "Took", "What it did"],
        rows: details.steps.iter().map(row).collect(),
    }
}

fn waits(details: &RunDetails) -> Vec<Block> {
    let waits = details.parts.iter().flat_map(|part| &part.waits);
    let row = |wait: &crate::run::Wait| {
        let took = wait.to.map(|to| length(wait.from, to));
        let took = took.unwrap_or_else(|| "until it was cut off".to_owned());
        vec![wait.step.clone(), wait.message.clone(), moment(wait.from), took]
    };
    let rows: Vec<Vec<String>> = waits.map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Block::Table { headers: vec!["Step", "Waited for", "From", "For"], rows }]
}

fn outage(details: &RunDetails) -> Vec<Block> {
    let spans = || details.parts.iter().filter_map(|part| part.outages.as_ref()).flatten();
    let is_measured = details.parts.iter().any(|part| part.outages.is_some());
    if !is_measured {
        let words = "How long Central did not answer was not measured.".to_owned();
        return vec![Block::Words(words)];
    }
    let seconds: f64 = spans().map(crate::run::Span::seconds).sum();
    let total = duration(seconds);
    let is_cut = details.parts.iter().any(|part| part.ended.is_none());
    let words = match (details.parts.len(), is_cut) {
        (1, false) => format!("Central did not answer for {total}."),
        (1, true) => format!("Central did not answer for at least {total}: the run was cut off."),
        (parts, _) => format!(
            "Central did not answer for at least {total}: the run had {parts} parts, and nobody \
             measured between them."
        ),
    };
    let rows: Vec<Vec<String>> =
        spans().map(|span| vec![moment(span.from), length(span.from, span.to)]).collect();
    let mut blocks = vec![Block::Words(words)];
    if !rows.is_empty() {
        blocks.push(Block::Table { headers: vec!["Central did not answer from", "For"], rows });
    }
    blocks
}

/// What runs, by the newest look at it.
fn containers(details: &RunDetails) -> Vec<Block> {
    let look = details.verifications.last();
    let now: &[ComponentReport] = match (look, &details.report) {
        (Some(look), _) => &look.components,
        (None, Some(report)) => &report.components,
        (None, None) => &[],
    };
    let row = |before: &crate::plan::Running| {
        let after = now
            .iter()
            .find(|part| part.object == before.object && part.container == before.container);
        let is = after.map_or("not looked at", |after| match after.is.as_str() {
            "" => "gone",
            image => image,
        });
        let healthy = after.map(|after| match (after.healthy, after.note.as_str()) {
            (true, "") => "yes".to_owned(),
            (true, note) => format!("yes: {note}"),
            (false, note) => format!("no: {note}"),
        });
        vec![
            before.object.to_string(),
            before.container.clone(),
            before.image.clone(),
            is.to_owned(),
            healthy.unwrap_or_default(),
        ]
    };
    let headers = vec!["Workload", "Container", "Before", "After", "Ready"];
    vec![Block::Table { headers, rows: details.plan.before.iter().map(row).collect() }]
}

fn backup(details: &RunDetails) -> Block {
    match details.report.as_ref().and_then(|report| report.backup.as_ref()) {
        Some(backup) => Block::Facts(vec![
            ("File", backup.path.clone()),
            ("Size", format!("{} ({} bytes)", bytes(backup.size), backup.size)),
            ("SHA-256", backup.sha256.clone()),
        ]),
        None => Block::Words("The record of this run knows of no backup.".to_owned()),
    }
}

fn written(details: &RunDetails) -> Block {
    let rows: Vec<Vec<String>> = details
        .steps
        .iter()
        .flat_map(|step| step.wrote.iter().map(move |wrote| (step, wrote)))
        .map(|(step, wrote)| {
            let digest = wrote.digest.clone().unwrap_or_else(|| "deleted".to_owned());
            vec![step.step.clone(), wrote.object.qualified(), digest]
        })
        .collect();
    match rows.is_empty() {
        true => Block::Words("None.".to_owned()),
        false => Block::Table { headers: vec!["Step", "Object", "Digest after the write"], rows },
    }
}

/// Who looked when, what the clusters said, and what deserves a look.
fn looks(account: &Account) -> Vec<Block> {
    let details = &account.details;
    let mut blocks = Vec::new();
    let clusters = match details.verifications.last() {
        Some(look) => Some(&look.clusters),
        None => details.report.as_ref().map(|report| &report.clusters),
    };
    let row = |cluster: &crate::run::ClusterReport| {
        let verified = if cluster.verified { "yes" } else { "no" };
        let words = [&cluster.name, &cluster.version, &cluster.health].map(Clone::clone);
        [words.to_vec(), vec![verified.to_owned(), cluster.note.clone()]].concat()
    };
    let rows: Vec<Vec<String>> = clusters.into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        let headers = vec!["Secured cluster", "Sensor", "Health", "Verified", "Note"];
        blocks.push(Block::Table { headers, rows });
    }
    let looks = details.verifications.iter().map(|look| {
        let missing = match look.unverified.len() {
            0 => "everything is verified".to_owned(),
            missing => format!("{} not verified", count(missing, "thing")),
        };
        format!("Verified again at {} by {} on {}: {missing}", moment(look.at), look.who, look.host)
    });
    let warnings = details.report.iter().flat_map(|report| &report.warnings);
    let warnings = warnings.map(|warning| format!("Warning at the end of the run: {warning}"));
    let lines: Vec<String> = looks.chain(warnings).collect();
    if !lines.is_empty() {
        blocks.push(Block::List(lines));
    }
    if blocks.is_empty() {
        blocks.push(Block::Words("Nobody looked again since the end of the run.".to_owned()));
    }
    blocks
}

/// A moment to the second, as people write it.
pub(super) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    duration(to.duration_since(from).as_secs_f64())
}
