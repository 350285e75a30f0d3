//! The unfinished file: a thread of its own hashes and writes what arrives.

use std::io::{self, Write};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use hyper::body::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::checksum::Checksum;
use super::image::HEAD;
use crate::fs::PartialFile;

/// How many pieces wait for the disk at most; a piece is as large as the network's buffers.
const WAITING: usize = 8;
/// How many bytes are brought to the disk at once.
const SYNCED_AT_ONCE: u64 = 8 << 20;

/// A file that is being received. Dropped unfinished, it is gone when the drop returns.
pub(super) struct Part {
    pieces: Option<mpsc::Sender<Piece>>,
    thread: Option<JoinHandle<io::Result<Received>>>,
}

/// What has arrived: closed, durable, and still under its unfinished name.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) file: PartialFile,
    pub(super) size: u64,
    pub(super) checksum: Checksum,
    /// Its first bytes.
    pub(super) head: Vec<u8>,
}

enum Piece {
    Data(Bytes),
    /// The server sends everything again.
    Restart,
}

impl Part {
    /// Starts to write into `file`.
    pub(super) fn start(file: PartialFile) -> io::Result<Self> {
        let (pieces, mut waiting) = mpsc::channel(WAITING);
        let write = move || {
            let mut sink = Sink::new(file);
            while let Some(piece) = waiting.blocking_recv() {
                match piece {
                    Piece::Data(data) => sink.write(&data)?,
                    Piece::Restart => sink = sink.restarted()?,
                }
            }
            sink.finish()
        };
        let thread = std::thread::Builder::new().name("write".to_owned()).spawn(write)?;
        Ok(Self { pieces: Some(pieces), thread: Some(thread) })
    }

    /// Hands over what arrived; false when writing has failed, which [`Self::finish`] tells of.
    pub(super) async fn push(&self, data: Bytes) -> bool {
        self.send(Piece::Data(data)).await
    }

    /// Begins again with an empty file.
    pub(super) async fn restart(&self) -> bool {
        self.send(Piece::Restart).await
    }

    /// Waits until everything is on disk.
    pub(super) async fn finish(mut self) -> io::Result<Received> {
        drop(self.pieces.take());
        let Some(thread) = self.thread.take() else { return Err(gone()) };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined.map_err(io::Error::other)?.unwrap_or_else(|_| Err(gone()))
    }

    async fn send(&self, piece: Piece) -> bool {
        match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.pieces.take());
        if let Some(thread) = self.thread.take() {
            // Its result holds the file, which removes itself.
            drop(thread.join());
        }
    }
}

struct Sink {
    file: PartialFile,
    hasher: Sha256,
    size: u64,
    head: Vec<u8>,
    syncer: Option<Syncer>,
    unsynced: u64,
}

impl Sink {
    fn new(file: PartialFile) -> Self {
        let head = Vec::with_capacity(HEAD);
        Self { file, hasher: Sha256::new(), size: 0, head, syncer: None, unsynced: 0 }
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let missing = HEAD - self.head.len().min(HEAD);
        self.head.extend_from_slice(&data[..missing.min(data.len())]);
        self.size += data.len() as u64;
        self.unsynced += data.len() as u64;
        self.file.write_all(data)?;
        self.hasher.update(data);
        if self.unsynced >= SYNCED_AT_ONCE {
            self.unsynced = 0;
            let syncer = match self.syncer.take() {
                Some(syncer) => syncer,
                None => Syncer::start(&self.file)?,
            };
            self.syncer.insert(syncer).sync();
        }
        Ok(())
    }

    fn restarted(mut self) -> io::Result<Self> {
        drop(self.syncer.take());
        let target = self.file.target().to_owned();
        drop(self.file);
        PartialFile::create(target).map(Self::new)
    }

    fn finish(mut self) -> io::Result<Received> {
        drop(self.syncer.take());
        self.file.close()?;
        let checksum = Checksum::of(self.hasher);
        Ok(Received { file: self.file, size: self.size, checksum, head: self.head })
    }
}

/// Brings a file to the disk while it is still being written, so that little is left to wait for
/// at its end.
struct Syncer {
    wanted: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    fn start(file: &PartialFile) -> io::Result<Self> {
        let file = file.handle()?;
        let (wanted, asked) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("sync".to_owned()).spawn(move || {
            while asked.recv().is_ok() {
                // Closing the file syncs it again, and tells of errors.
                drop(file.sync_data());
            }
        })?;
        Ok(Self { wanted: Some(wanted), thread: Some(thread) })
    }

    fn sync(&self) {
        // When it is at it already, the next time will do.
        let _ = self.wanted.as_ref().map(|wanted| wanted.try_send(()));
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocking<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(work)
    }

    #[test]
    fn what_arrives_is_hashed_and_written_and_a_restart_forgets_it() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("roxctl");
        let received = blocking(async {
            let part = Part::start(PartialFile::create(&target).unwrap()).unwrap();
            assert!(part.push(Bytes::from_static(b"wrong")).await);
            assert!(part.restart().await);
            assert!(part.push(Bytes::from_static(b"ri")).await);
            assert!(part.push(Bytes::from_static(b"ght")).await);
            part.finish().await.unwrap()
        });
        assert_eq!(received.size, 5);
        assert_eq!(received.head, b"right");
        assert_eq!(received.checksum, Checksum::of_file(received.file.path()).unwrap());
        assert!(!target.exists(), "it has its unfinished name still");
    }

    #[test]
    fn an_unfinished_file_is_gone_when_the_drop_returns() {
        let directory = tempfile::tempdir().unwrap();
        let file = PartialFile::create(directory.path().join("roxctl")).unwrap();
        blocking(async {
            let part = Part::start(file).unwrap();
            assert!(part.push(Bytes::from_static(b"half")).await);
        });
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
