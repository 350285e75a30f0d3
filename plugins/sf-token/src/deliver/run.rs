//! One secret to all of its destinations, each with a result of its own.

use std::path::PathBuf;

use common::rhacs::ObjectRef;
use common::ui::Ui;
use futures_util::future::join_all;

use super::args::DestinationArgs;
use super::fingerprint::Fingerprint;
use super::report::{ConsumerReport, Delivered, DestinationReport, Restarted};
use super::restart::mark;
use super::roll::{Aim, restart_all};
use super::secret::{KeyState, Record, key_state};
use super::site::Site;
use super::work::Work;
use super::write::write;
use super::{command, file};

/// What became of a place in a cluster, with what putting the old secret back takes.
#[derive(Debug)]
pub struct SiteOutcome<'a> {
    /// The place.
    pub site: &'a Site,
    /// What became of it.
    pub report: DestinationReport,
    /// The key as it was written; none when it was not.
    pub state: Option<KeyState>,
    /// The workload that did not come up with the new secret.
    pub troubled: Option<ObjectRef>,
}

/// Delivers to files, to standard output and to commands, in this order.
pub async fn deliver_locally(
    destinations: &DestinationArgs,
    files: &[PathBuf],
    work: &Work,
    ui: &Ui,
) -> Vec<DestinationReport> {
    use secrecy::ExposeSecret;
    if work.interrupt.is_raised() {
        return left_out(destinations, files);
    }
    let mut reports: Vec<DestinationReport> =
        files.iter().map(|path| file::deliver(path, &work.secret)).collect();
    if destinations.stdout {
        let text = format!("{}\n", work.secret.expose_secret());
        reports.push(match ui.data(&text) {
            Ok(()) => DestinationReport::done("standard output", "printed"),
            Err(failure) => DestinationReport::failed("standard output", failure.to_string()),
        });
    }
    for text in &destinations.exec {
        reports.push(command::deliver(text, work).await);
    }
    reports
}

/// What nothing was tried for, because the user stopped the run.
fn left_out(destinations: &DestinationArgs, files: &[PathBuf]) -> Vec<DestinationReport> {
    let files = files.iter().map(|path| format!("file {}", path.display()));
    let stdout = destinations.stdout.then(|| "standard output".to_owned());
    let commands = destinations.exec.iter().map(|text| format!("command `{text}`"));
    let names = files.chain(stdout).chain(commands);
    names.map(|name| DestinationReport::failed(name, "interrupted before the delivery")).collect()
}

/// Delivers to all places in clusters at once. Everything is written before anything is restarted:
/// a Secret may hold several of the keys, and its consumers start with all of them.
pub async fn deliver_to_sites<'a>(sites: &'a [Site], work: &Work) -> Vec<SiteOutcome<'a>> {
    let written = join_all(sites.iter().map(|site| write_to(site, work))).await;
    let delivered = sites.iter().zip(written);
    join_all(delivered.map(|(site, written)| bring_up(site, written, work))).await
}

/// Writes the key; returns it as it is then, and whether it was another before.
async fn write_to(site: &Site, work: &Work) -> Result<(KeyState, bool), String> {
    if work.interrupt.is_raised() {
        return Err("interrupted before the delivery".to_owned());
    }
    work.waiting(format!("{}: the Secret to be written", site.place()), None);
    let record = Record { token: work.token.clone(), rotated_at: work.rotated_at.clone() };
    let written = write(site, &site.state, &work.secret, &record).await;
    written.map_err(|reason| work.blotted(&reason))
}

/// Restarts the consumers of a key that was written.
async fn bring_up<'a>(
    site: &'a Site,
    written: Result<(KeyState, bool), String>,
    work: &Work,
) -> SiteOutcome<'a> {
    let (state, just_written) = match written {
        Ok(written) => written,
        Err(reason) => {
            let report = DestinationReport::failed(site.to_string(), reason);
            return SiteOutcome { site, report, state: None, troubled: None };
        }
    };
    let message = if just_written { "written" } else { "it had the secret already" };
    let mut report = DestinationReport::done(site.to_string(), message);
    let mark = mark(&state, &Fingerprint::of(&work.secret));
    let aim = Aim { mark: &mark, written_at: state.written_at.as_deref(), just_written };
    report.consumers = if work.restarts {
        restart_all(site, aim, work).await
    } else {
        site.consumers.iter().map(left_alone).collect()
    };
    let troubled = report.consumers.iter().find(|row| row.restarted == Restarted::No);
    let troubled = troubled.map(|row| row.object.clone());
    if report.consumers.iter().any(|row| row.restarted.is_open()) {
        report.delivered = Delivered::NotRestarted;
    }
    check_again(site, work, &mut report).await;
    SiteOutcome { site, report, state: Some(state), troubled }
}

/// Looks once more: whoever owns the Secret may have put the old value back already.
async fn check_again(site: &Site, work: &Work, report: &mut DestinationReport) {
    // What was written is known; an API server that fails now says nothing against it.
    let Ok(object) = site.cluster.read(&site.secret).await else { return };
    let holds = object.is_some_and(|object| key_state(&object, &site.key).holds(&work.secret));
    if holds {
        return;
    }
    report.delivered = Delivered::No;
    report.message = "it was written, and then somebody put another value back".to_owned();
    report.hints.extend(site.owners.iter().map(|owner| owner.fix.clone()));
}

fn left_alone(consumer: &super::consumers::Consumer) -> ConsumerReport {
    ConsumerReport {
        object: consumer.object.clone(),
        restarted: Restarted::LeftAlone,
        message: "it keeps the old secret until it restarts".to_owned(),
        logs: Vec::new(),
    }
}
