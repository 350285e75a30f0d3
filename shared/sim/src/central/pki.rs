//! The certificates of an installation: one CA, and a leaf for each of its services.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

/// How long certificates of services last by default.
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// The authority of an installation.
pub struct Pki {
    certificate: String,
    key: String,
    issuer: Issuer<'static, KeyPair>,
    now: Timestamp,
    expires: Timestamp,
}

/// A certificate with its key, both in PEM.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Pki {
    /// A new authority; leaves expire at `expires`, or in a year.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn new(now: Timestamp, expires: Option<Timestamp>) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        name(&mut params, "StackRox Certificate Authority", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params, now - SignedDuration::from_hours(24), now + YEAR * 5);
        let certificate = params.self_signed(&key)?.pem();
        let pem = key.serialize_pem();
        let expires = expires.unwrap_or(now + YEAR);
        Ok(Self { certificate, key: pem, issuer: Issuer::new(params, key), now, expires })
    }

    /// The authority with this certificate and this key, both in PEM; none when they are not such.
    #[must_use]
    pub fn of(
        certificate: &str,
        key: &str,
        now: Timestamp,
        expires: Option<Timestamp>,
    ) -> Option<Self> {
        let pair = private_key(key)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, pair).ok()?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Some(Self { certificate, key, issuer, now, expires: expires.unwrap_or(now + YEAR) })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.certificate
    }

    /// The authority's private key.
    #[must_use]
    pub fn ca_key_pem(&self) -> &str {
        &self.key
    }

    /// When the leaves expire.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// A certificate for a service such as `CENTRAL_SERVICE`, `Central`, under these DNS names.
    ///
    /// # Errors
    /// When a name is no DNS name, or a key cannot be made.
    pub fn issue(
        &self,
        service: &str,
        subject: &str,
        names: &[String],
    ) -> Result<Leaf, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        name(&mut params, &format!("{service}: {subject}"), Some(service));
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let earliest = self.now.min(self.expires - SignedDuration::from_hours(24));
        validity(&mut params, earliest - SignedDuration::from_hours(1), self.expires);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Leaf { certificate, key: key.serialize_pem() })
    }

    /// A fresh private key in PEM, for the JWT key of Central.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn private_key(&self) -> Result<String, rcgen::Error> {
        Ok(KeyPair::generate()?.serialize_pem())
    }
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pki").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Leaf").finish_non_exhaustive()
    }
}

/// Reads a private key, also one of the form in which the product keeps those of P-256.
fn private_key(pem: &str) -> Option<KeyPair> {
    if let Ok(pair) = KeyPair::from_pem(pem) {
        return Some(pair);
    }
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Sec1(key) => {
            let whole = PrivatePkcs8KeyDer::from(pkcs8(key.secret_sec1_der()));
            KeyPair::from_pkcs8_der_and_sign_algo(&whole, &PKCS_ECDSA_P256_SHA256).ok()
        }
        _ => None,
    }
}

/// A key of P-256 with what says that it is one.
fn pkcs8(sec1: &[u8]) -> Vec<u8> {
    const VERSION_AND_CURVE: [u8; 24] = [
        0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let mut body = VERSION_AND_CURVE.to_vec();
    body.extend(tagged(0x04, sec1));
    tagged(0x30, &body)
}

/// Bytes under a tag of DER; keys are longer than 127 bytes only with two bytes of length at most.
fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = (bytes.len() as u16).to_be_bytes();
    let mut all = match (high, low) {
        (0, ..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    all.extend_from_slice(bytes);
    all
}

/// A UUID that depends on a name only.
#[must_use]
pub fn uuid(name: &str) -> String {
    let digest = Sha256::digest(name);
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// The DNS names of a service: as the product knows itself, and as its namespace does.
#[must_use]
pub fn host_names(host: &str, namespace: &str) -> Vec<String> {
    let mut names = vec![format!("{host}.stackrox"), format!("{host}.stackrox.svc")];
    if namespace != "stackrox" {
        names.extend([format!("{host}.{namespace}"), format!("{host}.{namespace}.svc")]);
    }
    names
}

fn name(params: &mut CertificateParams, common_name: &str, unit: Option<&str>) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(unit) = unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
}

/// Sets the validity; rcgen's dates are reached by adding to its epoch.
fn validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let date = |moment: Timestamp| {
        let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    params.not_before = date(from);
    params.not_after = date(until);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key as the product writes it: without what PKCS#8 puts around it.
    fn sec1(pem: &str) -> String {
        use base64::Engine;
        let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
        else {
            panic!("PKCS#8");
        };
        let whole = key.secret_pkcs8_der();
        let start = whole.windows(2).rposition(|pair| pair == [0x30, 0x6b]).unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&whole[start..start + 0x6d]);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let text = lines.join("\n");
        format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n")
    }

    #[test]
    fn an_authority_that_is_there_goes_on_signing() {
        let now = Timestamp::now();
        let first = Pki::new(now, None).unwrap();
        for key in [first.ca_key_pem().to_owned(), sec1(first.ca_key_pem())] {
            let again = Pki::of(first.ca_pem(), &key, now, None).expect("an authority");
            assert_eq!((again.ca_pem(), again.ca_key_pem()), (first.ca_pem(), key.as_str()));
            let leaf = again.issue("SENSOR_SERVICE", "Sensor", &host_names("sensor", "stackrox"));
            let leaf = leaf.unwrap();
            let mut roots = rustls::RootCertStore::empty();
            let der = |pem: &str| {
                rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
            };
            roots.add(der(first.ca_pem())).unwrap();
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
                std::sync::Arc::new(roots),
                provider,
            );
            let name = "sensor.stackrox".try_into().unwrap();
            let time = rustls_pki_types::UnixTime::now();
            use rustls::client::danger::ServerCertVerifier;
            let verifier = verifier.build().unwrap();
            let leaf = der(&leaf.certificate);
            verifier.verify_server_cert(&leaf, &[], &name, &[], time).expect("signed by it");
        }
        assert!(Pki::of("redacted", "redacted", now, None).is_none());
    }
}
