//! Recordings of real systems, which live beside the checkout and not in it.

use std::path::{Path, PathBuf};

/// The file `name` of the folder `shared` beside the checkout; none, said aloud, where there is no
/// such folder.
#[must_use]
pub fn shared_file(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("{name} is not beside the checkout"));
    None
}

/// Tells a person who runs the tests why one does nothing here.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so, and cargo shows this only")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
