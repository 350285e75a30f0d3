//! Backups: a real zip, streamed in chunks of stored entries, however large the database is said to be.

use std::collections::VecDeque;
use std::io;

use common::rhacs::Version;
use flate2::Crc;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};

use super::Central;
use super::release::{minimum, sequence};
use super::routes::{Body, as_file, bytes_response};
use crate::faults::ClusterFault;

/// Bytes that are made and sent at once.
const CHUNK: usize = 256 * 1024;
/// Sizes from here on need zip64.
const LIMIT: u64 = 0xffff_ffff;

/// What an entry holds.
enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of a database.
    Filler(u64),
    /// A tar of one file with so many bytes of a database.
    Tar(u64),
}

/// The parts of a tar that are not the bytes of its file.
const TAR_BLOCK: u64 = 512;

/// Answers a request for a backup; `database_only` is the old form without keys.
pub(super) fn respond(central: &Central, version: &Version, database_only: bool) -> Response<Body> {
    let failed = central.faults.find(|fault| match fault {
        ClusterFault::FailedBackup { message } => Some(message.clone()),
        _ => None,
    });
    let (truncated, size) = {
        let mut state = central.lock();
        state.last_backup = Some((central.clock.now(), failed.is_none()));
        let truncated = central.faults.find(|fault| match fault {
            ClusterFault::TruncatedBackup { bytes } => Some(*bytes),
            _ => None,
        });
        (truncated, state.backup_bytes)
    };
    let mut entries = entries(central, version, size, database_only);
    if failed.is_some() {
        // The key that cannot be read was begun; what would have come after it never is.
        entries.retain(|(name, _)| name != "migration_version.yaml");
        for (name, content) in &mut entries {
            if name.starts_with("keys/jwt-key") {
                *content = Content::Bytes(Vec::new());
            }
        }
    }
    let mut zip = Zip::new(entries);
    zip.after = failed.map(String::into_bytes);
    let left = truncated.unwrap_or(u64::MAX);
    let frames = stream::unfold((zip, left), |(mut zip, left)| async move {
        let chunk = zip.next_chunk().filter(|_| left > 0)?;
        let kept = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        let chunk = chunk.slice(..kept);
        // Other tasks run between two chunks, also when the client reads as fast as we write.
        tokio::task::yield_now().await;
        Some((Ok::<_, io::Error>(Frame::data(chunk)), (zip, left - kept as u64)))
    });
    let mut response = bytes_response(StatusCode::OK, "application/zip", Bytes::new());
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    let (prefix, suffix) = if central.on_postgres(version) {
        ("postgres_db", ".sql.zip")
    } else {
        ("stackrox_db", ".zip")
    };
    let stamp = central.clock.now().strftime("%Y_%m_%d_%H_%M_%S");
    as_file(response, &format!("{prefix}_{stamp}{suffix}"))
}

/// `GET /api/extensions/certs/backup`: the keys alone.
pub(super) fn respond_with_keys(central: &Central) -> Response<Body> {
    let mut zip = Zip::new(keys(central).into());
    let mut file = Vec::new();
    while let Some(chunk) = zip.next_chunk() {
        file.extend_from_slice(&chunk);
    }
    let response = bytes_response(StatusCode::OK, "application/zip", file.into());
    let stamp = central.clock.now().strftime("%Y_%m_%d_%H_%M_%S");
    as_file(response, &format!("cert_backup_{stamp}.zip"))
}

fn keys(central: &Central) -> [(String, Content); 3] {
    let text = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    [
        ("keys/ca.pem".to_owned(), text(central.pki.ca_pem())),
        ("keys/ca-key.pem".to_owned(), text(central.pki.ca_key_pem())),
        ("keys/jwt-key.pem".to_owned(), text(central.pki.ca_key_pem())),
    ]
}

fn entries(
    central: &Central,
    version: &Version,
    size: u64,
    database_only: bool,
) -> Vec<(String, Content)> {
    let text = |text: String| Content::Bytes(text.into_bytes());
    let mut manifest = format!("image: {}\ndatabase: {}\n", version.tag(), sequence(version));
    if version.is_at_least(4, 1) {
        manifest.push_str(&format!("mindatabase: {}\n", minimum(version)));
    }
    manifest.push_str(&format!("lastpersisted: {}\n", central.clock.now()));
    let manifest = ("migration_version.yaml".to_owned(), text(manifest));
    let mut entries = if central.on_postgres(version) {
        vec![
            ("postgres.size".to_owned(), text(size.to_string())),
            ("postgres.dump".to_owned(), Content::Filler(size)),
        ]
    } else {
        vec![
            ("bolt.db".to_owned(), Content::Filler(size / 4)),
            ("rocks.db".to_owned(), Content::Tar(size - size / 4)),
        ]
    };
    if !database_only {
        entries.extend(keys(central));
        if central.on_postgres(version) {
            entries.push(("central-db/password".to_owned(), text("embedded".to_owned())));
        }
    }
    // Releases before 4.0 write it last.
    let place = if version.is_at_least(4, 0) { 0 } else { entries.len() };
    entries.insert(place, manifest);
    entries
}

