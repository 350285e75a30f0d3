//! Port-forwarding: `v4.channel.k8s.io` over a websocket, or SPDY, also through a websocket.

use std::collections::HashMap;
use std::io;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};

use super::body::{self, Answer};
use super::hooks::Duplex;
use super::portforward_spdy::{self, Pod};
use super::route::Target;
use super::service::Call;
use super::verbs::live;
use crate::store::Status;

const CHANNELS: &str = "v4.channel.k8s.io";
/// SPDY in the binary messages of a websocket, as kubectl does it from 1.31 on.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// SPDY itself, as kubectl does it up to 1.30, and as the protocol it speaks there.
const SPDY: &str = "SPDY/3.1";
const STREAMS: &str = "portforward.k8s.io";
/// Bytes that wait in one direction of a tunnel.
const BUFFER: usize = 64 * 1024;

/// Whether the request asks for another protocol that is spoken here.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| [SPDY, "websocket"].iter().any(|it| value.eq_ignore_ascii_case(it)))
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
    let Some(upgrade) = upgrade else {
        return Err(Status::bad_request("Upgrade request required"));
    };
    let Some(forward) = call.shared.options.forward.clone() else {
        return Err(Status::new(503, "ServiceUnavailable", "no connection to the pod's node"));
    };
    let namespace = target.namespace().unwrap_or_default().to_owned();
    let pod = Pod { forward, namespace, name: target.name().to_owned() };
    if call.header(header::UPGRADE).is_some_and(|it| it.eq_ignore_ascii_case(SPDY)) {
        tokio::spawn(run_spdy(upgrade, pod));
        let mut answer = switching(SPDY);
        let version = HeaderName::from_static("x-stream-protocol-version");
        answer.headers_mut().insert(version, HeaderValue::from_static(STREAMS));
        return Ok(answer);
    }
    let Some(key) = call.header(header::SEC_WEBSOCKET_KEY) else {
        return Err(Status::bad_request("Upgrade request required"));
    };
    let offered = call.header(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let protocol = if offered.split(',').any(|it| it.trim() == TUNNEL) {
        tokio::spawn(run_tunnel(upgrade, pod));
        TUNNEL
    } else {
        let ports = call.query.get("ports").unwrap_or_default().split(',');
        let ports: Vec<u16> = ports.filter_map(|port| port.trim().parse::<u16>().ok()).collect();
        if ports.is_empty() {
            return Err(Status::bad_request("query parameter \"ports\" is required"));
        }
        tokio::spawn(run(upgrade, pod, ports));
        CHANNELS
    };
    let mut answer = switching("websocket");
    let headers = answer.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    if let Ok(value) = derive_accept_key(key.as_bytes()).parse() {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, value);
    }
    Ok(answer)
}

/// 101.
fn switching(protocol: &'static str) -> Answer {
    let mut answer = body::respond(101, "", body::full(""));
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer
}

async fn run_spdy(upgrade: OnUpgrade, pod: Pod) {
    let Ok(upgraded) = upgrade.await else { return };
    // A client that goes in the middle of a frame has gone all the same.
    let _ = portforward_spdy::serve(TokioIo::new(upgraded), pod).await;
}

async fn run_tunnel(upgrade: OnUpgrade, pod: Pod) {
    let Ok(upgraded) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (mut sink, mut stream) = socket.split();
    let (near, far) = tokio::io::duplex(BUFFER);
    let (mut reader, mut writer) = tokio::io::split(near);
    let inwards = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) if writer.write_all(&bytes).await.is_err() => return,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    let outwards = async {
        let mut buffer = vec![0; BUFFER];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            if sink.send(Message::binary(buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    // Whoever ends first ends the tunnel.
    tokio::select! {
        () = inwards => {}
        () = outwards => {}
        _ = portforward_spdy::serve(far, pod) => {}
    }
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
type Sink = SplitSink<Socket, Message>;
type Writers = HashMap<u8, WriteHalf<Box<dyn Duplex>>>;

/// Carries the bytes of all ports until the client goes or every port is closed.
async fn run(upgrade: OnUpgrade, pod: Pod, ports: Vec<u16>) {
    let Ok(upgraded) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (mut sink, mut stream) = socket.split();
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(16);
    let mut writers = Writers::new();
    for (index, port) in ports.into_iter().enumerate() {
        let Ok(channel) = u8::try_from(index * 2) else { break };
        let connection = pod.forward.connect(&pod.namespace, &pod.name, port).await;
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
