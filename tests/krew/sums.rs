//! What archives are made of, as a number each.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// A number for the bytes of every file in `directory`.
pub fn of(directory: &Path) -> BTreeMap<String, u64> {
    let files = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            let mut hasher = DefaultHasher::new();
            std::fs::read(file.path()).unwrap().hash(&mut hasher);
            (file.file_name().into_string().unwrap(), hasher.finish())
        })
        .collect()
}