/// A zip that is written as it is read.
struct Zip {
    waiting: VecDeque<(String, Content)>,
    current: Option<Open>,
    directory: Vec<Written>,
    offset: u64,
    ended: bool,
    /// What is sent when the archive is complete.
    after: Option<Vec<u8>>,
}

/// The entry that is being written.
struct Open {
    name: String,
    start: u64,
    size: u64,
    content: Content,
    sent: u64,
    crc: Crc,
}

/// An entry that is done, for the central directory.
struct Written {
    name: String,
    start: u64,
    size: u64,
    crc: u32,
}

impl Zip {
    fn new(entries: Vec<(String, Content)>) -> Self {
        Self {
            waiting: entries.into(),
            current: None,
            directory: Vec::new(),
            offset: 0,
            ended: false,
            after: None,
        }
    }

    /// The next bytes of the file; none at its end.
    fn next_chunk(&mut self) -> Option<Bytes> {
        let bytes = if let Some(open) = self.current.take() {
            self.continue_entry(open)
        } else if let Some((name, content)) = self.waiting.pop_front() {
            self.begin_entry(name, content)
        } else if self.ended {
            self.after.take()?
        } else {
            self.ended = true;
            self.end()
        };
        self.offset += bytes.len() as u64;
        Some(bytes.into())
    }

    fn begin_entry(&mut self, name: String, content: Content) -> Vec<u8> {
        let size = match &content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Filler(size) => *size,
            Content::Tar(size) => size.next_multiple_of(TAR_BLOCK) + 3 * TAR_BLOCK,
        };
        let mut header = Record::default();
        let large = size >= LIMIT;
        // Bit 3: checksum and sizes follow the data, as a writer does that cannot seek.
        header.u32(0x0403_4b50).u16(if large { 45 } else { 20 }).u16(8).u16(0).u32(0x0021_0000);
        header.u32(0).u32(if large { 0xffff_ffff } else { 0 }).u32(if large {
            0xffff_ffff
        } else {
            0
        });
        header.u16(name.len() as u16).u16(if large { 20 } else { 0 }).bytes(name.as_bytes());
        if large {
            header.u16(1).u16(16).u64(0).u64(0);
        }
        self.current =
            Some(Open { name, start: self.offset, size, content, sent: 0, crc: Crc::new() });
        header.0
    }

    fn continue_entry(&mut self, mut open: Open) -> Vec<u8> {
        if open.sent < open.size {
            let bytes = match &mut open.content {
                Content::Bytes(bytes) => std::mem::take(bytes),
                Content::Filler(size) => filler(open.sent, *size),
                Content::Tar(size) => tar(open.sent, *size),
            };
            open.crc.update(&bytes);
            open.sent += bytes.len() as u64;
            self.current = Some(open);
            return bytes;
        }
        let mut descriptor = Record::default();
        descriptor.u32(0x0807_4b50).u32(open.crc.sum());
        if open.size >= LIMIT {
            descriptor.u64(open.size).u64(open.size);
        } else {
            descriptor.u32(open.size as u32).u32(open.size as u32);
        }
        self.directory.push(Written {
            name: open.name,
            start: open.start,
            size: open.size,
            crc: open.crc.sum(),
        });
        descriptor.0
    }

    /// The central directory and what closes the file.
    fn end(&self) -> Vec<u8> {
        let mut record = Record::default();
        for entry in &self.directory {
            let large = entry.size >= LIMIT || entry.start >= LIMIT;
            let narrow = |value: u64| if large { 0xffff_ffff } else { value as u32 };
            record
                .u32(0x0201_4b50)
                .u16(45)
                .u16(if large { 45 } else { 20 })
                .u16(8)
                .u16(0)
                .u32(0x0021_0000);
            record.u32(entry.crc).u32(narrow(entry.size)).u32(narrow(entry.size));
            record
                .u16(entry.name.len() as u16)
                .u16(if large { 28 } else { 0 })
                .u16(0)
                .u16(0)
                .u16(0)
                .u32(0);
            record.u32(narrow(entry.start)).bytes(entry.name.as_bytes());
            if large {
                record.u16(1).u16(24).u64(entry.size).u64(entry.size).u64(entry.start);
            }
        }
        let (count, length, start) =
            (self.directory.len() as u64, record.0.len() as u64, self.offset);
        if start >= LIMIT {
            let position = start + length;
            record.u32(0x0606_4b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count);
            record.u64(length).u64(start).u32(0x0706_4b50).u32(0).u64(position).u32(1);
        }
        let narrow_start = if start >= LIMIT { 0xffff_ffff } else { start as u32 };
        record.u32(0x0605_4b50).u16(0).u16(0).u16(count as u16).u16(count as u16);
        record.u32(length as u32).u32(narrow_start).u16(0);
        record.0
    }
}

