//! The flags of `list`.

use clap::{Args, ValueEnum};

use super::span::Span;
use crate::api::{Scope, Status};

/// The flags of `list`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "List options")]
pub struct ListArgs {
    /// Only tokens with this text in their name (upper and lower case may matter to the server)
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Only tokens of this status
    #[arg(long, value_enum, value_name = "STATUS", ignore_case = true)]
    pub status: Option<Status>,
    /// Only tokens of this scope
    #[arg(long, value_enum, value_name = "SCOPE", ignore_case = true)]
    pub scope: Option<Scope>,
    /// Only tokens that expire within this time, such as 30d; without those that have expired
    #[arg(long, value_name = "DURATION")]
    pub expiring_within: Option<Span>,
    /// Sort by this; a - before it reverses the order (write --sort=-expiry) [default: as the API
    /// lists]
    #[arg(long, value_name = "KEY", value_parser = parse_sort, allow_hyphen_values = true)]
    pub sort: Option<(Sort, bool)>,
}

/// What tokens are sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Sort {
    /// The name.
    Name,
    /// When they expire.
    Expiry,
    /// When they were created.
    Created,
    /// When their secret was made.
    Rotated,
}

/// A key, and whether the order is reversed.
fn parse_sort(text: &str) -> Result<(Sort, bool), String> {
    let (key, reversed) = match text.strip_prefix('-') {
        Some(key) => (key, true),
        None => (text, false),
    };
    let key = Sort::from_str(key, true)
        .map_err(|_| format!("`{key}` is none of name, expiry, created and rotated"))?;
    Ok((key, reversed))
}
