//! The flags of `create` and `update`.

use clap::Args;
use jiff::Timestamp;

use super::names::DryRunArgs;
use super::span::parse_moment;
use crate::api::{Grantee, LimitKey, LimitValue, Limits, Scope, TokenName, Visibility};
use crate::rotate::duration::Lifetime;

/// The flags of `create`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Token options")]
pub struct CreateArgs {
    /// The token's name, unique in the organization, disabled and expired tokens included
    pub name: TokenName,
    /// What it authenticates; cannot be changed later
    #[arg(long, value_enum, value_name = "SCOPE", ignore_case = true)]
    pub scope: Scope,
    /// What a token of the scope api may do: power, usage or read_only (repeatable) [default of
    /// the API: power]
    #[arg(long = "role", value_name = "ROLE", value_parser = ROLES)]
    pub roles: Vec<String>,
    /// What people should know of it
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Who may see it and its secret: admins, everyone, or user:ID,team:ID
    #[arg(long, value_name = "WHO", default_value = "admins")]
    pub visible_to: Visibility,
    /// How long it lives.
    #[command(flatten)]
    pub life: LifeArgs,
    /// What it may send.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Whether to only look.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// The flags of `update`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Token options")]
pub struct UpdateArgs {
    /// The token's name
    pub name: TokenName,
    /// Its name from now on
    #[arg(long, value_name = "NAME")]
    pub new_name: Option<TokenName>,
    /// What people should know of it
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What a token of the scope api may do, instead of what it may now (repeatable)
    #[arg(long = "role", value_name = "ROLE", value_parser = ROLES)]
    pub roles: Vec<String>,
    /// Who may see it and its secret from now on: admins, everyone, or user:ID,team:ID
    #[arg(long, value_name = "WHO", conflicts_with_all = ["grant", "revoke"])]
    pub visible_to: Option<Visibility>,
    /// Let user:ID or team:ID see it as well (repeatable); all others stay
    #[arg(long, value_name = "WHO")]
    pub grant: Vec<Grantee>,
    /// No longer let user:ID or team:ID see it (repeatable); all others stay
    #[arg(long, value_name = "WHO")]
    pub revoke: Vec<Grantee>,
    /// How long it lives.
    #[command(flatten)]
    pub life: LifeArgs,
    /// What it may send.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Whether to only look.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// How long a token lives.
#[derive(Args, Clone, Debug, Default)]
pub struct LifeArgs {
    /// How long it lives from now, as 90d or in seconds, up to 18 years
    #[arg(long, value_name = "DURATION", conflicts_with = "expires_at")]
    pub expires_in: Option<Lifetime>,
    /// When it expires, as 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub expires_at: Option<Timestamp>,
}

/// What a token may send.
#[derive(Args, Clone, Debug, Default)]
pub struct LimitArgs {
    /// A limit, or none: hosts, containers, custom-metrics, high-resolution-metrics, dpm,
    /// event-searches, job-starts, mtsm (repeatable)
    #[arg(long = "limit", value_name = "KEY=NUMBER", value_parser = parse_limit)]
    pub limits: Vec<(LimitKey, LimitValue)>,
    /// When to tell somebody: hosts, containers, custom-metrics, high-resolution-metrics, dpm
    /// (repeatable)
    #[arg(long = "limit-alert", value_name = "KEY=NUMBER", value_parser = parse_limit)]
    pub alerts: Vec<(LimitKey, LimitValue)>,
}

impl LifeArgs {
    /// The life in seconds from `now`; none when nothing is said of it.
    ///
    /// # Errors
    /// When the moment is not in the future, or too far in it.
    pub fn seconds(&self, now: Timestamp) -> Result<Option<u64>, String> {
        let Some(moment) = self.expires_at else {
            return Ok(self.expires_in.map(Lifetime::seconds));
        };
        match u64::try_from(moment.duration_since(now).as_secs()) {
            Ok(0) | Err(_) => Err(format!("`--expires-at {moment}` is not in the future")),
            Ok(seconds @ 1..=Lifetime::LONGEST) => Ok(Some(seconds)),
            Ok(_) => Err(format!("`--expires-at {moment}` is more than 18 years away")),
        }
    }
}

impl LimitArgs {
    /// The limits, checked by the server's rules.
    ///
    /// # Errors
    /// Says which limit breaks which rule.
    pub fn limits(&self) -> Result<Limits, String> {
        let limits = Limits {
            quotas: self.limits.iter().copied().collect(),
            alerts: self.alerts.iter().copied().collect(),
        };
        limits.check()?;
        Ok(limits)
    }
}

const ROLES: [&str; 3] = ["power", "usage", "read_only"];

fn parse_limit(text: &str) -> Result<(LimitKey, LimitValue), String> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not KEY=NUMBER or KEY=none"))?;
    Ok((key.parse()?, value.parse()?))
}
