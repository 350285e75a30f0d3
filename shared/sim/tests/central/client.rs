//! A small HTTPS client, and installations to talk to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use sim::central::{CentralOptions, Token};
use sim::simulation::{Builder, Simulation};
use sim::store::{Subresource, Writer};
use tokio::io::{AsyncRead, AsyncWrite};

pub const ADMIN: &str = "Bearer embedded-cluster-admin-token";

/// The objects of a small installation: Central, Sensor and Collector of one release.
pub fn installation(tag: &str) -> Vec<Value> {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8443, "scheme": "HTTPS"}});
    let sensor_path = if tag.starts_with("3.0.") { "/admissioncontroller" } else { "/ready" };
    let workload = |kind: &str, name: &str, containers: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "stackrox"},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
            },
        })
    };
    let main = format!("registry.example/rhacs/main:{tag}");
    let mut central = workload(
        "Deployment",
        "central",
        json!([{"name": "central", "image": main, "readinessProbe": probe("/v1/ping")}]),
    );
    central["spec"]["strategy"] = json!({"type": "Recreate"});
    let mut sensor = workload(
        "Deployment",
        "sensor",
        json!([{"name": "sensor", "image": main, "readinessProbe": probe(sensor_path)}]),
    );
    sensor["spec"]["strategy"] = json!({"type": "Recreate"});
    let collector = workload(
        "DaemonSet",
        "collector",
        json!([
            {"name": "collector", "image": format!("registry.example/rhacs/collector:{tag}")},
            {"name": "compliance", "image": main},
        ]),
    );
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "central-config", "namespace": "stackrox"},
        "data": {"central-config.yaml": "maintenance:\n  safeMode: false\n  forceRollbackVersion: none\n"},
    });
    let tls = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "central-tls", "namespace": "stackrox"},
        "data": {"ca.pem": "redacted", "ca-key.pem": "redacted", "cert.pem": "redacted", "key.pem": "redacted"},
    });
    vec![central, sensor, collector, config, tls]
}

pub fn builder(tag: &str) -> Builder {
    let central = CentralOptions {
        tokens: vec![
            Token::with_role("analyst", "Analyst", "analyst-token"),
            Token::with_role("old", "Admin", "expired-token").expired(),
            Token::with_role("gone", "Admin", "revoked-token").revoked(),
        ],
        ..CentralOptions::default()
    };
    Simulation::builder().objects(installation(tag)).central(central)
}

pub async fn simulation(tag: &str) -> Simulation {
    builder(tag).start().await.unwrap()
}

pub fn set_image(simulation: &Simulation, resource: &str, name: &str, index: usize, image: &str) {
    let by = Writer::new("test");
    simulation
        .store()
        .modify(resource, Some("stackrox"), name, Subresource::Main, &by, |object| {
            object["spec"]["template"]["spec"]["containers"][index]["image"] = json!(image);
        })
        .unwrap();
}

pub async fn until(what: &str, mut question: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !question() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not reached: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The lines that the container of Central has written.
pub fn central_log(simulation: &Simulation) -> String {
    let pods = simulation.store().list("pods", Some("stackrox"));
    let pod = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == "central").unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    let lines =
        simulation.logs().read(("stackrox", name, "central"), false, simulation.clock().now());
    lines.unwrap_or_default().into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// Central's version, once a pod of it serves.
pub fn version(simulation: &Simulation) -> Option<String> {
    simulation.central().version().map(|version| version.tag())
}

pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    pub whole: bool,
    pub headers: http::HeaderMap,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Asks Central on its own port, trusting only the CA in the cluster.
pub async fn ask(
    simulation: &Simulation,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> std::io::Result<Answer> {
    let stream = tokio::net::TcpStream::connect(simulation.central_address()).await?;
    ask_over(simulation, stream, method, path, authorization, body).await
}

pub async fn ask_over<S>(
    simulation: &Simulation,
    stream: S,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> std::io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request =
        Request::builder().method(method).uri(path).header("host", "central.stackrox");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    send(simulation, stream, request).await
}

/// Makes a request of any kind.
pub async fn send<S>(
    simulation: &Simulation,
    stream: S,
    request: Request<Full<Bytes>>,
) -> std::io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let secret = simulation.store().read("secrets", Some("stackrox"), "central-tls").unwrap();
    let ca = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        secret["data"]["ca.pem"].as_str().unwrap(),
    )
    .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("central.stackrox").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    let response: Response<_> =
        sender.send_request(request).await.map_err(std::io::Error::other)?;
    let (parts, body) = response.into_parts();
    let (body, whole) = match body.collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(_) => (Bytes::new(), false),
    };
    Ok(Answer { status: parts.status.as_u16(), body, whole, headers: parts.headers })
}
