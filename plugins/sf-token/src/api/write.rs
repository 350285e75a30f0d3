//! What may be written of a token, and the bodies that write it.

use serde_json::{Map, Value, json};

use super::limits::Limits;
use super::token::Scope;
use super::token_name::TokenName;
use super::visibility::{Grantee, Visibility, entry, is_for};

/// A token to be created.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The name, unique in the organization, inactive tokens included.
    pub name: TokenName,
    /// What it authenticates; cannot be changed later.
    pub scope: Scope,
    /// The roles of a token of the scope `API`: `power`, `usage`, `read_only`.
    pub roles: Vec<String>,
    /// What people say of it.
    pub description: Option<String>,
    /// Its life in seconds; none for the organization's default.
    pub expires_in: Option<u64>,
    /// Who besides admins may see it.
    pub visibility: Visibility,
    /// What it may send at most.
    pub limits: Limits,
}

/// Changes to a token; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TokenPatch {
    /// The new name.
    pub name: Option<TokenName>,
    /// The new description.
    pub description: Option<String>,
    /// Switched off, or on.
    pub disabled: Option<bool>,
    /// The new life in seconds from now, without a new secret.
    pub expires_in: Option<u64>,
    /// The new roles.
    pub roles: Option<Vec<String>>,
    /// Who besides admins may see it from now on, instead of those who do.
    pub visibility: Option<Visibility>,
    /// Who may see it as well.
    pub grant: Vec<Grantee>,
    /// Who may no longer see it.
    pub revoke: Vec<Grantee>,
    /// The new limits; others stay.
    pub limits: Limits,
}

impl NewToken {
    /// The body of `POST /token`; `organization` is the id for [`Visibility::Everyone`].
    pub(super) fn body(&self, organization: &str) -> Value {
        let mut body = json!({
            "name": self.name.as_str(),
            "authScopes": [self.scope.as_str()],
            "permissions": self.visibility.permissions(organization),
        });
        if !self.roles.is_empty() {
            body["roles"] = roles(&self.roles);
        }
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        if let Some(seconds) = self.expires_in {
            body["secondsUntilExpiry"] = json!(seconds);
        }
        if !self.limits.is_empty() {
            body["limits"] = self.limits.applied_to(&Value::Null);
        }
        body
    }
}

impl TokenPatch {
    pub(super) fn needs_organization(&self) -> bool {
        self.visibility.as_ref().is_some_and(Visibility::needs_organization)
    }

    /// The body of `PUT /token/{name}`: all of `current` that may be written, changed. The life
    /// is left out unless it shall change: it is counted from the moment of the request.
    pub(super) fn body(&self, current: &Value, organization: &str) -> Value {
        let mut body = Map::new();
        for field in ["name", "description", "disabled", "limits", "notifications"] {
            if let Some(value) = current.get(field).filter(|value| !value.is_null()) {
                body.insert(field.to_owned(), value.clone());
            }
        }
        let titles: Vec<String> = match &self.roles {
            Some(titles) => titles.clone(),
            None => titles_of(current),
        };
        if !titles.is_empty() {
            body.insert("roles".to_owned(), roles(&titles));
        }
        if let Some(permissions) = self.permissions(current, organization) {
            body.insert("permissions".to_owned(), permissions);
        }
        if !self.limits.is_empty() {
            let limits = self.limits.applied_to(&current["limits"]);
            body.insert("limits".to_owned(), limits);
        }
        let changes = [
            ("name", self.name.as_ref().map(|name| json!(name.as_str()))),
            ("description", self.description.as_ref().map(|text| json!(text))),
            ("disabled", self.disabled.map(|disabled| json!(disabled))),
            ("secondsUntilExpiry", self.expires_in.map(|seconds| json!(seconds))),
        ];
        for (field, value) in changes {
            if let Some(value) = value {
                body.insert(field.to_owned(), value);
            }
        }
        Value::Object(body)
    }

