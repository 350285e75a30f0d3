#!/usr/bin/env bash
# A user entry with token and tokenFile: kubectl is one account, a program with kube another.
#
# Guess:  the same kubeconfig makes the same user, and what kubectl refuses kube refuses.
# Seen:   beside each other, client-go sends the token of the file and kube the inline one. Token beside user name and
#         password: client-go refuses the file ("only one is allowed"), kube sends the password. A certificate
#         authority beside insecure-skip-tls-verify: client-go makes no connection, kube makes one that verifies nothing.
#         And base64 in lines, as `base64` prints it, is fine for client-go and an error for kube.
# Since:  k8s.io/client-go v0.37.2, kube 5.0.0.
# So:     resolve credentials oneself, in client-go's order, and refuse what it refuses.
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
kube = { version = "=5.0.0", default-features = false, features = ["client", "rustls-tls", "ring", "http-proxy"] }
k8s-openapi = { version = "=0.29.0", features = ["v1_37"] }
http = "1"
tokio = { version = "1", features = ["full"] }

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use kube::config::{KubeConfigOptions, Kubeconfig};

#[tokio::main]
async fn main() {
    let path = std::env::args().nth(1).expect("a path");
    let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
    let Ok(config) = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await else {
        return println!("refused");
    };
    let client = kube::Client::try_from(config).expect("a client");
    let request = http::Request::get("/").body(Vec::new()).expect("a request");
    println!("{}", client.request_text(request).await.unwrap_or_else(|error| error.to_string()));
}
RUST
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	k8s.io/apimachinery v0.37.2
	k8s.io/client-go v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func byGo(path string) string {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return "refused"
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return "refused"
	}
	answer, err := client.Get(config.Host)
	if err != nil {
		return "refused"
	}
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

func main() {
	// Answers with what it is told.
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
	}))
	pair, err := tls.LoadX509KeyPair("server.pem", "server.key")
	if err != nil {
		panic(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	pem, err := os.ReadFile("ca.pem")
	if err != nil {
		panic(err)
	}
	ca := base64.StdEncoding.EncodeToString(pem)
	authority := ", certificate-authority-data: " + ca
	os.WriteFile("token", []byte("of-the-file\n"), 0o600)
	for _, row := range [][3]string{
		{"token and tokenFile", "token: inline, tokenFile: token", authority},
		{"token and password", "token: inline, username: admin, password: secret", authority},
		{"authority and insecure", "token: inline", ", insecure-skip-tls-verify: true" + authority},
		{"authority in lines of base64", "token: inline", ", certificate-authority-data: \"" + ca[:76] + "\\n" + ca[76:] + "\""},
	} {
		text := "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n" +
			"clusters: [{name: c, cluster: {server: '" + server.URL + "'" + row[2] + "}}]\nusers: [{name: u, user: {" + row[1] + "}}]\n"
		os.WriteFile("kubeconfig", []byte(text), 0o600)
		output, _ := exec.Command(os.Args[1], "kubeconfig").Output()
		fmt.Printf("%s: client-go %s, kube %s\n", row[0], byGo("kubeconfig"), strings.TrimSpace(string(output)))
	}
}
GO
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
{
  openssl req -x509 "${key[@]}" -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
  openssl req "${key[@]}" -keyout server.key -out server.csr -subj /CN=server
  printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' > extensions
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 -extfile extensions -out server.pem
} 2> log
cargo build --quiet
GOFLAGS=-mod=mod go build -o by-go .
unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy
./by-go "$CARGO_TARGET_DIR/debug/finding" > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
token and tokenFile: client-go Bearer of-the-file, kube Bearer inline
token and password: client-go refused, kube Basic YWRtaW46c2VjcmV0
authority and insecure: client-go refused, kube Bearer inline
authority in lines of base64: client-go Bearer inline, kube refused
EXPECTED
echo "as stated: one file, two users"
