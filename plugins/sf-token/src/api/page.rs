//! One page of the list of tokens.

use serde::Deserialize;

use super::token::Token;

/// The API returns at most this many objects for one query, however it is paged.
pub const LARGEST_RESULT: u64 = 10_000;

/// What is asked of the list.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// How many matches are skipped.
    pub offset: u64,
    /// How many are wanted. The server takes an invalid number for 20, without a word.
    pub limit: u64,
    /// A part of the name; none for all tokens.
    pub name: Option<String>,
}

/// One page.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The number of all matches, not of those on this page.
    #[serde(default)]
    pub count: u64,
    /// The tokens of this page.
    #[serde(default = "Vec::new", deserialize_with = "results")]
    pub results: Vec<Token>,
}

fn results<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Token>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
