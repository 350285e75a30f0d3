//! Versions of the product, as far as they are known without asking anybody.

use super::{Answer, Candidate, Directive};
use crate::rhacs::{Version, hops};

/// The release lines that `prefix` may become, newest first. The patch number is left to the user:
/// it changes without this suite knowing, so the word stays unfinished.
pub(super) fn answer(prefix: &str) -> Answer {
    let candidates: Vec<Candidate> = lines()
        .map(|(major, minor)| Candidate::new(format!("{major}.{minor}."), "release line"))
        .filter(|candidate| candidate.value.starts_with(prefix))
        .collect();
    Answer { candidates, directive: Directive::Unfinished }
}

fn lines() -> impl Iterator<Item = (u32, u32)> {
    let of_major = |major: u32| (0..=99).rev().map(move |minor| (major, minor));
    of_major(4).chain(of_major(3)).filter(|(major, minor)| {
        let version = Version::release(*major, *minor, 0);
        hops::is_known_line(&version) && hops::is_supported_target(&version)
    })
}
