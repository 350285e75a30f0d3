//! Which Secrets hold the certificates between the parts of the product, and when they end.
//!
//! Sources: the Secrets that `roxctl central generate`, `sensor generate` and `scanner generate`
//! make, 3.0.58 to 4.11; the volumes of the workloads of each release.

use jiff::Timestamp;

use super::{Certificate, SecretFacts, Snapshot};

/// The Secrets of Central and the Scanner, and those of the secured cluster: each row has one
/// authority. Sensor's may be that of another Central.
pub const GROUPS: [&[&str]; 2] = [
    &["central-tls", "central-db-tls", "scanner-tls", "scanner-db-tls"],
    &["sensor-tls", "collector-tls", "admission-control-tls"],
];

/// The certificate that Central shows browsers, when it is not that of its own authority.
pub const DEFAULT_CERTIFICATE: &str = "central-default-tls-cert";

/// A certificate of the product, and how long it lasts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending<'a> {
    /// The Secret.
    pub secret: &'a str,
    /// The key in it.
    pub key: &'a str,
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Whole days until its end, negative when that is past.
    pub days: i64,
}

/// The certificates of the product that its workloads use, the one that ends first first. An
/// authority is named once, however many Secrets carry it.
#[must_use]
pub fn endings(snapshot: &Snapshot, now: Timestamp) -> Vec<Ending<'_>> {
    let used = snapshot.secrets.iter().filter(|secret| is_products(&secret.name));
    let used = used.filter(|secret| !is_superseded(snapshot, &secret.name));
    let mut authorities: Vec<(&Option<String>, &Certificate)> = Vec::new();
    let mut all: Vec<Ending<'_>> = Vec::new();
    for secret in used {
        if let Some(ending) = own(secret, now) {
            all.push(ending);
        }
        let Some(authority) = secret.authority() else { continue };
        if !authorities.contains(&(&secret.ca_fingerprint, authority)) {
            authorities.push((&secret.ca_fingerprint, authority));
            all.extend(ending(&secret.name, "ca.pem", authority, now));
        }
    }
    all.sort_by_key(|ending| ending.days);
    all
}

impl Ending<'_> {
    /// Whether it is the authority's, which many parts trust.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.key == "ca.pem"
    }

    /// What makes a new one.
    #[must_use]
    pub fn renewal(&self) -> &'static str {
        if self.is_authority() {
            return "renew the authority and all certificates with it: product documentation, \
                    reissuing internal certificates";
        }
        match self.secret {
            "central-tls" => {
                "download the new Secret: POST /api/extensions/certgen/central, then kubectl apply \
                 -f"
            }
            "central-db-tls" => {
                "download the new Secret: POST /api/extensions/certgen/centraldb, then kubectl \
                 apply -f"
            }
            "scanner-tls" | "scanner-db-tls" => {
                "give Central's credentials, the upgrade then renews it; or roxctl scanner generate"
            }
            DEFAULT_CERTIFICATE => {
                "put the new certificate and key into the Secret: kubectl create secret tls \
                 central-default-tls-cert --cert FILE --key FILE --dry-run=client -o yaml, then \
                 kubectl apply -f"
            }
            name if name.starts_with("tls-cert-") => {
                "Sensor renews it while it is connected to Central: kubectl logs deploy/sensor"
            }
            _ => "roxctl sensor generate-certs CLUSTER, then kubectl apply -f",
        }
    }
}

fn own(secret: &SecretFacts, now: Timestamp) -> Option<Ending<'_>> {
    let (key, certificate) = secret.own_certificate()?;
    ending(&secret.name, key, certificate, now)
}

fn ending<'a>(
    secret: &'a str,
    key: &'a str,
    certificate: &'a Certificate,
    now: Timestamp,
) -> Option<Ending<'a>> {
    let days = days_until(&certificate.not_after, now)?;
    Some(Ending { secret, key, certificate, days })
}

/// Whole days from `now` until `time` (RFC 3339), negative when it is past; none when it is no
/// time.
#[must_use]
pub fn days_until(time: &str, now: Timestamp) -> Option<i64> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.duration_since(now).as_hours().div_euclid(24))
}

