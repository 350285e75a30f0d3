//! Puts the old secret back, within its grace, where a consumer did not come up with the new one.

use super::fingerprint::Fingerprint;
use super::report::{Delivered, DestinationReport, Restarted};
use super::restart::mark;
use super::roll::{Aim, follow, mark as mark_template};
use super::run::SiteOutcome;
use super::secret::Record;
use super::work::Work;
use super::write::write;

/// Whether a consumer of that destination was tried and did not come up.
#[must_use]
pub fn is_wanted(outcome: &SiteOutcome<'_>) -> bool {
    outcome.report.delivered == Delivered::NotRestarted && outcome.troubled.is_some()
}

/// Writes the old secret back and has the workload in trouble start with it again. The workloads
/// that came up with the new secret keep it: both work until the grace ends.
pub async fn put_back(outcome: SiteOutcome<'_>, work: &Work) -> DestinationReport {
    let SiteOutcome { site, mut report, state, troubled, .. } = outcome;
    let (Some(old), Some(state), Some(troubled)) = (&work.old, state, troubled) else {
        return report;
    };
    let record = Record { token: work.token.clone(), rotated_at: String::new() };
    let written = match write(site, &state, old, &record).await {
        Ok((written, _)) => written,
        Err(reason) => {
            report
                .hints
                .push(format!("the old secret could not be put back: {}", work.blotted(&reason)));
            return report;
        }
    };
    report.delivered = Delivered::PutBack;
    report.message = "the old secret was put back; it works until the grace period ends".to_owned();
    let old_mark = mark(&written, &Fingerprint::of(old));
    let written_at = written.written_at.as_deref();
    let aim = Aim { mark: &old_mark, written_at, just_written: true };
    let Some(consumer) = site.consumers.iter().find(|known| known.object == troubled) else {
        return report;
    };
    let end = match mark_template(site, consumer, aim).await {
        Ok(seen) => follow(site, consumer, &seen, work).await,
        Err(unfinished) => Err(unfinished),
    };
    let row = report.consumers.iter_mut().find(|row| row.object == troubled);
    if let Some(row) = row {
        let words = match end {
            Ok(()) => "; it runs with the old secret again".to_owned(),
            Err(unfinished) => {
                format!("; with the old secret: {}", work.blotted(&unfinished.message))
            }
        };
        row.message.push_str(&words);
        row.restarted = Restarted::No;
    }
    report
}
