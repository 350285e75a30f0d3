//! TLS, private authorities, proxies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::computer::Computer;
use crate::{mirror, publishing};

#[test]
fn a_mirror_of_a_private_authority_is_trusted_when_it_is_named() {
    let (computer, mirror) = (Computer::new(), publishing(&["4.8.3"]).tls().start().expect("up"));
    let words = format!("install 4.8.3 --mirror {}", mirror.url());
    computer.run(&words).ends_with(1).says("not trusted").says("--mirror-ca");
    let ca = mirror.ca_pem().expect("TLS");
    std::fs::write(computer.home().join("ca.pem"), ca).expect("written");
    computer.run(&format!("{words} --mirror-ca ca.pem")).ends_with(0);
    computer.run("uninstall").ends_with(0);
    computer
        .run_with(&words, |command| {
            command.env("RHACS_MIRROR_CA", "ca.pem");
        })
        .ends_with(0);
    computer.run("uninstall").ends_with(0);
    computer
        .run_with(&words, |command| {
            command.env("SSL_CERT_FILE", computer.home().join("ca.pem"));
        })
        .ends_with(0);
}

#[test]
fn plain_http_from_elsewhere_is_warned_of() {
    let (computer, mirror) = (Computer::new(), mirror());
    let done = computer.run(&format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    assert!(!done.stderr.contains("plain HTTP"), "this computer is no other: {done:?}");
    let words = "install 4.8.3 --mirror http://mirror.invalid/x --dry-run";
    computer.run(words).ends_with(0).says("plain HTTP").says("--sha256");
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let (computer, mirror) = (Computer::new(), mirror());
    let proxy = Proxy::to(mirror.address());
    let url = mirror.url().replace("localhost", "mirror.example");
    let words = format!("install 4.8.3 --mirror {url}");
    let address = format!("http://ann:canary@{}", proxy.address);
    let done = computer
        .run_with(&words, |command| {
            command.env("HTTP_PROXY", &address);
        })
        .ends_with(0);
    assert!(!done.stderr.contains("canary"));
    let asked = proxy.asked.lock().expect("lock").clone();
    assert!(asked.iter().all(|head| head.starts_with("CONNECT mirror.example:")), "{asked:?}");
    assert!(asked.iter().all(|head| head.contains("Basic YW5uOmNhbmFyeQ==")), "{asked:?}");
    let refused = computer.run_with(&format!("{words} --request-timeout 2s"), |command| {
        command.env("HTTP_PROXY", "http://127.0.0.1:1");
    });
    refused.ends_with(1).says("proxy");
}

/// A proxy that leads every tunnel to one server.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || tunnel(stream, server, &seen));
            }
        });
        Self { address, asked }
    }
}

fn tunnel(mut stream: TcpStream, server: SocketAddr, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    asked.lock().expect("lock").push(String::from_utf8_lossy(&head).into_owned());
    let mut upstream = TcpStream::connect(server).expect("the server");
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
    let (mut from, mut to) =
        (stream.try_clone().expect("cloned"), upstream.try_clone().expect("cloned"));
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    drop(std::io::copy(&mut upstream, &mut stream));
}
