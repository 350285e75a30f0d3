//! The values that only this plugin can complete: realms, limits, whom a token is visible to.

use common::complete::{Answer, Candidate, Directive, Slot};

use crate::api::{LimitKey, Realm};

/// The values of the argument that is being typed; none when it is not one of this plugin's own.
pub(crate) fn values(slot: &Slot<'_>) -> Option<Answer> {
    let unfinished = |candidates| Answer { candidates, directive: Directive::Unfinished };
    match slot.id() {
        "realm" => {
            let realms = Realm::known().iter().map(|realm| Candidate::new(*realm, ""));
            Some(Answer::only(realms.collect()))
        }
        "limits" | "alerts" => {
            let keys = LimitKey::ALL.iter();
            let keys = keys.map(|key| Candidate::new(format!("{}=", key.as_str()), "limit"));
            Some(unfinished(keys.collect()))
        }
        "grant" | "revoke" => Some(unfinished(vec![
            Candidate::new("user:", "the id of a user"),
            Candidate::new("team:", "the id of a team"),
        ])),
        _ => None,
    }
}
