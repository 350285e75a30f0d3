//! `sf-token whoami`: whose credential is in use, where, and what it may do.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::Output;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::view::shown_moment;
use crate::api::{
    ApiError, Client, Credential, Organization, Page, PageQuery, Source, Token, TokenName,
};
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
    /// It may not list tokens: a session of somebody else, or an access token of the scope `API`
    /// with a lesser role.
    Limited,
    /// An organization's access token of the scope `API`.
    AccessToken,
    /// It is known, and may read nothing: an access token that only sends data.
    SendsData,
    /// It sees one token, whose secret the API does not show: that may be itself.
    Unknown,
}

/// Tells it.
///
/// # Errors
/// Why it cannot be told; a credential that the API does not know is refused.
pub async fn run(session: &Session) -> Result<Exit, Failure> {
    let client = &session.client;
    let organization = client.organization().await;
    let query = PageQuery { offset: 0, limit: 20, name: None };
    let listed = client.page(&query).await;
    let listed = match (&organization, listed) {
        // Whom nothing is told to is not known.
        (Err(one), Err(other)) if one.status() == Some(401) && other.status() == Some(401) => {
            return Err(untold(other));
        }
        (_, listed) => listed,
    };
    let organization = allowed(organization)?;
    let (kind, itself) = match allowed(listed)? {
        Some(page) => of_list(client, page).await?,
        None if organization.is_some() => (Kind::Limited, None),
        None => (Kind::SendsData, None),
    };
    let identity = Identity {
        api: client.place().api.to_string(),
        realm: client.place().realm().map(|realm| realm.to_string()),
        credential: client.credential().map_or_else(String::new, |own| source(own.source())),
        kind,
        organization,
        expiry: itself.as_ref().and_then(|token| token.expiry),
        token: itself.map(|token| token.name),
    };
    let now = session.env.now();
    session.ui.print(&identity, |output, look| match output {
        Output::Name => format!("{}\n", look.text(&name_of(&identity))),
        _ => look.text(&description(&identity, now)),
    })?;
    Ok(Exit::Done)
}

/// What a list tells of who asked for it: an access token sees itself and no other.
async fn of_list(client: &Client, page: Page) -> Result<(Kind, Option<Token>), Failure> {
    let own = client.credential().map(Credential::secret);
    let itself =
        |token: &Token| Some(token.secret.as_ref()?.expose_secret() == own?.expose_secret());
    if let Some(token) = page.results.iter().find(|token| itself(token) == Some(true)) {
        return Ok((Kind::AccessToken, Some(token.clone())));
    }
    let [only] = page.results.as_slice() else { return Ok((Kind::PrivilegedSession, None)) };
    if page.count > 1 || only.secret.is_some() {
        return Ok((Kind::PrivilegedSession, None));
    }
    // Lists may leave secrets out where a single token has its own.
    let Ok(name) = only.name.parse::<TokenName>() else { return Ok((Kind::Unknown, None)) };
    let token = allowed(client.get(&name).await)?;
    Ok(match token.as_ref().and_then(itself) {
        Some(true) => (Kind::AccessToken, token),
        Some(false) => (Kind::PrivilegedSession, None),
        None => (Kind::Unknown, None),
    })
}

/// What the credential may not read tells something as well. Who is known but not allowed is
/// answered with 401 by some, with 403 by others.
fn allowed<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ApiError::Refused { status: 401 | 403, .. }) => Ok(None),
        Err(error) => Err(untold(error)),
    }
}

fn untold(error: ApiError) -> Failure {
    error.into_failure("cannot tell whose credential this is")
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
        Kind::Limited => {
            "a session of neither an admin nor a power user, or an access token of the \
                          scope API that may not list tokens"
                .to_owned()
        }
        Kind::SendsData => {
            "known to the API, but allowed to read nothing: an access token that sends data"
                .to_owned()
        }
        Kind::Unknown => {
            "a session or an access token: it sees one token, and not its secret".to_owned()
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
