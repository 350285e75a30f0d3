//! Asking the API server who one is, what one may do, and what it is.

use http::Method;
use serde_json::{Value, json};

use super::request::Call;
use super::{Cluster, ClusterError};
use crate::rhacs::Permission;
use crate::rhacs::authorization::allows;

/// What the user may do in a namespace, from one SelfSubjectRulesReview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    rules: Vec<Value>,
    /// The list may lack rules: what it does not allow must be asked for singly.
    pub incomplete: bool,
    /// Why it is incomplete.
    pub evaluation_error: String,
}

/// The answer to "may I?".
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The authorizer's words, often empty.
    pub reason: String,
}

/// A user as the API server knows them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct User {
    /// The user name.
    pub name: String,
    /// The uid; empty for most.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// What the API server says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerVersion {
    /// Such as `v1.27.3+k3s1`.
    pub git_version: String,
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
    /// Such as `linux/amd64`.
    pub platform: String,
}

impl ServerVersion {
    /// From its name alone, such as `v1.35.0-rc.1`; what cannot be read is 0.
    #[must_use]
    pub fn named(git_version: &str) -> Self {
        let mut numbers = git_version.trim_start_matches('v').split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse().unwrap_or_default()
        });
        Self {
            git_version: git_version.to_owned(),
            major: numbers.next().unwrap_or_default(),
            minor: numbers.next().unwrap_or_default(),
            platform: String::new(),
        }
    }
}

impl Rules {
    /// Whether a rule of the list allows it.
    #[must_use]
    pub fn allow(&self, wanted: &Permission) -> bool {
        allows(&self.rules, wanted)
    }

    /// The rules about resources as the API server tells them.
    #[must_use]
    pub fn resource_rules(&self) -> &[Value] {
        &self.rules
    }
}

impl Cluster {
    /// What the user may do in a namespace: one request for everything.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn review_rules(&self, namespace: &str) -> Result<Rules, ClusterError> {
        let api = "authorization.k8s.io/v1";
        let review = json!({
            "apiVersion": api, "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
        });
        let path = format!("/apis/{api}/selfsubjectrulesreviews");
        let mut answer = self.review(&path, &review).await?;
        let status = &mut answer["status"];
        let rules = match status["resourceRules"].take() {
            Value::Array(rules) => rules,
            _ => Vec::new(),
        };
        Ok(Rules {
            rules,
            incomplete: status["incomplete"].as_bool().unwrap_or_default(),
            evaluation_error: text(&status["evaluationError"]),
        })
    }

    /// Whether the user may do one thing.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn review_access(&self, wanted: &Permission) -> Result<Decision, ClusterError> {
        let api = "authorization.k8s.io/v1";
        let (resource, subresource) =
            wanted.resource.split_once('/').unwrap_or((&wanted.resource, ""));
        let review = json!({
            "apiVersion": api,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": wanted.verb,
                "group": wanted.group,
                "resource": resource,
                "subresource": subresource,
                "name": wanted.name.as_deref().unwrap_or_default(),
                "namespace": wanted.namespace.as_deref().unwrap_or_default(),
            }},
        });
        let path = format!("/apis/{api}/selfsubjectaccessreviews");
        let answer = self.review(&path, &review).await?;
        let status = &answer["status"];
        Ok(Decision {
            allowed: status["allowed"].as_bool().unwrap_or_default(),
            reason: text(&status["reason"]),
        })
    }

    /// Who the user is; none when the API server (before Kubernetes 1.27) cannot say or may not.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with, but not being served or allowed.
    pub async fn whoami(&self) -> Result<Option<User>, ClusterError> {
        for version in ["v1", "v1beta1"] {
            let api = format!("authentication.k8s.io/{version}");
            let review = json!({"apiVersion": api, "kind": "SelfSubjectReview"});
            let path = format!("/apis/{api}/selfsubjectreviews");
            match self.review(&path, &review).await {
                Ok(answer) => return Ok(Some(user(&answer["status"]["userInfo"]))),
                Err(ClusterError::NotFound { .. } | ClusterError::Forbidden { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The API server's version.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn server_version(&self) -> Result<ServerVersion, ClusterError> {
        let answer = self.json(Call::get("/version")).await?;
        Ok(ServerVersion {
            git_version: text(&answer["gitVersion"]),
            major: number(&answer["major"]),
            minor: number(&answer["minor"]),
            platform: text(&answer["platform"]),
        })
    }

    /// Reviews are sent like creations but create nothing, so they may be repeated.
    async fn review(&self, path: &str, review: &Value) -> Result<Value, ClusterError> {
        self.json(Call::send(Method::POST, path, review).idempotent(true)).await
    }
}

fn user(info: &Value) -> User {
    let groups = info["groups"].as_array().into_iter().flatten();
    User {
        name: text(&info["username"]),
        uid: text(&info["uid"]),
        groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Some providers write `27+`.
fn number(value: &Value) -> u32 {
    let digits = value.as_str().unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_with_a_plus_are_read() {
        assert_eq!(number(&json!("27+")), 27);
        assert_eq!(number(&json!("")), 0);
    }
}
