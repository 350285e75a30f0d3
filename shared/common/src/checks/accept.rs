//! `--accept CODE`: which findings a person may go on in spite of.

use crate::failure::Failure;
use crate::plan::Severity;

use super::{Group, definitions};

/// The codes of `--accept`, in their proper spelling: case does not matter, `RHACS-` may be left
/// out.
///
/// # Errors
/// A usage failure for a code that does not exist, with the nearest one, and for one that cannot
/// be accepted.
pub fn known_codes(groups: &'static [Group], codes: &[String]) -> Result<Vec<String>, Failure> {
    codes.iter().map(|code| known_code(groups, code)).collect()
}

/// A code as it is written in full.
pub(super) fn full(code: &str) -> String {
    let upper = code.trim().to_uppercase();
    if upper.starts_with(PREFIX) { upper } else { format!("{PREFIX}{upper}") }
}

fn known_code(groups: &'static [Group], code: &str) -> Result<String, Failure> {
    let full = full(code);
    match definitions(groups).find(|definition| definition.code == full) {
        Some(definition) if definition.severity == Severity::Block => {
            Err(Failure::usage(format!("`{}` cannot be accepted", definition.code))
                .because(definition.why))
        }
        Some(definition) => Ok(definition.code.to_owned()),
        None => {
            let failure = Failure::usage(format!("there is no finding `{code}` to accept"));
            Err(match nearest(groups, &full) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("the verb `check` lists the findings"),
            })
        }
    }
}

const PREFIX: &str = "RHACS-";

/// The code with the fewest typing errors between, if they are few.
fn nearest(groups: &'static [Group], code: &str) -> Option<&'static str> {
    definitions(groups)
        .map(|definition| (distance(code, definition.code), definition.code))
        .min()
        .filter(|(distance, near)| *distance <= near.len() / 3)
        .map(|(_, near)| near)
}

/// The Levenshtein distance of two ASCII texts.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use crate::exit::Exit;

    use super::*;
    use crate::checks::GENERAL;

    fn known(code: &str) -> Result<Vec<String>, Failure> {
        known_codes(&GENERAL, &[code.to_owned()])
    }

    #[test]
    fn a_code_may_be_written_short() {
        for code in ["RHACS-REPLICAS-ZERO", "replicas-zero", " Rhacs-Replicas-Zero"] {
            assert_eq!(known(code).expect(code), ["RHACS-REPLICAS-ZERO"]);
        }
    }

    #[test]
    fn a_mistyped_code_is_refused_with_the_nearest_one() {
        let failure = known("RHACS-REPLICA-ZERO").expect_err("mistyped");
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(failure.hints(), ["did you mean `RHACS-REPLICAS-ZERO`?"]);
        let failure = known("everything").expect_err("unknown");
        assert!(failure.hints()[0].contains("check"), "{failure:?}");
    }

    #[test]
    fn what_blocks_cannot_be_accepted() {
        let failure = known("RHACS-ROLLOUT-PAUSED").expect_err("it blocks");
        assert!(failure.render().contains("cannot be accepted"), "{failure:?}");
    }
}
