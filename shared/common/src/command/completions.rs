//! The values that the RHACS plugins complete: parts, findings, images, sources of rehearsals.

use super::Tool;
use crate::checks;
use crate::complete::{Answer, Candidate, Directive, Slot};
use crate::rhacs::Component;
use crate::rhacs::images::Role;

/// The values of the argument that is being typed; none when it is not one of the plugins' own.
pub(super) fn values(tool: &Tool, slot: &Slot<'_>) -> Option<Answer> {
    let candidates: Vec<Candidate> = match slot.id() {
        "components" => {
            Component::ALL.iter().map(|part| Candidate::new(part.to_string(), "")).collect()
        }
        "accept" => checks::definitions(tool.groups)
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
    Answer { candidates, directive: Directive::Unfinished }
}
