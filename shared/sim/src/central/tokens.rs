//! Central's API tokens: list, look at, issue and revoke.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::rhacs::Version;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Central;
use super::permissions::ROLES;
use super::pki::uuid;
use super::refusal::Refusal;
use super::routes::Asked;
use super::state::Token;
use crate::store::meta;

/// Answers what lies below `/v1/apitokens`.
///
/// # Errors
/// 400 for an unknown token and for a body that cannot be read, 500 for an unknown token that is to be
/// revoked.
pub(super) fn route(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
    rest: &[&str],
) -> Result<Value, Refusal> {
    match (asked.method.as_str(), rest) {
        ("GET", []) => Ok(list(central, asked.query)),
        ("GET", [id]) => {
            let state = central.lock();
            let token = state.tokens.iter().find(|token| token.id == *id);
            token
                .map(show)
                .ok_or_else(|| Refusal::invalid(format!("{}: invalid arguments", unknown(id))))
        }
        ("POST", ["generate"]) => generate(central, version, asked.body),
        ("PATCH", ["revoke", id]) => {
            let mut state = central.lock();
            let token = state.tokens.iter_mut().find(|token| token.id == *id);
            let token = token.ok_or_else(|| Refusal::internal(unknown(id)))?;
            token.revoked = true;
            Ok(json!({}))
        }
        _ => Err(Refusal::NoPath),
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

fn generate(central: &Central, version: &Version, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let name = asked["name"].as_str().filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Refusal::invalid("token name cannot be empty: invalid arguments"))?;
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
    check_roles(&state.tokens, &roles)?;
    let mut token = Token::with_role(name, "None", "");
    token.id = uuid(&format!("{name}/{serial}"));
    token.roles = roles;
    token.issued = now;
    let wish: Option<jiff::Timestamp> =
        asked["expiration"].as_str().and_then(|text| text.parse().ok());
    // Before, the wish is not heard.
    if let Some(expires) = wish.filter(|_| version.is_at_least(4, 4)) {
        if expires <= now {
            return Err(Refusal::invalid("Expiration date cannot be in the past"));
        }
        token.expires = expires;
    }
    token.value = signed(&token);
    let value = token.value.clone();
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

fn unknown(id: &str) -> String {
    format!("token with id '{id}' does not exist")
}

/// Parameters are read before anybody is asked who they are.
///
/// # Errors
/// 400 for what is no truth value.
pub(super) fn check_query(
    asked: &Asked<'_>,
    segments: &[&str],
    version: &Version,
) -> Result<(), Refusal> {
    let wanted = asked.parameter("revoked").filter(|_| segments == ["v1", "apitokens"]);
    match wanted.as_deref() {
        None | Some("true" | "false" | "1" | "0" | "t" | "f") => Ok(()),
        Some(other) => {
            let field = if version.is_at_least(4, 0) { "parsing field \"revoked\": " } else { "" };
            Err(Refusal::invalid(format!(
                "{field}strconv.ParseBool: parsing {other:?}: invalid syntax"
            )))
        }
    }
}

/// Roles are the product's own, or somebody's who has a token with them.
fn check_roles(tokens: &[Token], roles: &[String]) -> Result<(), Refusal> {
    let own = |role: &str| ROLES.iter().any(|(name, _)| *name == role);
    let known = |role: &String| own(role) || tokens.iter().any(|token| token.roles.contains(role));
    let strange: Vec<&str> = roles.iter().filter(|role| !known(role)).map(String::as_str).collect();
    if strange.is_empty() {
        return Ok(());
    }
    let strange = strange.join(", ");
    Err(Refusal::invalid(format!("role(s) {strange} don't exist: invalid arguments")))
}

/// A token as it looks: three parts, of which the last is long.
fn signed(token: &Token) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"alg": "RS256", "kid": "jwtk0", "typ": "JWT"}));
    let claims = part(&json!({
        "aud": "https://stackrox.io/jwt-sources#api-tokens", "iss": "https://stackrox.io/jwt",
        "jti": token.id, "name": token.name, "roles": token.roles,
        "iat": token.issued.as_second(), "exp": token.expires.as_second(),
    }));
    let signature: Vec<u8> = (0..16_u8)
        .flat_map(|number| Sha256::digest(format!("{}/{}/{number}", token.id, token.name)))
        .collect();
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}
