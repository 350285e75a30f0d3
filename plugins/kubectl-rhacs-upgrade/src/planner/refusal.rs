//! Why there is no plan, and what to do instead.

use common::exit::Exit;
use common::failure::Failure;
use common::plan::Unfit;
use common::rhacs::Version;
use common::rhacs::hops::{Hop, NEWEST_KNOWN};
use common::rhacs::images::UnknownTags;

/// A reason not to plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The installation is none that this suite can change.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// No image tag says which version runs.
    #[error("cannot tell which version runs: no image tag says it, nor did Central")]
    VersionUnknown,
    /// There is no such release.
    #[error("there is no RHACS release {to} that this tool knows")]
    UnknownTarget {
        /// What was asked for.
        to: Version,
    },
    /// The release line is newer than this tool.
    #[error(
        "the way to {to} is not known: this version of the tool knows releases up to {}.{}",
        NEWEST_KNOWN.major(),
        NEWEST_KNOWN.minor()
    )]
    BeyondKnown {
        /// What was asked for.
        to: Version,
        /// The stages to the newest release that is known; none when that or a later one runs.
        hops: Vec<Hop>,
    },
    /// Something already runs a newer version.
    #[error("{object} runs {version}, which is newer than {to}")]
    Lower {
        /// The workload.
        object: String,
        /// What it runs.
        version: String,
        /// What was asked for.
        to: String,
    },
    /// The target cannot be reached in one stage, or not by this tool yet.
    #[error("{} cannot be brought to {} in one run", start(hops), end(hops))]
    NoDirectPath {
        /// The stages.
        hops: Vec<Hop>,
    },
    /// The tags of some images in the target release are not known.
    #[error(transparent)]
    UnknownTags(#[from] UnknownTags),
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
            Self::UnknownTarget { .. } => failure.hint(
                "releases are listed at https://access.redhat.com/support/policy/updates/rhacs",
            ),
            Self::Lower { to, .. } => {
                failure.hint("the way back is `kubectl rhacs rollback`").hint(format!(
                    "`kubectl rhacs upgrade status` shows what runs; {to} may be mistyped"
                ))
            }
            Self::NoDirectPath { hops } => stages(failure, &hops),
            Self::BeyondKnown { to, hops } => stages(failure, &hops).hint(format!(
                "to {to}: with a newer version of this tool, or by the product's guide"
            )),
            Self::UnknownTags(unknown) => failure.hint(unknown.hint()),
        }
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::NoDirectPath { .. } | Self::BeyondKnown { .. } => Exit::NoPath,
            _ => Exit::Usage,
        }
    }
}

/// Each stage as a hint.
fn stages(failure: Failure, hops: &[Hop]) -> Failure {
    hops.iter().fold(failure, |failure, hop| failure.hint(hop_text(hop)))
}

fn start(hops: &[Hop]) -> String {
    hops.first().map(|hop| hop.from.to_string()).unwrap_or_default()
}

fn end(hops: &[Hop]) -> String {
    hops.last().map(|hop| hop.to.to_string()).unwrap_or_default()
}

/// One stage of the way as a hint.
fn hop_text(hop: &Hop) -> String {
    let mut text = if hop.supported {
        format!("{} → {}: `kubectl rhacs upgrade --to {}`", hop.from, hop.to, hop.to)
    } else {
        format!("{} → {}: by the product's guide", hop.from, hop.to)
    };
    if !hop.why.is_empty() {
        text.push_str(&format!(" ({})", hop.why));
    }
    for need in &hop.needs {
        text.push_str(&format!("\n      needs since {}: {}", need.since, need.what));
    }
    text
}
