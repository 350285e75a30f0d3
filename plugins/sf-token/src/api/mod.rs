//! The token API of Splunk Observability Cloud: names, places, models, one client.

mod answer;
mod client;
mod credential;
mod error;
mod exchange;
mod limits;
mod listing;
mod organization;
mod page;
mod place;
mod probe;
mod session;
#[cfg(test)]
mod tests;
mod token;
mod token_name;
mod visibility;
mod write;

pub use client::{Client, ClientOptions};
pub use credential::{CREDENTIAL_VARIABLE, Credential, Source};
pub use error::{ApiError, Outcome};
pub use limits::{LimitKey, LimitValue, Limits};
pub use listing::Listed;
pub use organization::Organization;
pub use page::{LARGEST_RESULT, Page, PageQuery};
pub use place::{Domain, Place, Realm};
pub use probe::Verdict;
pub use session::{LogIn, SessionToken};
pub use token::{Acl, Permissions, Principal, Role, Scope, Status, Token};
pub use token_name::TokenName;
pub use visibility::{Grantee, Visibility};
pub use write::{NewToken, TokenPatch};
