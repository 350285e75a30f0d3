//! The certificates between the parts of the product.

use std::collections::BTreeMap;

use common::plan::{Finding, Severity};
use common::rhacs::certificates::{DEFAULT_CERTIFICATE, Ending, GROUPS, endings};

use common::checks::Definition;
use common::checks::{Context, in_days};

const EXPIRED: Definition = Definition {
    code: "RHACS-CERTIFICATE-EXPIRED",
    severity: Severity::Block,
    meaning: "a certificate of the product has expired",
    why: "restarted pods refuse to talk to each other",
    source: "stackrox issue 13723; product documentation, reissuing internal certificates",
};
const EXPIRING: Definition = Definition {
    code: "RHACS-CERTIFICATE-EXPIRING",
    severity: Severity::Accept,
    meaning: "a certificate of the product expires within 30 days",
    why: "it is not renewed by the upgrade, and the installation stops working with it",
    source: "stackrox issue 13723; product documentation, reissuing internal certificates",
};
const AGEING: Definition = Definition {
    code: "RHACS-CERTIFICATE-AGEING",
    severity: Severity::Warn,
    meaning: "a certificate of the product expires within 60 days",
    why: "it is not renewed by the upgrade",
    source: "stackrox issue 13723; product documentation, reissuing internal certificates",
};
const DEFAULT: Definition = Definition {
    code: "RHACS-DEFAULT-CERTIFICATE",
    severity: Severity::Warn,
    meaning: "the certificate that Central shows browsers and roxctl has ended or does within 30 days",
    why: "people and pipelines that check it can no longer reach Central; the upgrade does not renew it",
    source: "product documentation, custom certificates: central-default-tls-cert",
};
const CA_MISMATCH: Definition = Definition {
    code: "RHACS-CA-MISMATCH",
    severity: Severity::Accept,
    meaning: "Secrets of one installation carry different certificate authorities",
    why: "parts that restart with them do not trust each other",
    source: "stackrox issue 6500",
};
const SENSOR_EXPIRING: Definition = Definition {
    code: "RHACS-CLUSTER-CERTIFICATE",
    severity: Severity::Warn,
    meaning: "the certificate of a secured cluster expires within 30 days",
    why: "the cluster disconnects from Central then, whatever version it runs",
    source: "product documentation, reissuing internal certificates for secured clusters",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[EXPIRED, EXPIRING, AGEING, DEFAULT, CA_MISMATCH, SENSOR_EXPIRING];

/// The Secrets that the scanner bundle renews.
const RENEWED: [&str; 2] = ["scanner-db-tls", "scanner-tls"];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let all = endings(context.snapshot, context.options.now);
    let mut findings: Vec<Finding> =
        all.iter().filter_map(|ending| expiry(context, ending)).collect();
    findings.extend(GROUPS.into_iter().filter_map(|group| mismatch(context, group)));
    findings.extend(sensors(context));
    findings
}

fn expiry(context: &Context<'_>, ending: &Ending<'_>) -> Option<Finding> {
    let renewed = RENEWED.contains(&ending.secret) && context.renews_scanner_certificates();
    if renewed && !ending.is_authority() {
        return None;
    }
    let verb = if ending.days < 0 { "expired" } else { "expires" };
    let definition = match ending.days {
        // No part of the product relies on it, only people and roxctl do.
        ..30 if ending.secret == DEFAULT_CERTIFICATE => DEFAULT,
        i64::MIN..0 => EXPIRED,
        0..30 => EXPIRING,
        30..60 if ending.secret != DEFAULT_CERTIFICATE => AGEING,
        _ => return None,
    };
    let what = format!(
        "the {} in secret/{} ({}) {verb} {}",
        if ending.is_authority() { "authority's certificate" } else { "certificate" },
        ending.secret,
        ending.certificate.subject,
        in_days(ending.days)
    );
    Some(definition.found(what, ending.renewal()))
}

fn mismatch(context: &Context<'_>, group: &[&str]) -> Option<Finding> {
    let mut by_authority: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in group {
        let Some(secret) = context.snapshot.secret(name) else { continue };
        if RENEWED.contains(name) && context.renews_scanner_certificates() {
            continue;
        }
        if let Some(fingerprint) = &secret.ca_fingerprint {
            by_authority.entry(fingerprint).or_default().push(name);
        }
    }
    // A cluster that is known to report to this Central must trust its authority.
    let local = context.snapshot.central.clusters.iter().any(|it| it.is_local == Some(true));
    if local && group.contains(&"sensor-tls") {
        let central = context.snapshot.secret("central-tls");
        if let Some(fingerprint) = central.and_then(|secret| secret.ca_fingerprint.as_deref()) {
            by_authority.entry(fingerprint).or_default().push("central-tls");
        }
    }
    (by_authority.len() > 1).then(|| {
        let parts: Vec<String> = by_authority
            .iter()
            .map(|(fingerprint, names)| {
                let start = fingerprint.get(..12).unwrap_or(fingerprint);
                format!("{} has {start}", names.join(", "))
            })
            .collect();
        let fix =
            "roxctl sensor generate-certs CLUSTER, or roxctl scanner generate for the Scanner's";
        CA_MISMATCH.found(format!("different authorities (SHA-256): {}", parts.join("; ")), fix)
    })
}

