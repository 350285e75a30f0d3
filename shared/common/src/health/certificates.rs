//! How long the certificates last.

use jiff::Timestamp;
use serde::Serialize;

use super::Found;
use crate::checks::in_days;
use crate::rhacs::Snapshot;
use crate::rhacs::certificates::{Ending, endings};

/// One certificate of the installation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateHealth {
    /// The Secret, as kubectl takes it.
    pub object: String,
    /// The key in it.
    pub key: String,
    /// The subject.
    pub subject: String,
    /// When it ends, RFC 3339.
    pub until: String,
    /// Whole days until then, negative when it is past.
    pub days: i64,
}

impl CertificateHealth {
    /// Whether it should be renewed now.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.days < SOON
    }
}

/// From so many days before its end on a certificate should be renewed.
pub(super) const SOON: i64 = 30;

pub(super) fn all(
    snapshot: &Snapshot,
    now: Timestamp,
    found: &mut Found,
) -> Vec<CertificateHealth> {
    let all = endings(snapshot, now);
    for ending in all.iter().filter(|ending| ending.days < SOON) {
        let what = match ending.is_authority() {
            true => "the certificate of its authority",
            false => "its certificate",
        };
        let object = format!("secret/{}", ending.secret);
        found.work(object, format!("{what} {}", words(ending.days)), ending.renewal());
    }
    all.iter().map(health).collect()
}

/// `expires in 3 days`.
pub(super) fn words(days: i64) -> String {
    format!("{} {}", if days < 0 { "expired" } else { "expires" }, in_days(days))
}

fn health(ending: &Ending<'_>) -> CertificateHealth {
    CertificateHealth {
        object: format!("secret/{}", ending.secret),
        key: ending.key.to_owned(),
        subject: ending.certificate.subject.clone(),
        until: ending.certificate.not_after.clone(),
        days: ending.days,
    }
}
