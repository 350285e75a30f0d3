//! Blocks of headers, compressed by zlib with the dictionary of SPDY.

use std::collections::BTreeMap;
use std::io;

use flate2::{Decompress, FlushDecompress};

use super::malformed;

/// Bytes that the headers of a stream may have.
const MOST_BYTES: usize = 64 * 1024;

/// The headers of a client; one for a whole connection, since each block builds on those before.
pub(crate) struct Reader {
    inflate: Decompress,
    is_first: bool,
}

impl Reader {
    /// A reader of the first block of a connection.
    ///
    /// # Errors
    /// When the dictionary cannot be put before the data.
    pub(crate) fn new() -> io::Result<Self> {
        // A dictionary is what came before: here it does come before, as a block that is stored.
        let mut inflate = Decompress::new(false);
        let dictionary = dictionary();
        let mut ignored = Vec::with_capacity(dictionary.len() + 1);
        inflate.decompress_vec(&stored(&dictionary), &mut ignored, FlushDecompress::Sync)?;
        Ok(Self { inflate, is_first: true })
    }

    /// The headers of a block, by their names in lower case.
    ///
    /// # Errors
    /// For data that is no such block.
    pub(crate) fn read(&mut self, block: &[u8]) -> io::Result<BTreeMap<String, String>> {
        let block = if self.is_first { without_head(block) } else { Some(block) };
        self.is_first = false;
        let mut rest = block.ok_or_else(|| malformed("the headers are not compressed by zlib"))?;
        let mut text = Vec::new();
        loop {
            text.reserve(4_096);
            let before = (self.inflate.total_in(), text.len());
            self.inflate.decompress_vec(rest, &mut text, FlushDecompress::Sync)?;
            let taken = usize::try_from(self.inflate.total_in() - before.0).unwrap_or(rest.len());
            rest = &rest[taken..];
            if taken == 0 && text.len() == before.1 {
                break;
            }
            if text.len() > MOST_BYTES {
                return Err(malformed("the headers are too long"));
            }
        }
        pairs(&text).ok_or_else(|| malformed("the headers are cut off"))
    }
}

/// Takes away the head of the compressed data: two bytes, and four of the dictionary's checksum.
fn without_head(block: &[u8]) -> Option<&[u8]> {
    let with_dictionary = block.get(1)? & 0x20 != 0;
    let deflated = block.first()? & 0x0f == 8;
    block.get(if with_dictionary { 6 } else { 2 }..).filter(|_| deflated)
}

fn pairs(text: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut rest = text;
    let count = number(&mut rest)?;
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let (name, value) = (string(&mut rest)?, string(&mut rest)?);
        pairs.insert(name.to_lowercase(), value);
    }
    Some(pairs)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, tail) = rest.split_first_chunk()?;
    *rest = tail;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

fn string(rest: &mut &[u8]) -> Option<String> {
    let length = number(rest)?;
    let (content, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(String::from_utf8_lossy(content).into_owned())
}

/// A block without headers, for an answer; `is_first` for the first one of a connection.
pub(crate) fn nothing(is_first: bool) -> Vec<u8> {
    // Without compression: head and a stored block, which every reader takes. The empty block
    // after it tells a reader to hand over what it has before it looks for more.
    let mut block = if is_first { vec![0x78, 0x01] } else { Vec::new() };
    block.extend(stored(&0_u32.to_be_bytes()));
    block.extend(stored(&[]));
    block
}

/// Content as a block of deflate that is stored and not the last one.
fn stored(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let mut block = vec![0];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(content);
    block
}

/// The dictionary: words with their lengths, then numbers and phrases.
fn dictionary() -> Vec<u8> {
    let lines: Vec<&str> = include_str!("words.txt").lines().collect();
    let Some((phrases, words)) = lines.split_last() else { return Vec::new() };
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend((word.len() as u32).to_be_bytes());
        bytes.extend(word.bytes());
    }
    bytes.extend(phrases.bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::{Reader, dictionary, nothing, pairs, stored};

    /// The checksum that zlib gives a dictionary.
    fn adler(bytes: &[u8]) -> u32 {
        let (mut low, mut high) = (1_u32, 0_u32);
        for byte in bytes {
            low = (low + u32::from(*byte)) % 65_521;
            high = (high + low) % 65_521;
        }
        high << 16 | low
    }

    fn block(names: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = (names.len() as u32).to_be_bytes().to_vec();
        for text in names.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.bytes());
        }
        bytes
    }

    #[test]
    fn the_dictionary_is_the_one_that_clients_name() {
        assert_eq!(adler(&dictionary()), 0xe3c6_a7c2);
    }

    #[test]
    fn each_block_builds_on_the_dictionary_and_the_blocks_before() {
        let mut deflate = Compress::new(Compression::best(), false);
        let mut compress = |content: &[u8]| {
            let mut bytes = Vec::with_capacity(8 * 1024);
            deflate.compress_vec(content, &mut bytes, FlushCompress::Sync).unwrap();
            bytes
        };
        // What this compresses first plays the dictionary, so that later blocks refer to it.
        compress(&dictionary());
        let first = [
            &[0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2][..],
            &compress(&block(&[("StreamType", "error"), ("accept-encoding", "gzip")])),
        ]
        .concat();
        let second = compress(&block(&[("streamtype", "error"), ("port", "8443")]));
        let mut reader = Reader::new().unwrap();
        assert_eq!(reader.read(&first).unwrap()["streamtype"], "error");
        assert_eq!(reader.read(&second).unwrap()["port"], "8443");
    }

    #[test]
    fn an_answer_without_headers_is_read_as_one() {
        assert_eq!(nothing(true)[2..], nothing(false)[..]);
        assert!(pairs(&0_u32.to_be_bytes()).unwrap().is_empty());
        assert!(pairs(&stored(&[])).is_none());
    }

    #[test]
    fn data_that_is_not_compressed_is_refused() {
        assert!(Reader::new().unwrap().read(b"no zlib").is_err());
    }
}
