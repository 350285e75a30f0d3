//! What only the cluster knows, asked in a time that a person at a prompt accepts.

use std::time::Duration;

use clap::{Args, Command, FromArgMatches};

use super::Candidate;
use super::walk::Typed;
use crate::cluster::{
    Backoff, Cluster, ClusterError, Collection, ConnectionArgs, Options, Records,
};

/// The longest a completion may take; what is not there by then is not offered.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The namespaces of the cluster; none when it does not answer in time.
pub(super) fn namespaces(typed: &Typed) -> Vec<String> {
    let names = async |cluster: Cluster| {
        let list = cluster.list_metadata(&Collection::all("v1", "Namespace")).await?;
        let name = |item: &serde_json::Value| Some(item["metadata"]["name"].as_str()?.to_owned());
        Ok(list.items.iter().filter_map(name).collect())
    };
    ask(typed, names).unwrap_or_default()
}

/// The recorded runs of the installation, the newest first.
pub(super) fn runs(typed: &Typed) -> Vec<Candidate> {
    let runs = async |cluster: Cluster| {
        let records = Records::new(&cluster).list().await?;
        let about = |labels: &std::collections::BTreeMap<String, String>| {
            let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
            let words = [label("rhacs.kubectl/operation"), label("rhacs.kubectl/state")];
            words.join(" ").trim().to_owned()
        };
        let candidate = |record: crate::cluster::RecordHeader| {
            let about = about(&record.labels);
            Candidate::new(record.id, about)
        };
        Ok(records.into_iter().map(candidate).collect())
    };
    ask(typed, runs).unwrap_or_default()
}

/// Asks the cluster that the flags before the cursor describe.
fn ask<T>(
    typed: &Typed,
    question: impl AsyncFnOnce(Cluster) -> Result<T, ClusterError>,
) -> Option<T> {
    let args = connection(typed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let options = Options {
        backoff: Backoff { tries: 1, ..Backoff::default() },
        connect_timeout: PATIENCE,
        ..Options::default()
    };
    let answer = runtime.block_on(async {
        let asked = async { question(Cluster::connect(&args, &options).await?).await };
        tokio::time::timeout(PATIENCE, asked).await
    });
    // A credential plugin that still waits for somebody must not keep the prompt.
    runtime.shutdown_background();
    answer.ok()?.ok()
}

/// The connection flags among those that were typed.
fn connection(typed: &Typed) -> Option<ConnectionArgs> {
    let command = ConnectionArgs::augment_args(Command::new("complete").no_binary_name(true));
    let flag = |(id, value): (&str, Option<&str>)| {
        let known = command.get_arguments().find(|argument| argument.get_id() == id)?;
        let long = known.get_long()?;
        match value {
            Some(value) => Some(format!("--{long}={value}")),
            None if known.get_action().takes_values() => None,
            None => Some(format!("--{long}")),
        }
    };
    let flags: Vec<String> = typed.iter().filter_map(flag).collect();
    let matches = command.try_get_matches_from(flags).ok()?;
    ConnectionArgs::from_arg_matches(&matches).ok()
}
