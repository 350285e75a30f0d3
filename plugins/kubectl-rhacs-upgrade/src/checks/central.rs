//! Central itself: whether it can be reached, and what the credential is good for.

use common::plan::{Action, Finding, Severity};
use common::rhacs::images::Image;
use jiff::Timestamp;

use common::checks::Definition;
use common::checks::{Context, in_days};

const UNREACHABLE: Definition = Definition {
    code: "RHACS-CENTRAL-UNREACHABLE",
    severity: Severity::Accept,
    meaning: "Central does not answer",
    why: "there can be no backup, and nothing can be verified through its API",
    source: "product API /v1/ping",
};
const NO_CREDENTIALS: Definition = Definition {
    code: "RHACS-CENTRAL-NO-CREDENTIALS",
    severity: Severity::Warn,
    meaning: "there are no credentials for Central",
    why: "no backup, no Scanner bundle, and the secured clusters are not verified",
    source: "upgrade guide 3.69, sections 2.1 and 2.2.3",
};
const UNAUTHORIZED: Definition = Definition {
    code: "RHACS-CENTRAL-UNAUTHORIZED",
    severity: Severity::Block,
    meaning: "Central refuses the credentials",
    why: "the run would fail at its first request to Central",
    source: "product API /v1/auth/status",
};
const EXPIRES_IN_RUN: Definition = Definition {
    code: "RHACS-TOKEN-EXPIRES-IN-RUN",
    severity: Severity::Accept,
    meaning: "the API token expires before the run may be over",
    why: "the later steps could not be verified",
    source: "product API /v1/auth/status; change log 4.4: tokens expire after a year",
};
const EXPIRES_SOON: Definition = Definition {
    code: "RHACS-TOKEN-EXPIRES-SOON",
    severity: Severity::Info,
    meaning: "the API token expires within a week",
    why: "a resumed run or a rollback may need it",
    source: "product API /v1/auth/status",
};
const READ_ONLY: Definition = Definition {
    code: "RHACS-TOKEN-READ-ONLY",
    severity: Severity::Warn,
    meaning: "the credential may only read",
    why: "it can neither start the sensor upgrader again nor be revoked by this run",
    source: "product API /v1/mypermissions",
};
const VERSION_DIFFERS: Definition = Definition {
    code: "RHACS-CENTRAL-VERSION",
    severity: Severity::Accept,
    meaning: "Central serves another version than its Deployment names",
    why: "either a rollout is under way, or the endpoint belongs to another Central",
    source: "product API /v1/metadata",
};
const REVOKED_AT_END: Definition = Definition {
    code: "RHACS-TOKEN-UNKNOWN",
    severity: Severity::Accept,
    meaning: "the API token is to be revoked, but its id is not known",
    why: "a password has no token, and an old Central does not tell the id",
    source: "upgrade guide 3.69, section 2.6; product API /v1/apitokens",
};

pub(super) const DEFINITIONS: &[Definition] = &[
    UNREACHABLE,
    NO_CREDENTIALS,
    UNAUTHORIZED,
    EXPIRES_IN_RUN,
    EXPIRES_SOON,
    READ_ONLY,
    VERSION_DIFFERS,
    REVOKED_AT_END,
];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let central = &context.snapshot.central;
    let mut findings = Vec::new();
    if central.elsewhere && central.version.is_none() {
        // What is not known of a Central that only the sensor names, is said about the order.
        return findings;
    }
    if let Some(reason) = &central.unreachable {
        let at = central.endpoint.as_deref().unwrap_or("its pod");
        let is_distrust = reason.contains("certificate");
        let fix = match is_distrust {
            true => "--ca FILE with the authority of its certificate; without it, that of \
                     secret/central-tls is trusted"
                .to_owned(),
            false => {
                let look = context.kubectl("get pods -l app=central");
                format!("`{look}`, or name it with `--endpoint HOST:PORT`")
            }
        };
        findings.push(UNREACHABLE.found(format!("Central at {at} does not answer: {reason}"), fix));
    } else if !central.has_credentials {
        let fix = "ROX_API_TOKEN=… or --token-file FILE with a token of role Admin";
        findings.push(NO_CREDENTIALS.found("neither a token nor a password was given", fix));
    } else if let Some(reason) = &central.unauthorized {
        let fix = "make a token of role Admin: Platform Configuration → Integrations";
        findings.push(UNAUTHORIZED.found(reason.clone(), fix));
    }
    findings.extend(expiry(context));
    findings.extend(read_only(context));
    findings.extend(version(context));
    findings.extend(revoked_at_end(context));
    findings
}

