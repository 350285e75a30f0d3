#!/usr/bin/env bash
# A server certificate that is its own authority: rustls trusts it only if it says that it is no authority.
#
# Guess:  put into the list of trusted certificates, the very certificate that a server shows is trusted; or, by the letter,
#         one marked CA:TRUE may vouch for itself and one marked CA:FALSE, which may sign nothing, may not.
# Seen:   the other way round. `openssl req -x509` makes it CA:TRUE, and webpki calls that CaUsedAsEndEntity, whatever is
#         trusted. Made with CA:FALSE it passes, as its own issuer. Go's and OpenSSL's verifiers take both.
# Since:  rustls-webpki 0.103.16 (what rustls 0.23 verifies with), crypto/x509 of Go 1.26.
# So:     a kubeconfig or --ca that serves kubectl and curl fails in a Rust client. Either the certificate is made anew with
#         CA:FALSE, or an own verifier compares the leaf first, and checks name and time as ever.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export CARGO_TARGET_DIR=${FINDINGS_TARGET:-$dir/target}
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
rustls-pki-types = "=1.15.1"
rustls-webpki = { version = "=0.103.16", features = ["ring", "std"] }

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use std::time::SystemTime;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

fn main() {
    let der = std::fs::read(std::env::args().nth(1).expect("a path")).expect("a certificate");
    let der = CertificateDer::from(der);
    let anchors = [anchor_from_trusted_cert(&der).expect("an anchor")];
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time"));
    let leaf = EndEntityCert::try_from(&der).expect("a certificate");
    let result = leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &[], now, KeyUsage::server_auth(), None, None);
    println!("webpki {}", result.map_or_else(|error| format!("{error:?}"), |_| "trusted".to_owned()));
}
RUST
cat > main.go <<'GO'
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	der, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate)
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: trusted, DNSName: "central.example.test"}); err != nil {
		fmt.Println("Go", err)
	} else {
		fmt.Println("Go trusted")
	}
}
GO
cargo build --quiet
go build -o by-go main.go
for authority in TRUE FALSE; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -outform DER -out leaf.der -days 2 \
    -subj /CN=central -addext subjectAltName=DNS:central.example.test -addext basicConstraints=critical,CA:$authority 2> log
  openssl x509 -inform DER -in leaf.der -out leaf.pem
  openssl verify -CAfile leaf.pem leaf.pem > verified 2>&1 && by_openssl=trusted || by_openssl=refused
  echo "CA:$authority: OpenSSL $by_openssl, $(./by-go leaf.der), $("$CARGO_TARGET_DIR/debug/finding" leaf.der)" >> seen
done
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
CA:TRUE: OpenSSL trusted, Go trusted, webpki CaUsedAsEndEntity
CA:FALSE: OpenSSL trusted, Go trusted, webpki trusted
EXPECTED
echo "as stated: only the one that is no authority is trusted"
