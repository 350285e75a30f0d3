//! The values that only this plugin can complete: parts, findings, images, sources of rehearsals.

use common::complete::{Answer, Candidate, Slot};
use common::rhacs::Component;
use common::rhacs::images::Role;

use crate::checks;

/// The values of the argument that is being typed; none when it is not one of this plugin's own.
pub(crate) fn values(slot: &Slot<'_>) -> Option<Answer> {
    let candidates: Vec<Candidate> = match slot.id() {
        "components" => {
            Component::ALL.iter().map(|part| Candidate::new(part.to_string(), "")).collect()
        }
        "accept" => checks::definitions()
            .map(|definition| Candidate::new(definition.code, definition.meaning))
            .collect(),
        "images" => return Some(images()),
        "rehearse" => vec![
            Candidate::new("live", "a copy of this cluster"),
            Candidate::new("sample:", "sample:VERSION[:openshift]"),
        ],
        _ => return None,
    };
    Some(Answer::only(candidates))
}

/// The names before the `=` of `--image NAME=REF`; the reference is left to the user.
fn images() -> Answer {
    let candidates =
        Role::ALL.iter().map(|role| Candidate::new(format!("{role}="), "image")).collect();
    Answer { candidates, directive: common::complete::Directive::Unfinished }
}
