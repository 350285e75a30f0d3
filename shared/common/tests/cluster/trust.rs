//! Whether the API server is trusted, and what is told when it is not.

use std::io::Write;
use std::net::SocketAddr;

use common::cluster::{Cluster, ClusterError, ConnectionArgs, Options, Stage};
use common::rhacs::ObjectRef;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::authority::authority;
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

fn file(pem: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn a_server_nobody_vouches_for_is_told_with_the_flag_that_helps() {
    let (pem, acceptor) = authority("kubernetes");
    let server = Server::start(Some(acceptor), |_| Answer::json(200, &json!({}))).await;
    let other = file(&authority("kubernetes").0);
    let error = read(server.address, |args| {
        args.certificate_authority = Some(other.path().into());
        args.tls_server_name = Some("kubernetes".to_owned());
    })
    .await
    .unwrap_err();
    assert!(
        matches!(&error, ClusterError::Unreachable { stage: Stage::Certificate, .. }),
        "{error:?}"
    );
    let text = error.into_failure("x").render();
    assert!(text.contains("--certificate-authority FILE") && !text.contains("canary"), "{text}");

    let right = file(&pem);
    let named = |args: &mut ConnectionArgs| {
        args.certificate_authority = Some(right.path().into());
        args.tls_server_name = Some("kubernetes".to_owned());
    };
    read(server.address, named).await.unwrap();
    read(server.address, |args| args.insecure_skip_tls_verify = true).await.unwrap();
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.headers["authorization"] == "Bearer canary"));
}
