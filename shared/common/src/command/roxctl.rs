//! What a run needs of this computer to put roxctl on it.

use super::Session;
use crate::env::Env;
use crate::failure::Failure;
use crate::roxctl::{Http, Limits, Mirror, RoxctlError, System, VENDOR_MIRROR};
use crate::run::RoxctlSetup;
use crate::web::Trust;

/// Where roxctl goes: for a rehearsal into its own directory, and from its own Central only.
///
/// # Errors
/// When Central's flags contradict each other.
pub(super) fn setup(session: &Session) -> Result<RoxctlSetup, Failure> {
    let system = System::of(&session.env);
    let (clock, is_central_trusted) = (session.env.clock().clone(), session.trusts_central()?);
    if let Some(directory) = session.rehearsal_directory() {
        return Ok(RoxctlSetup {
            system: system.confined_to(directory),
            directory: Some(directory.join("bin")),
            mirror: None,
            is_central_trusted,
            clock,
        });
    }
    let mirror = mirror(&session.env).map_err(|error| {
        session.ui.warn(&format!("no mirror will be asked for roxctl: {error}"));
    });
    Ok(RoxctlSetup { system, directory: None, mirror: mirror.ok(), is_central_trusted, clock })
}

/// The mirror that the variables of `kubectl rhacs roxctl` name, else the vendor's.
fn mirror(env: &Env) -> Result<Mirror, RoxctlError> {
    let given = |name: &str| env.variable(name).filter(|value| !value.is_empty());
    let trust = match given("RHACS_MIRROR_CA") {
        None => Trust::computer(),
        Some(path) => {
            let pem = std::fs::read(env.resolve(&path)).map_err(|error| error.to_string());
            let trust = pem.and_then(|pem| Trust::authority(&pem));
            trust.map_err(|reason| RoxctlError::Usage {
                message: format!("cannot use `{path}` of RHACS_MIRROR_CA: {reason}"),
                hint: String::new(),
            })?
        }
    };
    let address = given("RHACS_MIRROR");
    let http = Http::new(env, trust, Limits::default().idle);
    Mirror::new(http, address.as_deref().unwrap_or(VENDOR_MIRROR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_vendors_or_that_of_the_variables() {
        let shown = |env: Env| mirror(&env).map(|mirror| mirror.shown());
        assert!(VENDOR_MIRROR.starts_with(shown(Env::test()).unwrap().trim_end_matches('/')));
        let own = Env::test().with_variable("RHACS_MIRROR", "https://files.example/acs");
        assert!(shown(own.clone()).unwrap().starts_with("https://files.example/acs"));
        let wrong = own.with_variable("RHACS_MIRROR_CA", "/no/such/file");
        assert!(shown(wrong).unwrap_err().to_string().contains("RHACS_MIRROR_CA"));
        assert!(shown(Env::test().with_variable("RHACS_MIRROR", "nonsense")).is_err());
    }
}
