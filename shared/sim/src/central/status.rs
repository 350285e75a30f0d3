//! What Central says of itself and of its caller.

use common::rhacs::Version;
use serde_json::{Value, json};

use super::Central;
use super::auth::{Caller, Need, Resource, role_allows};
use crate::faults::ClusterFault;
use crate::store::meta;

/// The answer to a path below `/v1`, for a caller who may see it.
pub(super) fn answer(
    central: &Central,
    version: &Version,
    caller: &Caller,
    path: &[&str],
) -> Value {
    match path {
        ["metadata"] => metadata(version, caller),
        ["auth", "status"] => auth_status(central, caller),
        ["mypermissions"] => permissions(caller, version),
        ["centralhealth", "upgradestatus"] => upgrade_status(central, version),
        ["backup", "status"] => backup_status(central),
        ["database", "status"] => database_status(version, caller),
        ["central-capabilities"] => {
            json!({"centralCanUseCloudBackupIntegrations": "CapabilityAvailable"})
        }
        _ => json!({"status": "ok"}),
    }
}

fn metadata(version: &Version, caller: &Caller) -> Value {
    let shown = if *caller == Caller::Anonymous { String::new() } else { version.tag() };
    json!({"version": shown, "buildFlavor": "release", "releaseBuild": true, "licenseStatus": "VALID"})
}

fn auth_status(central: &Central, caller: &Caller) -> Value {
    let Caller::User { name, roles } = caller else { return json!({}) };
    // A caller with a token is known by it; a session of a password lasts a day.
    let state = central.lock();
    let token = state.tokens.iter().find(|token| token.name == *name);
    let session = central.clock.now() + jiff::SignedDuration::from_hours(24);
    let expires = token.map_or(session, |token| token.expires);
    let user =
        token.map_or_else(|| format!("user:{name}"), |token| format!("auth-token:{}", token.id));
    drop(state);
    json!({
        "userId": user,
        "expires": meta::time(expires),
        "userInfo": {
            "username": name,
            "friendlyName": name,
            "roles": roles.iter().map(|role| json!({"name": role})).collect::<Vec<_>>(),
        },
        "userAttributes": [{"key": "name", "values": [name]}, {"key": "role", "values": roles}],
    })
}

fn permissions(caller: &Caller, version: &Version) -> Value {
    let Caller::User { roles, .. } = caller else { return json!({}) };
    let any = |need: Need| roles.iter().any(|role| role_allows(role, need, version));
    let access: serde_json::Map<String, Value> = Resource::ALL
        .into_iter()
        .map(|(resource, name)| {
            let access = if any(Need::Modify(resource)) {
                "READ_WRITE_ACCESS"
            } else if any(Need::View(resource)) {
                "READ_ACCESS"
            } else {
                "NO_ACCESS"
            };
            (name.to_owned(), json!(access))
        })
        .collect();
    json!({"name": roles.join(", "), "resourceToAccess": access})
}

fn upgrade_status(central: &Central, version: &Version) -> Value {
    let full = central.faults.any(|fault| *fault == ClusterFault::FullDisk);
    let state = central.lock();
    let needed = state.backup_bytes + state.backup_bytes / 5;
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

fn backup_status(central: &Central) -> Value {
    let Some((at, passed)) = central.lock().last_backup else { return json!({"backupInfo": null}) };
    let status = if passed { "PASS" } else { "FAIL" };
    json!({"backupInfo": {"backupLastRunAt": meta::time(at), "status": status, "requestor": {"name": "admin"}}})
}

fn database_status(version: &Version, caller: &Caller) -> Value {
    let postgres = version.is_at_least(4, 0);
    if *caller == Caller::Anonymous {
        return json!({"databaseAvailable": true, "databaseType": "Hidden", "databaseVersion": ""});
    }
    let release = match (postgres, version.is_at_least(4, 8)) {
        (false, _) => "",
        (true, false) => "13.14",
        (true, true) => "15.6",
    };
    json!({
        "databaseAvailable": true,
        "databaseType": if postgres { "PostgresDB" } else { "RocksDB" },
        "databaseVersion": release,
        "databaseIsExternal": false,
    })
}
