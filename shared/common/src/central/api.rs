//! The calls of Central's API that the suite makes.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;

use super::client::{Ask, CentralClient};
use super::decode::{secured_cluster, some_text, text, texts, upgrade_status};
use super::error::CentralError;
use crate::rhacs::{SecuredCluster, UpgradeStatus, Version};

/// `/v1/metadata`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metadata {
    /// The version Central serves; none for anonymous requests, and for builds of its own kind.
    pub version: Option<Version>,
    /// As Central writes it.
    pub version_text: String,
    /// Such as `rhacs` or `release`.
    pub build_flavor: String,
    /// `VALID`, or why the product does not work; empty when Central does not say.
    pub license: String,
}

/// `/v1/auth/status`: who Central takes us for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuthStatus {
    /// The user's or the token's name.
    pub user: String,
    /// The names of the roles.
    pub roles: Vec<String>,
    /// The API token's id, when it is one and Central says so.
    pub token_id: Option<String>,
    /// When the credential expires, RFC 3339.
    pub expires: Option<String>,
}

/// One API token, without its secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The names of its roles.
    pub roles: Vec<String>,
    /// When it was issued, RFC 3339.
    pub issued: String,
    /// When it expires, RFC 3339.
    pub expires: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// `/v1/backup/status`: the last backup to an external place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BackupStatus {
    /// When it ran, RFC 3339.
    pub last_run: String,
    /// Whether it succeeded.
    pub passed: bool,
}

impl CentralClient {
    /// Whether Central answers at all; needs no credentials.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn ping(&self) -> Result<(), CentralError> {
        self.bytes(&ping()).await.map(drop)
    }

    /// What Central says of itself.
    ///
    /// # Errors
    ///
    /// `Unauthorized` when the credentials are refused, and for anonymous requests since 4.2.
    pub async fn metadata(&self) -> Result<Metadata, CentralError> {
        let answer = self.json(Ask::get("/v1/metadata")).await?;
        let version_text = text(&answer["version"]);
        if version_text.is_empty() && self.has_credentials() {
            // Up to 4.1 that is the answer to credentials that Central does not know.
            self.auth_status().await?;
        }
        Ok(Metadata {
            version: version_text.parse().ok(),
            version_text,
            build_flavor: text(&answer["buildFlavor"]),
            license: text(&answer["licenseStatus"]),
        })
    }

    /// Who Central takes us for.
    ///
    /// # Errors
    ///
    /// `Unauthorized` when the credentials are refused or none were given.
    pub async fn auth_status(&self) -> Result<AuthStatus, CentralError> {
        self.json(Ask::get("/v1/auth/status")).await.map(|answer| auth_status(&answer))
    }

    /// What the credentials may do: `READ_WRITE_ACCESS` and the like by resource.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn my_permissions(&self) -> Result<BTreeMap<String, String>, CentralError> {
        let answer = self.json(Ask::get("/v1/mypermissions")).await?;
        let access = answer["resourceToAccess"].as_object().into_iter().flatten();
        Ok(access.map(|(resource, access)| (resource.clone(), text(access))).collect())
    }

    /// The secured clusters that the credentials may see.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn clusters(&self) -> Result<Vec<SecuredCluster>, CentralError> {
        let answer = self.json(Ask::get("/v1/clusters")).await?;
        Ok(answer["clusters"].as_array().into_iter().flatten().map(secured_cluster).collect())
    }

    /// Whether Central can be rolled back after an upgrade (since 3.0.59).
    ///
    /// # Errors
    ///
    /// `NotFound` before 3.0.59, `Forbidden` without the role Admin.
    pub async fn upgrade_status(&self) -> Result<UpgradeStatus, CentralError> {
        let answer = self.json(Ask::get("/v1/centralhealth/upgradestatus")).await?;
        Ok(upgrade_status(&answer))
    }

    /// Whether Central upgrades its secured clusters by itself; none when it does not say.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn auto_upgrade_enabled(&self) -> Result<Option<bool>, CentralError> {
        let answer = self.json(Ask::get("/v1/sensorupgrades/config")).await?;
        let config = &answer["config"];
        // False is left out of JSON like every default.
        Ok(config.as_object().map(|_| config["enableAutoUpgrade"] == true))
    }

    /// Starts the sensor upgrader for a secured cluster.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with; it is not repeated once it may have arrived.
    pub async fn trigger_upgrade(&self, cluster_id: &str) -> Result<(), CentralError> {
        let path = format!("/v1/sensorupgrades/cluster/{}", segment(cluster_id));
        self.write(Method::POST, &path).await
    }

    /// The API tokens that were not revoked.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn tokens(&self) -> Result<Vec<Token>, CentralError> {
        let answer = self.json(Ask::get("/v1/apitokens?revoked=false")).await?;
        Ok(answer["tokens"].as_array().into_iter().flatten().map(token).collect())
    }

    /// Revokes an API token for ever.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with; it is not repeated once it may have arrived.
    pub async fn revoke_token(&self, id: &str) -> Result<(), CentralError> {
        let path = format!("/v1/apitokens/revoke/{}", segment(id));
        match self.write(Method::PATCH, &path).await {
            // Central 3.74 answers 500, and these words, where others answer 404.
            Err(CentralError::Server { message, .. }) if message.ends_with("does not exist") => {
                Err(CentralError::NotFound { what: path })
            }
            answer => answer,
        }
    }

    /// The last backup that Central itself made to an external place; none when there is none.
    ///
    /// # Errors
    ///
    /// Everything a request can fail with.
    pub async fn backup_status(&self) -> Result<Option<BackupStatus>, CentralError> {
        let answer = match self.json(Ask::get("/v1/backup/status")).await {
            Ok(answer) => answer,
            Err(CentralError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let info = &answer["backupInfo"];
        Ok(some_text(&info["backupLastRunAt"])
            .map(|last_run| BackupStatus { last_run, passed: info["status"] == "PASS" }))
    }

    async fn write(&self, method: Method, path: &str) -> Result<(), CentralError> {
        let body = Value::Object(serde_json::Map::new());
        let ask = Ask { method, path, body: Some(&body), anonymous: false };
        self.bytes(&ask).await.map(drop)
    }
}

/// How the friendly names of API tokens begin.
const NAMELESS: &str = "anonymous bearer token";
/// The year in which passwords expire: never.
const NEVER: &str = "9999-";

/// The request that anybody may make.
pub(super) const fn ping() -> Ask<'static> {
    Ask { method: Method::GET, path: "/v1/ping", body: None, anonymous: true }
}

