//! What decides about a server's certificate.
//!
//! The library wants an authority above every server. Where a server's certificate is its own
//! authority, as `openssl req -x509` makes it, or where only the server's own certificate is known,
//! everybody else accepts that very certificate when it is among the trusted ones; so do we. Name,
//! dates and purpose are checked as for any other, and so is that the server has the key.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::trust::certificates;

/// How often a file of authorities is read again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);
/// What a certificate that names its purposes must be for: servers, or anything.
const PURPOSES: [&str; 2] = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/// What a server shows, and who it is expected to be.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) leaf: &'a CertificateDer<'a>,
    pub(crate) chain: &'a [CertificateDer<'a>],
    pub(crate) name: &'a ServerName<'a>,
    pub(crate) stapled: &'a [u8],
    pub(crate) now: UnixTime,
}

/// Decides whether what a server shows is to be trusted.
pub(crate) trait Judge: Debug + Send + Sync {
    /// Why it is not, if so.
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error>;
}

/// A judge as the library wants it: the handshake is checked the same for all of them.
#[derive(Debug)]
pub(crate) struct Verifying<J> {
    pub(crate) judge: J,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl<J: Judge> ServerCertVerifier for Verifying<J> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown { leaf, chain, name, stapled, now };
        self.judge.judge(shown).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts the certificates of a list: what they signed, and themselves.
#[derive(Debug)]
pub(crate) struct Listed {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Listed {
    /// From a PEM text.
    pub(crate) fn from_pem(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        Self::new(certificates(pem)?, provider)
    }

    pub(crate) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| error.to_string())?;
        Ok(Self { authorities, certificates })
    }
}

impl Judge for Listed {
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error> {
        by_authority(&*self.authorities, shown).or_else(|error| {
            if self.certificates.contains(shown.leaf) { itself(shown) } else { Err(error) }
        })
    }
}

impl<J: Judge> Judge for Arc<J> {
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error> {
        J::judge(self, shown)
    }
}

fn by_authority(verifier: &impl ServerCertVerifier, shown: Shown<'_>) -> Result<(), Error> {
    let Shown { leaf, chain, name, stapled, now } = shown;
    verifier.verify_server_cert(leaf, chain, name, stapled, now).map(drop)
}

/// Judges a certificate that is trusted itself: all that is left to ask of it.
fn itself(shown: Shown<'_>) -> Result<(), Error> {
    let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
    let certificate = Certificate::from_der(shown.leaf).map_err(bad)?;
    let content = certificate.tbs_certificate();
    let (begin, end) = (content.validity().not_before, content.validity().not_after);
    let now = Duration::from_secs(shown.now.as_secs());
    if now < begin.to_unix_duration() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > end.to_unix_duration() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    let purposes = content.get_extension::<ExtendedKeyUsage>().map_err(bad)?;
    let is_for_servers = purposes.is_none_or(|(_, ExtendedKeyUsage(purposes))| {
        purposes.iter().any(|purpose| PURPOSES.contains(&purpose.to_string().as_str()))
    });
    if !is_for_servers {
        return Err(Error::InvalidCertificate(CertificateError::InvalidPurpose));
    }
    verify_server_name(&ParsedCertificate::try_from(shown.leaf)?, shown.name)
}

/// Trusts whom this computer trusts.
#[derive(Debug)]
pub(crate) struct Computer(Verifier);

impl Computer {
    pub(crate) fn new(provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        Verifier::new(Arc::clone(provider)).map(Self).map_err(|error| error.to_string())
    }
}

impl Judge for Computer {
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error> {
        by_authority(&self.0, shown)
            .or_else(|error| if is_trusted_here(shown.leaf) { itself(shown) } else { Err(error) })
    }
}

/// Whether this very certificate is among those the computer trusts, `SSL_CERT_FILE` included.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn is_trusted_here(leaf: &CertificateDer<'_>) -> bool {
    rustls_native_certs::load_native_certs().certs.contains(leaf)
}

/// Elsewhere the system decides about whole chains itself.
#[cfg(not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))))]
const fn is_trusted_here(_: &CertificateDer<'_>) -> bool {
    false
}

/// Trusts the certificates of a file as it is now: what a pod is given is replaced while it runs.
#[derive(Debug)]
pub(super) struct FromFile {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
    read: RwLock<(Arc<Listed>, Instant)>,
}

impl FromFile {
    pub(super) fn new(path: PathBuf, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let listed = load(&path, &provider)?;
        Ok(Self { path, provider, read: RwLock::new((listed, Instant::now())) })
    }

    /// What was read last; what cannot be read again stays as it was.
    fn current(&self) -> Arc<Listed> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        let (listed, at) = (Arc::clone(&read.0), read.1);
        drop(read);
        if at.elapsed() < RELOAD_INTERVAL {
            return listed;
        }
        let listed = load(&self.path, &self.provider).unwrap_or(listed);
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        *read = (Arc::clone(&listed), Instant::now());
        listed
    }
}

impl Judge for FromFile {
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error> {
        self.current().judge(shown)
    }
}

fn load(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<Listed>, String> {
    let wrong = |reason: String| format!("cannot use `{}`: {reason}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    Listed::from_pem(&pem, provider).map(Arc::new).map_err(wrong)
}

/// Trusts everybody, whatever is wrong with the certificate: nothing of it is looked at.
#[derive(Debug)]
pub(super) struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SHA1_Legacy,
            SignatureScheme::RSA_PKCS1_SHA1,
        ]
    }
}
