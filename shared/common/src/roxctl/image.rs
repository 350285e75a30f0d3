//! What a downloaded file looks like from its first bytes: a program, for which machine, or a page.

use crate::env::{Arch, Machine, Os};

use super::machine::Target;

/// How many bytes [`judge`] looks at.
pub(super) const HEAD: usize = 4096;

/// Why a file cannot be the program it should be; none when nothing speaks against it.
pub(super) fn judge(head: &[u8], wanted: Machine) -> Option<String> {
    if is_page(head) {
        return Some("it is a web page: a proxy or a login page has answered".to_owned());
    }
    let found = machine(head)?;
    let (found, wanted) = (Target(found), Target(wanted));
    (found != wanted).then(|| format!("it is a program for {found}, not for {wanted}"))
}

/// Whether `head` begins a page for a browser, or the JSON of an API.
pub(super) fn is_page(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let starts =
        |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    starts(b"<!doctype") || starts(b"<html") || starts(b"<head") || starts(b"<?xml") || starts(b"{")
}

/// The machine that an executable file is for; none when it is no format known here.
fn machine(head: &[u8]) -> Option<Machine> {
    if head.starts_with(b"\x7fELF") {
        return elf(head).map(|arch| Machine { os: Os::Linux, arch });
    }
    if head.starts_with(&0xfeed_facf_u32.to_le_bytes()) {
        return mach_o(head).map(|arch| Machine { os: Os::MacOs, arch });
    }
    if head.starts_with(b"MZ") {
        return portable(head).map(|arch| Machine { os: Os::Windows, arch });
    }
    None
}

/// `e_machine` of an ELF header, in the byte order that `EI_DATA` names.
fn elf(head: &[u8]) -> Option<Arch> {
    let bytes = head.get(18..20)?.try_into().ok()?;
    let number =
        if *head.get(5)? == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    match number {
        62 => Some(Arch::Amd64),
        183 => Some(Arch::Arm64),
        21 => Some(Arch::Ppc64le),
        22 => Some(Arch::S390x),
        _ => None,
    }
}

/// `cputype` of a Mach-O header of 64 bits.
fn mach_o(head: &[u8]) -> Option<Arch> {
    match u32::from_le_bytes(head.get(4..8)?.try_into().ok()?) {
        0x0100_0007 => Some(Arch::Amd64),
        0x0100_000c => Some(Arch::Arm64),
        _ => None,
    }
}

/// `Machine` of the COFF header that a portable executable points to.
fn portable(head: &[u8]) -> Option<Arch> {
    let offset = u32::from_le_bytes(head.get(0x3c..0x40)?.try_into().ok()?) as usize;
    let header = head.get(offset..offset.checked_add(6)?)?.strip_prefix(b"PE\0\0")?;
    match u16::from_le_bytes(header.try_into().ok()?) {
        0x8664 => Some(Arch::Amd64),
        0xaa64 => Some(Arch::Arm64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf_head(order: u8, number: [u8; 2]) -> Vec<u8> {
        let mut head = b"\x7fELF\x02".to_vec();
        head.push(order);
        head.resize(18, 0);
        head.extend(number);
        head
    }

    fn portable_head(number: u16) -> Vec<u8> {
        let mut head = b"MZ".to_vec();
        head.resize(0x3c, 0);
        head.extend(0x80_u32.to_le_bytes());
        head.resize(0x80, 0);
        head.extend(b"PE\0\0");
        head.extend(number.to_le_bytes());
        head
    }

    fn mach_o_head(kind: u32) -> Vec<u8> {
        [0xfeed_facf_u32.to_le_bytes(), kind.to_le_bytes()].concat()
    }

    #[test]
    fn a_program_for_another_machine_is_known_by_its_header() {
        for (head, target) in [
            (elf_head(1, [62, 0]), "linux/amd64"),
            (elf_head(1, [183, 0]), "linux/arm64"),
            (elf_head(2, [0, 22]), "linux/s390x"),
            (mach_o_head(0x0100_000c), "darwin/arm64"),
            (portable_head(0x8664), "windows/amd64"),
        ] {
            let own = target.parse::<Target>().unwrap().0;
            assert_eq!(judge(&head, own), None, "{target}");
            let other = Machine { os: Os::Linux, arch: Arch::Ppc64le };
            assert!(judge(&head, other).unwrap().contains(target), "{target}");
        }
    }

    #[test]
    fn pages_are_not_programs_and_the_unknown_is_left_to_the_checksum() {
        let machine = Machine { os: Os::Linux, arch: Arch::Amd64 };
        for page in ["<!DOCTYPE html>", "\n  <html lang=en>", "\u{feff}<HTML>", "{\"code\":16}"] {
            assert!(judge(page.as_bytes(), machine).unwrap().contains("page"), "{page}");
        }
        for other in ["#!/bin/sh\n", "", "\x7fELF", "MZ"] {
            assert_eq!(judge(other.as_bytes(), machine), None, "{other}");
        }
    }
}
