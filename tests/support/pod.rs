//! A process as in a pod: what Kubernetes gives every pod is where programs look for it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The directory for it is a file system that only the process sees.
const SCRIPT: &str = "run=$(readlink -f /var/run) && mount -t tmpfs none $run && \
    mkdir -p $run/secrets/kubernetes.io/serviceaccount && \
    cp token ca.crt $run/secrets/kubernetes.io/serviceaccount && shift && exec \"$@\"";

/// Starts `program` with `words` in `directory` as in a pod of the cluster of `kubeconfig`. None,
/// where this computer does not let it have a file system of its own.
#[must_use]
pub fn in_pod(
    program: &str,
    words: &[&str],
    directory: &Path,
    kubeconfig: &str,
) -> Option<Command> {
    let kubeconfig: Value = serde_saphyr::from_str(kubeconfig).expect("a kubeconfig");
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let server = cluster["server"].as_str().and_then(|url| url.strip_prefix("https://"));
    let address: SocketAddr = server.expect("TLS").parse().expect("an address");
    let token = kubeconfig["users"][0]["user"]["token"].as_str().expect("a token");
    std::fs::write(directory.join("token"), token).expect("written");
    let data = cluster["certificate-authority-data"].as_str().expect("an authority");
    let ca = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data);
    std::fs::write(directory.join("ca.crt"), ca.expect("base64")).expect("written");
    let start = |rest: &[&OsStr]| {
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c", SCRIPT, "sh"])
            .args(rest)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", directory)
            .env("KUBERNETES_SERVICE_HOST", address.ip().to_string())
            .env("KUBERNETES_SERVICE_PORT", address.port().to_string())
            .current_dir(directory)
            .stdin(Stdio::null());
        command
    };
    let possible = start(&[OsStr::new("-"), OsStr::new("true")]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        super::skipped("this computer lets nobody mount");
        return None;
    }
    let rest = ["-", program].into_iter().chain(words.iter().copied()).map(OsStr::new);
    Some(start(&rest.collect::<Vec<_>>()))
}