fn auth_status(answer: &Value) -> AuthStatus {
    let info = &answer["userInfo"];
    let user_id = text(&answer["userId"]);
    let attribute = |wanted: &str| {
        let attributes = answer["userAttributes"].as_array().into_iter().flatten();
        attributes
            .into_iter()
            .find(|attribute| attribute["key"] == wanted)
            .map(|attribute| texts(&attribute["values"]))
            .unwrap_or_default()
    };
    let roles: Vec<String> = info["roles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|role| some_text(&role["name"]).or_else(|| some_text(role)))
        .collect();
    // What a token is called stands only among its attributes; its friendly name lists its roles.
    let names = [&info["friendlyName"], &info["username"]];
    let user = names.into_iter().find_map(some_text).filter(|name| !name.starts_with(NAMELESS));
    let token_id = [user_id.as_str(), info["username"].as_str().unwrap_or_default()]
        .into_iter()
        .find_map(|id| id.strip_prefix("auth-token:").map(str::to_owned));
    AuthStatus {
        user: user.or_else(|| attribute("name").into_iter().next()).unwrap_or(user_id),
        roles: if roles.is_empty() { attribute("role") } else { roles },
        token_id,
        expires: some_text(&answer["expires"]).filter(|at| !at.starts_with(NEVER)),
    }
}

fn token(value: &Value) -> Token {
    let mut roles = texts(&value["roles"]);
    // Before there could be several.
    roles.extend(some_text(&value["role"]).filter(|role| !roles.contains(role)));
    Token {
        id: text(&value["id"]),
        name: text(&value["name"]),
        roles,
        issued: text(&value["issuedAt"]),
        expires: text(&value["expiration"]),
        revoked: value["revoked"].as_bool().unwrap_or_default(),
    }
}

/// An id as part of a path: everything that could leave it is dropped.
fn segment(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_id() {
        let status = auth_status(&json!({
            "userId": "auth-token:7f1c", "expires": "2027-01-01T00:00:00Z",
            "userInfo": {"username": "auth-token:7f1c", "friendlyName": "upgrade (auth token)",
                         "roles": [{"name": "Admin"}]},
        }));
        assert_eq!(status.token_id.as_deref(), Some("7f1c"));
        assert_eq!(status.user, "upgrade (auth token)");
        assert_eq!(status.roles, ["Admin"]);
    }

    #[test]
    fn a_user_without_details_is_read_from_the_attributes() {
        let status = auth_status(&json!({
            "userId": "sso:1:admin", "userInfo": null,
            "userAttributes": [{"key": "name", "values": ["admin"]},
                               {"key": "role", "values": ["Admin", "Analyst"]}],
        }));
        assert_eq!((status.user.as_str(), status.roles.len()), ("admin", 2));
        assert_eq!((status.token_id, status.expires), (None, None));
    }

    #[test]
    fn a_token_is_called_by_its_name_and_a_password_never_expires() {
        let token = auth_status(&json!({
            "userId": "auth-token:7f1c", "expires": "2027-01-01T00:00:00Z",
            "userInfo": {"username": "", "roles": [{"name": "Analyst"}], "friendlyName":
                "anonymous bearer token with roles Analyst (expires 2027-01-01 00:00:00 UTC)"},
            "userAttributes": [{"key": "name", "values": ["night-shift"]},
                               {"key": "role", "values": ["Analyst"]}],
        }));
        assert_eq!(token.user, "night-shift");
        let basic = auth_status(&json!({
            "userId": "admin", "expires": "9999-12-31T23:59:59.999999999Z",
            "userInfo": {"username": "admin", "friendlyName": "admin"},
        }));
        assert_eq!((basic.user.as_str(), basic.expires), ("admin", None));
    }

    #[test]
    fn tokens_of_old_and_new_centrals_are_read() {
        let old = token(&json!({"id": "a", "role": "Admin"}));
        let new = token(&json!({"id": "a", "roles": ["Admin"], "role": "Admin"}));
        assert_eq!((old.roles, new.roles), (vec!["Admin".to_owned()], vec!["Admin".to_owned()]));
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        assert_eq!(segment("../../v1/x?y"), "....v1xy");
    }
}
