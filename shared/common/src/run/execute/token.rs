//! Revoking the API token a run used: the last thing it does.

use super::StepContext;
use super::cluster::{ClusterExecutor, token_is_spent};
use crate::central::CentralError;
use crate::run::event::Outcome;
use crate::run::step_error::StepError;

impl ClusterExecutor {
    /// Whether an earlier part of this run revoked the token without living to record it.
    pub(super) async fn token_is_revoked(&self, context: &StepContext<'_>) -> bool {
        if !token_is_spent(context.record) {
            return false;
        }
        let Ok(central) = self.central() else { return false };
        matches!(central.auth_status().await, Err(CentralError::Unauthorized { .. }))
    }

    /// Revokes the token in use.
    pub(super) async fn revoke_token(&self) -> Result<Outcome, StepError> {
        let central = self.central()?;
        let cannot = "cannot find out which API token was used";
        let status = central
            .auth_status()
            .await
            .map_err(|error| StepError::from(error.into_failure(cannot)))?;
        let id = match status.token_id {
            Some(id) => id,
            None => self.token_named(&status.user).await?,
        };
        central.revoke_token(&id).await.map_err(|error| {
            StepError::from(error.into_failure(format!("cannot revoke the API token `{id}`")))
        })?;
        Ok(Outcome::changed(format!("the API token `{id}` is revoked")))
    }

    /// The id of the only token of this name: to revoke another one would hurt somebody else.
    async fn token_named(&self, name: &str) -> Result<String, StepError> {
        let by_hand = "revoke it in Central: Platform Configuration > Integrations > API Token";
        let tokens = self.central()?.tokens().await.map_err(|error| {
            StepError::from(error.into_failure("cannot list Central's API tokens"))
        })?;
        let mut ids = tokens.into_iter().filter(|token| token.name == name).map(|token| token.id);
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => {
                let message = format!("`{name}` is not the name of an API token of Central");
                Err(StepError::failed(message).hint(by_hand))
            }
            (Some(_), Some(_)) => {
                let message = format!("several API tokens are named `{name}`");
                Err(StepError::failed(message).hint(by_hand))
            }
        }
    }
}
