//! What Central says of itself and of its caller.

use common::rhacs::Version;
use http::StatusCode;
use serde_json::{Value, json};

use super::auth::{Caller, User};
use super::refusal::Refusal;
use super::{Central, permissions};
use crate::faults::ClusterFault;
use crate::store::meta;

/// When a session of a password ends: never, as far as its type reaches.
const NEVER: &str = "9999-12-31T23:59:59.999999999Z";

/// The answer to a path below `/v1`, for a caller who may see it; none for paths that others answer.
pub(super) fn answer(
    central: &Central,
    version: &Version,
    caller: &Caller,
    path: &[&str],
) -> Option<Result<Value, Refusal>> {
    Some(Ok(match path {
        ["metadata"] => metadata(version, caller),
        ["auth", "status"] => auth_status(version, caller),
        ["mypermissions"] => match caller {
            Caller::Anonymous => json!({}),
            Caller::User(user) => {
                json!({"resourceToAccess": permissions::listed(&user.roles, version)})
            }
        },
        ["centralhealth", "upgradestatus"] => upgrade_status(central, version),
        ["backup", "status"] => return Some(backup_status(central, version, caller)),
        ["database", "status"] => database_status(central, version, caller),
        ["central-capabilities"] => {
            json!({"centralCanUseCloudBackupIntegrations": "CapabilityAvailable"})
        }
        _ => return None,
    }))
}

fn metadata(version: &Version, caller: &Caller) -> Value {
    let shown = match caller {
        Caller::Anonymous => String::new(),
        Caller::User(_) => version.tag(),
    };
    json!({"version": shown, "buildFlavor": "release", "releaseBuild": true, "licenseStatus": "VALID"})
}

fn auth_status(version: &Version, caller: &Caller) -> Value {
    let Caller::User(user) = caller else { return json!({}) };
    let expires =
        user.token.as_ref().map_or_else(|| NEVER.to_owned(), |token| meta::time(token.expires));
    let (id, name) = match &user.token {
        Some(token) => (format!("auth-token:{}", token.id), token.name.as_str()),
        None => ("admin".to_owned(), "admin"),
    };
    let by_password = user.token.is_none();
    let key = if by_password { "username" } else { "name" };
    let roles: Vec<Value> = user.roles.iter().map(|role| role_of(role, version)).collect();
    json!({
        "userId": id,
        "expires": expires,
        "refreshUrl": "",
        "authProvider": by_password.then(password_provider),
        "userInfo": {
            "username": if by_password { "admin" } else { "" },
            "friendlyName": friendly_name(user, version),
            "permissions": {"resourceToAccess": permissions::listed(&user.roles, version)},
            "roles": roles,
        },
        "userAttributes": [{"key": key, "values": [name]}, {"key": "role", "values": user.roles}],
    })
}

/// What stands for the name of a user who has none.
fn friendly_name(user: &User, version: &Version) -> String {
    let Some(token) = &user.token else { return String::new() };
    let roles = token.roles.join(", ");
    if version.is_at_least(4, 0) {
        return format!(
            "anonymous bearer token {:?} with roles [{roles}] (jti: {}, expires: {})",
            token.name,
            token.id,
            meta::time(token.expires)
        );
    }
    let expires = token.expires.strftime("%Y-%m-%d %H:%M:%S +0000 UTC");
    format!("anonymous bearer token with roles {roles} (expires {expires})")
}

fn role_of(role: &str, version: &Version) -> Value {
    let access = permissions::listed(&[role.to_owned()], version);
    json!({"name": role, "resourceToAccess": access})
}

fn password_provider() -> Value {
    let id = "4df1b98c-24ed-4073-a9ad-356aec6bb62d";
    json!({
        "id": id, "name": "Login with username/password", "type": "basic", "uiEndpoint": "",
        "enabled": true, "config": {}, "loginUrl": format!("/sso/login/{id}"), "validated": true,
        "extraUiEndpoints": [], "active": true, "requiredAttributes": [], "traits": null,
        "claimMappings": {},
    })
}

fn upgrade_status(central: &Central, version: &Version) -> Value {
    let full = central.faults.any(|fault| *fault == ClusterFault::FullDisk);
    let state = central.lock();
    // A fifth more than the database, and a twentieth on top.
    let needed = state.backup_bytes + state.backup_bytes / 4;
    let free = if full { needed / 2 } else { needed * 20 };
    let previous =
        state.database.previous.as_ref().and_then(|copy| copy.version.as_ref()).map(Version::tag);
    json!({"upgradeStatus": {
        "version": version.tag(),
        "forceRollbackTo": previous.unwrap_or_default(),
        "canRollbackAfterUpgrade": version.is_at_least(4, 10) || !full,
        "spaceRequiredForRollbackAfterUpgrade": needed.to_string(),
        "spaceAvailableForRollbackAfterUpgrade": free.to_string(),
    }})
}

/// What was backed up last to a place outside; every release tells in its own way that it does not say.
fn backup_status(central: &Central, version: &Version, caller: &Caller) -> Result<Value, Refusal> {
    if !central.on_postgres(version) {
        return Err(Refusal::internal("database backup status check is not supported"));
    }
    if !caller.may_view("Administration", version) {
        let detail = if version.is_at_least(4, 0) { "found non-retryable error: " } else { "" };
        return Err(Refusal::new(StatusCode::FORBIDDEN, 7, format!("{detail}not authorized")));
    }
    let Some((at, passed)) = central.lock().last_backup else {
        return Err(Refusal::not_found("not found"));
    };
    let status = if passed { "PASS" } else { "FAIL" };
    Ok(
        json!({"backupInfo": {"backupLastRunAt": meta::time(at), "status": status, "requestor": {"name": "admin"}}}),
    )
}

fn database_status(central: &Central, version: &Version, caller: &Caller) -> Value {
    let postgres = central.on_postgres(version);
    let release = match (postgres, version.is_at_least(4, 8)) {
        (false, _) => "",
        (true, false) => "13.14",
        (true, true) => "15.6",
    };
    let (kind, release) = match caller {
        Caller::Anonymous => ("Hidden", ""),
        Caller::User(_) if postgres => ("PostgresDB", release),
        Caller::User(_) => ("RocksDB", release),
    };
    let mut answer =
        json!({"databaseAvailable": true, "databaseType": kind, "databaseVersion": release});
    if version.is_at_least(4, 0) {
        answer["databaseIsExternal"] = json!(false);
    }
    answer
}
