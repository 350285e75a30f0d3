//! Central's API tokens: list, look at, issue and revoke.

use serde_json::{Value, json};

use super::Central;
use super::pki::uuid;
use super::routes::{Asked, Refusal};
use super::state::Token;
use crate::store::meta;

/// Answers what lies below `/v1/apitokens`.
///
/// # Errors
/// 404 for an unknown token or path, 400 for a body that cannot be read.
pub(super) fn route(central: &Central, asked: &Asked<'_>, rest: &[&str]) -> Result<Value, Refusal> {
    match (asked.method.as_str(), rest) {
        ("GET", []) => Ok(list(central, asked.query)),
        ("GET", [id]) => {
            let state = central.lock();
            let token = state.tokens.iter().find(|token| token.id == *id);
            token.map(show).ok_or_else(|| unknown(id))
        }
        ("POST", ["generate"]) => generate(central, asked.body),
        ("PATCH", ["revoke", id]) => {
            let mut state = central.lock();
            let token =
                state.tokens.iter_mut().find(|token| token.id == *id).ok_or_else(|| unknown(id))?;
            token.revoked = true;
            Ok(json!({}))
        }
        _ => Err(Refusal::not_found("Not Found")),
    }
}

fn list(central: &Central, query: &str) -> Value {
    let wanted = query.split('&').find_map(|pair| match pair {
        "revoked=true" => Some(true),
        "revoked=false" => Some(false),
        _ => None,
    });
    let state = central.lock();
    let tokens =
        state.tokens.iter().filter(|token| wanted.is_none_or(|wanted| wanted == token.revoked));
    json!({"tokens": tokens.map(show).collect::<Vec<_>>()})
}

fn generate(central: &Central, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let name = asked["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::invalid("token name cannot be empty"))?;
    let mut roles: Vec<String> = Vec::new();
    roles.extend(
        asked["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned),
    );
    roles.extend(asked["role"].as_str().map(str::to_owned));
    let now = central.clock.now();
    let mut state = central.lock();
    let serial = state.tokens.len();
    let value = format!("token-{}", uuid(&format!("{name}/{serial}/secret")));
    let mut token = Token::with_role(name, "None", &value);
    token.id = uuid(&format!("{name}/{serial}"));
    token.roles = roles;
    token.issued = now;
    if let Some(expires) = asked["expiration"].as_str().and_then(|text| text.parse().ok()) {
        token.expires = expires;
    }
    let metadata = show(&token);
    state.tokens.push(token);
    Ok(json!({"token": value, "metadata": metadata}))
}

fn show(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "roles": token.roles,
        "role": token.roles.first(),
        "issuedAt": meta::time(token.issued),
        "expiration": meta::time(token.expires),
        "revoked": token.revoked,
    })
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("token with id {id:?} does not exist"))
}
