//! What a step does, as far as everybody has to know it who only has the plan.
//!
//! Whoever adds an [`Action`] is asked each of these questions by the compiler: an answer by default
//! would be "it changes nothing", and every check would let the step pass.

use super::{Action, ChangedBy, Forecast};
use crate::rhacs::ObjectRef;

/// What is taken out of a scanner bundle. The passwords and the workloads in it are not: they belong
/// to a new installation.
pub(crate) const BUNDLE: [(&str, &str, &str); 3] = [
    ("v1", "Secret", "scanner-tls"),
    ("v1", "Secret", "scanner-db-tls"),
    ("v1", "ConfigMap", "scanner-config"),
];

/// What Central's upgrader changes and pods depend on: it applies the whole bundle of a secured
/// cluster, of which the workloads decide whether it comes up.
const UPGRADED: [(&str, &str, &str); 3] = [
    ("apps/v1", "Deployment", "sensor"),
    ("apps/v1", "Deployment", "admission-control"),
    ("apps/v1", "DaemonSet", "collector"),
];

/// What kind of work an action is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Work {
    /// It changes something on this computer only, and is no reason for a run of its own.
    Here,
    /// It changes the cluster or Central's data.
    Change,
    /// Somebody else changes the cluster, and it is waited for.
    Awaited,
    /// It only looks.
    Look,
}

impl Action {
    const fn work(&self) -> Work {
        match self {
            Self::Backup { .. } | Self::InstallRoxctl { .. } => Work::Here,
            Self::Write { .. } | Self::ScannerBundle { .. } | Self::RevokeToken => Work::Change,
            Self::AwaitUpgrader { .. } => Work::Awaited,
            Self::VerifyAll { .. } => Work::Look,
        }
    }

    /// Where a backup goes; none of what takes none.
    #[must_use]
    pub fn backup_directory(&self) -> Option<&str> {
        match self {
            Self::Backup { directory } => Some(directory),
            Self::Write { .. }
            | Self::ScannerBundle { .. }
            | Self::AwaitUpgrader { .. }
            | Self::VerifyAll { .. }
            | Self::InstallRoxctl { .. }
            | Self::RevokeToken => None,
        }
    }

    /// Whether it changes the cluster or Central's data itself, rather than only reading or waiting.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        match self.work() {
            Work::Change => true,
            Work::Here | Work::Awaited | Work::Look => false,
        }
    }

    /// Whether it changes objects of the cluster itself.
    #[must_use]
    pub const fn changes_objects(&self) -> bool {
        match self {
            Self::Write { .. } | Self::ScannerBundle { .. } => true,
            Self::Backup { .. }
            | Self::AwaitUpgrader { .. }
            | Self::VerifyAll { .. }
            | Self::InstallRoxctl { .. }
            | Self::RevokeToken => false,
        }
    }

    /// Whether it is a reason for a run: something changes in the cluster, whoever changes it.
    #[must_use]
    pub const fn is_work(&self) -> bool {
        match self.work() {
            Work::Change | Work::Awaited => true,
            Work::Here | Work::Look => false,
        }
    }

    /// Whether it only looks, at everything: it leaves no trace that would need a record.
    #[must_use]
    pub const fn is_look(&self) -> bool {
        match self.work() {
            Work::Look => true,
            Work::Here | Work::Change | Work::Awaited => false,
        }
    }

    /// Whether it changes nothing itself, and asks Central how far others are.
    #[must_use]
    pub const fn only_asks(&self) -> bool {
        match self.work() {
            Work::Awaited | Work::Look => true,
            Work::Here | Work::Change => false,
        }
    }

    /// Whether what it did can be looked for later, by whoever has only the record.
    #[must_use]
    pub const fn leaves_traces(&self) -> bool {
        match self {
            Self::Write { .. }
            | Self::ScannerBundle { .. }
            | Self::AwaitUpgrader { .. }
            | Self::VerifyAll { .. } => true,
            Self::Backup { .. } | Self::InstallRoxctl { .. } | Self::RevokeToken => false,
        }
    }

    /// Every object of the cluster that it will change in `namespace`, whoever changes it, in order;
    /// an object that is changed twice is there twice.
    #[must_use]
    pub fn forecast(&self, namespace: &str) -> Vec<Forecast<'_>> {
        match self {
            Self::Write { writes } => writes.iter().map(Forecast::of).collect(),
            Self::ScannerBundle { .. } => unknown(&BUNDLE, namespace, ChangedBy::Run),
            Self::AwaitUpgrader { .. } => unknown(&UPGRADED, namespace, ChangedBy::Upgrader),
            // A token is Central's, a backup and roxctl are this computer's.
            Self::Backup { .. }
            | Self::VerifyAll { .. }
            | Self::InstallRoxctl { .. }
            | Self::RevokeToken => Vec::new(),
        }
    }
}

fn unknown(
    objects: &[(&str, &str, &str)],
    namespace: &str,
    by: ChangedBy,
) -> Vec<Forecast<'static>> {
    let object = |(version, kind, name): &(&str, &str, &str)| {
        Forecast::unknown(ObjectRef::namespaced(version, kind, namespace, *name), by)
    };
    objects.iter().map(object).collect()
}