fn expiry(context: &Context<'_>) -> Option<Finding> {
    let expires = context.snapshot.central.token_expires.as_deref()?;
    let end: Timestamp = expires.parse().ok()?;
    let longest: u64 = context.plan.steps.iter().map(|step| step.timeout_seconds).sum();
    let left = end.duration_since(context.options.now).as_secs();
    let fix = "make a new token of role Admin and give it with --token-file";
    if left < i64::try_from(longest).unwrap_or(i64::MAX) {
        let what = format!("the token expires at {expires}; the run may take until its time-outs");
        return Some(EXPIRES_IN_RUN.found(what, fix));
    }
    let days = context.days_until(expires).filter(|days| *days < 7)?;
    Some(EXPIRES_SOON.found(format!("the token expires {}", in_days(days)), fix))
}

fn read_only(context: &Context<'_>) -> Option<Finding> {
    let central = &context.snapshot.central;
    let permissions = &central.permissions;
    if permissions.is_empty() || permissions.values().any(|access| access == "READ_WRITE_ACCESS") {
        return None;
    }
    let user = central.user.as_deref().unwrap_or("the credential");
    let what = format!("{user} has no write access to anything in Central");
    Some(READ_ONLY.found(what, "use a token of role Admin"))
}

fn version(context: &Context<'_>) -> Option<Finding> {
    let serves = context.snapshot.central.version.as_ref()?;
    let central = context.snapshot.deployment("central")?;
    let image = Image::classify(central.container("central")?.image())?;
    let named = image.version().filter(|named| named != serves)?;
    let what = format!("Central serves {serves}, deploy/central names {named}");
    Some(VERSION_DIFFERS.found(what, context.kubectl("rollout status deploy/central")))
}

fn revoked_at_end(context: &Context<'_>) -> Option<Finding> {
    let central = &context.snapshot.central;
    let wanted = context.has_action(|action| matches!(action, Action::RevokeToken));
    (wanted && central.token_id.is_none()).then(|| {
        REVOKED_AT_END.found(
            "the id of the token in use is not known",
            "revoke it by hand: Platform Configuration → Integrations → API Token",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Installation, in_days, now};
    use jiff::SignedDuration;

    const TO: &str = "3.69.2";

    #[test]
    fn central_must_answer_and_accept_the_credentials() {
        let silent =
            Installation::at("3.62.1").central(|it| it.unreachable = Some("timed out".into()));
        assert!(silent.finding("RHACS-CENTRAL-UNREACHABLE", TO).what.ends_with(": timed out"));
        let anonymous = Installation::at("3.62.1").central(|it| it.has_credentials = false);
        assert!(anonymous.has("RHACS-CENTRAL-NO-CREDENTIALS", TO));
        let refused = Installation::at("3.62.1").central(|it| it.unauthorized = Some("401".into()));
        assert!(refused.has("RHACS-CENTRAL-UNAUTHORIZED", TO));
    }

    #[test]
    fn a_token_has_to_last_for_the_run() {
        for (expires, code) in [
            (
                (now() - SignedDuration::from_mins(1)).to_string(),
                Some("RHACS-TOKEN-EXPIRES-IN-RUN"),
            ),
            (
                (now() + SignedDuration::from_mins(9)).to_string(),
                Some("RHACS-TOKEN-EXPIRES-IN-RUN"),
            ),
            (in_days(3), Some("RHACS-TOKEN-EXPIRES-SOON")),
            (in_days(30), None),
            ("never".to_owned(), None),
        ] {
            let installation =
                Installation::at("3.62.1").central(|it| it.token_expires = Some(expires.clone()));
            let findings = installation.findings_for(TO);
            let found = findings.iter().find(|finding| finding.code.contains("TOKEN-EXPIRES"));
            assert_eq!(found.map(|finding| finding.code.as_str()), code, "{expires}");
        }
    }

    #[test]
    fn a_credential_that_only_reads_is_told() {
        for (access, found) in [("READ_ACCESS", true), ("READ_WRITE_ACCESS", false)] {
            let installation = Installation::at("3.62.1").central(|it| {
                it.permissions = [("Cluster".to_owned(), access.to_owned())].into();
            });
            assert_eq!(installation.has("RHACS-TOKEN-READ-ONLY", TO), found, "{access}");
        }
    }

    #[test]
    fn central_serves_what_its_deployment_names() {
        let other = Installation::at("3.62.1")
            .central(|it| it.version = Some("3.61.0".parse().expect("a version")));
        let finding = other.finding("RHACS-CENTRAL-VERSION", TO);
        assert_eq!(finding.what, "Central serves 3.0.61.0, deploy/central names 3.0.62.1");
    }

    #[test]
    fn a_token_without_an_id_cannot_be_revoked() {
        let installation = Installation::at("3.62.1").central(|it| it.token_id = None);
        let mut plan = installation.plan_for(TO);
        assert!(installation.findings_of(&plan).iter().all(|it| it.code != "RHACS-TOKEN-UNKNOWN"));
        plan.steps[0].action = common::plan::Action::RevokeToken;
        assert!(installation.findings_of(&plan).iter().any(|it| it.code == "RHACS-TOKEN-UNKNOWN"));
    }
}
