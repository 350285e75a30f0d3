//! The parts of an installation that are upgraded one after the other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of the product, in the order in which the guide upgrades them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Central: the server and its database.
    Central,
    /// The Scanner and its database.
    Scanner,
    /// The secured cluster: sensor, admission control, collector.
    Secured,
}

impl Component {
    /// All components in order.
    pub const ALL: [Self; 3] = [Self::Central, Self::Scanner, Self::Secured];
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Central => "central",
            Self::Scanner => "scanner",
            Self::Secured => "secured",
        })
    }
}

impl FromStr for Component {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|component| component.to_string() == text)
            .ok_or_else(|| format!("unknown component `{text}`: use central, scanner or secured"))
    }
}
