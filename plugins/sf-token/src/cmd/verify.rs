//! `sf-token verify`: whether a token's secret works, by the probes of Splunk's own installers.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::{Cell, Header, Role, Table};
use serde::Serialize;

use super::view;
use crate::api::{Scope, Status, Verdict};
use crate::cli::NameArgs;
use crate::session::Session;

#[derive(Serialize)]
struct Probed {
    scope: &'static str,
    result: Verdict,
}

/// Tests the current secret of the token in each of its scopes.
///
/// # Errors
/// Why it cannot be tested.
pub async fn run(session: &Session, args: &NameArgs) -> Result<Exit, Failure> {
    let name = &args.name;
    let token = view::read(&session.client, name).await?;
    let Some(secret) = token.secret.as_ref() else {
        return Err(Failure::unexpected(format!(
            "the API does not tell the secret of `{name}` to this credential, so it cannot be tested"
        )));
    };
    let status = token.status(session.env.now());
    if status != Status::Active {
        session.ui.warn(&format!("the token `{name}` is {status}"));
    }
    let mut probes = Vec::new();
    for scope in Scope::ALL.into_iter().filter(|scope| token.has_scope(*scope)) {
        let result = session.client.probe(scope, secret).await.map_err(|error| {
            error.into_failure(format!("cannot test the secret of `{name}` for {scope}"))
        })?;
        probes.push(Probed { scope: scope.as_str(), result });
    }
    if probes.is_empty() {
        session.ui.warn(&format!("`{name}` has no scope that is known, so nothing was tested"));
    }
    session.ui.print(&probes, |_, look| match probes.as_slice() {
        [] => String::new(),
        probes => table(probes).render(look, false),
    })?;
    Ok(conclusion(&probes))
}

fn table(probes: &[Probed]) -> Table {
    let mut table =
        Table::new([Header::new("SCOPE"), Header::new("SECRET"), Header::new("WHY").wrapping()]);
    for probe in probes {
        let (word, why) = match &probe.result {
            Verdict::Works => (Cell::painted(Role::Success, "works"), String::new()),
            Verdict::Refused { status, words } => {
                let why =
                    format!("answered with {status} {words}; it is wrong, or of another realm");
                (Cell::painted(Role::Error, "refused"), why)
            }
            Verdict::Untold { reason } => {
                (Cell::painted(Role::Warning, "not tested"), reason.clone())
            }
        };
        table.row([probe.scope.into(), word, why.into()]);
    }
    table
}

/// Refused in one scope is refused; nothing tested is not verified.
fn conclusion(probes: &[Probed]) -> Exit {
    let is = |wanted: fn(&Verdict) -> bool| probes.iter().any(|probe| wanted(&probe.result));
    if is(|verdict| matches!(verdict, Verdict::Refused { .. })) {
        Exit::Blocked
    } else if is(|verdict| matches!(verdict, Verdict::Works)) {
        Exit::Done
    } else {
        Exit::Unverified
    }
}
