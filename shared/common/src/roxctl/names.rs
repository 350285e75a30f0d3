//! The names roxctl is published under, by version, operating system and architecture.
//!
//! Source: the product's publishing scripts, its change log and Central's download handler.

use crate::env::{Arch, Machine, Os};
use crate::rhacs::Version;

use super::machine::Target;

/// Where the vendor publishes roxctl.
pub const VENDOR_MIRROR: &str = "https://mirror.openshift.com/pub/rhacs/assets";
/// The list of checksums beside the files of an operating system.
pub(super) const CHECKSUMS: &str = "sha256sum.txt";
/// The part of a release's address that stands for the highest published version.
pub(super) const LATEST: &str = "latest";

/// Every machine that some release is published for.
pub const MACHINES: [Machine; 7] = [
    Machine { os: Os::Linux, arch: Arch::Amd64 },
    Machine { os: Os::Linux, arch: Arch::Arm64 },
    Machine { os: Os::Linux, arch: Arch::Ppc64le },
    Machine { os: Os::Linux, arch: Arch::S390x },
    Machine { os: Os::MacOs, arch: Arch::Amd64 },
    Machine { os: Os::MacOs, arch: Arch::Arm64 },
    Machine { os: Os::Windows, arch: Arch::Amd64 },
];

/// The directories of an operating system on the mirror, the documented one first.
pub(super) const fn directories(os: Os) -> [&'static str; 2] {
    match os {
        Os::Linux => ["Linux", "linux"],
        Os::MacOs => ["Darwin", "darwin"],
        Os::Windows => ["Windows", "windows"],
    }
}

/// The name of the file on the mirror: amd64 came first and has no suffix.
#[must_use]
pub fn mirror_file(machine: Machine) -> String {
    let suffix = match machine.arch {
        Arch::Amd64 => String::new(),
        other => format!("-{}", other.name()),
    };
    format!("roxctl{suffix}{}", extension(machine.os))
}

/// The ways a release is written in the mirror's addresses, the usual one first.
pub(super) fn directories_of(version: &Version) -> Vec<String> {
    let (usual, short) =
        (version.tag(), format!("{}.{}.{}", version.major(), version.minor(), version.patch()));
    // Up to 3.62 there are two ways to write a release.
    if version.is_release() && usual != short { vec![usual, short] } else { vec![usual] }
}

/// The names a Central of this release may offer the file under, the likeliest first; none when it
/// has none for the machine.
#[must_use]
pub fn central_files(version: &Version, machine: Machine) -> Vec<String> {
    let os = super::machine::os_name(machine.os);
    let full = format!("roxctl-{os}-{}{}", machine.arch.name(), extension(machine.os));
    let short = format!("roxctl-{os}{}", extension(machine.os));
    let since = match (machine.os, machine.arch) {
        (_, Arch::Amd64) if version.is_at_least(3, 74) => return vec![full, short],
        (_, Arch::Amd64) => return vec![short, full],
        (Os::Linux, Arch::Ppc64le | Arch::S390x) => (3, 74),
        (Os::Linux, Arch::Arm64) => (4, 2),
        (Os::MacOs, Arch::Arm64) => (4, 5),
        _ => return Vec::new(),
    };
    if version.is_at_least(since.0, since.1) { vec![full] } else { Vec::new() }
}

/// The machines that a Central of this release has a roxctl for.
#[must_use]
pub fn offered_by_central(version: &Version) -> Vec<Machine> {
    MACHINES.into_iter().filter(|machine| !central_files(version, *machine).is_empty()).collect()
}

/// The machines the vendor publishes a release for.
#[must_use]
pub fn published(version: &Version) -> Vec<Machine> {
    let since = |machine: &Machine| match (machine.os, machine.arch) {
        (_, Arch::Amd64) => (3, 0),
        (Os::Linux, Arch::Ppc64le | Arch::S390x) => (4, 3),
        _ => (4, 5),
    };
    let offered = |machine: &Machine| {
        let (major, minor) = since(machine);
        version.is_at_least(major, minor)
    };
    MACHINES.into_iter().filter(offered).collect()
}

/// `linux/amd64, linux/arm64, …`
pub(super) fn listed(machines: &[Machine]) -> String {
    let all: Vec<String> = machines.iter().map(|machine| Target(*machine).to_string()).collect();
    all.join(", ")
}

