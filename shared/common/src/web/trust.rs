//! Whom to trust: the computer's authorities, or the one the user names.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The authorities whose certificates are trusted; clones share what was read.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    authority: Option<RootCertStore>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    /// The authorities of this computer, read when the first connection needs them.
    #[must_use]
    pub fn computer() -> Self {
        Self::new(None)
    }

    /// Only the authorities in `pem`.
    ///
    /// # Errors
    /// Says why `pem` holds no certificates.
    pub fn authority(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| "it is not valid PEM".to_owned())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.is_empty() {
            return Err("it holds no certificate in PEM".to_owned());
        }
        Ok(Self::new(Some(roots)))
    }

    fn new(authority: Option<RootCertStore>) -> Self {
        Self(Arc::new(Inner { authority, config: OnceLock::new() }))
    }

    /// The TLS configuration for HTTP/1.1.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.config.get_or_init(|| self.configure()).clone()
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = match &self.0.authority {
            Some(roots) => builder.with_root_certificates(roots.clone()).with_no_client_auth(),
            None => {
                let verifier = Verifier::new(provider).map_err(|error| error.to_string())?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
