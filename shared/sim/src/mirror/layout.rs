//! The directories of the mirror as they were recorded: which files a release has, under which names.

use common::env::{Arch, Machine, Os};
use common::rhacs::Version;

/// A published file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The release.
    pub version: Version,
    /// The machine it is for.
    pub machine: Machine,
    /// Its name.
    pub name: &'static str,
}

/// What a path below the releases' directory leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// A program.
    File(File),
    /// The list of a directory, with its files.
    List(Vec<File>),
}

/// Names on the mirror, with the first release that has them.
const FILES: &[(Os, Arch, &str, (u32, u32))] = &[
    (Os::Linux, Arch::Amd64, "roxctl", (3, 0)),
    (Os::Linux, Arch::Arm64, "roxctl-arm64", (4, 5)),
    (Os::Linux, Arch::Ppc64le, "roxctl-ppc64le", (4, 3)),
    (Os::Linux, Arch::S390x, "roxctl-s390x", (4, 3)),
    (Os::Linux, Arch::Amd64, "roxagent", (4, 9)),
    (Os::MacOs, Arch::Amd64, "roxctl", (3, 0)),
    (Os::MacOs, Arch::Arm64, "roxctl-arm64", (4, 5)),
    (Os::Windows, Arch::Amd64, "roxctl.exe", (3, 0)),
];

/// The file or list at `VERSION/bin/SYSTEM/NAME`; `latest` is the highest version.
pub(super) fn look_up(releases: &[Version], path: &str) -> Option<Found> {
    let mut parts = path.split('/');
    let (release, bin, system, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if bin != "bin" || parts.next().is_some() {
        return None;
    }
    let version = match release {
        "latest" => releases.iter().max()?,
        tag => releases.iter().find(|version| version.to_string() == tag)?,
    };
    let os = match system {
        "Linux" | "linux" => Os::Linux,
        "Darwin" | "darwin" => Os::MacOs,
        "Windows" | "windows" => Os::Windows,
        _ => return None,
    };
    let of_directory = FILES
        .iter()
        .filter(|(of, _, _, (major, minor))| *of == os && version.is_at_least(*major, *minor));
    let mut files = of_directory.map(|(os, arch, name, _)| File {
        version: version.clone(),
        machine: Machine { os: *os, arch: *arch },
        name,
    });
    if name == "sha256sum.txt" {
        return Some(Found::List(files.collect()));
    }
    files.find(|file| file.name == name).map(Found::File)
}

/// The file at a path.
pub(super) fn find(releases: &[Version], path: &str) -> Option<File> {
    match look_up(releases, path)? {
        Found::File(file) => Some(file),
        Found::List(_) => None,
    }
}

/// A line of a list: releases from 3.74 on have `./` before the name.
pub(super) fn line(file: &File, sum: &str) -> String {
    let prefix = if file.version.is_at_least(3, 74) { "./" } else { "" };
    format!("{sum}  {prefix}{}\n", file.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_the_files_of_its_time() {
        let releases: Vec<Version> =
            ["3.69.2", "4.8.3"].iter().map(|text| text.parse().unwrap()).collect();
        for (path, there) in [
            ("3.69.2/bin/Linux/roxctl", true),
            ("3.69.2/bin/Linux/roxctl-arm64", false),
            ("4.8.3/bin/linux/roxctl-arm64", true),
            ("latest/bin/Darwin/roxctl-arm64", true),
            ("4.8.3/bin/Windows/roxctl", false),
            ("4.8.3/bin/Windows/roxctl.exe", true),
            ("4.8.3/Linux/roxctl", false),
            ("4.0.0/bin/Linux/roxctl", false),
        ] {
            assert_eq!(find(&releases, path).is_some(), there, "{path}");
        }
        let Some(Found::List(files)) = look_up(&releases, "4.8.3/bin/Linux/sha256sum.txt") else {
            panic!("a list");
        };
        assert_eq!(files.len(), 4);
        assert!(line(&files[0], "ab").starts_with("ab  ./roxctl"));
    }
}
