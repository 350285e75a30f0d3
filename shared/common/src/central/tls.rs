//! Whom to trust as Central: its own authority under its internal name, or one of the computer's.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error};

use super::args::CentralOptions;
use super::error::{CentralError, TlsFault};
use super::identity::Authority;
use crate::web::{Computer, Judge, Listed, Shown, Verifying};

/// The name in the certificate that the product's own authority gives Central.
pub(super) const INTERNAL_NAME: &str = "central.stackrox";

/// The TLS configuration: `cluster_ca` is the authority of the installation, in PEM; `authority`,
/// which is the same, notes whether the server has it.
pub(super) fn configuration(
    options: &CentralOptions,
    cluster_ca: Option<&[u8]>,
    authority: Option<Arc<Authority>>,
) -> Result<Arc<ClientConfig>, CentralError> {
    let provider = provider();
    let judge = CentralJudge { authority, ..CentralJudge::new(&provider, options, cluster_ca)? };
    let verifier = Verifying { judge, provider: Arc::clone(&provider) };
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

/// What computes.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
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
struct CentralJudge {
    provider: Arc<CryptoProvider>,
    internal: Option<(Listed, ServerName<'static>)>,
    named: Option<Listed>,
    computer: OnceLock<Option<Computer>>,
    server_name: Option<ServerName<'static>>,
    insecure: bool,
    authority: Option<Arc<Authority>>,
}

impl CentralJudge {
    fn new(
        provider: &Arc<CryptoProvider>,
        options: &CentralOptions,
        cluster_ca: Option<&[u8]>,
    ) -> Result<Self, CentralError> {
        let listed = |pem: &[u8]| {
            Listed::from_pem(pem, provider)
                .map_err(|reason| wrong(&format!("cannot use the authority's file: {reason}")))
        };
        // The user may well name the installation's own authority with `--ca`.
        let internal = match options.ca.as_deref().or(cluster_ca).map(listed).transpose()? {
            Some(listed) => Some((listed, name(INTERNAL_NAME)?)),
            None => None,
        };
        Ok(Self {
            provider: Arc::clone(provider),
            internal,
            named: options.ca.as_deref().map(listed).transpose()?,
            computer: OnceLock::new(),
            server_name: options.server_name.as_deref().map(name).transpose()?,
            insecure: options.insecure,
            authority: None,
        })
    }

    /// The authority of `--ca`, or those of the computer. Reading these takes a while, so it is
    /// done when they are needed; a container image may have none.
    fn public(&self) -> Option<&dyn Judge> {
        if let Some(named) = &self.named {
            return Some(named);
        }
        let computer = self.computer.get_or_init(|| Computer::new(&self.provider).ok());
        computer.as_ref().map(|computer| computer as &dyn Judge)
    }
}

impl Judge for CentralJudge {
    fn judge(&self, shown: Shown<'_>) -> Result<(), Error> {
        if let Some(authority) = &self.authority {
            authority.note(shown);
        }
        if self.insecure {
            return Ok(());
        }
        let mut internal_error = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        if let Some((listed, internal_name)) = &self.internal {
            match listed.judge(Shown { name: internal_name, ..shown }) {
                Ok(()) => return Ok(()),
                Err(error) => internal_error = error,
            }
        }
        let Some(public) = self.public() else { return Err(internal_error) };
        let name = self.server_name.as_ref().unwrap_or(shown.name);
        public.judge(Shown { name, ..shown }).map_err(|error| {
            // An authority that is known but whose certificate expired says more than one that
            // is not known.
            if fault(&internal_error) == TlsFault::Expired { internal_error } else { error }
        })
    }
}

/// The name for SNI and verification.
pub(super) fn name(text: &str) -> Result<ServerName<'static>, CentralError> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| wrong(&format!("`{text}` is no name of a server")))
}

fn wrong(message: &str) -> CentralError {
    CentralError::Config { message: message.to_owned() }
}
