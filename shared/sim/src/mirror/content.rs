//! The programs of the mirror: a script that says its version, followed by filler up to a size.

use std::sync::LazyLock;

use hyper::body::Bytes;
use sha2::{Digest, Sha256};

use super::layout::File;

/// Filler that is different at every place of a mebibyte, so that a wrong offset shows.
static FILLER: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(1 << 20);
    while bytes.len() < 1 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.into()
});

/// The bytes of one file; clones are cheap.
#[derive(Clone, Debug)]
pub(super) struct Content {
    head: Bytes,
    size: u64,
}

impl Content {
    /// The program of a file: it answers `version` and nothing else.
    pub(super) fn of(file: &File, size: u64) -> Self {
        Self::saying(&file.version.to_string(), file, size)
    }

    /// The same, saying that it is another version.
    pub(super) fn saying(version: &str, file: &File, size: u64) -> Self {
        let script = format!(
            "#!/bin/sh\n# {} {:?}\n[ \"$1\" = version ] || exit 2\necho {version}\nexit 0\n",
            file.name, file.machine
        );
        Self::new(script.into_bytes(), size)
    }

    /// A program that ends at once, with an error.
    pub(super) fn broken(size: u64) -> Self {
        Self::new(b"#!/bin/sh\necho 'cannot start' >&2\nexit 1\n".to_vec(), size)
    }

    fn new(head: Vec<u8>, size: u64) -> Self {
        let size = size.max(head.len() as u64);
        Self { head: head.into(), size }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Up to `limit` bytes from `offset` on; empty at the end.
    pub(super) fn piece(&self, offset: u64, limit: usize) -> Bytes {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let limit = limit.min(left);
        let head = self.head.len() as u64;
        if offset < head {
            let start = usize::try_from(offset).unwrap_or_default();
            return self.head.slice(start..self.head.len().min(start + limit));
        }
        let start = usize::try_from((offset - head) % FILLER.len() as u64).unwrap_or_default();
        FILLER.slice(start..FILLER.len().min(start + limit))
    }

    /// All of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        self.each(|piece| all.extend_from_slice(piece));
        all
    }

    /// The SHA-256 of all of it, in hex.
    pub(super) fn sum(&self) -> String {
        let mut hasher = Sha256::new();
        self.each(|piece| hasher.update(piece));
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn each(&self, mut take: impl FnMut(&[u8])) {
        let mut offset = 0;
        while offset < self.size {
            let piece = self.piece(offset, 1 << 20);
            offset += piece.len() as u64;
            take(&piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_from_anywhere_make_up_the_whole() {
        let content = Content::broken(3 << 20);
        let whole = content.bytes();
        assert_eq!(whole.len(), 3 << 20);
        for offset in [0_u64, 7, 50, 1 << 20, (3 << 20) - 1] {
            let piece = content.piece(offset, 1000);
            let start = usize::try_from(offset).unwrap();
            assert_eq!(piece[..], whole[start..start + piece.len()], "{offset}");
        }
        assert!(content.piece(3 << 20, 10).is_empty());
    }
}
