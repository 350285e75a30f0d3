//! A delivery of one token's secret to where another's was delivered before.

use std::collections::BTreeSet;

use common::plan::{Finding, Severity};
use futures_util::future::join_all;

use super::prepare::Request;
use crate::api::{Client, Token, TokenName};
use crate::deliver::Site;
use crate::deliver::findings::finding;
use crate::shell::quoted;

/// What has become of the token that a Secret's annotation names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Other {
    /// It is the same token by another spelling.
    Same,
    /// There is none of that name: most likely it was renamed.
    Gone,
    /// It is another one, as far as can be told.
    Another,
}

/// The places of `sync` that hold what was delivered for another token than `token`. A rotation
/// compares with the secret itself and needs no annotation.
pub(super) async fn findings(
    client: &Client,
    request: Request<'_>,
    token: &Token,
    sites: &[Site],
) -> Vec<Finding> {
    if request.rotation.is_some() {
        return Vec::new();
    }
    let is_written = |site: &&Site| {
        let current = token.secret.as_ref();
        !current.is_some_and(|current| site.state.holds(current))
    };
    let places: Vec<(&Site, &str)> = sites
        .iter()
        .filter(is_written)
        .filter_map(|site| Some((site, site.state.delivered_token()?)))
        .filter(|(_, name)| *name != request.name.as_str())
        .collect();
    let names: BTreeSet<&str> = places.iter().map(|(_, name)| *name).collect();
    let looks =
        names.into_iter().map(|name| async move { (name, look(client, name, token).await) });
    let known = join_all(looks).await;
    places
        .into_iter()
        .filter_map(|(site, name)| {
            let (_, other) = known.iter().find(|(known, _)| *known == name)?;
            differs(site, name, *other)
        })
        .collect()
}

async fn look(client: &Client, name: &str, token: &Token) -> Other {
    let Ok(name) = name.parse::<TokenName>() else { return Other::Another };
    match client.get(&name).await {
        Ok(other) if !token.id.is_empty() && other.id == token.id => Other::Same,
        Err(error) if error.is_not_found() => Other::Gone,
        _ => Other::Another,
    }
}

fn differs(site: &Site, name: &str, other: Other) -> Option<Finding> {
    let (severity, which) = match other {
        Other::Same => return None,
        Other::Gone => (Severity::Warn, ", of which the API knows nothing: was it renamed?"),
        Other::Another => (Severity::Accept, ""),
    };
    Some(finding(
        "SF-SECRET-DIFFERS",
        severity,
        format!("{site}: the key holds what was delivered for the token `{name}`{which}"),
        "whoever reads it would send with another token from then on",
        format!("if that one is meant: sf-token sync {} --to-secret {}", quoted(name), site.target),
        "the annotation of the last delivery",
    ))
}
