//! The certificates of an installation: one CA, and a leaf for each of its services.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
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
