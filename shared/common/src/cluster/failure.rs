//! What a person is told when the API server could not do what was asked, and what to do next.

use super::error::{ClusterError, Stage};
use crate::exit::Exit;
use crate::failure::Failure;

impl ClusterError {
    /// The failure that ends a command: `context` says what was being done, the hints what helps.
    #[must_use]
    pub fn into_failure(self, context: impl Into<String>) -> Failure {
        let exit = match self {
            Self::Config { .. } => Exit::Usage,
            Self::Forbidden { .. } => Exit::Blocked,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Unexpected,
        };
        let mut failure = Failure::new(exit, context).because(self.to_string());
        if let Self::Invalid { causes, message } = &self {
            for cause in causes.iter().filter(|cause| !message.contains(cause.as_str())) {
                failure = failure.because(cause.clone());
            }
        }
        for hint in self.hints() {
            failure = failure.hint(hint);
        }
        if self.is_transient() { failure.passing() } else { failure }
    }

    /// The commands that help to find out or to put it right.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unreachable { stage: Stage::Certificate, .. } => {
                "name the authority that signed the server's certificate with \
                 `--certificate-authority FILE`, or the name in it with `--tls-server-name NAME`"
            }
            Self::Unreachable { stage: Stage::Credentials, .. } => {
                "log in again, then see that `kubectl auth whoami` works"
            }
            Self::Unreachable { .. } | Self::Timeout { .. } => {
                "see whether `kubectl cluster-info` works with the same flags"
            }
            Self::Unauthorized { .. } => {
                "log in again (`oc login`, or as your provider says), then repeat the command"
            }
            Self::Forbidden { message } => return vec![forbidden_hint(message)],
            Self::TooManyRequests { .. } => "the API server is busy; repeat the command later",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

/// The question to kubectl that a denial answers.
fn forbidden_hint(message: &str) -> String {
    let Some(denied) = Denied::parse(message) else {
        return "ask an administrator of the cluster, or see `kubectl auth can-i --list`"
            .to_owned();
    };
    let mut command = format!("kubectl auth can-i {} {}", denied.verb, denied.resource);
    if !denied.group.is_empty() {
        command.push('.');
        command.push_str(denied.group);
    }
    if !denied.name.is_empty() {
        command.push('/');
        command.push_str(denied.name);
    }
    if let Some(subresource) = denied.subresource {
        command.push_str(" --subresource=");
        command.push_str(subresource);
    }
    if let Some(namespace) = denied.namespace {
        command.push_str(" -n ");
        command.push_str(namespace);
    }
    format!("ask an administrator for the permission; `{command}` answers `no` until then")
}

/// What an authorizer denied, from its message.
#[derive(Debug, Eq, PartialEq)]
struct Denied<'a> {
    verb: &'a str,
    resource: &'a str,
    subresource: Option<&'a str>,
    group: &'a str,
    name: &'a str,
    namespace: Option<&'a str>,
}

impl<'a> Denied<'a> {
    /// Reads `deployments.apps "central" is forbidden: User "eve" cannot patch resource
    /// "deployments" in API group "apps" in the namespace "stackrox"`.
    fn parse(message: &'a str) -> Option<Self> {
        let (verb, _) = message.split_once(" cannot ")?.1.split_once(" resource ")?;
        let resource = quoted_after(message, " resource ")?;
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (resource, None),
        };
        let before = message.split(" is forbidden").next()?;
        Some(Self {
            verb,
            resource,
            subresource,
            group: quoted_after(message, "in API group ")?,
            name: quoted_after(before, " ").unwrap_or_default(),
            namespace: quoted_after(message, "in the namespace "),
        })
    }
}

fn quoted_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let rest = text.split_once(mark)?.1.strip_prefix('"')?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_becomes_the_question_for_kubectl() {
        let hint = forbidden_hint(
            "deployments.apps \"central\" is forbidden: User \"eve\" cannot patch resource \
             \"deployments\" in API group \"apps\" in the namespace \"stackrox\"",
        );
        assert!(
            hint.contains("`kubectl auth can-i patch deployments.apps/central -n stackrox`"),
            "{hint}"
        );
        let hint = forbidden_hint(
            "pods is forbidden: User \"eve\" cannot create resource \"pods/portforward\" in API \
             group \"\" in the namespace \"stackrox\"",
        );
        let expected = "`kubectl auth can-i create pods --subresource=portforward -n stackrox`";
        assert!(hint.contains(expected), "{hint}");
        let denied_by_webhook = "admission webhook \"x\" denied the request: no";
        assert!(forbidden_hint(denied_by_webhook).contains("--list"));
    }

    #[test]
    fn a_failure_says_what_why_and_what_next() {
        let error = ClusterError::Unreachable {
            server: "https://api:6443".to_owned(),
            reason: "Connection refused (os error 111)".to_owned(),
            stage: Stage::Connect,
        };
        assert_eq!(
            error.into_failure("cannot read `deploy/central`").render(),
            "error: cannot read `deploy/central`: cannot reach the API server at \
             `https://api:6443`: Connection refused (os error 111)\nhint: see whether `kubectl \
             cluster-info` works with the same flags"
        );
    }
}
