//! Who besides admins may see a token and its secret.

use std::str::FromStr;

use serde_json::{Value, json};

use super::token::Principal;

/// Who besides admins may see a token and its secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Visibility {
    /// Nobody.
    #[default]
    Admins,
    /// Everybody of the organization.
    Everyone,
    /// These users and teams.
    Some(Vec<Grantee>),
}

/// A user or a team.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grantee {
    /// Which of them.
    pub kind: Principal,
    /// Its id.
    pub id: String,
}

impl Visibility {
    pub(super) const fn needs_organization(&self) -> bool {
        matches!(self, Self::Everyone)
    }

    /// The permissions to write; null is nobody but admins.
    pub(super) fn permissions(&self, organization: &str) -> Value {
        match self {
            Self::Admins => Value::Null,
            Self::Everyone => json!({"acl": [{
                "principalId": organization, "principalType": "ORG", "actions": ["READ"],
            }]}),
            Self::Some(grantees) => {
                json!({"acl": grantees.iter().map(entry).collect::<Vec<_>>()})
            }
        }
    }
}

impl FromStr for Visibility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admins" => Ok(Self::Admins),
            "everyone" => Ok(Self::Everyone),
            _ => text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self::Some),
        }
    }
}

impl FromStr for Grantee {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is none of `admins`, `everyone`, `user:ID` and `team:ID`");
        let (kind, id) = text.split_once(':').ok_or_else(wrong)?;
        let kind = match kind {
            "user" => Principal::User,
            "team" => Principal::Team,
            _ => return Err(wrong()),
        };
        if id.contains('@') {
            return Err(format!(
                "`{id}` is an address; the API wants the user's id, as the product shows it in \
                 the address of the user's page"
            ));
        }
        if id.is_empty() {
            return Err(wrong());
        }
        Ok(Self { kind, id: id.to_owned() })
    }
}

/// The entry of an access list that lets `grantee` read.
pub(super) fn entry(grantee: &Grantee) -> Value {
    json!({
        "principalId": grantee.id, "principalType": kind(grantee.kind), "actions": ["READ"],
    })
}

/// Whether `entry` of an access list is about `grantee`.
pub(super) fn is_for(entry: &Value, grantee: &Grantee) -> bool {
    entry["principalId"] == *grantee.id && entry["principalType"] == kind(grantee.kind)
}

fn kind(principal: Principal) -> Value {
    json!(principal)
}
