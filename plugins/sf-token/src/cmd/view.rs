//! How tokens are shown: never with a secret.

use common::failure::Failure;
use common::ui::{Cell, Look, Output, Role, Ui, duration};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{ApiError, Client, Permissions, Principal, Status, Token, TokenName};

/// Reads the token `name`, with an explanation when there is none.
///
/// # Errors
/// Why it cannot be read.
pub async fn read(client: &Client, name: &TokenName) -> Result<Token, Failure> {
    client.get(name).await.map_err(|error| not_read(name, error))
}

/// The failure of a command that could not read the token `name`. Without the token the command is
/// blocked, and nothing was changed.
#[must_use]
pub fn not_read(name: &TokenName, error: ApiError) -> Failure {
    let is_missing = error.is_not_found();
    let context = format!("cannot read the token `{name}`");
    let failure =
        if is_missing { error.into_blocked(context) } else { error.into_failure(context) };
    match name.without_brackets().filter(|_| is_missing) {
        Some(inside) => failure.hint(format!(
            "the brackets of a guide are not part of a name: did you mean `{inside}`?"
        )),
        None => failure.hint("`sf-token list` shows the tokens that this credential sees"),
    }
}

/// What programs get of a token: its fields without the secret, and what follows from them.
#[must_use]
pub fn value(token: &Token, now: Timestamp) -> Value {
    let mut value = serde_json::to_value(token).unwrap_or_default();
    value["status"] = json!(token.status(now));
    if let Some(remaining) = token.remaining(now) {
        value["secondsUntilExpiry"] = json!(remaining.as_secs());
    }
    value
}

/// Prints one token.
///
/// # Errors
/// A standard output that cannot be written.
pub fn print(ui: &Ui, token: &Token, now: Timestamp) -> Result<(), Failure> {
    ui.print(&value(token, now), |output, look| match output {
        Output::Name => format!("{}\n", look.text(&token.name)),
        _ => description(token, now, look),
    })
}

/// A token in lines of `field: value`.
#[must_use]
pub fn description(token: &Token, now: Timestamp, look: Look) -> String {
    let roles: Vec<&str> = token.roles.iter().map(|role| role.title.as_str()).collect();
    let moment = |time: Option<Timestamp>| time.map(|time| shown_moment(time, now));
    let status = token.status(now);
    let lines = [
        ("Name", Some(look.paint(Role::Strong, &token.name))),
        ("Status", Some(look.paint(status_role(status), status.as_str()))),
        ("Scopes", Some(token.auth_scopes.join(", "))),
        ("Roles", Some(roles.join(", "))),
        ("Description", Some(look.text(&token.description))),
        ("Expires", Some(moment(token.expiry).unwrap_or_else(|| "not told".to_owned()))),
        ("Last rotation", moment(token.latest_rotation)),
        ("Created", moment(token.created)),
        ("Last change", moment(token.last_updated)),
        ("Visible to", Some(look.text(&visibility(token.permissions.as_ref())))),
        ("Limits", token.limits.as_ref().map(limits)),
        ("Over limits", token.exceeding_limits.then(|| look.paint(Role::Warning, "yes"))),
        ("Id", Some(token.id.clone())),
    ];
    let shown = lines
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
    shown.map(|(name, text)| format!("{:<15}{text}\n", format!("{name}:"))).collect()
}

/// The colour of a status.
#[must_use]
pub const fn status_role(status: Status) -> Role {
    match status {
        Status::Active => Role::Success,
        Status::Disabled => Role::Muted,
        Status::Expired => Role::Error,
    }
}

/// A status in its colour.
#[must_use]
pub fn status_cell(status: Status) -> Cell {
    Cell::painted(status_role(status), status.as_str())
}

/// How long until `moment`, or since then: `12d` or `3d ago`.
#[must_use]
pub fn relative(moment: Timestamp, now: Timestamp) -> String {
    let seconds = moment.duration_since(now).as_secs_f64();
    if seconds >= 0.0 { duration(seconds) } else { format!("{} ago", duration(-seconds)) }
}

/// A moment to the second, and how far away it is.
#[must_use]
pub fn shown_moment(moment: Timestamp, now: Timestamp) -> String {
    let relative = match moment.duration_since(now).as_secs() {
        0 => "now".to_owned(),
        1.. => format!("in {}", relative(moment, now)),
        _ => relative(moment, now),
    };
    format!("{} ({relative})", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Who besides admins may see a token.
#[must_use]
pub fn visibility(permissions: Option<&Permissions>) -> String {
    let acl = permissions.map(|permissions| permissions.acl.as_slice()).unwrap_or_default();
    if acl.is_empty() {
        return "admins".to_owned();
    }
    if acl.iter().any(|entry| entry.principal_type == Principal::Org) {
        return "everyone".to_owned();
    }
    let who = acl.iter().map(|entry| match entry.principal_type {
        Principal::User => format!("user:{}", entry.principal_id),
        Principal::Team => format!("team:{}", entry.principal_id),
        Principal::Org | Principal::Other => entry.principal_id.clone(),
    });
    who.collect::<Vec<_>>().join(", ")
}

/// Limits as `hosts=100, job-starts=10`, by the words of `--limit`; what is not known by the API's.
fn limits(limits: &Value) -> String {
    crate::api::Limits::shown(limits).join(", ")
}
