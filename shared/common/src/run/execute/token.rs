//! Revoking the API token a run used: the last thing it does.

use super::StepContext;
use super::cluster::ClusterExecutor;
use crate::central::{AuthStatus, CentralError};
use crate::rhacs::ObjectRef;
use crate::run::event::Outcome;
use crate::run::record::Wrote;
use crate::run::step_error::StepError;

/// The kind under which a token is recorded; it is no object of the cluster.
const KIND: &str = "ApiToken";
const API_VERSION: &str = "central/v1";

const BY_HAND: &str = "revoke it in Central: Platform Configuration > Integrations > API Token";

impl ClusterExecutor {
    /// Notes which token the run uses, so that no other one is ever revoked, also when the run is
    /// resumed with another one.
    pub(super) async fn note_token(&self, context: &StepContext<'_>) -> Result<(), StepError> {
        if recorded(context).is_some() {
            return Ok(());
        }
        let cannot = "cannot find out which API token was used";
        let status = self.central()?.auth_status().await;
        let status = status.map_err(|error| StepError::from(error.into_failure(cannot)))?;
        let id = match &status.token_id {
            Some(id) => id.clone(),
            None => self.token_of(&status).await?,
        };
        context.note_write(Wrote {
            object: ObjectRef::cluster_wide(API_VERSION, KIND, id.as_str()),
            uid: Some(id),
            resource_version: None,
            digest: None,
        });
        Ok(())
    }

    /// Revokes the token on record.
    pub(super) async fn revoke_token(
        &self,
        context: &StepContext<'_>,
    ) -> Result<Outcome, StepError> {
        let id = recorded(context)
            .ok_or_else(|| StepError::failed("it is not on record which API token was used"))?;
        let is_resumed = !context.record.resumes.is_empty();
        match self.central()?.revoke_token(&id).await {
            Ok(()) => Ok(Outcome::changed(format!("the API token `{id}` is revoked"))),
            Err(CentralError::NotFound { .. }) => {
                Ok(Outcome::unchanged(format!("the API token `{id}` is gone already")))
            }
            // Revoked by the process that died, most likely; but these may be other credentials.
            Err(CentralError::Unauthorized { .. }) if is_resumed => Ok(unknown(&id)),
            Err(error) => {
                let failure = error.into_failure(format!("cannot revoke the API token `{id}`"));
                Err(StepError::from(failure).hint(BY_HAND))
            }
        }
    }

    /// The id of the only token named like the user, for a Central that does not tell it: to
    /// revoke another one would hurt somebody else.
    async fn token_of(&self, status: &AuthStatus) -> Result<String, StepError> {
        let name = &status.user;
        // A token may be named like the user whose password was given.
        if !self.uses_token {
            let message = "Central names no API token for the credentials that were given";
            return Err(StepError::failed(message)
                .because("a password is none, and tokens named like its user are others'")
                .hint("leave out --revoke-token"));
        }
        let tokens = self.central()?.tokens().await.map_err(|error| {
            StepError::from(error.into_failure("cannot list Central's API tokens"))
        })?;
        let is_it = |name_of: &str, roles: &[String]| name_of == name && roles == status.roles;
        let mut ids = tokens.into_iter().filter(|token| is_it(&token.name, &token.roles));
        match (ids.next(), ids.next()) {
            (Some(token), None) => Ok(token.id),
            (None, _) => {
                let message = format!("`{name}` is not the name of an API token of Central");
                Err(StepError::failed(message).hint(BY_HAND))
            }
            (Some(_), Some(_)) => {
                let message = format!("several API tokens are named `{name}`");
                Err(StepError::failed(message).hint(BY_HAND))
            }
        }
    }
}

/// The token that this run set out to revoke.
fn recorded(context: &StepContext<'_>) -> Option<String> {
    let wrote = &context.earlier()?.wrote;
    wrote.iter().find(|wrote| wrote.object.kind == KIND)?.uid.clone()
}

fn unknown(id: &str) -> Outcome {
    let mut outcome = Outcome::unchanged("Central does not accept the credentials");
    outcome.warnings.push(format!(
        "Central does not accept the credentials given, so it is not known whether the API token \
         `{id}` was revoked by an earlier part of this run; look under Platform Configuration > \
         Integrations > API Token"
    ));
    outcome
}
