//! Port-forwarding over a websocket, in the `v4.channel.k8s.io` protocol.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};

use super::body::{self, Answer};
use super::hooks::{Duplex, PortForward};
use super::route::Target;
use super::service::Call;
use super::verbs::live;
use crate::store::Status;

const PROTOCOL: &str = "v4.channel.k8s.io";

/// Whether the request asks for a websocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Serves `pods/NAME/portforward`.
pub(crate) fn serve(
    call: &Call,
    target: &Target,
    upgrade: Option<OnUpgrade>,
) -> Result<Answer, Status> {
    let pod = live(call, target)?;
    if pod["status"]["phase"] != "Running" {
        let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
        let message =
            format!("unable to forward port because pod is not running. Current status={phase}");
        return Err(Status::new(500, "InternalError", message));
    }
    let key = call.header(header::SEC_WEBSOCKET_KEY);
    let (Some(upgrade), Some(key)) = (upgrade, key) else {
        return Err(Status::bad_request("Upgrade request required"));
    };
    let Some(forward) = call.shared.options.forward.clone() else {
        return Err(Status::new(503, "ServiceUnavailable", "no connection to the pod's node"));
    };
    let ports = call.query.get("ports").unwrap_or_default().split(',');
    let ports: Vec<u16> = ports.filter_map(|port| port.trim().parse().ok()).collect();
    if ports.is_empty() {
        return Err(Status::bad_request("query parameter \"ports\" is required"));
    }
    let mut answer = body::respond(101, "", body::full(""));
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    if let Ok(value) = derive_accept_key(key.as_bytes()).parse() {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, value);
    }
    let namespace = target.namespace().unwrap_or_default().to_owned();
    tokio::spawn(run(upgrade, forward, namespace, target.name().to_owned(), ports));
    Ok(answer)
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
type Sink = SplitSink<Socket, Message>;
type Writers = HashMap<u8, WriteHalf<Box<dyn Duplex>>>;

/// Carries the bytes of all ports until the client goes or every port is closed.
async fn run(
    upgrade: OnUpgrade,
    forward: Arc<dyn PortForward>,
    namespace: String,
    pod: String,
    ports: Vec<u16>,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (mut sink, mut stream) = socket.split();
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(16);
    let mut writers = Writers::new();
    for (index, port) in ports.into_iter().enumerate() {
        let Ok(channel) = u8::try_from(index * 2) else { break };
        let connection = forward.connect(&namespace, &pod, port).await;
        let opened = announce(&mut sink, channel, port, connection).await;
        match opened {
            Ok(Some(connection)) => {
                let (reader, writer) = tokio::io::split(connection);
                writers.insert(channel, writer);
                tokio::spawn(read_port(channel, reader, sender.clone()));
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
    drop(sender);
    loop {
        tokio::select! {
            from_pod = receiver.recv() => {
                let Some(bytes) = from_pod else { break };
                if sink.send(Message::binary(bytes)).await.is_err() {
                    break;
                }
            }
            from_client = stream.next() => match from_client {
                Some(Ok(Message::Binary(bytes))) => write_port(&mut writers, &bytes).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    // The client may be gone already; there is nobody left to tell.
    let _ = sink.close().await;
}

/// Tells the client which port a channel carries, and why it does not if it does not.
async fn announce(
    sink: &mut Sink,
    channel: u8,
    port: u16,
    connection: io::Result<Box<dyn Duplex>>,
) -> Result<Option<Box<dyn Duplex>>, tungstenite::Error> {
    let [low, high] = port.to_le_bytes();
    for channel in [channel, channel + 1] {
        sink.send(Message::binary(vec![channel, low, high])).await?;
    }
    match connection {
        Ok(connection) => Ok(Some(connection)),
        Err(error) => {
            let mut message = vec![channel + 1];
            message.extend(format!("error forwarding port {port}: {error}").bytes());
            sink.send(Message::binary(message)).await?;
            Ok(None)
        }
    }
}

async fn write_port(writers: &mut Writers, message: &[u8]) {
    let Some((channel, content)) = message.split_first() else { return };
    if let Some(writer) = writers.get_mut(channel)
        && writer.write_all(content).await.is_err()
    {
        writers.remove(channel);
    }
}

async fn read_port(
    channel: u8,
    mut reader: ReadHalf<Box<dyn Duplex>>,
    sender: mpsc::Sender<Vec<u8>>,
) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count) = reader.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        let mut message = Vec::with_capacity(count + 1);
        message.push(channel);
        message.extend_from_slice(&buffer[..count]);
        if sender.send(message).await.is_err() {
            return;
        }
    }
}
