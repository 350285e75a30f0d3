//! Who asks: bearer tokens, nobody, and impersonation.

use http::HeaderMap;

use crate::store::Status;

/// A user of the cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name, such as `admin` or `system:serviceaccount:stackrox:central`.
    pub name: String,
    /// The uid, empty if it has none.
    pub uid: String,
    /// The groups, without the ones every user has.
    pub groups: Vec<String>,
    /// The bearer token.
    pub token: String,
}

impl User {
    /// A user with the token `NAME-token`.
    #[must_use]
    pub fn new(name: &str, uid: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            uid: uid.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            token: format!("{name}-token"),
        }
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The one a request is made as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    /// Whom the headers ask to become, to be checked by the caller.
    pub(crate) impersonates: Option<Box<Self>>,
}

impl Identity {
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|mine| mine == group)
    }

    fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            impersonates: None,
        }
    }
}

/// Who makes the request.
///
/// # Errors
/// 401 for a token nobody has.
pub(crate) fn identify(users: &[User], headers: &HeaderMap) -> Result<Identity, Status> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let mut identity = match token {
        None => Identity::anonymous(),
        Some(token) => {
            let user = users.iter().find(|user| user.token == token.trim());
            user.map(of_user).ok_or_else(|| Status::new(401, "Unauthorized", "Unauthorized"))?
        }
    };
    if let Some(name) = text("impersonate-user") {
        let groups = headers.get_all("impersonate-group").iter();
        let groups = groups.filter_map(|group| group.to_str().ok().map(str::to_owned));
        let uid = text("impersonate-uid").unwrap_or_default();
        identity.impersonates = Some(Box::new(impersonated(name, uid, groups.collect())));
    }
    Ok(identity)
}

/// The identity of a user.
pub(crate) fn of_user(user: &User) -> Identity {
    let mut groups = user.groups.clone();
    groups.push("system:authenticated".to_owned());
    Identity { name: user.name.clone(), uid: user.uid.clone(), groups, impersonates: None }
}

fn impersonated(name: &str, uid: &str, mut groups: Vec<String>) -> Identity {
    if let Some(account) = name.strip_prefix("system:serviceaccount:")
        && groups.is_empty()
    {
        let namespace = account.split(':').next().unwrap_or_default();
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    let own =
        if name == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" };
    if !groups.iter().any(|group| group == own) {
        groups.push(own.to_owned());
    }
    Identity { name: name.to_owned(), uid: uid.to_owned(), groups, impersonates: None }
}
