//! What may be known of a Secret without keeping its data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_cert::der::DecodePem;

use crate::rhacs::{Certificate, SecretFacts, reconcilers};

/// The facts of a Secret: its keys, and what its certificates say. The data is not kept.
#[must_use]
pub fn secret_facts(secret: &Value) -> SecretFacts {
    let metadata = &secret["metadata"];
    let labels = metadata["labels"].as_object().into_iter().flatten();
    let data = secret["data"].as_object();
    SecretFacts {
        name: metadata["name"].as_str().unwrap_or_default().to_owned(),
        kind: secret["type"].as_str().unwrap_or("Opaque").to_owned(),
        labels: labels
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        keys: data.into_iter().flatten().map(|(key, _)| key.clone()).collect(),
        certificates: data
            .into_iter()
            .flatten()
            .filter(|(key, _)| is_certificate(key))
            .filter_map(|(key, _)| Some((key.clone(), certificate(&decoded(secret, key)?)?)))
            .collect(),
        ca_fingerprint: decoded(secret, "ca.pem").and_then(|pem| fingerprint(&pem)),
        owners: reconcilers(secret),
    }
}

/// The value of one key of a Secret, when it is there and base64.
#[must_use]
pub fn decoded(secret: &Value, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret["data"][key].as_str()?).ok()
}

/// Whether the product or Kubernetes keeps a certificate under this key. Source: the Secrets of
/// `roxctl central generate`, `sensor generate` and `scanner generate`, 3.0.58 to 4.11.
fn is_certificate(key: &str) -> bool {
    matches!(key, "ca.pem" | "cert.pem" | "tls.crt") || key.ends_with("-cert.pem")
}

/// What the first certificate of a PEM text says; none when it is not a certificate.
fn certificate(pem: &[u8]) -> Option<Certificate> {
    let certificate = x509_cert::Certificate::from_pem(first_block(pem)?).ok()?;
    let content = certificate.tbs_certificate();
    let end = content.validity().not_after.to_unix_duration();
    let end = Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()?;
    Some(Certificate { subject: content.subject().to_string(), not_after: end.to_string() })
}

/// SHA-256 of the first certificate's bytes: line breaks in the PEM text do not matter.
fn fingerprint(pem: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(first_block(pem)?).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body.trim()).ok()?;
    Some(Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The first certificate of a chain.
fn first_block(pem: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(pem).ok()?;
    let start = text.find(BEGIN)?;
    let end = text[start..].find(END)? + start + END.len();
    Some(&pem[start..end])
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A self-signed certificate made for this test; its key is gone.
    const PEM: &str = include_str!("testdata/certificate.pem");

    #[test]
    fn a_certificate_says_when_it_ends() {
        let data = json!({"cert.pem": STANDARD.encode(PEM), "ca.pem": STANDARD.encode(PEM)});
        let secret = json!({"metadata": {"name": "central-tls"}, "type": "Opaque", "data": data});
        let facts = secret_facts(&secret);
        let certificate = facts.own_certificate().expect("a certificate").1;
        assert!(facts.authority().is_some());
        assert!(certificate.subject.contains("CENTRAL_SERVICE"), "{certificate:?}");
        assert_eq!(&certificate.not_after[..2], "20");
        assert_eq!(facts.ca_fingerprint.expect("a fingerprint").len(), 64);
    }

    #[test]
    fn what_is_no_certificate_is_no_fact() {
        for text in ["", "redacted", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
        {
            let secret =
                json!({"metadata": {"name": "x"}, "data": {"cert.pem": STANDARD.encode(text)}});
            assert_eq!(secret_facts(&secret).certificates, [].into());
        }
    }

    #[test]
    fn certificates_are_found_where_each_part_keeps_its_own() {
        for key in [
            "cert.pem",
            "sensor-cert.pem",
            "collector-cert.pem",
            "admission-control-cert.pem",
            "tls-cert.pem",
            "tls.crt",
        ] {
            let data = json!({key: STANDARD.encode(PEM), "sensor-key.pem": STANDARD.encode(PEM)});
            let facts = secret_facts(&json!({"metadata": {"name": "sensor-tls"}, "data": data}));
            assert_eq!(facts.own_certificate().expect(key).0, key);
            assert_eq!(facts.certificates.len(), 1, "a key is no certificate");
        }
    }
}
