//! The flags that say where a secret goes, and how the clusters are reached.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use common::cluster::{ConnectionArgs, RequestTimeout, parse_duration};

use super::target::{CollectorTarget, SecretTarget};

/// Where the secret goes; several destinations at once are served together.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Destinations")]
pub struct DestinationArgs {
    /// Write the secret to this file: mode 0600, whole or not at all, never through a link
    #[arg(long, value_name = "FILE")]
    pub output_file: Vec<PathBuf>,

    /// Print the secret, and nothing else, on standard output
    #[arg(long)]
    pub stdout: bool,

    /// Run this command of the shell with the secret on its standard input
    #[arg(long, value_name = "COMMAND")]
    pub exec: Vec<String>,

    /// Write the secret to a key of a Kubernetes Secret: [CONTEXT/]NAMESPACE/NAME[:KEY]
    #[arg(long, value_name = "SECRET")]
    pub to_secret: Vec<SecretTarget>,

    /// Write the secret to every Splunk OpenTelemetry Collector of a namespace: [CONTEXT/]NAMESPACE
    #[arg(long, value_name = "NAMESPACE")]
    pub to_collector: Vec<CollectorTarget>,

    /// Leave the workloads that read the Secret as they are; they keep using the old secret
    #[arg(long)]
    pub no_restart: bool,

    /// Delete the pods of sets that update on deletion, one at a time
    #[arg(long, conflicts_with = "no_restart")]
    pub delete_pods: bool,

    /// Longest time for the restart of one workload; without it, three times what its size asks for, at least 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Go on in spite of a finding (may be given several times)
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
}

/// How the clusters are reached: kubectl's flags, as far as they fit several clusters at once.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster options")]
pub struct ClusterArgs {
    /// Path to the kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Name of the kubeconfig context for destinations that name none
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// User to impersonate in the clusters
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,

    /// Group to impersonate (may be given several times)
    #[arg(long = "as-group", value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,

    /// Longest time for one request to a cluster, such as 30s or 2m; 0 waits for ever [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = limit)]
    pub cluster_timeout: Option<RequestTimeout>,
}

/// How far a dry run goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DryRun {
    /// Everything is read, nothing is sent
    Client,
    /// The clusters check every write without storing it
    Server,
}

impl DestinationArgs {
    /// Whether any destination is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.stdout
            && self.output_file.is_empty()
            && self.exec.is_empty()
            && self.to_secret.is_empty()
            && self.to_collector.is_empty()
    }

    /// The destinations as flags again, for the command that finishes an unfinished delivery.
    #[must_use]
    pub fn as_flags(&self) -> String {
        use crate::shell::quoted;
        let files =
            self.output_file.iter().map(|file| ("--output-file", file.display().to_string()));
        let commands = self.exec.iter().map(|command| ("--exec", command.clone()));
        let secrets = self.to_secret.iter().map(|target| ("--to-secret", target.to_string()));
        let sets = self.to_collector.iter().map(|target| ("--to-collector", target.to_string()));
        let mut flags: Vec<String> = files
            .chain(commands)
            .chain(secrets)
            .chain(sets)
            .map(|(flag, value)| format!("{flag} {}", quoted(&value)))
            .collect();
        flags.extend(self.stdout.then(|| "--stdout".to_owned()));
        flags.extend(self.no_restart.then(|| "--no-restart".to_owned()));
        flags.extend(self.delete_pods.then(|| "--delete-pods".to_owned()));
        flags.join(" ")
    }
}

impl ClusterArgs {
    /// The connection to the cluster of `context`; none means that of `--context` or the current
    /// one.
    #[must_use]
    pub fn connection(&self, context: Option<&str>) -> ConnectionArgs {
        ConnectionArgs {
            kubeconfig: self.kubeconfig.clone(),
            context: context.map(str::to_owned).or_else(|| self.context.clone()),
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            request_timeout: self.cluster_timeout,
            ..ConnectionArgs::default()
        }
    }
}

fn limit(text: &str) -> Result<RequestTimeout, String> {
    let limit = parse_duration(text)?;
    Ok(RequestTimeout((!limit.is_zero()).then_some(limit)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        destinations: DestinationArgs,
        #[command(flatten)]
        clusters: ClusterArgs,
    }

    #[test]
    fn destinations_come_back_as_the_flags_they_were() {
        let words = [
            "x",
            "--output-file",
            "my file",
            "--exec",
            "cat > /dev/null",
            "--to-secret",
            "prod/m/otel:key",
            "--to-collector",
            "dev/m",
            "--stdout",
            "--delete-pods",
        ];
        let cli = Cli::parse_from(words);
        assert_eq!(
            cli.destinations.as_flags(),
            "--output-file 'my file' --exec 'cat > /dev/null' --to-secret prod/m/otel:key \
             --to-collector dev/m --stdout --delete-pods"
        );
        assert!(!cli.destinations.is_empty());
        assert!(Cli::parse_from(["x", "--no-restart"]).destinations.is_empty());
    }

    #[test]
    fn a_destination_without_a_context_is_in_the_named_one() {
        let cli = Cli::parse_from(["x", "--context", "prod", "--cluster-timeout", "0"]);
        assert_eq!(cli.clusters.connection(None).context.as_deref(), Some("prod"));
        assert_eq!(cli.clusters.connection(Some("dev")).context.as_deref(), Some("dev"));
        assert_eq!(cli.clusters.connection(None).timeout(), None);
    }
}
