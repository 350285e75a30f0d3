//! All pages of a list: a few at a time, handed on in order, none kept.

use futures_util::{StreamExt, stream};

use super::client::Client;
use super::error::ApiError;
use super::page::{LARGEST_RESULT, PageQuery};
use super::token::Token;

/// Tokens asked for at once. More is not known to be taken: a number the server does not like
/// becomes 20 without a word.
const PAGE: u64 = 100;
/// Pages asked for at the same time.
const CONCURRENT: usize = 4;

/// How far a listing has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Tokens read so far.
    pub read: u64,
    /// Tokens there are, as the last page told.
    pub count: u64,
}

impl Client {
    /// Reads all tokens with `name` in their name, and hands them page by page, in the API's
    /// order, to `take`. Tokens that come or go meanwhile may be handed over twice or not at all;
    /// of more than [`LARGEST_RESULT`] the API shows only so many.
    ///
    /// # Errors
    /// Why a page could not be read, and what `take` gives.
    pub async fn each_page<E: From<ApiError>>(
        &self,
        name: Option<&str>,
        mut take: impl FnMut(Vec<Token>, Listed) -> Result<(), E>,
    ) -> Result<Listed, E> {
        let query = |offset| PageQuery { offset, limit: PAGE, name: name.map(str::to_owned) };
        let first = self.page(&query(0)).await?;
        // The first page tells the size of a page: the server may give less than was asked for.
        let size = length(&first.results);
        let mut listed = Listed { read: size, count: first.count.max(size) };
        take(first.results, listed)?;
        let mut offset = size;
        while size > 0 && offset < listed.count.min(LARGEST_RESULT) {
            let end = listed.count.min(LARGEST_RESULT);
            let offsets = (offset..end).step_by(usize::try_from(size).unwrap_or(usize::MAX));
            let mut pages = stream::iter(offsets)
                .map(|offset| async move { (offset, self.page(&query(offset)).await) })
                .buffered(CONCURRENT);
            while let Some((at, page)) = pages.next().await {
                let page = page?;
                let found = length(&page.results);
                listed.read += found;
                listed.count = page.count;
                offset = at + size;
                take(page.results, listed)?;
                if found == 0 {
                    return Ok(listed);
                }
            }
        }
        Ok(listed)
    }
}

fn length(tokens: &[Token]) -> u64 {
    u64::try_from(tokens.len()).unwrap_or(u64::MAX)
}
