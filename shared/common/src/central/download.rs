//! Files that Central offers: its command line tools.

use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::Incoming;

use super::client::{Ask, CentralClient};
use super::error::CentralError;

impl CentralClient {
    /// Asks for the command line tool `name` from `offset` on, on a connection of its own, and
    /// returns the answer, whatever its status, as soon as its head is there. `validator` is what
    /// Central called the state of the file that the first bytes are of.
    ///
    /// # Errors
    /// When Central cannot be reached, or `name` is none.
    pub async fn open_cli(
        &self,
        name: &str,
        offset: u64,
        validator: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, CentralError> {
        let mut headers = HeaderMap::new();
        if let Some(validator) = validator.filter(|_| offset > 0) {
            let range = HeaderValue::from_str(&format!("bytes={offset}-"));
            headers.extend(range.ok().map(|range| (RANGE, range)));
            headers.insert(IF_RANGE, validator.clone());
        }
        let path = format!("/api/cli/download/{name}");
        self.open_with(&Ask::get(&path), headers).await
    }
}
