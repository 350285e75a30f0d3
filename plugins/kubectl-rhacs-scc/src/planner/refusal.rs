//! Why there is no plan, and what to do instead.

use common::exit::Exit;
use common::failure::Failure;
use common::plan::Unfit;
use common::rhacs::Version;

/// A reason not to plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The installation is not one to be changed by this suite.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// There is no such release.
    #[error("there is no RHACS release {release} that this tool knows")]
    UnknownRelease {
        /// What was asked for.
        release: Version,
    },
    /// The names of before 3.64 say nothing of whose they are; nobody goes back to them but by
    /// taking back a run.
    #[error("the SCCs of {release} have the bare names that 3.64 gave up")]
    BareEra {
        /// What was asked for.
        release: Version,
    },
    /// No image tag says which version runs.
    #[error("cannot tell which version runs: no image tag says it")]
    VersionUnknown,
}

impl Refusal {
    /// The failure a person sees, with the exit code and the next command.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let message = self.to_string();
        match self {
            Self::Unfit(unfit) => unfit.into_failure(),
            Self::UnknownRelease { .. } => Failure::usage(message).hint(
                "releases are listed at https://access.redhat.com/support/policy/updates/rhacs",
            ),
            Self::BareEra { release } => Failure::new(Exit::NoPath, message)
                .hint("kubectl rhacs scc restore RUN puts back what a run removed")
                .hint(format!("kubectl rhacs scc export --for {release} prints them")),
            Self::VersionUnknown => {
                Failure::usage(message).hint("kubectl rhacs upgrade status shows which images run")
            }
        }
    }
}
