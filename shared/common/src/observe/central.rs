//! What Central says of itself, as far as the credentials reach.

use crate::central::{CentralClient, CentralError};
use crate::rhacs::CentralFacts;

/// Asks Central; what it does not answer is left out, and why it does not is noted.
pub async fn facts(client: &CentralClient) -> CentralFacts {
    let mut facts = CentralFacts {
        endpoint: Some(client.endpoint()),
        has_credentials: client.has_credentials(),
        ..CentralFacts::default()
    };
    if let Err(error) = client.ping().await {
        facts.unreachable = Some(error.to_string());
        return facts;
    }
    if !client.has_credentials() {
        return facts;
    }
    // The first question that needs credentials tells whether they are good at all.
    match client.auth_status().await {
        Ok(status) => {
            facts.user = Some(status.user);
            facts.roles = status.roles;
            facts.token_id = status.token_id;
            facts.token_expires = status.expires;
        }
        Err(error @ (CentralError::Unauthorized { .. } | CentralError::Forbidden { .. })) => {
            facts.unauthorized = Some(error.to_string());
            return facts;
        }
        Err(error) => {
            facts.unreachable = Some(error.to_string());
            return facts;
        }
    }
    // One after the other, over one connection: each more would be a port-forward of its own.
    match client.metadata().await {
        Ok(metadata) => facts.version = metadata.version,
        Err(error) => {
            facts.unread.insert("Central's version".to_owned(), error.to_string());
        }
    }
    facts.permissions = client.my_permissions().await.unwrap_or_default();
    match client.clusters().await {
        Ok(clusters) => facts.clusters = clusters,
        Err(error) => {
            facts.unread.insert("Central's list of clusters".to_owned(), error.to_string());
        }
    }
    facts.auto_upgrade = client.auto_upgrade_enabled().await.ok().flatten();
    facts.upgrade_status = client.upgrade_status().await.ok();
    facts.last_backup = client.backup_status().await.ok().flatten().map(|backup| backup.last_run);
    facts
}
