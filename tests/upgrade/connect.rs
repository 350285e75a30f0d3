//! The cluster is reached wherever kubectl reaches it.

use std::process::Command;

use rhacs_tests::{Finished, Installation};
use serde_json::Value;

use crate::UPGRADE;
use crate::proxy::Proxy;

/// An installation whose API server has a name that only a proxy knows.
struct Hidden {
    installation: Installation,
    proxy: Proxy,
}

impl Hidden {
    fn new() -> Self {
        let installation = Installation::at("3.66.1").start();
        let kubeconfig = std::fs::read_to_string(installation.kubeconfig()).expect("read");
        let server = server(&kubeconfig);
        let hidden = kubeconfig.replace("127.0.0.1", "kubernetes.default.svc");
        std::fs::write(installation.kubeconfig(), hidden).expect("written");
        Self { installation, proxy: Proxy::leading_to(&server) }
    }

    /// The proxy's address, without a scheme.
    fn address(&self) -> &str {
        self.proxy.url().strip_prefix("http://").expect("http")
    }

    fn name_proxy(&self) {
        let path = self.installation.kubeconfig();
        let kubeconfig = std::fs::read_to_string(&path).expect("read");
        let mut kubeconfig: Value = serde_json::from_str(&kubeconfig).expect("JSON");
        kubeconfig["clusters"][0]["cluster"]["proxy-url"] = self.proxy.url().into();
        std::fs::write(path, kubeconfig.to_string()).expect("written");
    }

    fn looks(&self, change: impl FnOnce(&mut Command)) -> Finished {
        self.installation.run_with(UPGRADE, &["status", "--request-timeout", "5s"], change)
    }
}

fn server(kubeconfig: &str) -> String {
    let kubeconfig: Value = serde_json::from_str(kubeconfig).expect("JSON");
    let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().expect("a server");
    server.strip_prefix("https://").expect("TLS").to_owned()
}

#[test]
fn the_proxy_of_the_environment_leads_to_the_server_as_for_kubectl() {
    let hidden = Hidden::new();
    let all = format!("http://{}/", hidden.address());
    // Neither a missing scheme nor an entry of nothing stops kubectl, nor an exception that is
    // about the proxy's own address.
    for (name, proxy, exceptions) in [
        ("HTTPS_PROXY", hidden.address(), ""),
        ("https_proxy", &all, "10.0.0.1,"),
        ("HTTPS_PROXY", &all, "127.0.0.1,localhost,127.0.0.0/8"),
    ] {
        let looked = hidden.looks(|command| {
            command.env(name, proxy).env("NO_PROXY", exceptions);
        });
        looked.ends_with(0);
        let heard = hidden.proxy.heard();
        assert!(heard.starts_with("CONNECT kubernetes.default.svc:"), "{heard}");
    }
}

#[test]
fn what_is_excepted_is_reached_without_the_proxy() {
    let hidden = Hidden::new();
    let looked = hidden.looks(|command| {
        command.env("HTTPS_PROXY", hidden.address()).env("NO_PROXY", "x,.default.svc,");
    });
    let _ = looked.ends_with(1);
    assert_eq!(hidden.proxy.heard(), "");
}

#[test]
fn the_proxy_of_the_kubeconfig_has_no_exceptions() {
    let hidden = Hidden::new();
    hidden.name_proxy();
    let looked = hidden.looks(|command| {
        command.env("NO_PROXY", "*").env("HTTPS_PROXY", "http://127.0.0.1:9");
    });
    looked.ends_with(0);
    assert!(hidden.proxy.heard().starts_with("CONNECT kubernetes.default.svc:"));
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let hidden = Hidden::new();
    let proxy = Proxy::refusing_with("407 Proxy Authentication Required");
    let looked = hidden.looks(|command| {
        let with_password = proxy.url().replace("http://", "http://ann:canary-proxy@");
        command.env("HTTPS_PROXY", with_password);
    });
    let looked = looked.ends_with(1);
    assert!(!looked.stderr.contains("canary-proxy"), "{}", looked.stderr);
    looked.says("407").says("proxy");
}

#[cfg(target_os = "linux")]
#[test]
fn in_a_pod_there_is_no_kubeconfig() {
    let installation = Installation::at("3.66.1").start();
    let kubeconfig = installation.simulation().kubeconfig();
    let directory = tempfile::tempdir().expect("a directory");
    let words = ["status", "--request-timeout", "5s"];
    let started = rhacs_tests::in_pod(UPGRADE, &words, directory.path(), &kubeconfig);
    let Some(mut command) = started else { return };
    let output = command.output().expect("it starts");
    let finished = Finished::new(&output, &words).ends_with(0);
    assert!(finished.stdout.contains("deploy/central"), "{}", finished.stdout);
    // A kubeconfig that says nothing is none; one that is named and not there is a mistake.
    std::fs::write(directory.path().join("empty"), "").expect("written");
    for (kubeconfig, code) in [("empty", 0), ("missing", 0)] {
        let output = command.env("KUBECONFIG", kubeconfig).output().expect("it starts");
        Finished::new(&output, &words).ends_with(code);
    }
}
