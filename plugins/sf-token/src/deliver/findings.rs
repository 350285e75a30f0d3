//! What a look at the places of a delivery has to say, as findings.

use std::collections::BTreeSet;

use common::cluster::rollout::{Progress, judge};
use common::failure::Failure;
use common::plan::{Finding, Severity};
use secrecy::SecretString;
use serde_json::Value;

use super::owners::code;
use super::site::Site;

/// Every code of a finding that `--accept` may name.
pub const ACCEPTABLE: [&str; 17] = [
    "SF-CONSUMER-PAUSED",
    "SF-GRACE-SHORT",
    "SF-KEY-MISSING",
    "SF-OWNER-ARGO-CD",
    "SF-OWNER-CONTROLLER",
    "SF-OWNER-EXTERNAL-SECRETS",
    "SF-OWNER-FLEET",
    "SF-OWNER-FLUX",
    "SF-OWNER-HELM",
    "SF-OWNER-KAPP",
    "SF-OWNER-SEALED-SECRETS",
    "SF-PROBE",
    "SF-REALM",
    "SF-RECENT",
    "SF-SCOPE",
    "SF-SECRET-DIFFERS",
    "SF-SECRET-UNREADABLE",
];

/// A finding, not accepted yet.
pub fn finding(
    code: &str,
    severity: Severity,
    what: impl Into<String>,
    why: &str,
    fix: impl Into<String>,
    source: &str,
) -> Finding {
    Finding {
        code: code.to_owned(),
        severity,
        what: what.into(),
        why: why.to_owned(),
        fix: fix.into(),
        source: source.to_owned(),
        accepted: false,
        fields: Vec::new(),
    }
}

/// Marks the findings that the user accepts.
///
/// # Errors
/// A usage failure for a code that no finding has, which is most likely a slip.
pub fn accept(findings: &mut [Finding], codes: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = codes.iter().find(|code| !ACCEPTABLE.contains(&code.as_str())) {
        return Err(Failure::usage(format!("`--accept {unknown}` names no finding"))
            .hint(format!("the findings that may be accepted: {}", ACCEPTABLE.join(", "))));
    }
    for finding in findings {
        finding.accepted = finding.severity == Severity::Accept && codes.contains(&finding.code);
    }
    Ok(())
}

/// What is found at a site. `current` is the token's secret as it is now, when it is known; before
/// a rotation, a Secret that holds another one is suspicious.
#[must_use]
pub fn of_site(site: &Site, restarts: bool, current: Option<&SecretString>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(owners(site));
    found.extend(key(site, current));
    if restarts {
        found.extend(consumers(site));
    }
    found
}

fn owners(site: &Site) -> impl Iterator<Item = Finding> {
    site.owners.iter().map(move |owner| {
        finding(
            code(owner.kind),
            if owner.undoes { Severity::Accept } else { Severity::Info },
            format!("{site}: {}", owner.consequence),
            "consumers that restart after that start with the old secret, which ends with the \
             grace period",
            owner.fix.clone(),
            "labels, annotations and references of the Secret",
        )
    })
}

fn key(site: &Site, current: Option<&SecretString>) -> Option<Finding> {
    if site.state.value.is_none() {
        return Some(finding(
            "SF-KEY-MISSING",
            Severity::Accept,
            format!("{site}: the Secret has no key `{}`; it would be added", site.key),
            "a mistyped key gets the secret, and nobody reads it",
            format!("name one of its keys, or pass --accept SF-KEY-MISSING ({})", site.keys()),
            "the Secret",
        ));
    }
    let current = current?;
    // An annotation of an earlier delivery is evidence: of this token, that a rotation did not
    // arrive; of another one, that the destination is mistaken.
    let severity = if site.state.token.is_some() { Severity::Accept } else { Severity::Warn };
    (!site.state.holds_about(current)).then(|| {
        finding(
            "SF-SECRET-DIFFERS",
            severity,
            format!("{site}: the key does not hold the current secret of this token"),
            "it is the key of another token, or a rotation was not delivered: another one would \
             cut the grace of what still runs there",
            format!(
                "after an interrupted rotation: sf-token sync {} --to-secret {}",
                crate::shell::quoted(&site.token),
                site.target
            ),
            "the token's secret, compared",
        )
    })
}

