//! Reading a tar to its end: the form in which a RocksDB lies in a backup.

use std::io::{self, Read};

/// Everything in a tar is a multiple of this.
const BLOCK: usize = 512;
/// Where a header has the size of its entry, in octal or, with the first bit set, in binary.
const SIZE: std::ops::Range<usize> = 124..136;
/// Where a header has the sum of its bytes.
const SUM: std::ops::Range<usize> = 148..156;
/// Where a header has what kind of entry follows; `0` and nothing are files.
const KIND: usize = 156;

/// Reads `tar` through and returns the number of its files. What is written without a fault ends
/// with empty blocks: a writer that gave up leaves them out.
///
/// # Errors
/// Says at which place it is no tar; what reading itself failed with is passed on.
pub(super) fn read_through(tar: &mut impl Read) -> io::Result<u64> {
    let mut files = 0;
    let mut header = [0; BLOCK];
    loop {
        tar.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => wrong("its tar ends without an end"),
            _ => error,
        })?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        if sum(&header) != octal(&header[SUM]) {
            return Err(wrong("its tar has a header with a wrong sum"));
        }
        let size = size(&header).ok_or_else(|| wrong("its tar has an entry without a size"))?;
        files += u64::from(matches!(header[KIND], 0 | b'0'));
        let padded = size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        if io::copy(&mut tar.by_ref().take(padded), &mut io::sink())? != padded {
            return Err(wrong("its tar ends within a file"));
        }
    }
}

/// The sum of a header's bytes, the sum itself counted as blanks.
fn sum(header: &[u8; BLOCK]) -> Option<u64> {
    let bytes = header.iter().enumerate();
    Some(bytes.map(|(at, byte)| u64::from(if SUM.contains(&at) { b' ' } else { *byte })).sum())
}

fn size(header: &[u8; BLOCK]) -> Option<u64> {
    let field = &header[SIZE];
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    field[4..].iter().try_fold(0_u64, |size, byte| Some(size.checked_mul(256)? + u64::from(*byte)))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text, 8).ok()
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A tar of one file, as Go writes it.
#[cfg(test)]
pub(super) fn of_one(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = [0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[SIZE].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[KIND] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    let sum = format!("{:06o}\0 ", sum(&header).unwrap());
    header[SUM].copy_from_slice(sum.as_bytes());
    let mut tar = [&header[..], bytes].concat();
    tar.resize(tar.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    tar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tar_is_read_to_its_end_and_each_fault_is_told() {
        let whole = of_one("CURRENT", &[7; 700]);
        assert_eq!(read_through(&mut whole.as_slice()).unwrap(), 1);
        let mut wrong = whole.clone();
        wrong[0] ^= 1;
        for (tar, fault) in [
            (wrong.as_slice(), "a header with a wrong sum"),
            (&whole[..BLOCK + 600], "ends within a file"),
            (&whole[..BLOCK * 3], "ends without an end"),
            (&[], "ends without an end"),
            (&[b'x'; 2 * BLOCK], "a header with a wrong sum"),
        ] {
            let error = read_through(&mut &tar[..]).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
    }

    #[test]
    fn a_file_of_more_than_eight_gibibytes_has_its_size_in_binary() {
        let mut header = [0; BLOCK];
        header[SIZE].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
        assert_eq!(size(&header), Some((3 << 32) + 1));
    }
}
