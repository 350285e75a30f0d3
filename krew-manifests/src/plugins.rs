//! The one source of every manifest and archive: which plugins there are, and for what.

/// A plugin as krew installs it: one archive a platform, one command.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// krew's name; `-` is typed as it is, `kubectl sf-token`.
    pub name: &'static str,
    /// The program that kubectl starts, without `.exe`.
    pub bin: &'static str,
    /// Every program in the archive, without `.exe`.
    pub programs: &'static [&'static str],
    /// One line.
    pub short_description: &'static str,
    /// What it does and why one would want it.
    pub description: &'static str,
    /// What krew says after installing it.
    pub caveats: &'static str,
}

/// A platform by the names of krew and Go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Platform {
    /// The operating system.
    pub os: &'static str,
    /// The architecture.
    pub arch: &'static str,
}

/// What stands for the address of the repository as long as nothing is released. Its domain is
/// reserved: nobody can publish archives there.
pub const PLACEHOLDER: &str = "https://kubectl-rhacs.example";

/// The plugins.
pub const PLUGINS: [Plugin; 2] = [
    Plugin {
        name: "rhacs",
        bin: "kubectl-rhacs",
        programs: &[
            "kubectl-rhacs",
            "kubectl-rhacs-upgrade",
            "kubectl-rhacs-rollback",
            "kubectl-rhacs-scc",
            "kubectl-rhacs-roxctl",
            "rhacs-sim",
        ],
        short_description: "Upgrade Red Hat Advanced Cluster Security, and go back",
        description: "\
Upgrades installations of Red Hat Advanced Cluster Security (StackRox) that were
made with plain manifests: from a plan that is shown first, with a verified
backup, every step recorded in the cluster, so that a run can be finished or
taken back wherever it was cut off.

  kubectl rhacs upgrade    plan, show, ask, apply, verify
  kubectl rhacs rollback   go back to what ran before
  kubectl rhacs scc        move to the SCCs of a release (OpenShift)
  kubectl rhacs roxctl     install and verify roxctl on this computer
  kubectl rhacs doctor     look for what is wrong on this computer
",
        caveats: "\
Try it without a cluster:
  kubectl rhacs upgrade --rehearse sample:3.62.1:openshift --to 3.69.2
Complete its words with TAB:
  kubectl rhacs completion install
Before you uninstall it, remove what krew does not know of:
  kubectl rhacs completion uninstall
",
    },
    Plugin {
        name: "sf-token",
        bin: "sf-token",
        programs: &["sf-token"],
        short_description: "Rotate Splunk Observability Cloud access tokens",
        description: "\
Lists, creates and rotates access tokens of Splunk Observability Cloud, and
brings a rotated token into the clusters that use it: it writes the Secret and
restarts what reads it, within the time in which the old token still works.

  kubectl sf-token list
  kubectl sf-token rotate NAME --graceful 7d --to-collector
",
        caveats: "\
It needs an API session token of an administrator; an access token cannot
rotate itself. See: kubectl sf-token --help
",
    },
];

/// The platforms of a release.
pub const PLATFORMS: [Platform; 5] = [
    Platform { os: "linux", arch: "amd64" },
    Platform { os: "linux", arch: "arm64" },
    Platform { os: "darwin", arch: "amd64" },
    Platform { os: "darwin", arch: "arm64" },
    Platform { os: "windows", arch: "amd64" },
];

impl Plugin {
    /// The archive's file name in the release `version`.
    #[must_use]
    pub fn archive(&self, version: &str, platform: Platform) -> String {
        let Platform { os, arch } = platform;
        let extension = if platform.is_windows() { "zip" } else { "tar.gz" };
        format!("kubectl-{}-v{version}-{os}-{arch}.{extension}", self.name)
    }
}

impl Platform {
    /// The platform written as `linux-amd64`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        PLATFORMS.into_iter().find(|platform| platform.to_string() == text)
    }

    /// Whether programs end in `.exe` there.
    #[must_use]
    pub fn is_windows(self) -> bool {
        self.os == "windows"
    }

    /// The file of a program.
    #[must_use]
    pub fn file_name(self, program: &str) -> String {
        if self.is_windows() { format!("{program}.exe") } else { program.to_owned() }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn krew_can_link_and_show_every_plugin() {
        for plugin in PLUGINS {
            assert!(plugin.programs.contains(&plugin.bin), "{}", plugin.name);
            assert!(
                !plugin.short_description.contains('\n') && plugin.short_description.len() < 60
            );
            for text in [plugin.description, plugin.caveats] {
                assert!(text.lines().all(|line| line.len() <= 80 && line == line.trim_end()));
                assert!(text.ends_with('\n'));
            }
        }
    }

    #[test]
    fn the_archive_has_every_program_that_the_front_door_starts() {
        let rhacs = PLUGINS.iter().find(|plugin| plugin.name == "rhacs").unwrap();
        assert_eq!(rhacs.programs, kubectl_rhacs::programs::names());
    }

    #[test]
    fn a_platform_is_read_as_it_is_written() {
        for platform in PLATFORMS {
            assert_eq!(Platform::parse(&platform.to_string()), Some(platform));
        }
        assert_eq!(Platform::parse("plan9-amd64"), None);
    }
}
