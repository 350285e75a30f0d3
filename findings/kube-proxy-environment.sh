#!/usr/bin/env bash
# kube reads NO_PROXY against the proxy's own address, and a comma at its end keeps every client from starting.
#
# Guess:  NO_PROXY lists servers to be reached directly, as for kubectl and curl; list ends and missing schemes are
#         forgiven.
# Seen:   the list is compared with the *proxy*: with NO_PROXY=10.0.0.0/8 and a proxy at 10.0.0.8 there is no proxy for
#         any server (a kubeconfig's own proxy-url included), and NO_PROXY=the server changes nothing when the proxy
#         is outside. "localhost," is an error, but only when a proxy is set. HTTPS_PROXY=host:port without a scheme,
#         which Go takes for http, is refused when the client is made.
# Since:  kube 5.0.0 with the feature http-proxy.
# So:     decide on the proxy oneself, from the server's address, and set Config.proxy_url; never let the crate read
#         the environment.
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
tokio = { version = "1", features = ["full"] }

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use kube::config::{KubeConfigOptions, Kubeconfig};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let text = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'https://api.example.test:6443'{}}}}}]\n",
        arguments[1]
    );
    let kubeconfig = Kubeconfig::from_yaml(&text).expect("a kubeconfig");
    match kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await {
        Err(_) => println!("no configuration"),
        Ok(config) => {
            let proxy = config.proxy_url.clone().map_or("no proxy".to_owned(), |proxy| format!("proxy {proxy}"));
            let client = if kube::Client::try_from(config).is_ok() { "client" } else { "no client" };
            println!("{proxy}, {client}");
        }
    }
}
RUST
cargo build --quiet
unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy
# ask PROXY NO_PROXY [MORE OF THE CLUSTER]
ask() { echo "HTTPS_PROXY=$1 NO_PROXY=$2 ${3-}: $(HTTPS_PROXY=$1 NO_PROXY=$2 "$CARGO_TARGET_DIR/debug/finding" "${3-}")" >> seen; }
ask http://10.0.0.8:3128 ""
ask http://10.0.0.8:3128 api.example.test
ask http://10.0.0.8:3128 10.0.0.0/8
ask "" 10.0.0.0/8 ", proxy-url: 'http://10.0.0.8:3128'"
ask http://10.0.0.8:3128 localhost,
ask "" localhost,
ask 10.0.0.8:3128 ""
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
HTTPS_PROXY=http://10.0.0.8:3128 NO_PROXY= : proxy http://10.0.0.8:3128/, client
HTTPS_PROXY=http://10.0.0.8:3128 NO_PROXY=api.example.test : proxy http://10.0.0.8:3128/, client
HTTPS_PROXY=http://10.0.0.8:3128 NO_PROXY=10.0.0.0/8 : no proxy, client
HTTPS_PROXY= NO_PROXY=10.0.0.0/8 , proxy-url: 'http://10.0.0.8:3128': no proxy, client
HTTPS_PROXY=http://10.0.0.8:3128 NO_PROXY=localhost, : no configuration
HTTPS_PROXY= NO_PROXY=localhost, : no proxy, client
HTTPS_PROXY=10.0.0.8:3128 NO_PROXY= : proxy 10.0.0.8:3128, no client
EXPECTED
echo "as stated: the proxy's address is looked up in NO_PROXY"
