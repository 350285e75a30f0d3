//! Reading Central's JSON leniently: fields may be absent, null or empty in old and new versions.

use serde_json::Value;

use crate::rhacs::{SecuredCluster, UpgradeStatus};

/// The text of a field; empty when it is absent.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The text of a field, if it has one.
pub(super) fn some_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// All texts of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Numbers of 64 bits are written as strings.
pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

/// One entry of `/v1/clusters`.
pub(super) fn secured_cluster(cluster: &Value) -> SecuredCluster {
    let (status, health) = (&cluster["status"], &cluster["healthStatus"]);
    let upgrade = &status["upgradeStatus"];
    let process = &upgrade["mostRecentProcess"];
    // Certificates are renewed by processes of the same kind; they say nothing of versions.
    let process = if process["type"] == "CERT_ROTATION" { &Value::Null } else { process };
    let progress = &process["progress"];
    let contact = some_text(&health["lastContact"]);
    SecuredCluster {
        id: text(&cluster["id"]),
        name: text(&cluster["name"]),
        central_endpoint: text(&cluster["centralApiEndpoint"]),
        managed_by: text(&cluster["managedBy"]),
        sensor_version: text(&status["sensorVersion"]),
        health: text(&health["overallHealthStatus"]),
        // Where it was before there was a health status.
        last_contact: contact.unwrap_or_else(|| text(&status["lastContact"])),
        certificate_expiry: text(&status["certExpiryStatus"]["sensorCertExpiry"]),
        upgradability: text(&upgrade["upgradability"]),
        upgradability_reason: text(&upgrade["upgradabilityStatusReason"]),
        upgrade_state: text(&progress["upgradeState"]),
        upgrade_detail: text(&progress["upgradeStatusDetail"]),
        upgrade_target: text(&process["targetVersion"]),
        upgrade_process: text(&process["id"]),
        is_local: None,
    }
}

/// `/v1/centralhealth/upgradestatus`.
pub(super) fn upgrade_status(answer: &Value) -> UpgradeStatus {
    let status = &answer["upgradeStatus"];
    UpgradeStatus {
        force_rollback_to: text(&status["forceRollbackTo"]),
        can_roll_back: status["canRollbackAfterUpgrade"].as_bool().unwrap_or_default(),
        space_required: number(&status["spaceRequiredForRollbackAfterUpgrade"]),
        space_available: number(&status["spaceAvailableForRollbackAfterUpgrade"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_old_central_without_health_is_read() {
        let cluster = secured_cluster(&json!({
            "id": "1", "name": "remote", "healthStatus": null, "centralApiEndpoint": "c.x:443",
            "status": {"sensorVersion": "3.0.58.1", "lastContact": "2021-05-01T00:00:00Z"},
        }));
        assert_eq!(cluster.central_endpoint, "c.x:443");
        assert_eq!(cluster.last_contact, "2021-05-01T00:00:00Z");
        assert_eq!((cluster.health.as_str(), cluster.upgrade_state.as_str()), ("", ""));
    }

    #[test]
    fn a_new_central_says_how_the_upgrader_is_doing() {
        let cluster = secured_cluster(&json!({
            "healthStatus": {"overallHealthStatus": "DEGRADED", "lastContact": "b"},
            "status": {"lastContact": "a", "upgradeStatus": {
                "upgradability": "AUTO_UPGRADE_POSSIBLE",
                "mostRecentProcess": {"targetVersion": "3.69.2", "type": "UPGRADE",
                    "id": "c", "progress": {
                    "upgradeState": "UPGRADE_COMPLETE", "upgradeStatusDetail": "d"}},
            }},
        }));
        assert_eq!(cluster.upgrade_process, "c");
        assert_eq!(cluster.last_contact, "b");
        assert_eq!(cluster.upgrade_state, "UPGRADE_COMPLETE");
        assert_eq!(cluster.upgrade_target, "3.69.2");
    }

    #[test]
    fn renewed_certificates_are_no_upgrade() {
        let cluster = secured_cluster(&json!({"status": {"upgradeStatus": {"mostRecentProcess": {
            "type": "CERT_ROTATION", "progress": {"upgradeState": "UPGRADE_TIMED_OUT"}}}}}));
        assert_eq!(cluster.upgrade_state, "");
    }

    #[test]
    fn bytes_are_read_from_strings() {
        let status = upgrade_status(&json!({"upgradeStatus": {
            "canRollbackAfterUpgrade": true,
            "spaceRequiredForRollbackAfterUpgrade": "12884901888",
            "spaceAvailableForRollbackAfterUpgrade": 7,
        }}));
        assert_eq!((status.space_required, status.space_available), (12_884_901_888, 7));
        assert!(status.can_roll_back);
    }
}