    /// The permissions to write; none when there are none and none are wanted, because the API
    /// takes null for "remove all".
    fn permissions(&self, current: &Value, organization: &str) -> Option<Value> {
        let known = current["permissions"]["acl"].as_array();
        if let Some(visibility) = &self.visibility {
            return Some(visibility.permissions(organization));
        }
        let mut acl = known.cloned().unwrap_or_default();
        acl.retain(|entry| !self.revoke.iter().any(|grantee| is_for(entry, grantee)));
        for grantee in &self.grant {
            if !acl.iter().any(|entry| is_for(entry, grantee)) {
                acl.push(entry(grantee));
            }
        }
        match (acl.is_empty(), known.is_some_and(|known| !known.is_empty())) {
            (true, true) => Some(Value::Null),
            (true, false) => None,
            (false, _) => Some(json!({"acl": acl})),
        }
    }
}

fn roles(titles: &[String]) -> Value {
    titles.iter().map(|title| json!({"title": title})).collect()
}

fn titles_of(current: &Value) -> Vec<String> {
    let known = current["roles"].as_array().into_iter().flatten();
    known.filter_map(|role| role["title"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Value {
        json!({
            "name": "a", "id": "1", "secret": "canary", "expiry": 1, "disabled": true,
            "description": "old", "notifications": [{"type": "Email"}],
            "roles": [{"id": "r", "title": "usage", "capabilities": [["x"]]}],
            "limits": {"categoryQuota": {"1": 5, "3": 7}, "dpmQuota": null},
            "permissions": {"parent": null, "acl": [
                {"principalId": "u1", "principalType": "USER", "actions": ["READ", "WRITE"]},
            ]},
        })
    }

    fn written(patch: &TokenPatch) -> Value {
        patch.body(&current(), "org")
    }

    #[test]
    fn what_is_not_named_is_written_as_it_was() {
        let body = written(&TokenPatch { disabled: Some(false), ..TokenPatch::default() });
        let expected = json!({
            "name": "a", "description": "old", "disabled": false,
            "notifications": [{"type": "Email"}], "roles": [{"title": "usage"}],
            "limits": {"categoryQuota": {"1": 5, "3": 7}, "dpmQuota": null},
            "permissions": {"acl": [
                {"principalId": "u1", "principalType": "USER", "actions": ["READ", "WRITE"]},
            ]},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn permissions_are_added_and_taken_without_wiping_the_others() {
        let grantees = |text: &str| vec![text.parse::<Grantee>().unwrap()];
        let grant = TokenPatch { grant: grantees("team:t1"), ..TokenPatch::default() };
        let acl = &written(&grant)["permissions"]["acl"];
        assert_eq!(
            (acl[0]["principalId"].as_str(), acl[0]["actions"][1].as_str()),
            (Some("u1"), Some("WRITE"))
        );
        assert_eq!(
            acl[1],
            json!({"principalId": "t1", "principalType": "TEAM", "actions": ["READ"]})
        );
        let again = TokenPatch { grant: grantees("user:u1"), ..TokenPatch::default() };
        assert_eq!(written(&again)["permissions"]["acl"].as_array().unwrap().len(), 1);
        let revoke = TokenPatch { revoke: grantees("user:u1"), ..TokenPatch::default() };
        assert_eq!(written(&revoke).get("permissions"), Some(&Value::Null));
        let everyone =
            TokenPatch { visibility: Some(Visibility::Everyone), ..TokenPatch::default() };
        assert_eq!(written(&everyone)["permissions"]["acl"][0]["principalId"], "org");
    }

    #[test]
    fn permissions_of_a_token_without_any_are_not_touched() {
        let body = TokenPatch::default().body(&json!({"name": "a", "permissions": null}), "");
        assert_eq!(body, json!({"name": "a"}));
    }

    #[test]
    fn a_new_token_says_only_what_was_asked_for() {
        let mut token = NewToken {
            name: "a".parse().unwrap(),
            scope: Scope::Ingest,
            roles: Vec::new(),
            description: None,
            expires_in: None,
            visibility: Visibility::Admins,
            limits: Limits::default(),
        };
        let expected = json!({"name": "a", "authScopes": ["INGEST"], "permissions": null});
        assert_eq!(token.body(""), expected);
        token.expires_in = Some(60);
        token.roles = vec!["read_only".to_owned()];
        let body = token.body("");
        assert_eq!(body["secondsUntilExpiry"], 60);
        assert_eq!(body["roles"], json!([{"title": "read_only"}]));
    }
}