fn consumers(site: &Site) -> Vec<Finding> {
    let mut found = Vec::new();
    if site.consumers.is_empty() && site.lone_pods.is_empty() {
        found.push(finding(
            "SF-NO-CONSUMERS",
            Severity::Warn,
            format!("{site}: no Deployment, StatefulSet or DaemonSet reads the key"),
            "nothing is restarted there",
            "",
            "references in the namespace",
        ));
    }
    for consumer in &site.consumers {
        if consumer.on_delete && !site.deletes_pods {
            found.push(finding(
                "SF-CONSUMER-ON-DELETE",
                Severity::Warn,
                format!(
                    "{site}: `{}` replaces its pods only when they are deleted",
                    consumer.object
                ),
                "its pods keep the old secret until then",
                "pass --delete-pods to have them deleted one at a time",
                "its update strategy",
            ));
        }
        if consumer.paused {
            found.push(finding(
                "SF-CONSUMER-PAUSED",
                Severity::Accept,
                format!("{site}: the rollouts of `{}` are paused", consumer.object),
                "its pods keep the old secret until somebody resumes them",
                format!(
                    "kubectl rollout resume {} -n {}",
                    consumer.object.qualified(),
                    site.target.namespace
                ),
                "spec.paused",
            ));
        }
        if consumer.reloaded {
            found.push(finding(
                "SF-RELOADER",
                Severity::Info,
                format!("{site}: `{}` asks Reloader to restart it", consumer.object),
                "a second restart would be of no use, so Reloader is given some seconds to do it",
                "",
                "annotations of the workload",
            ));
        }
    }
    found.extend(alone(site));
    found
}

fn alone(site: &Site) -> impl Iterator<Item = Finding> {
    site.lone_pods.iter().map(move |pod| {
        let owner = pod.owner.as_deref().map_or_else(String::new, |owner| format!(" of `{owner}`"));
        finding(
            "SF-CONSUMER-ALONE",
            Severity::Warn,
            format!("{site}: `{}`{owner} reads the key and cannot be restarted", pod.object),
            "it keeps the old secret until it ends",
            "replace it before the grace period ends",
            "references in the namespace",
        )
    })
}

/// The consumers that do not stand well before anything is changed: a restart on top of that cannot
/// be told from a failed one.
#[must_use]
pub fn unhealthy(site: &Site, workloads: &[Value]) -> Vec<Finding> {
    let of = |workload: &&Value| {
        let name = workload["metadata"]["name"].as_str();
        site.consumers.iter().any(|consumer| {
            Some(consumer.object.name.as_str()) == name
                && workload["kind"] == consumer.object.kind.as_str()
        })
    };
    workloads
        .iter()
        .filter(of)
        .filter_map(|workload| {
            let reason = match judge(workload, 0) {
                Progress::Done => return None,
                Progress::Waiting(message) => format!("it waits for {message}"),
                Progress::Failed { reason } => reason,
            };
            let object = common::rhacs::ObjectRef::of(workload)?;
            Some(finding(
                "SF-CONSUMER-UNWELL",
                Severity::Warn,
                format!("{site}: `{object}` is not complete now: {reason}"),
                "its restart may not finish for the same reason",
                format!(
                    "kubectl rollout status {} -n {}",
                    object.qualified(),
                    site.target.namespace
                ),
                "its status",
            ))
        })
        .collect()
}

/// The same finding about the same thing is said once, however many destinations lead to it.
pub fn without_repetition(findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert((finding.code.clone(), finding.what.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_findings_that_may_be_accepted_are_accepted() {
        let make = |code: &str, severity| finding(code, severity, "w", "y", "f", "s");
        let mut findings = vec![
            make("SF-OWNER-HELM", Severity::Accept),
            make("SF-SCOPE", Severity::Accept),
            make("SF-SCOPE", Severity::Block),
        ];
        accept(&mut findings, &["SF-SCOPE".to_owned()]).unwrap();
        let open: Vec<bool> = findings.iter().map(Finding::is_blocking).collect();
        assert_eq!(open, [true, false, true]);
        let failure = accept(&mut findings, &["SF-OWNER-HELMET".to_owned()]).unwrap_err();
        assert!(failure.render().contains("SF-OWNER-HELM,"), "{}", failure.render());
    }

    #[test]
    fn a_finding_is_said_once() {
        let mut findings = vec![finding("A", Severity::Warn, "w", "y", "f", "s"); 2];
        findings.push(finding("A", Severity::Warn, "other", "y", "f", "s"));
        without_repetition(&mut findings);
        assert_eq!(findings.len(), 2);
    }
}
