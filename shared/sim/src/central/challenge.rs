//! `/v1/tls-challenge`: Central proves to strangers that it has the certificate of its authority,
//! whatever stands between them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use common::rhacs::Version;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Central;
use super::refusal::Refusal;
use super::routes::Asked;

/// Bytes of a challenge.
const LENGTH: usize = 32;

/// The answer to a challenge.
///
/// # Errors
/// 400 for what is no challenge.
pub(super) fn answer(
    central: &Central,
    version: &Version,
    asked: &Asked<'_>,
) -> Result<Value, Refusal> {
    let challenge = asked.parameter("challengeToken").unwrap_or_default();
    check(&challenge, version)?;
    let internal = |error: String| Refusal::internal(error);
    let leaf = central
        .issue("CENTRAL_SERVICE", "central", "stackrox")
        .map_err(|error| internal(error.to_string()))?;
    let mut info = Vec::new();
    for pem in [leaf.certificate.as_str(), central.ca_pem()] {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| internal(error.to_string()))?;
        field(&mut info, 1, &der);
    }
    field(&mut info, 2, challenge.as_bytes());
    let own = STANDARD.encode(Sha256::digest(central.clock.now().to_string()));
    field(&mut info, 3, own.as_bytes());
    let signature = sign(&leaf.key, &info).map_err(internal)?;
    Ok(json!({
        "trustInfoSerialized": STANDARD.encode(&info),
        "signature": STANDARD.encode(signature),
    }))
}

fn check(challenge: &str, version: &Version) -> Result<(), Refusal> {
    // The words and what they are about changed places later.
    let invalid = |words: &str| {
        Refusal::invalid(if version.is_at_least(4, 0) {
            format!("invalid arguments: {words}")
        } else {
            format!("{words}: invalid arguments")
        })
    };
    let Ok(bytes) = URL_SAFE.decode(challenge) else {
        // Four characters make three bytes; the first that are missing or strange are named.
        let good = challenge.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c));
        let place = good.count() / 4 * 4;
        return Err(invalid(&format!(
            "challenge token must be a valid base64 string: illegal base64 data at input byte {place}"
        )));
    };
    if bytes.len() == LENGTH {
        return Ok(());
    }
    let begin = format!("base64 decoded challenge token must be {LENGTH} bytes long");
    Err(invalid(&if version.is_at_least(4, 0) {
        format!("{begin}, received challenge {challenge:?} was {} bytes", bytes.len())
    } else {
        format!("{begin}, got {challenge}")
    }))
}

/// Appends a field of bytes to a message of protocol buffers.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(bytes);
}

fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, String> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| error.to_string())?;
    let key =
        rustls::crypto::ring::sign::any_supported_type(&key).map_err(|error| error.to_string())?;
    let schemes =
        [rustls::SignatureScheme::ECDSA_NISTP256_SHA256, rustls::SignatureScheme::RSA_PKCS1_SHA256];
    let signer = key.choose_scheme(&schemes).ok_or("no scheme for the key of Central")?;
    signer.sign(message).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_the_letters_of_addresses() {
        // 0xfb 0xff encodes as `-_`, which are `+/` in the other alphabet.
        let bytes = [0xfb_u8, 0xff].repeat(LENGTH / 2);
        let current = Version::release(4, 8, 0);
        check(&URL_SAFE.encode(&bytes), &current).unwrap();
        check(&STANDARD.encode(&bytes), &current).unwrap_err();
    }
}
