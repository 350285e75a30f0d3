//! roxctl on the computer of who runs this: a convenience, so that it never stops a run.

use std::path::PathBuf;
use std::time::Duration;

use super::StepContext;
use super::cluster::ClusterExecutor;
use crate::env::Clock;
use crate::rhacs::Version;
use crate::roxctl::{
    InstallRequest, Installed, Limits, Mirror, Place, Receipts, Release, RoxctlError, Source,
    System, Teller, install, installed_name, survey,
};
use crate::run::event::Outcome;
use crate::run::step_error::StepError;

/// Where a run puts roxctl, and who has it besides Central.
#[derive(Clone, Debug)]
pub struct RoxctlSetup {
    /// This computer.
    pub system: System,
    /// The directory it goes into; none for where the one on `PATH` is.
    pub directory: Option<PathBuf>,
    /// Whom to ask when Central does not give it.
    pub mirror: Option<Mirror>,
    /// Whether Central's certificate is checked: nothing else vouches for what it sends.
    pub is_central_trusted: bool,
    /// The clock that waits between two attempts go by.
    pub clock: Clock,
}

impl RoxctlSetup {
    fn place(&self) -> Result<Place, RoxctlError> {
        // The current directory is for programs of other machines only.
        let here = PathBuf::from(".");
        Place::choose(&self.system, self.system.machine(), self.directory.as_deref(), &here)
    }
}

impl ClusterExecutor {
    /// Whether the roxctl that would be replaced is of this version.
    pub(super) async fn has_roxctl(&self, version: &Version) -> bool {
        let Some(setup) = &self.roxctl else { return false };
        let (Ok(place), Ok(receipts)) = (setup.place(), Receipts::read(&setup.system)) else {
            return false;
        };
        let target = place.directory.join(installed_name(setup.system.machine().os, None));
        // What cannot be found out here, installing finds out again and tells.
        let found = survey(&setup.system, &receipts).await.unwrap_or_default();
        let is_it = |text: &String| text.parse::<Version>().is_ok_and(|found| found == *version);
        found.iter().any(|found| found.path == target && found.version.as_ref().is_some_and(is_it))
    }

    /// Installs it: what Central gives, else what the mirror does. What goes wrong becomes a
    /// warning; only an interruption ends the step.
    pub(super) async fn install_roxctl(
        &self,
        version: &Version,
        limit: Duration,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let Some(setup) = &self.roxctl else {
            return Ok(not_installed(version, &["this run knows no place for it".to_owned()]));
        };
        let place = match setup.place() {
            Ok(place) => place,
            Err(error) => return Ok(not_installed(version, &[error.to_string()])),
        };
        let teller = Teller {
            events: context.events.clone(),
            step: context.step_id().to_owned(),
            clock: setup.clock.clone(),
        };
        let limits = Limits { total: limit, ..Limits::default() };
        let mut reasons = Vec::new();
        for source in self.sources(setup, version) {
            let request = InstallRequest {
                source,
                machine: setup.system.machine(),
                checksum: None,
                place: place.clone(),
                side_by_side: false,
                force: false,
            };
            // Dropped in the midst, it leaves no unfinished file.
            let work = async { Ok(install(&request, &setup.system, &limits, &teller).await) };
            match context.interrupt.during(work).await? {
                Ok(installed) => return Ok(outcome(&installed, &request.source, setup)),
                Err(error) => {
                    reasons.push(error.to_string());
                    if !error.is_about_source() {
                        break;
                    }
                }
            }
        }
        Ok(not_installed(version, &reasons))
    }

    /// Who may have it, in the order they are asked. Central lets nobody in without credentials.
    fn sources(&self, setup: &RoxctlSetup, version: &Version) -> Vec<Source> {
        let central = self.central.as_ref().filter(|central| central.has_credentials());
        let central = central.map(|client| Source::Central {
            client: client.clone(),
            version: version.clone(),
            is_trusted: setup.is_central_trusted,
        });
        let mirror = setup.mirror.as_ref().map(|mirror| Source::Mirror {
            mirror: mirror.clone(),
            release: Release::Version(version.clone()),
        });
        central.into_iter().chain(mirror).collect()
    }
}

/// What was achieved, and what keeps a shell from finding it.
fn outcome(installed: &Installed, source: &Source, setup: &RoxctlSetup) -> Outcome {
    let path = installed.path.display();
    let mut outcome = if installed.changed {
        Outcome::changed(format!("`{path}` from {}", source.describe()))
    } else {
        Outcome::unchanged(format!("`{path}` was there already"))
    };
    if let Source::Mirror { mirror, .. } = source
        && mirror.is_unprotected()
    {
        outcome.warnings.push(format!(
            "roxctl came from `{}`, which is plain HTTP: nothing protected its checksum on the way",
            mirror.shown()
        ));
    }
    // With a directory of the run's own, nobody expects a shell to find it.
    if setup.directory.is_some() {
        return outcome;
    }
    if let Some(other) = &installed.reach.shadowed_by {
        outcome.warnings.push(format!(
            "a shell that is told `roxctl` runs `{}` instead of `{path}`: it comes earlier on the \
             PATH",
            other.display()
        ));
    } else if let Some(advice) = &installed.reach.advice {
        outcome.warnings.push(format!("the directory of `{path}` is not on the PATH: {advice}"));
    }
    outcome
}

fn not_installed(version: &Version, reasons: &[String]) -> Outcome {
    let mut outcome = Outcome::unchanged("roxctl was not installed");
    let reason = match reasons {
        [] => "there are no credentials for Central, and no mirror is asked".to_owned(),
        reasons => reasons.join("; "),
    };
    outcome.warnings.push(format!(
        "roxctl {version} was not installed on this computer: {reason}; \
         `kubectl rhacs roxctl install {version}` tries it again"
    ));
    outcome
}
