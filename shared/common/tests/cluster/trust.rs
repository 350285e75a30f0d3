//! Whether the API server is trusted, and what is told when it is not.

use std::io::Write;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::cluster::{Cluster, ClusterError, ConnectionArgs, Options, Stage};
use common::rhacs::ObjectRef;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::authority::{authority, its_own_authority, params};
use crate::server::{Answer, Server};

async fn read(
    address: SocketAddr,
    change: impl FnOnce(&mut ConnectionArgs),
) -> Result<(), ClusterError> {
    let kubeconfig = NamedTempFile::new().unwrap();
    let mut args = ConnectionArgs {
        kubeconfig: Some(kubeconfig.path().into()),
        server: Some(format!("https://{address}")),
        token: Some("canary".to_owned().into()),
        ..ConnectionArgs::default()
    };
    change(&mut args);
    let cluster = Cluster::connect(&args, &Options::default()).await?;
    cluster.read(&ObjectRef::deployment("stackrox", "central")).await.map(drop)
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// As `read`, with `pem` as the authority and `name` as the name that is expected.
async fn read_trusting(address: SocketAddr, pem: &str, name: &str) -> Result<(), ClusterError> {
    let authority = file(pem);
    read(address, |args| {
        args.certificate_authority = Some(authority.path().into());
        args.tls_server_name = Some(name.to_owned());
    })
    .await
}

/// What is said of a certificate that is not trusted.
fn distrust(result: Result<(), ClusterError>) -> String {
    match result.unwrap_err() {
        ClusterError::Unreachable { stage: Stage::Certificate, reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_nobody_vouches_for_is_told_with_the_flag_that_helps() {
    let (pem, acceptor) = authority("kubernetes");
    let server = Server::start(Some(acceptor), |_| Answer::json(200, &json!({}))).await;
    let other = authority("kubernetes").0;
    let error = read_trusting(server.address, &other, "kubernetes").await.unwrap_err();
    assert!(
        matches!(&error, ClusterError::Unreachable { stage: Stage::Certificate, .. }),
        "{error:?}"
    );
    let text = error.into_failure("x").render();
    assert!(text.contains("--certificate-authority FILE") && !text.contains("canary"), "{text}");

    read_trusting(server.address, &pem, "kubernetes").await.unwrap();
    read(server.address, |args| args.insecure_skip_tls_verify = true).await.unwrap();
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.headers["authorization"] == "Bearer canary"));
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_trusted_when_it_is_named() {
    let (pem, acceptor) = its_own_authority(params("kubernetes"));
    let server = Server::start(Some(acceptor), |_| Answer::json(200, &json!({}))).await;
    read_trusting(server.address, &pem, "kubernetes").await.unwrap();
    // Among others, too.
    let several = [authority("kubernetes").0, pem.clone()].concat();
    read_trusting(server.address, &several, "kubernetes").await.unwrap();
    // Name and key count as for any other; the same names with another key are another's.
    let reason = distrust(read_trusting(server.address, &pem, "other").await);
    assert!(reason.contains("not valid for name"), "{reason}");
    let (other, _) = its_own_authority(params("kubernetes"));
    distrust(read_trusting(server.address, &other, "kubernetes").await);
    let unnamed = read(server.address, |args| args.tls_server_name = Some("kubernetes".into()));
    assert!(unnamed.await.is_err(), "this computer does not know it");
    assert_eq!(server.seen().len(), 2, "nobody else was told the token");
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_has_its_time_and_its_purpose() {
    let mut expired = params("kubernetes");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut early = params("kubernetes");
    early.not_before = rcgen::date_time_ymd(2999, 1, 1);
    early.not_after = rcgen::date_time_ymd(3000, 1, 1);
    let mut of_clients = params("kubernetes");
    of_clients.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    for (params, told) in
        [(expired, "Expired"), (early, "NotValidYet"), (of_clients, "InvalidPurpose")]
    {
        let (pem, acceptor) = its_own_authority(params);
        let server = Server::start(Some(acceptor), |_| Answer::json(200, &json!({}))).await;
        let reason = distrust(read_trusting(server.address, &pem, "kubernetes").await);
        assert!(reason.contains(told), "{reason}");
        assert!(server.seen().is_empty());
    }
}

#[tokio::test]
async fn a_kubeconfig_may_wrap_its_base64() {
    let (pem, acceptor) = authority("kubernetes");
    let server = Server::start(Some(acceptor), |_| Answer::json(200, &json!({}))).await;
    let data = STANDARD.encode(&pem);
    let lines: Vec<&str> =
        data.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let kubeconfig = file(&format!(
        "current-context: x\nclusters:\n- name: x\n  cluster:\n    server: https://{}\n    \
         tls-server-name: kubernetes\n    certificate-authority-data: |\n      {}\n\
         contexts:\n- {{name: x, context: {{cluster: x, user: x}}}}\n",
        server.address,
        lines.join("\n      ")
    ));
    read(server.address, |args| {
        args.kubeconfig = Some(kubeconfig.path().into());
        args.server = None;
    })
    .await
    .unwrap();
    let not_base64 = "clusters: [{name: x, cluster: {server: 'https://x', \
                      certificate-authority-data: '!'}}]";
    let kubeconfig = file(not_base64);
    let error = read(server.address, |args| {
        args.kubeconfig = Some(kubeconfig.path().into());
        args.cluster = Some("x".to_owned());
    })
    .await
    .unwrap_err();
    let told = "`certificate-authority-data` of the cluster `x` is no base64";
    assert_eq!(error.to_string(), told);
}
