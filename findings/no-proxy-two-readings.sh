#!/usr/bin/env bash
# One NO_PROXY, two answers: Go's HTTP library and hyper-util disagree on seven of ten common entries.
#
# Guess:  HTTPS_PROXY and NO_PROXY mean the same for kubectl, helm and a Rust client on the same machine.
# Seen:   see the table. Go skips localhost and 127.0.0.0/8 always, honours ports and "*." and leaves the domain itself out
#         for a leading dot; hyper-util proxies localhost, never matches an entry with a port or a star, and takes a
#         leading dot for the domain as well. ALL_PROXY exists for hyper-util only.
# Since:  golang.org/x/net v0.57.0 (http/httpproxy, as in net/http), hyper-util 0.1.21.
# So:     a Rust client that uses the crate's reading reaches other hosts than kubectl; port the rules of Go.
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
http = "1"
hyper-util = { version = "=0.1.21", features = ["client-proxy"] }

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use hyper_util::client::proxy::matcher::Matcher;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let server = arguments[1].parse::<http::Uri>().expect("an address");
    println!("{}", if Matcher::from_env().intercept(&server).is_some() { "proxy" } else { "direct" });
}
RUST
cat > go.mod <<'MOD'
module finding

go 1.26.0

require golang.org/x/net v0.57.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"
)

func main() {
	server, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(server)
	if err != nil {
		panic(err)
	}
	if proxy != nil {
		fmt.Println("proxy")
	} else {
		fmt.Println("direct")
	}
}
GO
cargo build --quiet
GOFLAGS=-mod=mod go build -o by-go .
unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy
# ask SERVER NO_PROXY [VARIABLE OF THE PROXY]
ask() {
  local go rust
  go=$(env "${3:-HTTPS_PROXY}=http://proxy.example.test:3128" NO_PROXY="$2" ./by-go "$1")
  rust=$(env "${3:-HTTPS_PROXY}=http://proxy.example.test:3128" NO_PROXY="$2" "$CARGO_TARGET_DIR/debug/finding" "$1")
  echo "$1 with ${3:-HTTPS_PROXY}, NO_PROXY=$2: Go $go, hyper-util $rust" >> seen
}
ask https://example.test example.test
ask https://a.example.test example.test
ask https://example.test .example.test
ask https://a.example.test '*.example.test'
ask https://example.test example.test:443
ask https://example.test:8443 example.test:8443
ask https://localhost:6443 ""
ask https://127.0.0.1:6443 ""
ask https://10.1.2.3 10.0.0.0/8
ask https://example.test "" ALL_PROXY
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
https://example.test with HTTPS_PROXY, NO_PROXY=example.test: Go direct, hyper-util direct
https://a.example.test with HTTPS_PROXY, NO_PROXY=example.test: Go direct, hyper-util direct
https://example.test with HTTPS_PROXY, NO_PROXY=.example.test: Go proxy, hyper-util direct
https://a.example.test with HTTPS_PROXY, NO_PROXY=*.example.test: Go direct, hyper-util proxy
https://example.test with HTTPS_PROXY, NO_PROXY=example.test:443: Go direct, hyper-util proxy
https://example.test:8443 with HTTPS_PROXY, NO_PROXY=example.test:8443: Go direct, hyper-util proxy
https://localhost:6443 with HTTPS_PROXY, NO_PROXY=: Go direct, hyper-util proxy
https://127.0.0.1:6443 with HTTPS_PROXY, NO_PROXY=: Go direct, hyper-util proxy
https://10.1.2.3 with HTTPS_PROXY, NO_PROXY=10.0.0.0/8: Go direct, hyper-util direct
https://example.test with ALL_PROXY, NO_PROXY=: Go direct, hyper-util proxy
EXPECTED
echo "as stated: two readings of one variable"
