//! `sf-token whoami`: whose credential is in use, where, and what it may do.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::Output;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::view::shown_moment;
use crate::api::{ApiError, Credential, Organization, PageQuery, Source, Token};
use crate::session::Session;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    api: String,
    realm: Option<String>,
    organization: Option<Organization>,
    credential: String,
    kind: Kind,
    token: Option<String>,
    expiry: Option<Timestamp>,
}

/// What a credential turns out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The session of an admin or a power user.
    PrivilegedSession,
    /// A session that may not list tokens.
    OtherSession,
    /// An organization's access token of the scope `API`.
    AccessToken,
    /// It is known, and may read nothing: an access token that only sends data.
    SendsData,
}

/// Tells it.
///
/// # Errors
/// Why it cannot be told; a credential that the API does not know is refused.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    let client = &session.client;
    let organization = allowed(client.organization().await)?;
    let query = PageQuery { offset: 0, limit: 20, name: None };
    let listed = allowed(client.page(&query).await)?.map(|page| page.results);
    let own = client.credential().map(Credential::secret);
    let itself = listed.iter().flatten().find(|token| is_same(token, own));
    let identity = Identity {
        api: client.place().api.to_string(),
        realm: client.place().realm().map(|realm| realm.to_string()),
        credential: client.credential().map_or_else(String::new, |own| source(own.source())),
        kind: match (&organization, &listed, itself) {
            (_, _, Some(_)) => Kind::AccessToken,
            (_, Some(_), None) => Kind::PrivilegedSession,
            (Some(_), None, None) => Kind::OtherSession,
            (None, None, None) => Kind::SendsData,
        },
        organization,
        token: itself.map(|token| token.name.clone()),
        expiry: itself.and_then(|token| token.expiry),
    };
    let now = session.env.now();
    session.ui.print(&identity, |output, look| match output {
        Output::Name => format!("{}\n", look.text(&name_of(&identity))),
        _ => look.text(&description(&identity, now)),
    })?;
    Ok(Exit::Done)
}

/// What the credential may not read tells something as well.
fn allowed<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ApiError::Refused { status: 403, .. }) => Ok(None),
        Err(error) => Err(error.into_failure("cannot tell whose credential this is")),
    }
}

/// An access token sees itself in the list, with its secret.
fn is_same(token: &Token, own: Option<&SecretString>) -> bool {
    match (token.secret.as_ref(), own) {
        (Some(one), Some(other)) => one.expose_secret() == other.expose_secret(),
        _ => false,
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::File(path) => format!("file {path}"),
        Source::Stdin => "standard input".to_owned(),
        Source::Variable(name) => (*name).to_owned(),
        Source::Login => "login of this command".to_owned(),
    }
}

fn name_of(identity: &Identity) -> String {
    identity.organization.as_ref().map_or_else(
        || "not told".to_owned(),
        |organization| format!("{} ({})", organization.organization_name, organization.id),
    )
}

fn description(identity: &Identity, now: Timestamp) -> String {
    let name = identity.token.as_deref().unwrap_or_default();
    let kind = match identity.kind {
        Kind::AccessToken => {
            format!("the access token `{name}`, which sees only itself and changes nothing")
        }
        Kind::PrivilegedSession => "a session of an admin or a power user".to_owned(),
        Kind::OtherSession => {
            "a session that may not list tokens: neither an admin's nor a power user's".to_owned()
        }
        Kind::SendsData => {
            "known to the API, but allowed to read nothing: an access token that sends data"
                .to_owned()
        }
    };
    let mut text = format!(
        "Organization:  {}\nAPI:           {}\nCredential:    {}\nIt is:         {kind}\n",
        name_of(identity),
        identity.api,
        identity.credential,
    );
    if let Some(expiry) = identity.expiry {
        text.push_str(&format!("Expires:       {}\n", shown_moment(expiry, now)));
    }
    text
}
