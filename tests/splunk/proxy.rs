//! A proxy that tunnels, or that refuses as proxies do.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What a proxy does with a connection.
#[derive(Clone)]
enum Manner {
    Leads(String),
    Refuses(&'static str),
}

/// A proxy on loopback; it lives as long as the process.
pub struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that leads every connection to this address, whatever was asked for.
    pub fn leading_to(address: &str) -> Self {
        Self::start(Manner::Leads(address.to_owned()))
    }

    /// A proxy that answers everything with a status line and a page.
    pub fn refusing_with(status: &'static str) -> Self {
        Self::start(Manner::Refuses(status))
    }

    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, log) = (manner.clone(), Arc::clone(&log));
                std::thread::spawn(move || serve(stream, &manner, &log));
            }
        });
        Self { url, asked }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything it was told: the heads of all requests.
    pub fn heard(&self) -> String {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// One connection; an error ends it, which is all a client would see of one.
fn serve(stream: TcpStream, manner: &Manner, log: &Mutex<Vec<String>>) {
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    log.lock().unwrap_or_else(PoisonError::into_inner).extend(head);
    let mut writer = stream;
    let target = match manner {
        Manner::Leads(address) => address,
        Manner::Refuses(status) => return refuse(writer, status),
    };
    let Ok(server) = TcpStream::connect(target) else { return };
    if writer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_err() {
        return;
    }
    let (Ok(mut back), Ok(mut forth)) = (server.try_clone(), writer.try_clone()) else { return };
    let mut to_server = server;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut forth);
        let _ = forth.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut reader, &mut to_server);
    let _ = to_server.shutdown(Shutdown::Write);
}

fn refuse(mut stream: TcpStream, status: &str) {
    let page = "<html><title>Access denied</title></html>";
    let length = page.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{page}");
    // A client that has gone away misses nothing.
    let _ = stream.write_all(answer.as_bytes());
}