/// The machine that a file of the mirror's directory for `os` is for; none for other tools.
pub(super) fn machine_of(os: Os, file: &str) -> Option<Machine> {
    let of_os = |machine: &Machine| machine.os == os && mirror_file(*machine) == file;
    MACHINES.into_iter().find(of_os)
}

/// The name of an installed roxctl: `roxctl`, or `roxctl-4.8.3` beside others.
#[must_use]
pub fn installed_name(os: Os, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("roxctl-{version}{}", extension(os)),
        None => format!("roxctl{}", extension(os)),
    }
}

/// The version in the name of a file that stands beside others.
#[must_use]
pub fn version_in_name(os: Os, name: &str) -> Option<Version> {
    name.strip_prefix("roxctl-")?.strip_suffix(extension(os))?.parse().ok()
}

/// Whether `name` is one that [`installed_name`] gives.
pub(super) fn is_installed_name(os: Os, name: &str) -> bool {
    name == installed_name(os, None) || version_in_name(os, name).is_some()
}

const fn extension(os: Os) -> &'static str {
    match os {
        Os::Windows => ".exe",
        Os::Linux | Os::MacOs => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn machine(text: &str) -> Machine {
        text.parse::<Target>().unwrap().0
    }

    #[test]
    fn files_are_named_as_the_mirror_names_them() {
        for (target, file) in [
            ("linux/amd64", "roxctl"),
            ("linux/arm64", "roxctl-arm64"),
            ("linux/s390x", "roxctl-s390x"),
            ("darwin/arm64", "roxctl-arm64"),
            ("windows/amd64", "roxctl.exe"),
        ] {
            assert_eq!(mirror_file(machine(target)), file, "{target}");
            assert_eq!(machine_of(machine(target).os, file), Some(machine(target)));
        }
        assert_eq!(machine_of(Os::Linux, "roxagent"), None);
    }

    #[test]
    fn central_offers_names_by_its_version() {
        for (release, target, first) in [
            ("3.0.62.1", "linux/amd64", Some("roxctl-linux")),
            ("3.69.2", "darwin/amd64", Some("roxctl-darwin")),
            ("3.69.2", "windows/amd64", Some("roxctl-windows.exe")),
            ("3.69.2", "linux/ppc64le", None),
            ("3.74.9", "windows/amd64", Some("roxctl-windows-amd64.exe")),
            ("3.74.9", "linux/s390x", Some("roxctl-linux-s390x")),
            ("4.1.0", "linux/arm64", None),
            ("4.2.0", "linux/arm64", Some("roxctl-linux-arm64")),
            ("4.4.0", "darwin/arm64", None),
            ("4.11.1", "darwin/arm64", Some("roxctl-darwin-arm64")),
            ("4.11.1", "windows/arm64", None),
        ] {
            let names = central_files(&version(release), machine(target));
            assert_eq!(names.first().map(String::as_str), first, "{release} {target}");
        }
    }

    #[test]
    fn the_mirror_publishes_more_machines_with_time() {
        let count = |release: &str| published(&version(release)).len();
        assert_eq!(["3.69.2", "4.2.5", "4.3.0", "4.5.0"].map(count), [3, 3, 5, 7]);
        let old = published(&version("3.69.2"));
        assert_eq!(listed(&old), "linux/amd64, darwin/amd64, windows/amd64");
    }

    #[test]
    fn a_release_of_old_is_looked_for_under_both_its_names() {
        assert_eq!(directories_of(&version("3.62.1")), ["3.0.62.1", "3.62.1"]);
        assert_eq!(directories_of(&version("4.8.3")), ["4.8.3"]);
    }

    #[test]
    fn names_of_installed_files_say_the_version() {
        assert_eq!(installed_name(Os::Windows, Some("4.8.3")), "roxctl-4.8.3.exe");
        assert_eq!(version_in_name(Os::Windows, "roxctl-4.8.3.exe"), Some(version("4.8.3")));
        assert_eq!(version_in_name(Os::Linux, "roxctl-old"), None);
        assert!(is_installed_name(Os::Linux, "roxctl"));
        assert!(!is_installed_name(Os::Linux, "roxctl.txt"));
    }
}
