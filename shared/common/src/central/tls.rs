//! Whom to trust as Central: its own authority under its internal name, or one of the computer's.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::args::CentralOptions;
use super::error::{CentralError, TlsFault};

/// The name in the certificate that the product's own authority gives Central.
pub(super) const INTERNAL_NAME: &str = "central.stackrox";

/// The TLS configuration: `cluster_ca` is the authority of the installation, in PEM.
pub(super) fn configuration(
    options: &CentralOptions,
    cluster_ca: Option<&[u8]>,
) -> Result<Arc<ClientConfig>, CentralError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = CentralVerifier::new(&provider, options, cluster_ca)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error.to_string()))?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What a failed handshake says about Central's certificate.
pub(crate) fn fault(error: &Error) -> TlsFault {
    let Error::InvalidCertificate(reason) = error else { return TlsFault::Other };
    match reason {
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnhandledCriticalExtension => TlsFault::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFault::Expired,
        // Some platforms have words of their own for an authority they do not know.
        CertificateError::Other(_) => TlsFault::UnknownAuthority,
        _ => TlsFault::Other,
    }
}

/// Trusts a certificate that either the installation's authority issued for Central itself, or a
/// public one (or that of `--ca`) for the name that was connected to.
#[derive(Debug)]
struct CentralVerifier {
    provider: Arc<CryptoProvider>,
    internal: Option<(Arc<WebPkiServerVerifier>, ServerName<'static>)>,
    named: Option<Arc<WebPkiServerVerifier>>,
    platform: OnceLock<Option<Arc<Verifier>>>,
    server_name: Option<ServerName<'static>>,
    insecure: bool,
}

impl CentralVerifier {
    fn new(
        provider: &Arc<CryptoProvider>,
        options: &CentralOptions,
        cluster_ca: Option<&[u8]>,
    ) -> Result<Self, CentralError> {
        // The user may well name the installation's own authority with `--ca`.
        let own = options.ca.as_deref().or(cluster_ca);
        let internal = match own.map(|pem| from_pem(provider, pem)).transpose()? {
            Some(verifier) => Some((verifier, name(INTERNAL_NAME)?)),
            None => None,
        };
        let named = options.ca.as_deref().map(|pem| from_pem(provider, pem)).transpose()?;
        Ok(Self {
            provider: Arc::clone(provider),
            internal,
            named,
            platform: OnceLock::new(),
            server_name: options.server_name.as_deref().map(name).transpose()?,
            insecure: options.insecure,
        })
    }

    /// The authority of `--ca`, or those of the computer. Reading these takes a while, so it is
    /// done when they are needed; a container image may have none.
    fn public(&self) -> Option<&dyn ServerCertVerifier> {
        if let Some(named) = &self.named {
            return Some(named.as_ref());
        }
        let platform = self
            .platform
            .get_or_init(|| Verifier::new(Arc::clone(&self.provider)).ok().map(Arc::new));
        platform.as_deref().map(|verifier| verifier as &dyn ServerCertVerifier)
    }
}

impl ServerCertVerifier for CentralVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.insecure {
            return Ok(ServerCertVerified::assertion());
        }
        let mut internal_error = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        if let Some((verifier, internal_name)) = &self.internal {
            match verifier.verify_server_cert(leaf, chain, internal_name, stapled, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => internal_error = error,
            }
        }
        let Some(public) = self.public() else { return Err(internal_error) };
        let wanted = self.server_name.as_ref().unwrap_or(server_name);
        let public_result = public.verify_server_cert(leaf, chain, wanted, stapled, now);
        public_result.map_err(|error| {
            // An authority that is known but whose certificate expired says more than one that
            // is not known.
            if fault(&internal_error) == TlsFault::Expired { internal_error } else { error }
        })
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

fn from_pem(
    provider: &Arc<CryptoProvider>,
    pem: &[u8],
) -> Result<Arc<WebPkiServerVerifier>, CentralError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|_| wrong("the authority's file is not valid PEM"))?;
        roots.add(certificate).map_err(|error| wrong(&error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("the authority's file holds no certificate in PEM"));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| wrong(&error.to_string()))
}

/// The name for SNI and verification.
pub(super) fn name(text: &str) -> Result<ServerName<'static>, CentralError> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| wrong(&format!("`{text}` is no name of a server")))
}

fn wrong(message: &str) -> CentralError {
    CentralError::Config { message: message.to_owned() }
}