/// Other software may keep its own `-tls` Secrets in the namespace.
#[must_use]
pub fn is_products(secret: &str) -> bool {
    let plain = secret.strip_prefix("tls-cert-").map(|part| format!("{part}-tls"));
    let name = plain.as_deref().unwrap_or(secret);
    GROUPS.iter().any(|group| group.contains(&name))
        || name == DEFAULT_CERTIFICATE
        || matches!(name, "scanner-v4-indexer-tls" | "scanner-v4-matcher-tls" | "scanner-v4-db-tls")
}

/// From 4.7 on the parts of a secured cluster take the certificate that Sensor renewed, when there
/// is one, instead of the one that they were installed with.
fn is_superseded(snapshot: &Snapshot, secret: &str) -> bool {
    let Some(part) = secret.strip_suffix("-tls") else { return false };
    let renewed = format!("tls-cert-{part}");
    let is_there =
        snapshot.secret(&renewed).is_some_and(|secret| secret.own_certificate().is_some());
    let mounts = |workload: &super::Workload<'_>, secret: &str| {
        let volumes = workload.pod_spec()["volumes"].as_array();
        volumes.into_iter().flatten().any(|volume| volume["secret"]["secretName"] == secret)
    };
    let users = || snapshot.workloads().filter(|workload| mounts(workload, secret));
    is_there && users().count() > 0 && users().all(|workload| mounts(&workload, &renewed))
}

#[cfg(test)]
mod tests {
    use super::super::{Platform, official};
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn secret(name: &str, key: &str, not_after: &str) -> SecretFacts {
        let certificate = Certificate { subject: name.to_owned(), not_after: not_after.to_owned() };
        SecretFacts {
            name: name.to_owned(),
            certificates: [(key.to_owned(), certificate)].into(),
            ..SecretFacts::default()
        }
    }

    fn found(version: &str, secrets: Vec<SecretFacts>) -> Vec<(String, i64)> {
        let version = version.parse().unwrap();
        let objects = official::objects(&version, Platform::Kubernetes, "stackrox");
        let snapshot = Snapshot { objects, secrets, ..Snapshot::default() };
        let all = endings(&snapshot, NOW.parse().unwrap());
        all.iter().map(|ending| (ending.secret.to_owned(), ending.days)).collect()
    }

    #[test]
    fn the_first_to_end_comes_first_whatever_its_key() {
        let secrets = vec![
            secret("central-tls", "cert.pem", "2026-03-01T00:00:00Z"),
            secret("sensor-tls", "sensor-cert.pem", "2025-12-31T12:00:00Z"),
            secret("central-default-tls-cert", "tls.crt", "2026-01-03T00:00:00Z"),
            secret("shop-tls", "tls.crt", "2025-01-03T00:00:00Z"),
        ];
        let expected = [("sensor-tls", -1), ("central-default-tls-cert", 2), ("central-tls", 59)];
        let expected = expected.map(|(name, days)| (name.to_owned(), days));
        for version in ["3.0.62.1", "3.69.2", "4.4.8", "4.8.11"] {
            assert_eq!(found(version, secrets.clone()), expected, "{version}");
        }
    }

    #[test]
    fn what_sensor_renewed_takes_the_place_of_what_was_installed() {
        let both = || {
            vec![
                secret("sensor-tls", "sensor-cert.pem", "2025-12-31T00:00:00Z"),
                secret("tls-cert-sensor", "cert.pem", "2026-12-31T00:00:00Z"),
            ]
        };
        assert_eq!(found("4.8.11", both()), [("tls-cert-sensor".to_owned(), 364)]);
        assert_eq!(found("4.4.8", both()).len(), 2, "nothing mounts the renewed one yet");
        let alone = vec![both().remove(0)];
        assert_eq!(found("4.8.11", alone), [("sensor-tls".to_owned(), -1)]);
    }

    #[test]
    fn an_authority_is_named_once() {
        let authority = |name: &str| {
            let certificates = secret("authority", "ca.pem", "2026-01-11T00:00:00Z").certificates;
            let ca_fingerprint = Some("aa".to_owned());
            SecretFacts {
                name: name.to_owned(),
                certificates,
                ca_fingerprint,
                ..SecretFacts::default()
            }
        };
        let secrets = vec![authority("central-tls"), authority("scanner-tls")];
        assert_eq!(found("3.69.2", secrets), [("central-tls".to_owned(), 10)]);
    }
}
