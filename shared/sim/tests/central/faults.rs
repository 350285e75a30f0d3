use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use sim::clock::Clock;
use sim::faults::{ClusterFault, RequestAction, RequestRule, Script};
use sim::simulation::Simulation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::client::{ADMIN, ask, ask_over, builder, simulation};

/// Asks the API server over its plain port; the status, or none when the connection was cut.
async fn api(simulation: &Simulation, method: &str, path: &str) -> Option<u16> {
    let address = simulation.api().plain_url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer admin-token\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A cut connection may end in an error or in silence.
    let _ = stream.read_to_string(&mut answer).await;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn scripted_requests_to_the_api_server_are_refused_or_cut() {
    let script = Script::default()
        .request(RequestRule::api(RequestAction::refuse(503)).path("*/deployments*").nth(2))
        .request(RequestRule::api(RequestAction::CutBefore).path("*/secrets*").times(1))
        .request(RequestRule::api(RequestAction::CutAfter).method("DELETE"));
    let simulation = builder("3.69.2").faults(script).start().await.unwrap();
    let list = "/apis/apps/v1/namespaces/stackrox/deployments";
    for expected in [Some(200), Some(503), Some(200)] {
        assert_eq!(api(&simulation, "GET", list).await, expected);
    }
    let secret = "/api/v1/namespaces/stackrox/secrets/central-tls";
    assert_eq!(api(&simulation, "GET", secret).await, None);
    assert_eq!(api(&simulation, "GET", secret).await, Some(200));
    let config = "/api/v1/namespaces/stackrox/configmaps/central-config";
    assert_eq!(api(&simulation, "DELETE", config).await, None);
    assert_eq!(api(&simulation, "GET", config).await, Some(404), "the deletion took effect");
    assert!(simulation.requests().len() >= 6);
}

#[tokio::test]
async fn scripted_watches_are_dropped_or_expired_and_lists_are_not() {
    let script = Script::default()
        .request(RequestRule::api(RequestAction::ExpireWatch).path("*/pods*"))
        .request(RequestRule::api(RequestAction::DropWatch).path("*/deployments*"));
    let simulation = builder("3.69.2").faults(script).start().await.unwrap();
    let pods = "/api/v1/namespaces/stackrox/pods";
    assert_eq!(api(&simulation, "GET", pods).await, Some(200));
    assert_eq!(api(&simulation, "GET", &format!("{pods}?watch=true")).await, Some(410));
    let deployments = "/apis/apps/v1/namespaces/stackrox/deployments?watch=true";
    assert_eq!(api(&simulation, "GET", deployments).await, None);
}

#[tokio::test]
async fn a_cluster_in_real_time_is_up_at_once_and_not_ahead_of_its_clients() {
    let begun = std::time::Instant::now();
    let simulation = builder("3.69.2").clock(Clock::real()).start().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    let ahead = simulation.clock().now().duration_since(jiff::Timestamp::now());
    assert!(ahead.as_secs() < 60, "{ahead} ahead");
}

#[tokio::test]
async fn scripted_requests_to_central_are_refused_delayed_or_cut() {
    let script = Script::default()
        .request(RequestRule::central(RequestAction::refuse(429)).request(1))
        .request(RequestRule::central(RequestAction::CutBefore).request(2))
        .request(RequestRule::central(RequestAction::Delay { milliseconds: 50 }).request(3));
    let simulation = builder("3.69.2").faults(script).start().await.unwrap();
    assert_eq!(ask(&simulation, "GET", "/v1/ping", None, "").await.unwrap().status, 429);
    assert!(ask(&simulation, "GET", "/v1/ping", None, "").await.is_err());
    let begun = std::time::Instant::now();
    assert_eq!(ask(&simulation, "GET", "/v1/ping", None, "").await.unwrap().status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let statuses: Vec<u16> =
        simulation.central().requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [429, 0, 200]);
}

#[tokio::test]
async fn a_truncated_backup_looks_like_a_good_one() {
    let simulation = simulation("3.69.2").await;
    simulation.faults().add(ClusterFault::TruncatedBackup { bytes: 5000 });
    let answer = ask(&simulation, "GET", "/api/extensions/backup", Some(ADMIN), "").await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.whole), (200, 5000, true));
    assert!(zip::ZipArchive::new(std::io::Cursor::new(answer.body.to_vec())).is_err());
}

#[tokio::test]
async fn a_refused_backup_has_the_scripted_status() {
    for status in [401, 403] {
        let simulation = simulation("3.69.2").await;
        simulation.faults().add(ClusterFault::BackupRefused { status });
        let answer =
            ask(&simulation, "GET", "/api/extensions/backup", Some(ADMIN), "").await.unwrap();
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn a_silent_central_lets_clients_wait() {
    let simulation = simulation("3.69.2").await;
    simulation.faults().add(ClusterFault::CentralNeverAnswers);
    let patience = Duration::from_millis(200);
    let answer =
        tokio::time::timeout(patience, ask(&simulation, "GET", "/v1/ping", None, "")).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn a_full_disk_forbids_the_way_back() {
    let simulation = simulation("3.69.2").await;
    simulation.faults().add(ClusterFault::FullDisk);
    let answer =
        ask(&simulation, "GET", "/v1/centralhealth/upgradestatus", Some(ADMIN), "").await.unwrap();
    assert_eq!(answer.json()["upgradeStatus"]["canRollbackAfterUpgrade"], false);
}

#[tokio::test]
async fn central_is_reached_through_a_port_forward() {
    let simulation = simulation("3.69.2").await;
    let pods = simulation.store().list("pods", Some("stackrox"));
    let pod = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == "central").unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    let address = simulation.api().plain_url().replace("http://", "");
    let url =
        format!("ws://{address}/api/v1/namespaces/stackrox/pods/{name}/portforward?ports=8443");
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("v4.channel.k8s.io"));
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer admin-token"));
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let (mut sink, mut source) = socket.split();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (mut reader, mut writer) = tokio::io::split(far);
    tokio::spawn(async move {
        // The first frame of each channel is the number of its port.
        let mut announced = 0;
        while let Some(Ok(message)) = source.next().await {
            let Message::Binary(bytes) = message else { continue };
            if announced < 2 {
                assert_eq!(bytes[1..], 8443_u16.to_le_bytes());
                announced += 1;
            } else if bytes[0] == 0 {
                writer.write_all(&bytes[1..]).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        let mut buffer = [0_u8; 4096];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let mut frame = vec![0];
            frame.extend_from_slice(&buffer[..length]);
            if sink.send(Message::binary(frame)).await.is_err() {
                return;
            }
        }
    });
    let answer = ask_over(&simulation, near, "GET", "/v1/metadata", Some(ADMIN), "").await.unwrap();
    assert_eq!(answer.json()["version"], "3.69.2");
}
