//! The cluster around the installation: its version, its clock, what of it could be read.

use crate::plan::{Finding, Severity};
use jiff::Timestamp;

use super::context::{Context, name};
use super::definition::Definition;

const UNREAD: Definition = Definition {
    code: "RHACS-UNREAD",
    severity: Severity::Warn,
    meaning: "a part of the cluster could not be read",
    why: "the checks about it were left out",
    source: "Kubernetes API, authorization",
};
const CLOCK_SKEW: Definition = Definition {
    code: "RHACS-CLOCK-SKEW",
    severity: Severity::Warn,
    meaning: "the clocks of this computer and of the API server differ",
    why: "locks, tokens and certificates are judged by the time",
    source: "Kubernetes API, coordination.k8s.io/v1 Lease; RFC 9110, section 6.6.1",
};
const NAMESPACE: Definition = Definition {
    code: "RHACS-NAMESPACE",
    severity: Severity::Info,
    meaning: "the installation is in another namespace than `stackrox`",
    why: "the guide's commands are written for `stackrox`; this plan is made for the real one",
    source: "product pkg/env/namespace.go",
};
const NAMESPACE_TERMINATING: Definition = Definition {
    code: "RHACS-NAMESPACE-TERMINATING",
    severity: Severity::Block,
    meaning: "the namespace of the installation is being deleted",
    why: "nothing can be created in it any more, and everything in it goes",
    source: "Kubernetes documentation, Namespaces: automatic deletion",
};
const POD_SECURITY_POLICY: Definition = Definition {
    code: "RHACS-POD-SECURITY-POLICY",
    severity: Severity::Warn,
    meaning: "the installation has PodSecurityPolicies",
    why: "Kubernetes 1.25 does not serve them any more, and nothing here removes them",
    source: "product change log 70.0 and 71.0; Kubernetes deprecation guide, 1.25",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[UNREAD, CLOCK_SKEW, NAMESPACE, NAMESPACE_TERMINATING, POD_SECURITY_POLICY];

/// A difference that the round trip of a request does not explain, in seconds.
const SKEW: i64 = 30;

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = context
        .snapshot
        .unread
        .iter()
        .map(|(what, reason)| {
            UNREAD.found(format!("{what} could not be read: {reason}"), "kubectl auth can-i --list")
        })
        .collect();
    findings.extend(clock_skew(context));
    findings.extend(namespace(context));
    findings.extend(terminating(context));
    findings.extend(pod_security_policies(context));
    findings
}

fn clock_skew(context: &Context<'_>) -> Option<Finding> {
    let here: Timestamp = context.snapshot.taken_at.parse().ok()?;
    let there: Timestamp = context.snapshot.server_time.as_deref()?.parse().ok()?;
    let seconds = here.duration_since(there).as_secs();
    (seconds.abs() > SKEW).then(|| {
        let direction = if seconds > 0 { "ahead of" } else { "behind" };
        let what = format!(
            "the clock of this computer is {} s {direction} the API server's",
            seconds.abs()
        );
        CLOCK_SKEW.found(
            what,
            "set the clock, for example with chronyc makestep or timedatectl set-ntp true",
        )
    })
}

fn namespace(context: &Context<'_>) -> Option<Finding> {
    let namespace = &context.snapshot.namespace;
    (namespace != "stackrox")
        .then(|| NAMESPACE.found(format!("the installation is in namespace `{namespace}`"), ""))
}

fn terminating(context: &Context<'_>) -> Option<Finding> {
    let namespace = context.snapshot.namespace.as_str();
    let own = context.snapshot.of_kind("Namespace").find(|own| name(own) == namespace)?;
    let at = own["metadata"]["deletionTimestamp"].as_str()?;
    let what = format!("the namespace `{namespace}` is being deleted since {at}");
    let fix = format!("see what it waits for: `kubectl get namespace {namespace} -o yaml`");
    Some(NAMESPACE_TERMINATING.found(what, fix))
}

fn pod_security_policies(context: &Context<'_>) -> Option<Finding> {
    let policies: Vec<&str> = context
        .snapshot
        .of_kind("PodSecurityPolicy")
        .map(name)
        .filter(|name| name.starts_with("stackrox-"))
        .collect();
    if policies.is_empty() {
        return None;
    }
    let fix = format!("before Kubernetes 1.25: `kubectl delete psp {}`", policies.join(" "));
    let what = format!("PodSecurityPolicies are in use: {}", policies.join(", "));
    Some(POD_SECURITY_POLICY.found(what, fix))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Installation;

    const TO: &str = "3.69.2";

    #[test]
    fn a_namespace_that_is_being_deleted_blocks() {
        let mut installation = Installation::at("3.62.1");
        let own = |deleted: serde_json::Value| {
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "stackrox", "deletionTimestamp": deleted}})
        };
        installation.snapshot.objects.push(own(serde_json::Value::Null));
        assert!(!installation.has("RHACS-NAMESPACE-TERMINATING", TO));
        installation.snapshot.objects.retain(|object| object["kind"] != "Namespace");
        installation.snapshot.objects.push(own("2024-03-01T08:00:00Z".into()));
        let finding = installation.finding("RHACS-NAMESPACE-TERMINATING", TO);
        let expected = "the namespace `stackrox` is being deleted since 2024-03-01T08:00:00Z";
        assert_eq!(finding.what, expected);
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.unread = [("Node".to_owned(), "forbidden".to_owned())].into();
        let finding = installation.finding("RHACS-UNREAD", TO);
        assert_eq!(finding.what, "Node could not be read: forbidden");
    }

    #[test]
    fn clocks_may_differ_by_seconds_only() {
        for (time, what) in [
            ("2026-01-02T12:00:20Z", None),
            ("2026-01-02T11:58:00Z", Some("120 s ahead of")),
            ("2026-01-02T12:01:00Z", Some("60 s behind")),
            ("soon", None),
        ] {
            let mut installation = Installation::at("3.62.1");
            installation.snapshot.server_time = Some(time.to_owned());
            let findings = installation.findings_for(TO);
            let found = findings.iter().find(|finding| finding.code == "RHACS-CLOCK-SKEW");
            assert_eq!(found.is_some(), what.is_some(), "{time}");
            assert!(found.is_none_or(|found| found.what.contains(what.unwrap_or("?"))));
        }
    }

    #[test]
    fn an_unusual_namespace_is_mentioned() {
        let mut installation = Installation::at("3.62.1");
        let plan = installation.plan_for(TO);
        installation.snapshot.namespace = "acs".to_owned();
        let findings = installation.findings_of(&plan);
        assert!(findings.iter().any(|finding| finding.code == "RHACS-NAMESPACE"));
        assert!(!Installation::at("3.62.1").has("RHACS-NAMESPACE", TO));
    }

    #[test]
    fn pod_security_policies_of_the_product_are_named() {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.objects.retain(|object| object["kind"] != "PodSecurityPolicy");
        assert!(!installation.has("RHACS-POD-SECURITY-POLICY", TO));
        for name in ["stackrox-sensor", "of-others"] {
            installation = installation.plus(serde_json::json!({
                "apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy",
                "metadata": {"name": name},
            }));
        }
        let finding = installation.finding("RHACS-POD-SECURITY-POLICY", TO);
        assert_eq!(finding.fix, "before Kubernetes 1.25: `kubectl delete psp stackrox-sensor`");
    }
}
