//! Shell scripts that ask a program for its completions.

use clap::ValueEnum;

/// A shell that can complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Shell {
    /// GNU bash, 3.2 or newer
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell, also on Linux and macOS
    Powershell,
}

/// The script that makes `shell` ask each of `programs` itself, called directly; under kubectl its
/// own completion does that.
///
/// `name` begins the names of the script's functions: letters, digits and `_`.
#[must_use]
pub fn script(shell: Shell, name: &str, programs: &[&str]) -> String {
    let template = match shell {
        Shell::Bash => include_str!("scripts/bash.sh"),
        Shell::Zsh => include_str!("scripts/zsh.sh"),
        Shell::Fish => include_str!("scripts/fish.fish"),
        Shell::Powershell => include_str!("scripts/powershell.ps1"),
    };
    let separator = if shell == Shell::Powershell { ", " } else { " " };
    template.replace("@NAME@", name).replace("@PROGRAMS@", &programs.join(separator))
}
