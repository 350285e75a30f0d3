//! Port-forwarding over SPDY, as kubectl does it: two streams for every connection.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::hooks::{Duplex, PortForward};
use super::spdy::{Frame, headers};

/// Bytes of a pod that go into one frame.
const PIECE: usize = 32 * 1024;

/// Whose ports are forwarded, and the way there.
pub(crate) struct Pod {
    pub(crate) forward: Arc<dyn PortForward>,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Carries connections to a pod over one transport until the client goes.
///
/// # Errors
/// What the transport has, or data that is not SPDY.
pub(crate) async fn serve<T>(transport: T, pod: Pod) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, writer) = tokio::io::split(transport);
    let (sender, receiver) = mpsc::channel(16);
    let writing = tokio::spawn(write(writer, receiver));
    let mut session = Session {
        pod,
        headers: headers::Reader::new()?,
        is_first: true,
        halves: HashMap::new(),
        writers: HashMap::new(),
        sender,
    };
    let result = session.run(&mut reader).await;
    drop(session);
    writing.abort();
    result
}

async fn write<W: AsyncWrite + Unpin>(mut writer: W, mut frames: mpsc::Receiver<Frame>) {
    while let Some(frame) = frames.recv().await {
        if writer.write_all(&frame.to_bytes()).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
}

/// The streams of one transport.
struct Session {
    pod: Pod,
    headers: headers::Reader,
    /// Whether no stream was taken yet.
    is_first: bool,
    /// Connections whose stream for errors is there, by the number the client gave them.
    halves: HashMap<String, u32>,
    /// The ways into the pod, by the stream of data.
    writers: HashMap<u32, WriteHalf<Box<dyn Duplex>>>,
    sender: mpsc::Sender<Frame>,
}

impl Session {
    async fn run<R: AsyncRead + Unpin>(&mut self, reader: &mut R) -> io::Result<()> {
        while let Some(frame) = Frame::read(reader).await? {
            match frame {
                Frame::Open { stream, block } => self.open(stream, &block).await?,
                Frame::Data { stream, ends, bytes } => self.data(stream, ends, &bytes).await,
                Frame::Reset { stream } => drop(self.writers.remove(&stream)),
                Frame::Ping { id } => send(&self.sender, Frame::Ping { id }).await,
                Frame::GoAway => return Ok(()),
                Frame::Taken { .. } | Frame::Other => {}
            }
        }
        Ok(())
    }

    async fn open(&mut self, stream: u32, block: &[u8]) -> io::Result<()> {
        let headers = self.headers.read(block)?;
        let block = headers::nothing(std::mem::take(&mut self.is_first));
        send(&self.sender, Frame::Taken { stream, block }).await;
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let request = header("requestid").to_owned();
        match (header("streamtype"), header("port").parse()) {
            ("error", _) => {
                self.halves.insert(request, stream);
            }
            ("data", Ok(port)) => {
                // Clients open the stream for errors first.
                if let Some(errors) = self.halves.remove(&request) {
                    self.connect(stream, errors, port).await;
                } else {
                    send(&self.sender, Frame::Reset { stream }).await;
                }
            }
            _ => send(&self.sender, Frame::Reset { stream }).await,
        }
        Ok(())
    }

    async fn connect(&mut self, stream: u32, errors: u32, port: u16) {
        let Pod { forward, namespace, name } = &self.pod;
        match forward.connect(namespace, name, port).await {
            Ok(connection) => {
                let (reader, writer) = tokio::io::split(connection);
                self.writers.insert(stream, writer);
                tokio::spawn(read_port(reader, stream, errors, self.sender.clone()));
            }
            Err(error) => {
                let message = format!("error forwarding port {port} to pod {name}: {error}");
                let bytes = message.into_bytes();
                send(&self.sender, Frame::Data { stream: errors, ends: true, bytes }).await;
                send(&self.sender, end_of(stream)).await;
            }
        }
    }

    async fn data(&mut self, stream: u32, ends: bool, bytes: &[u8]) {
        let Some(writer) = self.writers.get_mut(&stream) else { return };
        let written = writer.write_all(bytes).await;
        if ends || written.is_err() {
            // The pod may have closed its side already.
            let _ = writer.shutdown().await;
            self.writers.remove(&stream);
        }
    }
}

async fn send(sender: &mpsc::Sender<Frame>, frame: Frame) {
    // Nobody listens any more if this fails; reading will end too.
    let _ = sender.send(frame).await;
}

const fn end_of(stream: u32) -> Frame {
    Frame::Data { stream, ends: true, bytes: Vec::new() }
}

/// Sends what the pod says, then the end of both streams of the connection.
async fn read_port(
    mut reader: ReadHalf<Box<dyn Duplex>>,
    stream: u32,
    errors: u32,
    sender: mpsc::Sender<Frame>,
) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count @ 1..) = reader.read(&mut buffer).await {
        let bytes = buffer[..count].to_vec();
        if sender.send(Frame::Data { stream, ends: false, bytes }).await.is_err() {
            return;
        }
    }
    for stream in [stream, errors] {
        send(&sender, end_of(stream)).await;
    }
}
