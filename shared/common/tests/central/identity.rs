//! Whether the Central that answers is that of the installation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::central::{Belonging, CentralClient, CentralOptions};
use common::cluster::{Cluster, ConnectionArgs, Options};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use crate::authority::{acceptor, issuer};
use crate::server::{Answer, Server};
use crate::support::options;

/// An authority, and Central's own certificate of it.
struct Installation {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf: rcgen::Certificate,
    key: KeyPair,
}

impl Installation {
    fn new() -> Self {
        let issuer = issuer();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["central.stackrox".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        Self { issuer, leaf, key }
    }

    fn acceptor(&self) -> TlsAcceptor {
        acceptor(self.leaf.der().clone(), &self.key)
    }

    /// What Central tells who challenges it.
    fn told(&self) -> String {
        let leaf = self.leaf.der();
        let length = [0x80 | (leaf.len() & 0x7f) as u8, (leaf.len() >> 7) as u8];
        let challenge = [&[0x12, 2][..], b"xy"].concat();
        STANDARD.encode([&[0x0a][..], &length, leaf, &challenge].concat())
    }
}

/// Asks a Central, reached as `options` say, whether it is that of `installation`.
async fn belonging(options: &CentralOptions, installation: &Installation) -> Belonging {
    let args = ConnectionArgs {
        kubeconfig: Some(tempfile::NamedTempFile::new().unwrap().path().into()),
        server: Some("https://127.0.0.1:1".to_owned()),
        ..ConnectionArgs::default()
    };
    std::fs::write(args.kubeconfig.as_ref().unwrap(), "").unwrap();
    let cluster = Cluster::connect(&args, &Options::default()).await.unwrap();
    let ca = installation.issuer.pem();
    let central =
        CentralClient::new(options, &cluster, Some(ca.as_bytes()), &Options::default()).unwrap();
    central.ping().await.unwrap();
    central.belonging().await
}

fn challenged(told: Option<String>) -> impl Fn(&crate::server::Seen) -> Answer + Send + Sync {
    move |seen| match (seen.path(), &told) {
        ("/v1/tls-challenge", Some(told)) => {
            let token = seen.query().strip_prefix("challengeToken=").unwrap();
            assert_eq!(token.replace("%3D", "=").len(), 44, "32 bytes in base64");
            assert!(seen.headers.get("authorization").is_none(), "nobody was told the token");
            Answer::json(200, &json!({"trustInfoSerialized": told, "signature": ""}))
        }
        ("/v1/tls-challenge", None) => Answer::new(404),
        _ => Answer::json(200, &json!({})),
    }
}

#[tokio::test]
async fn the_own_central_shows_its_authority_without_being_asked() {
    let own = Installation::new();
    let server = Server::start(Some(own.acceptor()), challenged(None)).await;
    assert_eq!(belonging(&options(server.address, true), &own).await, Belonging::Own);
    assert_eq!(server.requests(), ["GET /v1/ping"]);
}

#[tokio::test]
async fn another_certificate_in_front_of_it_is_looked_behind() {
    let (own, other) = (Installation::new(), Installation::new());
    let (pem, front) = crate::authority::authority("127.0.0.1");
    for (told, expected) in [(own.told(), true), (other.told(), false)] {
        let server = Server::start(Some(front.clone()), challenged(Some(told))).await;
        let mut options = options(server.address, true);
        options.ca = Some(pem.clone().into_bytes());
        let found = belonging(&options, &own).await;
        assert_eq!(found == Belonging::Own, expected, "{found:?}");
        assert_eq!(matches!(found, Belonging::Foreign(_)), !expected, "{found:?}");
    }
}

#[tokio::test]
async fn a_central_that_does_not_take_challenges_is_known_by_its_certificate() {
    let (own, other) = (Installation::new(), Installation::new());
    let server = Server::start(Some(other.acceptor()), challenged(None)).await;
    let mut options = options(server.address, true);
    options.insecure = true;
    let found = belonging(&options, &own).await;
    assert!(matches!(&found, Belonging::Foreign(why) if why.contains("signed by")), "{found:?}");
    // A router's certificate says nothing of the Central behind it.
    let (_, router) = crate::authority::authority("central.example.com");
    let server = Server::start(Some(router), challenged(None)).await;
    let mut options = crate::support::options(server.address, true);
    options.insecure = true;
    let found = belonging(&options, &own).await;
    assert!(matches!(found, Belonging::Unknown(_)), "{found:?}");
}
