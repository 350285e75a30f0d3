//! Why there is no way back, and what to do instead.

use common::exit::Exit;
use common::failure::Failure;
use common::plan::Unfit;
use common::rhacs::images::UnknownTag;
use common::rhacs::way_back::Barrier;
use common::rhacs::{Component, ManagedPart, Method, Version};

/// A reason not to plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The installation is none that this suite changes.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// No image tag says which version runs, and neither does Central.
    #[error("cannot tell which version runs: no image tag says it, nor did Central")]
    VersionUnknown,
    /// Nothing keeps what Central was before.
    #[error(
        "there is nothing to roll back to: no run is recorded, and no revision of `deploy/central` is kept"
    )]
    NoRevision,
    /// Every revision that is kept is of the same version.
    #[error(
        "there is nothing to roll back to: every kept revision of `deploy/central` runs the version that runs now"
    )]
    NoOtherRevision {
        /// The revisions, in words.
        kept: Vec<String>,
    },
    /// The revision that was asked for is not kept.
    #[error("revision {number} of `deploy/central` is not kept any more")]
    RevisionGone {
        /// The number.
        number: u64,
        /// The revisions that are, in words.
        kept: Vec<String>,
    },
    /// Only a record knows what this component was before.
    #[error("what `{component}` was before stands only in the record of a run")]
    NeedsRecord {
        /// The component.
        component: Component,
    },
    /// Only Central's own upgrader has changed what was asked for.
    #[error("{what}, and no record has what it was before")]
    ByUpgrader {
        /// To which version, in which run.
        what: String,
        /// How it goes back by hand.
        by_hand: String,
    },
    /// Forcing needs a version to force.
    #[error("`--force` needs the version to go back to")]
    ForceWithoutVersion,
    /// The version that was asked for is not the one this way leads to.
    #[error("this way leads to {found}, not to {asked}")]
    OtherVersion {
        /// What was asked for.
        asked: Version,
        /// Where the way leads.
        found: Version,
    },
    /// Central has the version already, or an older one.
    #[error("Central runs {from}, so {to} is no way back")]
    NotLower {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
    },
    /// Central cannot use its database on that version.
    #[error("Central cannot go back from {from} to {to}")]
    BelowFloor {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
        /// Why, and where that is written.
        barrier: Box<Barrier>,
    },
    /// The text of the central-config cannot be changed.
    #[error("cannot set `maintenance.forceRollbackVersion` in `cm/central-config`: {reason}")]
    ConfigUnreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// The tag of Central's image in that release is not known.
    #[error(transparent)]
    UnknownTag(#[from] UnknownTag),
}

impl Refusal {
    /// The failure a person sees, with the exit code and the next command.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(self.exit(), self.to_string());
        match self {
            Self::Unfit(unfit) => unfit.into_failure(),
            Self::VersionUnknown => {
                failure.hint("give Central's credentials, for example with --token-file")
            }
            Self::NoRevision => failure.hint(
                "kubectl rhacs rollback --force --to VERSION puts Central's image back alone",
            ),
            Self::NoOtherRevision { kept } | Self::RevisionGone { kept, .. } => kept
                .into_iter()
                .fold(failure, |failure, line| failure.hint(format!("kept is {line}")))
                .hint(
                    "kubectl rhacs rollback --force --to VERSION puts Central's image back alone",
                ),
            Self::NeedsRecord { .. } => failure
                .hint("leave --components out to roll Central back")
                .hint("kubectl rhacs rollback history lists the recorded runs"),
            Self::ByUpgrader { by_hand, .. } => failure
                .because("the upgrader never goes back to an older version by itself")
                .hint(by_hand),
            Self::ForceWithoutVersion => {
                failure.hint("kubectl rhacs rollback --force --to VERSION")
            }
            Self::OtherVersion { found, .. } => {
                failure.hint(format!("leave --to out, or say --to {found}"))
            }
            Self::NotLower { to, .. } => failure.hint(format!("kubectl rhacs upgrade --to {to}")),
            Self::BelowFloor { to, barrier, .. } => failure
                .because(barrier.why)
                .hint(format!("that is written in: {}", barrier.source))
                .hint(restore_hint(&to)),
            Self::ConfigUnreadable { .. } => {
                failure.hint("mend it with `kubectl edit cm/central-config`")
            }
            Self::UnknownTag(unknown) => failure.hint(unknown.hint()),
        }
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::BelowFloor { .. } | Self::ByUpgrader { .. } => Exit::NoPath,
            _ => Exit::Usage,
        }
    }
}

/// The way that is left when Central cannot use its database: another one from the backup.
pub(super) fn restore_hint(to: &Version) -> String {
    format!(
        "a backup taken on {to} is the way back: install {to} anew, then \
         `roxctl -e ENDPOINT central db restore BACKUP.zip`"
    )
}

/// How a secured cluster that Central's own upgrader has upgraded comes to an older version.
pub(super) fn by_manifest(to: &Version, namespace: &str) -> String {
    format!(
        "turn automatic upgrade off (Platform Configuration → Clusters); when Central runs {to}, \
         `roxctl -e ENDPOINT sensor get-bundle CLUSTER` fetches the manifests of {to} from it, and \
         `kubectl apply -n {namespace} -R -f` with their directory puts them in place"
    )
}

/// The operator's own way back, as the product guide has it.
/// The commands with which the manager of a part brings it back to `to`.
pub(super) fn own_way_back(part: &ManagedPart, namespace: &str, to: &Version) -> Vec<String> {
    match &part.method {
        Method::Manifest => Vec::new(),
        Method::Operator => operator_commands(namespace, to),
        Method::Helm { release, driver } => {
            let driver = driver.map(|driver| format!("HELM_DRIVER={driver} ")).unwrap_or_default();
            vec![
                format!("{driver}helm history -n {namespace} {release}"),
                format!("{driver}helm rollback -n {namespace} {release} REVISION"),
            ]
        }
    }
}

fn operator_commands(namespace: &str, to: &Version) -> Vec<String> {
    let channel = format!("rhacs-{}.{}", to.major(), to.minor());
    let label = "operators.coreos.com/rhacs-operator.rhacs-operator";
    let mut commands = vec![
        "kubectl -n rhacs-operator delete subscription rhacs-operator".to_owned(),
        format!("kubectl -n rhacs-operator delete csv -l {label}"),
    ];
    if !to.is_at_least(4, 2) {
        commands.push(format!(
            "kubectl -n {namespace} edit cm/central-config, and set maintenance.forceRollbackVersion to {to}"
        ));
        commands.push(format!("kubectl -n {namespace} set image deploy/central central=MAIN:{to}"));
    }
    commands.push(format!("install the operator of {to} again, from its channel {channel}"));
    commands
}
