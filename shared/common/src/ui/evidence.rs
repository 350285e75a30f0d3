//! The evidence of a run, for a change ticket: one document with everything that its record knows.

mod content;
mod drawing;
mod html;
mod markdown;
mod scale;
#[cfg(all(test, feature = "cluster"))]
mod tests;

use jiff::Timestamp;

pub use content::exit_words;

use crate::run::export::Account;

/// The evidence as one page of HTML that needs nothing from elsewhere; `now` is when it is written.
#[must_use]
pub fn evidence_html(account: &Account, now: Timestamp) -> String {
    html::page(&content::sheet(account, now), &drawing::timeline(account))
}

/// The evidence as Markdown; `now` is when it is written.
#[must_use]
pub fn evidence_markdown(account: &Account, now: Timestamp) -> String {
    markdown::text(&content::sheet(account, now))
}
