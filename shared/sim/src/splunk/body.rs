//! The body of a create or an update, checked by the rules of the server.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::limits::{self, Pricing};
use super::people::User;
use super::switches::Switches;
use super::token::Scope;

/// What a body asks for; a field that is not there is none, `null` is a value of its own.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) disabled: Option<bool>,
    pub(super) scopes: Option<Vec<Scope>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) limits: Option<Map<String, Value>>,
    pub(super) notifications: Option<Value>,
    pub(super) permissions: Option<Value>,
    pub(super) life: Option<i64>,
}

/// What the rules depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) switches: &'a Switches,
    pub(super) pricing: Pricing,
    pub(super) users: &'a [User],
}

const NOTIFICATIONS: [&str; 14] = [
    "AmazonEventBridge",
    "BigPanda",
    "Email",
    "Jira",
    "Office365",
    "Opsgenie",
    "PagerDuty",
    "ServiceNow",
    "Slack",
    "Team",
    "TeamEmail",
    "VictorOps",
    "Webhook",
    "XMatters",
];

/// Reads a body. Fields that only the server writes are passed over.
pub(super) fn read(body: &[u8], rules: Rules<'_>) -> Result<Wanted, Refusal> {
    let unreadable = || {
        Refusal::invalid("Failed to deserialize payload at: sf.rest.shared.model.NamedToken[\"?\"]")
    };
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let mut wanted = Wanted::default();
    for (field, value) in body {
        let wrong = || {
            let place = format!("sf.rest.shared.model.NamedToken[\"{field}\"]");
            Refusal::invalid(format!("Failed to deserialize payload at: {place}"))
        };
        match field.as_str() {
            "name" => wanted.name = parse(&value).ok_or_else(wrong)?,
            "description" => {
                let text: Option<String> = parse(&value).ok_or_else(wrong)?;
                wanted.description = Some(text.unwrap_or_default());
            }
            "disabled" => wanted.disabled = parse(&value).ok_or_else(wrong)?,
            "authScopes" => wanted.scopes = parse(&value).ok_or_else(wrong)?,
            "roles" => wanted.roles = Some(roles(&value).ok_or_else(wrong)?),
            "limits" => wanted.limits = Some(or_empty(parse(&value).ok_or_else(wrong)?)),
            "notifications" => wanted.notifications = Some(notifications(value).ok_or_else(wrong)?),
            "permissions" => wanted.permissions = Some(permissions(value, rules.users)?),
            "secondsUntilExpiry" => wanted.life = Some(value.as_i64().ok_or_else(wrong)?),
            _ => {}
        }
    }
    check(&wanted, rules)?;
    Ok(wanted)
}

/// The rules between fields and about their values.
fn check(wanted: &Wanted, rules: Rules<'_>) -> Result<(), Refusal> {
    if let Some(scopes) = &wanted.scopes {
        let alone = scopes.len() == 1 || !scopes.contains(&Scope::Rum);
        if scopes.is_empty() || !alone {
            return Err(Refusal::invalid("The RUM scope cannot be combined with other scopes."));
        }
    }
    if let Some(limits) = &wanted.limits {
        limits::check(limits, rules.pricing).map_err(Refusal::invalid)?;
    }
    if let Some(life) = wanted.life {
        check_life(life, rules.switches)?;
    }
    Ok(())
}

/// Whether a life in seconds is one that a secret can have.
pub(super) fn check_life(life: i64, switches: &Switches) -> Result<(), Refusal> {
    let least = i64::from(!switches.life_may_be_zero);
    if (least..=switches.longest_life).contains(&life) {
        return Ok(());
    }
    let most = switches.longest_life;
    Err(Refusal::invalid(format!("secondsUntilExpiry must be from {least} to {most}")))
}

fn parse<T: for<'a> Deserialize<'a>>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn or_empty(map: Option<Map<String, Value>>) -> Map<String, Value> {
    map.unwrap_or_default()
}

fn roles(value: &Value) -> Option<Vec<String>> {
    let known = ["power", "usage", "read_only", "admin"];
    let titles = value.as_array()?.iter().map(|role| role["title"].as_str());
    titles.map(|title| title.filter(|title| known.contains(title)).map(str::to_owned)).collect()
}

fn notifications(value: Value) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Array(Vec::new()));
    }
    let known =
        |entry: &Value| entry["type"].as_str().is_some_and(|kind| NOTIFICATIONS.contains(&kind));
    value.as_array()?.iter().all(known).then_some(value)
}

/// Permissions name their principals; `null` as a whole means that only admins see the token.
fn permissions(value: Value, users: &[User]) -> Result<Value, Refusal> {
    if value.is_null() {
        return Ok(value);
    }
    let entries = value["acl"].as_array().ok_or_else(|| Refusal::invalid("acl is required"))?;
    for entry in entries {
        let id = entry["principalId"].as_str();
        let id = id.ok_or_else(|| Refusal::invalid("principalId is required"))?;
        let kind = entry["principalType"].as_str();
        let kind = kind.ok_or_else(|| Refusal::invalid("principalType is required"))?;
        let actions = entry["actions"].as_array();
        let actions = actions.ok_or_else(|| Refusal::invalid("actions are required"))?;
        if actions.iter().any(|action| action != "READ" && action != "WRITE") {
            return Err(Refusal::invalid("actions must be READ or WRITE"));
        }
        let known = match kind {
            "ORG" => true,
            "TEAM" => users.iter().any(|user| user.teams.iter().any(|team| team == id)),
            "USER" => users.iter().any(|user| user.id == id),
            _ => return Err(Refusal::invalid("principalType must be USER, TEAM or ORG")),
        };
        if !known {
            return Err(Refusal::invalid(format!("{kind} `{id}` could not be validated")));
        }
    }
    Ok(value)
}
