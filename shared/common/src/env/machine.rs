//! The computer: its operating system, its processor, its name, and who works on it.

use std::path::PathBuf;

/// An operating system the suite runs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Os {
    /// Linux.
    Linux,
    /// Apple's macOS.
    MacOs,
    /// Microsoft Windows.
    Windows,
}

/// A processor architecture, by Kubernetes' names for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arch {
    /// x86, 64 bits.
    Amd64,
    /// ARM, 64 bits.
    Arm64,
    /// POWER, little-endian.
    Ppc64le,
    /// IBM Z.
    S390x,
}

/// An operating system and an architecture; tests set both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Machine {
    /// The operating system.
    pub os: Os,
    /// The architecture.
    pub arch: Arch,
}

impl Machine {
    /// The machine this binary was built for.
    #[must_use]
    pub const fn current() -> Self {
        let os = if cfg!(windows) {
            Os::Windows
        } else if cfg!(target_os = "macos") {
            Os::MacOs
        } else {
            Os::Linux
        };
        let arch = if cfg!(target_arch = "aarch64") {
            Arch::Arm64
        } else if cfg!(target_arch = "powerpc64") {
            Arch::Ppc64le
        } else if cfg!(target_arch = "s390x") {
            Arch::S390x
        } else {
            Arch::Amd64
        };
        Self { os, arch }
    }
}

impl Arch {
    /// The name in image platforms and node labels, such as `amd64`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
        }
    }
}

/// The computer's name; `unknown` when it has none.
pub(super) fn host_name() -> String {
    let name = system_host_name().or_else(|| std::env::var("COMPUTERNAME").ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(unix)]
fn system_host_name() -> Option<String> {
    Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn system_host_name() -> Option<String> {
    None
}

/// The user's name on this computer; `unknown` when the environment does not say.
pub(super) fn user_name() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The user's home directory.
pub(super) fn home_directory() -> Option<PathBuf> {
    std::env::home_dir().filter(|path| path.is_absolute())
}
