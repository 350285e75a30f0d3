//! Connections to the clusters of the destinations, one for each context.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::SUITE_VERSION;
use common::cluster::{Cluster, Observer, Options, Retry};
use common::failure::Failure;
use common::run::Events;
use common::ui::Ui;

use super::args::{ClusterArgs, DestinationArgs};

/// The name under which deliveries own fields in a cluster.
pub const FIELD_MANAGER: &str = "sf-token";

/// One connection for each context that a destination names.
#[derive(Debug, Default)]
pub struct Clusters(BTreeMap<Option<String>, Cluster>);

impl Clusters {
    /// Prepares the connections. Nothing is sent yet, but credential plugins are run.
    ///
    /// # Errors
    /// When the kubeconfig has no such context, or describes no usable connection.
    pub async fn connect(
        destinations: &DestinationArgs,
        args: &ClusterArgs,
        listener: &Listener,
    ) -> Result<Self, Failure> {
        let secrets = destinations.to_secret.iter().map(|target| &target.context);
        let sets = destinations.to_collector.iter().map(|target| &target.context);
        let mut clusters = BTreeMap::new();
        for context in secrets.chain(sets) {
            if clusters.contains_key(context) {
                continue;
            }
            let options = listener.options(context.as_deref());
            let connection = args.connection(context.as_deref());
            let cluster = Cluster::connect(&connection, &options).await.map_err(|error| {
                let which = context.as_deref().or(args.context.as_deref());
                let which = which.map_or_else(
                    || "the current context".to_owned(),
                    |name| format!("context `{name}`"),
                );
                error.into_failure(format!("cannot connect to the cluster of {which}"))
            })?;
            clusters.insert(context.clone(), cluster);
        }
        Ok(Self(clusters))
    }

    /// The connection for `context`.
    #[must_use]
    pub fn of(&self, context: Option<&str>) -> Option<&Cluster> {
        self.0.get(&context.map(str::to_owned))
    }
}

/// Where warnings, retries and, with `-v`, requests go.
#[derive(Clone)]
pub struct Listener {
    /// The run's events.
    pub events: Events,
    /// The terminal.
    pub ui: Ui,
    /// Whether every request is named.
    pub names_requests: bool,
}

impl Listener {
    fn options(&self, context: Option<&str>) -> Options {
        let prefix = context.map_or_else(String::new, |context| format!("{context}: "));
        let (warnings, retries, requests) = (self.clone(), self.clone(), self.clone());
        let (of_warning, of_retry, of_request) = (prefix.clone(), prefix.clone(), prefix);
        Options {
            user_agent: format!("sf-token/{SUITE_VERSION}"),
            field_manager: FIELD_MANAGER.to_owned(),
            on_warning: Some(Arc::new(move |message| {
                warnings.events.warn(format!("{of_warning}{message}"));
            })),
            on_retry: Some(Arc::new(move |retry: Retry| {
                let what = format!("{of_retry}{}", retry.what);
                retries.events.emit(Retry { what, ..retry }.into());
            })),
            on_request: self.names_requests.then(|| -> Observer<String> {
                Arc::new(move |line: String| requests.ui.say(&format!("{of_request}{line}")))
            }),
            ..Options::default()
        }
    }
}
