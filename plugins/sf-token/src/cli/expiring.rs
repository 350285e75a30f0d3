//! The flags of `expiring`.

use clap::Args;

use super::span::Span;

/// The flags of `expiring`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Expiry options")]
pub struct ExpiringArgs {
    /// Warn of tokens that expire within this time
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub within: Span,
    /// Call it critical within this time [default: 7d, or --within where that is shorter]
    #[arg(long, value_name = "DURATION")]
    pub fail_within: Option<Span>,
    /// Only tokens with this text in their name
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Look at disabled tokens as well
    #[arg(long)]
    pub include_disabled: bool,
    /// Do not look at tokens that have expired already, which cannot be rotated any more
    #[arg(long)]
    pub ignore_expired: bool,
}

impl ExpiringArgs {
    /// The time within which an expiry is critical.
    #[must_use]
    pub fn critical(&self) -> Span {
        self.fail_within.unwrap_or_else(|| Span::days(7).min(self.within))
    }
}
