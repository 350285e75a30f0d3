//! The kubelets' HTTPS endpoint, from which the API server reads the logs of containers.

use std::collections::HashMap;

use jiff::Timestamp;
use sim::central::acceptor;
use sim::central::pki::Pki;
use sim::controllers::LogBook;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The longest request that is read.
const MOST_BYTES: usize = 64 * 1024;

/// A server for all nodes; it ends when this is dropped.
pub struct KubeletServer {
    logs: LogBook,
    port: u16,
    task: JoinHandle<()>,
}

impl KubeletServer {
    /// Starts it on a free loopback port. The API server does not verify kubelets' certificates.
    pub async fn start() -> Self {
        let pki = Pki::new(Timestamp::now(), None).expect("an authority");
        let leaf = pki.issue("KUBELET", "kubelet", &["localhost".to_owned()]).expect("a leaf");
        let acceptor = acceptor(&leaf).expect("a certificate");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let logs = LogBook::default();
        let book = logs.clone();
        let task = tokio::spawn(async move {
            // An error of one connection is no reason to stop.
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (acceptor, book) = (acceptor.clone(), book.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &book).await;
                    }
                });
            }
        });
        Self { logs, port, task }
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What containers wrote.
    pub const fn logs(&self) -> &LogBook {
        &self.logs
    }
}

impl Drop for KubeletServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request and closes the connection.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, logs: &LogBook) {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) if head.len() < MOST_BYTES => {}
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match read(target, logs) {
        Some(text) => ("200 OK", text),
        None => ("404 Not Found", "there is no such log\n".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    // The API server may have gone away.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The text behind `/containerLogs/NAMESPACE/POD/CONTAINER?OPTIONS`.
fn read(target: &str, logs: &LogBook) -> Option<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts = path.strip_prefix("/containerLogs/")?.split('/');
    let address = (parts.next()?, parts.next()?, parts.next()?);
    let options: HashMap<&str, &str> =
        query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let previous = options.get("previous") == Some(&"true");
    let lines = logs.read(address, previous, Timestamp::now())?;
    let number = |name: &str| options.get(name).and_then(|text| text.parse::<usize>().ok());
    let first = number("tailLines").map_or(0, |tail| lines.len().saturating_sub(tail));
    let text: String = lines[first..].iter().map(|(_, line)| format!("{line}\n")).collect();
    let limit = number("limitBytes").unwrap_or(usize::MAX).min(text.len());
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end))?;
    Some(text[..end].to_owned())
}