/// The next bytes of a database of that size: not all alike, and the same in every run.
fn filler(sent: u64, size: u64) -> Vec<u8> {
    let length = usize::try_from(size - sent).unwrap_or(CHUNK).min(CHUNK);
    let mut bytes = vec![0_u8; length];
    let mut seed = sent ^ 0x9e37_79b9_7f4a_7c15;
    for word in bytes.chunks_mut(8) {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = seed.to_le_bytes();
        word.copy_from_slice(&random[..word.len()]);
    }
    bytes
}

/// The next bytes of a tar with one file of that size.
fn tar(sent: u64, size: u64) -> Vec<u8> {
    if sent == 0 {
        return tar_header("CURRENT", size);
    }
    let of_file = sent - TAR_BLOCK;
    if of_file < size {
        return filler(of_file, size);
    }
    // Up to the next block, and two empty ones: the end.
    vec![0; (size.next_multiple_of(TAR_BLOCK) - size + 2 * TAR_BLOCK) as usize]
}

fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0; TAR_BLOCK as usize];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000600\0");
    // What does not fit into eleven octal digits is written in binary.
    if size < 1 << 33 {
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        header[124] = 0x80;
        header[128..136].copy_from_slice(&size.to_be_bytes());
    }
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// Little-endian fields, one after another.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn whole(entries: Vec<(String, Content)>) -> Vec<u8> {
        let mut zip = Zip::new(entries);
        let mut file = Vec::new();
        while let Some(chunk) = zip.next_chunk() {
            file.extend_from_slice(&chunk);
        }
        file
    }

    #[test]
    fn the_file_is_a_zip_with_right_checksums() {
        let file = whole(vec![
            ("a.yaml".to_owned(), Content::Bytes(b"image: 3.69.2\n".to_vec())),
            ("rocks.db".to_owned(), Content::Filler(CHUNK as u64 * 2 + 5)),
        ]);
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut text = String::new();
        archive.by_name("a.yaml").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "image: 3.69.2\n");
        let mut bytes = Vec::new();
        archive.by_name("rocks.db").unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), CHUNK * 2 + 5);
    }

    #[test]
    fn a_rocksdb_is_a_tar() {
        let size = CHUNK as u64 + 700;
        let file = whole(vec![("rocks.db".to_owned(), Content::Tar(size))]);
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut bytes = Vec::new();
        archive.by_name("rocks.db").unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, size.next_multiple_of(TAR_BLOCK) + 3 * TAR_BLOCK);
        assert_eq!(&bytes[..8], b"CURRENT\0");
        assert!(bytes[bytes.len() - 1024..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_central_says_follows_a_whole_archive() {
        let mut zip = Zip::new(vec![("a".to_owned(), Content::Bytes(b"a".to_vec()))]);
        zip.after = Some(b"could not".to_vec());
        let mut file = Vec::new();
        while let Some(chunk) = zip.next_chunk() {
            file.extend_from_slice(&chunk);
        }
        assert!(file.ends_with(b"could not"));
        assert!(zip::ZipArchive::new(Cursor::new(file)).is_ok());
    }

    #[test]
    fn a_cut_file_is_no_zip() {
        let file = whole(vec![("rocks.db".to_owned(), Content::Filler(1000))]);
        assert!(zip::ZipArchive::new(Cursor::new(&file[..900])).is_err());
    }

    #[test]
    fn a_file_beyond_four_gibibytes_needs_no_memory_for_them() {
        let mut zip = Zip::new(vec![("d".to_owned(), Content::Filler(LIMIT + 10))]);
        let header = zip.next_chunk().unwrap();
        assert_eq!(header[4], 45, "zip64 is announced");
        assert!(zip.next_chunk().unwrap().len() <= CHUNK);
    }
}
