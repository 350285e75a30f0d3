//! Which Central it is: whether the one that answers has the authority of the installation.
//!
//! An address left over from another installation is trusted as well as the right one when its
//! certificate is public, or when nothing is checked. Its backup would be of the wrong database.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use tokio_rustls::TlsConnector;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::client::{Ask, CentralClient};
use super::connection::Target;
use super::error::{CentralError, TlsFault};
use super::tls;
use crate::web::{Judge, Listed, Shown, Trust, reach};

/// The longest time for a look at a certificate.
const PATIENCE: Duration = Duration::from_secs(10);
/// The field of Central's word that has its certificates.
const CHAIN: u64 = 1;

/// Whose Central it is that answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Belonging {
    /// The installation's: its authority signed for it.
    Own,
    /// Another's; says whose, for people.
    Foreign(String),
    /// It could not be told; says why.
    Unknown(String),
}

/// The authority of the installation, and whether the server that was connected to has it.
#[derive(Debug)]
pub(super) struct Authority {
    listed: Listed,
    name: ServerName<'static>,
    was_shown: AtomicBool,
}

impl Authority {
    /// From `ca.pem` of the installation.
    pub(super) fn new(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Self, CentralError> {
        let listed = Listed::from_pem(pem, provider).map_err(|reason| CentralError::Config {
            message: format!("cannot use the authority of the installation: {reason}"),
        })?;
        Ok(Self { listed, name: tls::name(tls::INTERNAL_NAME)?, was_shown: AtomicBool::new(false) })
    }

    /// Takes note of what a server shows; whether it is trusted is decided elsewhere.
    pub(super) fn note(&self, shown: Shown<'_>) {
        if self.listed.judge(Shown { name: &self.name, ..shown }).is_ok() {
            self.was_shown.store(true, Ordering::Relaxed);
        }
    }

    /// What Central's own certificate says of it.
    fn belonging(&self, chain: &[CertificateDer<'_>]) -> Belonging {
        let Some((leaf, chain)) = chain.split_first() else {
            return Belonging::Unknown("it shows no certificate".to_owned());
        };
        let Ok(certificate) = Certificate::from_der(leaf) else {
            return Belonging::Unknown("its certificate cannot be read".to_owned());
        };
        let content = certificate.tbs_certificate();
        // Whether it has expired since is another question.
        let now = UnixTime::since_unix_epoch(content.validity().not_before.to_unix_duration());
        let shown = Shown { leaf, chain, name: &self.name, stapled: &[], now };
        match self.listed.judge(shown) {
            Err(error) if tls::fault(&error) == TlsFault::UnknownAuthority => {
                Belonging::Foreign(format!("its certificate was signed by `{}`", content.issuer()))
            }
            _ => Belonging::Own,
        }
    }
}

impl CentralClient {
    /// Whether the Central that answers is that of the installation. It takes an answered request
    /// before, and at most two more; none of them has credentials.
    pub async fn belonging(&self) -> Belonging {
        let Target::Endpoint(..) = &self.target else { return Belonging::Own };
        let Some(authority) = &self.authority else {
            return Belonging::Unknown("the installation's authority could not be read".to_owned());
        };
        if authority.was_shown.load(Ordering::Relaxed) {
            return Belonging::Own;
        }
        match self.told_chain().await {
            Ok(chain) => return authority.belonging(&chain),
            Err(CentralError::NotFound { .. }) => {}
            Err(error) => return Belonging::Unknown(error.to_string()),
        }
        match tokio::time::timeout(PATIENCE, self.shown_chain()).await {
            Ok(Some(chain)) => authority.belonging(&chain),
            _ => Belonging::Unknown("it shows no certificate of its own".to_owned()),
        }
    }

    /// The chain of its own certificate, as Central tells sensors that ask.
    async fn told_chain(&self) -> Result<Vec<CertificateDer<'static>>, CentralError> {
        let path = format!("/v1/tls-challenge?challengeToken={}", challenge());
        let ask = Ask { method: Method::GET, path: &path, body: None, anonymous: true };
        let answer = self.json(ask).await?;
        let unreadable = || CentralError::Decode {
            what: "/v1/tls-challenge".to_owned(),
            reason: "it has no certificate".to_owned(),
        };
        let told = answer["trustInfoSerialized"].as_str().ok_or_else(unreadable)?;
        let told = STANDARD.decode(told).map_err(|_| unreadable())?;
        let chain = fields(&told).ok_or_else(unreadable)?;
        let chain = chain.into_iter().filter(|(field, _)| *field == CHAIN);
        Ok(chain.map(|(_, bytes)| CertificateDer::from(bytes.to_vec())).collect())
    }

    /// The chain that Central shows when it is asked for under its internal name. A router on the
    /// way may not know that name and show its own certificate: that is none of Central's.
    async fn shown_chain(&self) -> Option<Vec<CertificateDer<'static>>> {
        let Target::Endpoint(endpoint, way) = &self.target else { return None };
        let origin = endpoint.origin();
        let stream = reach(&origin, way.proxy.as_ref(), &way.trust).await.ok()?;
        let name = tls::name(tls::INTERNAL_NAME).ok()?;
        let connector = TlsConnector::from(Trust::anybody().config().ok()?);
        let stream = connector.connect(name.clone(), stream).await.ok()?;
        let chain = stream.get_ref().1.peer_certificates()?;
        let leaf = ParsedCertificate::try_from(chain.first()?).ok()?;
        verify_server_name(&leaf, &name).ok()?;
        Some(chain.iter().map(|certificate| certificate.clone().into_owned()).collect())
    }
}

/// 32 bytes that nobody has to guess, as a part of a URL.
fn challenge() -> String {
    let hash = |word: u8| RandomState::new().hash_one(word).to_be_bytes();
    let bytes: Vec<u8> = (0..4).flat_map(hash).collect();
    format!("{}%3D", URL_SAFE_NO_PAD.encode(bytes))
}

/// The fields of a message of protocol buffers that have a length, with their numbers.
fn fields(message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let (mut rest, mut fields) = (message, Vec::new());
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => drop(varint(&mut rest)?),
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                fields.push((key >> 3, rest.get(..length)?));
                rest = &rest[length..];
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_message_are_read() {
        let long = [&[0x0a, 0xc8, 0x01][..], &[7; 200]].concat();
        let message = [&long[..], &[0x10, 0x96, 0x01], &[0x1a, 2, b'h', b'i']].concat();
        let read = fields(&message).unwrap();
        assert_eq!(read, [(1, &[7; 200][..]), (3, b"hi")]);
        assert_eq!(fields(&message[..100]), None, "it ends too early");
    }

    #[test]
    fn a_challenge_is_of_the_length_that_central_wants() {
        let text = challenge();
        assert_eq!(URL_SAFE_NO_PAD.decode(text.strip_suffix("%3D").unwrap()).unwrap().len(), 32);
    }
}
