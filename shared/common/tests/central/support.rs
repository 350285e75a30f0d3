//! Clients, certificates and archives for the tests of Central.

use std::io::{Cursor, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::central::{CentralClient, CentralOptions, Credentials, Endpoint};
use common::cluster::{Backoff, Options, Retry};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub type Retries = Arc<Mutex<Vec<Retry>>>;

/// Options for a Central at `address`, with a token.
pub fn options(address: SocketAddr, tls: bool) -> CentralOptions {
    let host = address.ip().to_string();
    CentralOptions {
        endpoint: Some(Endpoint { host, port: address.port(), tls }),
        credentials: Some(Credentials::Token("canary".to_owned().into())),
        ..CentralOptions::default()
    }
}

/// A client whose retries are quick and remembered.
pub fn client(options: &CentralOptions) -> (CentralClient, Retries) {
    let retries = Retries::default();
    let told = Arc::clone(&retries);
    let observers = Options {
        backoff: Backoff { first: Duration::from_millis(5), ..Backoff::default() },
        on_retry: Some(Arc::new(move |retry| told.lock().unwrap().push(retry))),
        ..Options::default()
    };
    (CentralClient::for_endpoint(options, &observers).unwrap(), retries)
}

/// A backup of 3.69.2 with a database of some size.
pub fn archive() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let noise: Vec<u8> =
        (0..700_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let entries: [(&str, &[u8]); 6] = [
        ("bolt.db", b"bolt"),
        ("rocks.db", &tar(&noise)),
        ("keys/ca.pem", b"ca"),
        ("keys/ca-key.pem", b"key"),
        ("keys/jwt-key.pem", b"key"),
        ("migration_version.yaml", b"image: 3.69.2\ndatabase: 93\n"),
    ];
    for (name, bytes) in entries {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(name, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar of one file.
fn tar(bytes: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..7].copy_from_slice(b"CURRENT");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = [&header[..], bytes].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}
