//! Whom to trust: the computer's authorities, or the ones the user names.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::verify::{Anybody, Computer, FromFile, Listed, Verifying};

/// The authorities whose certificates are trusted; clones share what was read.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    whom: Whom,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

#[derive(Debug)]
enum Whom {
    Computer,
    Listed(Arc<Listed>),
    File(PathBuf),
    Anybody,
}

impl Trust {
    /// The authorities of this computer, read when the first connection needs them.
    #[must_use]
    pub fn computer() -> Self {
        Self::new(Whom::Computer)
    }

    /// Only the certificates in `pem`: authorities, or servers' own.
    ///
    /// # Errors
    /// Says why `pem` holds no certificates.
    pub fn authority(pem: &[u8]) -> Result<Self, String> {
        let listed = Listed::from_pem(pem, &Arc::new(ring::default_provider()))?;
        Ok(Self::new(Whom::Listed(Arc::new(listed))))
    }

    /// Only the certificates in a file that is replaced from time to time, and so read again.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self::new(Whom::File(path.to_owned()))
    }

    /// Everybody: the user asked for connections that are not checked.
    #[must_use]
    pub fn anybody() -> Self {
        Self::new(Whom::Anybody)
    }

    fn new(whom: Whom) -> Self {
        Self(Arc::new(Inner { whom, config: OnceLock::new() }))
    }

    /// What decides about a certificate.
    ///
    /// # Errors
    /// Says why nobody could be trusted.
    pub(crate) fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let provider = Arc::new(ring::default_provider());
        Ok(match &self.0.whom {
            Whom::Computer => Arc::new(Verifying { judge: Computer::new(&provider)?, provider }),
            Whom::Listed(listed) => Arc::new(Verifying { judge: Arc::clone(listed), provider }),
            Whom::File(path) => {
                let judge = FromFile::new(path.clone(), Arc::clone(&provider))?;
                Arc::new(Verifying { judge, provider })
            }
            Whom::Anybody => Arc::new(Anybody),
        })
    }

    /// The TLS configuration for HTTP/1.1.
    ///
    /// # Errors
    /// Says why nobody could be trusted.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.config.get_or_init(|| self.configure()).clone()
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, String> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The certificates in a PEM text; there is at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| "it is not valid PEM".to_owned())?;
    if found.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    Ok(found)
}