fn sensors(context: &Context<'_>) -> Vec<Finding> {
    let clusters = context.snapshot.central.clusters.iter();
    clusters
        .filter_map(|cluster| {
            let days = context.days_until(&cluster.certificate_expiry).filter(|days| *days < 30)?;
            let verb = if days < 0 { "expired" } else { "expires" };
            let what =
                format!("the certificate of cluster `{}` {verb} {}", cluster.name, in_days(days));
            let fix =
                format!("roxctl sensor generate-certs {}, then kubectl apply -f", cluster.name);
            Some(SENSOR_EXPIRING.found(what, fix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Installation, Subject, cluster, in_days, tls_secret};

    const TO: &str = "3.69.2";

    fn with_certificate(name: &str, days: i64) -> Subject {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.secrets.retain(|secret| secret.name != name);
        installation.snapshot.secrets.push(tls_secret(name, days));
        installation
    }

    #[test]
    fn the_nearer_the_end_the_graver() {
        for (days, code) in [
            (-1, Some("RHACS-CERTIFICATE-EXPIRED")),
            (0, Some("RHACS-CERTIFICATE-EXPIRING")),
            (29, Some("RHACS-CERTIFICATE-EXPIRING")),
            (30, Some("RHACS-CERTIFICATE-AGEING")),
            (59, Some("RHACS-CERTIFICATE-AGEING")),
            (60, None),
        ] {
            let findings = with_certificate("central-tls", days).findings_for(TO);
            let found: Vec<&str> = findings
                .iter()
                .map(|finding| finding.code.as_str())
                .filter(|code| code.starts_with("RHACS-CERTIFICATE"))
                .collect();
            assert_eq!(found, code.into_iter().collect::<Vec<_>>(), "{days}");
        }
    }

    #[test]
    fn every_part_is_looked_at_in_every_version() {
        for (version, to) in [("3.62.1", "3.69.2"), ("3.69.2", "3.74.9"), ("3.74.8", "3.74.9")] {
            for name in ["sensor-tls", "collector-tls", "admission-control-tls"] {
                let mut installation = Installation::at(version);
                installation.snapshot.secrets.retain(|secret| secret.name != name);
                let secret = tls_secret(name, -3);
                assert_eq!(secret.own_certificate().unwrap().0, name.replace("tls", "cert.pem"));
                installation.snapshot.secrets.push(secret);
                let finding = installation.finding("RHACS-CERTIFICATE-EXPIRED", to);
                assert!(finding.what.contains(&format!("secret/{name} ")), "{}", finding.what);
            }
        }
    }

    #[test]
    fn what_only_people_rely_on_does_not_block() {
        let installation = with_certificate("central-default-tls-cert", -3);
        assert!(installation.has("RHACS-DEFAULT-CERTIFICATE", TO));
        assert!(!installation.has("RHACS-CERTIFICATE-EXPIRED", TO));
        assert!(
            !with_certificate("central-default-tls-cert", 40).has("RHACS-CERTIFICATE-AGEING", TO),
            "told in status"
        );
    }

    #[test]
    fn what_the_plan_renews_or_others_own_does_not_matter() {
        assert!(!with_certificate("scanner-tls", -5).has("RHACS-CERTIFICATE-EXPIRED", TO));
        assert!(!with_certificate("shop-tls", -5).has("RHACS-CERTIFICATE-EXPIRED", TO));
        let unasked = with_certificate("scanner-tls", -5)
            .without_backup()
            .central(|central| central.has_credentials = false);
        assert!(unasked.has("RHACS-CERTIFICATE-EXPIRED", TO));
    }

    #[test]
    fn one_installation_has_one_authority() {
        let mut installation = Installation::at("3.62.1");
        for secret in &mut installation.snapshot.secrets {
            if secret.name == "sensor-tls" {
                secret.ca_fingerprint = Some("bb22".to_owned());
            }
        }
        let finding = installation.finding("RHACS-CA-MISMATCH", TO);
        assert!(finding.what.contains("central-tls has aa11; sensor-tls has bb22"));
        // The sensor of this cluster may report to a Central elsewhere.
        installation.snapshot.central.clusters.clear();
        assert!(!installation.has("RHACS-CA-MISMATCH", TO));
    }

    #[test]
    fn sensors_certificates_are_looked_at_too() {
        let installation = Installation::at("3.62.1").central(|central| {
            let mut old = cluster("edge", "3.62.1");
            old.certificate_expiry = in_days(10);
            central.clusters.push(old);
        });
        let finding = installation.finding("RHACS-CLUSTER-CERTIFICATE", TO);
        assert_eq!(finding.what, "the certificate of cluster `edge` expires in 10 days");
    }
}
