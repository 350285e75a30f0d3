//! The flags of verbs that are about one token by name.

use clap::Args;

use crate::api::TokenName;

/// A token, by name.
#[derive(Args, Clone, Debug)]
pub struct NameArgs {
    /// The token's name
    pub name: TokenName,
}

/// Whether to only look.
#[derive(Args, Clone, Debug, Default)]
pub struct DryRunArgs {
    /// Change nothing; only tell what would be done
    #[arg(
        long, value_parser = ["client"], default_missing_value = "client", num_args = 0..=1,
        require_equals = true, value_name = "MODE"
    )]
    dry_run: Option<String>,
}

impl DryRunArgs {
    /// Whether nothing may be changed.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.dry_run.is_some()
    }
}

/// The flags of `show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The token's name
    pub name: TokenName,
    /// Put the secret into the clipboard instead of printing it
    #[arg(long)]
    pub copy: bool,
}

/// The flags of `rename`.
#[derive(Args, Clone, Debug)]
pub struct RenameArgs {
    /// The token's name
    pub name: TokenName,
    /// Its name from now on
    pub new_name: TokenName,
    /// Whether to only look.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// The flags of `enable` and `disable`.
#[derive(Args, Clone, Debug)]
pub struct SwitchArgs {
    /// The token's name
    pub name: TokenName,
    /// Whether to only look.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// The flags of `delete`.
#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// The token's name
    pub name: TokenName,
    /// Whether to only look.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}
