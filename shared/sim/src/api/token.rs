//! Tokens of service accounts.

use jiff::SignedDuration;
use serde_json::json;

use super::body::{self, Answer};
use super::identity::User;
use super::route::Target;
use super::service::Call;
use super::verbs::{live, parse};
use crate::store::{Status, meta};

/// Seconds that a token lasts if nobody says otherwise, and the fewest one may ask for.
const USUAL_LIFE: i64 = 3_600;
const SHORTEST_LIFE: i64 = 600;

/// Serves `serviceaccounts/NAME/token`: the account is let in with a token of its own.
///
/// # Errors
/// 404 without the account, 422 for a life that is too short.
pub(crate) fn create(call: &Call, target: &Target) -> Result<Answer, Status> {
    let account = live(call, target)?;
    let mut request = parse(call)?;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(USUAL_LIFE);
    if seconds < SHORTEST_LIFE {
        return Err(Status::bad_request(format!(
            "spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration less \
             than 10 minutes"
        )));
    }
    let store = &call.shared.options.store;
    let (namespace, name) = (target.namespace().unwrap_or_default(), target.name());
    let number = call.shared.users().len() as u64;
    let token = format!("embedded-{}", meta::make_uid(number, meta::uid(&account)));
    let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")];
    let full_name = format!("system:serviceaccount:{namespace}:{name}");
    call.shared.admit(User {
        token: token.clone(),
        ..User::new(&full_name, meta::uid(&account), &groups)
    });
    let expires = store.now().saturating_add(SignedDuration::from_secs(seconds));
    let expires = expires.unwrap_or(jiff::Timestamp::MAX);
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["metadata"] = json!({"name": name, "namespace": namespace,
        "creationTimestamp": meta::time(store.now())});
    request["spec"]["expirationSeconds"] = seconds.into();
    request["status"] = json!({"token": token, "expirationTimestamp": meta::time(expires)});
    Ok(body::json(201, &request))
}
