//! Requests to Central: trust, retries, kept connections, outages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use common::central::{CentralError, Probe, TlsFault};
use common::env::Clock;
use common::rhacs::Platform;
use common::web::{ConnectError, Connector, Origin, Trust};
use serde_json::json;

use crate::authority::{authority, its_own_authority, params};
use crate::server::{Answer, Server};
use crate::support::{client, options};

#[tokio::test]
async fn the_authority_of_the_installation_vouches_for_central_at_any_address() {
    let (pem, acceptor) = authority("central.stackrox");
    let server = Server::start(Some(acceptor), |_| {
        Answer::json(200, &json!({"version": "3.69.2", "licenseStatus": "VALID"}))
    })
    .await;
    let mut options = options(server.address, true);
    options.ca = Some(pem.into_bytes());
    let (central, _) = client(&options);
    let metadata = central.metadata().await.unwrap();
    assert_eq!(metadata.version, "3.69.2".parse().ok());
    assert_eq!(server.seen()[0].headers["authorization"], "Bearer canary");
    assert!(server.seen()[0].headers["user-agent"].to_str().unwrap().starts_with("kubectl-rhacs/"));
}

#[tokio::test]
async fn faults_of_a_certificate_are_told_apart_and_never_retried() {
    let (_, acceptor) = authority("central.stackrox");
    let server = Server::start(Some(acceptor), |_| Answer::new(200)).await;
    let mut options = options(server.address, true);
    options.ca = Some(authority("central.stackrox").0.into_bytes());
    let (central, retries) = client(&options);
    let error = central.metadata().await.unwrap_err();
    assert!(
        matches!(&error, CentralError::Tls { fault: TlsFault::UnknownAuthority, .. }),
        "{error:?}"
    );
    assert!(error.into_failure("x").render().contains("--ca FILE"));
    assert!(retries.lock().unwrap().is_empty() && server.seen().is_empty());

    let (pem, acceptor) = authority("somewhere.else");
    let server = Server::start(Some(acceptor), |_| Answer::new(200)).await;
    let mut options = crate::support::options(server.address, true);
    options.ca = Some(pem.into_bytes());
    let error = client(&options).0.metadata().await.unwrap_err();
    assert!(matches!(&error, CentralError::Tls { fault: TlsFault::WrongName, .. }), "{error:?}");
    options.server_name = Some("somewhere.else".to_owned());
    assert!(client(&options).0.ping().await.is_ok(), "with the name it has");
    options.server_name = None;
    options.ca = None;
    options.insecure = true;
    assert!(client(&options).0.ping().await.is_ok(), "when nothing is checked");
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_trusted_when_it_is_named() {
    let (pem, acceptor) = its_own_authority(params("central.example.com"));
    let server = Server::start(Some(acceptor), |_| Answer::new(200)).await;
    let mut options = options(server.address, true);
    options.ca = Some(pem.clone().into_bytes());
    options.server_name = Some("central.example.com".to_owned());
    client(&options).0.ping().await.unwrap();
    options.server_name = Some("other.example.com".to_owned());
    let error = client(&options).0.ping().await.unwrap_err();
    assert!(matches!(&error, CentralError::Tls { fault: TlsFault::WrongName, .. }), "{error:?}");
    let another = its_own_authority(params("central.example.com")).0;
    options.ca = Some(another.into_bytes());
    options.server_name = Some("central.example.com".to_owned());
    let error = client(&options).0.ping().await.unwrap_err();
    assert!(
        matches!(&error, CentralError::Tls { fault: TlsFault::UnknownAuthority, .. }),
        "{error:?}"
    );
    // As mirrors and Splunk are connected to.
    let origin = Origin { tls: true, host: "localhost".to_owned(), port: server.address.port() };
    let connector = |pem: &str| {
        let trust = Trust::authority(pem.as_bytes()).unwrap();
        Connector::new(origin.clone(), trust, None, Duration::from_secs(5))
    };
    let refused = connector(&pem).connect().await.unwrap_err();
    assert!(matches!(&refused, ConnectError::Tls { fault: TlsFault::WrongName, .. }));
    let mut expired = params("localhost");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (params, fault) in [(params("localhost"), None), (expired, Some(TlsFault::Expired))] {
        let (pem, acceptor) = its_own_authority(params);
        let server = Server::start(Some(acceptor), |_| Answer::new(200)).await;
        let origin = Origin { port: server.address.port(), ..origin.clone() };
        let trust = Trust::authority(pem.as_bytes()).unwrap();
        let connector = Connector::new(origin, trust, None, Duration::from_secs(5));
        let found = match connector.connect().await {
            Ok(_) => None,
            Err(ConnectError::Tls { fault, .. }) => Some(fault),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, fault);
    }
}

#[tokio::test]
async fn reading_is_repeated_visibly_and_writing_is_not() {
    let count = AtomicU32::new(0);
    let server = Server::start(None, move |seen| {
        if seen.path() == "/v1/clusters" && count.fetch_add(1, Ordering::SeqCst) > 0 {
            return Answer::json(200, &json!({"clusters": [{"id": "a", "name": "local"}]}));
        }
        Answer::new(503).data("upstream connect error")
    })
    .await;
    let (central, retries) = client(&options(server.address, false));
    assert_eq!(central.clusters().await.unwrap()[0].name, "local");
    assert_eq!(retries.lock().unwrap()[0].what, "GET /v1/clusters of Central");
    let error = central.trigger_upgrade("a").await.unwrap_err();
    assert_eq!(error.to_string(), "Central is not available: upstream connect error");
    assert!(central.revoke_token("t").await.is_err());
    assert_eq!(
        server.requests()[2..],
        ["POST /v1/sensorupgrades/cluster/a", "PATCH /v1/apitokens/revoke/t"]
    );
}

#[tokio::test]
async fn requests_share_a_connection_and_outlive_it() {
    let server = Server::start(None, |seen| {
        let answer = Answer::json(200, &json!({"config": {"enableAutoUpgrade": true}}));
        match seen.path() {
            "/v1/ping" => answer.header("connection", "close"),
            _ => answer,
        }
    })
    .await;
    let (central, retries) = client(&options(server.address, false));
    for _ in 0..3 {
        central.ping().await.unwrap();
        assert_eq!(central.auto_upgrade_enabled().await.unwrap(), Some(true));
    }
    assert!(retries.lock().unwrap().is_empty(), "a closed connection is no failure");
    assert!(server.seen()[0].headers.get("authorization").is_none(), "a ping is anonymous");
}

#[tokio::test]
async fn only_tokens_that_still_work_are_listed() {
    let server = Server::start(None, |_| {
        Answer::json(200, &json!({"tokens": [{"id": "t", "name": "upgrade", "roles": ["Admin"]}]}))
    })
    .await;
    let (central, _) = client(&options(server.address, false));
    let tokens = central.tokens().await.unwrap();
    assert_eq!((tokens[0].id.as_str(), tokens[0].revoked), ("t", false));
    assert_eq!(server.seen()[0].query(), "revoked=false");
}

#[tokio::test]
async fn a_bundle_is_asked_for_by_platform() {
    let server = Server::start(None, |_| Answer::new(403).data("{\"message\":\"denied\"}")).await;
    let (central, _) = client(&options(server.address, false));
    let error = central.scanner_bundle(Platform::OpenShift).await.unwrap_err();
    assert!(matches!(error, CentralError::Forbidden { .. }));
    assert_eq!(server.seen()[0].body, br#"{"clusterType":"OPENSHIFT_CLUSTER"}"#);
}

#[tokio::test]
async fn an_outage_is_measured() {
    let up = Arc::new(AtomicBool::new(true));
    let is_up = Arc::clone(&up);
    let server = Server::start(None, move |_| match is_up.load(Ordering::SeqCst) {
        true => Answer::json(200, &json!({"status": "ok"})),
        false => Answer::new(503),
    })
    .await;
    let probe = Probe::start(&client(&options(server.address, false)).0, &Clock::system());
    tokio::time::sleep(Duration::from_millis(300)).await;
    up.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    up.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(900)).await;
    let outage = probe.stop();
    assert!(outage.answered && outage.ended.is_some());
    assert!(outage.total >= Duration::from_millis(500), "{outage:?}");
    assert!(outage.total <= Duration::from_millis(2000), "{outage:?}");
    assert_eq!(outage.total, outage.longest);
}
