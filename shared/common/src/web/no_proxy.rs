//! When a proxy of the environment is not used: `NO_PROXY`, and this computer itself.

use std::net::IpAddr;

use http::Uri;

/// Whether the server at `url` is to be reached directly although the environment names a
/// proxy. The rules are those of Go, and so of kubectl.
pub(crate) fn is_bypassed(url: &Uri, variable: impl Fn(&str) -> Option<String>) -> bool {
    let Some(host) = url.host() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let list = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
    list.split(',').map(str::trim).any(|entry| matches(entry, &host, address, port(url)))
}

/// The port of `url`; its scheme's when it names none.
fn port(url: &Uri) -> Option<u16> {
    url.port_u16().or_else(|| match url.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: Option<u16>) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let (Some((network, bits)), Some(address)) = (entry.split_once('/'), address) {
        return in_network(address, network, bits);
    }
    if let (Ok(entry), Some(address)) = (entry.parse::<IpAddr>(), address) {
        return entry == address;
    }
    let (name, wanted_port) = match entry.rsplit_once(':') {
        Some((name, digits)) => (name, digits.parse::<u16>().ok()),
        None => (entry, None),
    };
    if wanted_port.is_some() && wanted_port != port {
        return false;
    }
    let name = name.to_lowercase();
    let suffix = name.trim_start_matches('*').trim_start_matches('.');
    let below = host.strip_suffix(suffix).is_some_and(|start| start.ends_with('.'));
    // A leading dot means hosts below the name only.
    below || (!name.starts_with(['.', '*']) && host == suffix)
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address, network.parse()) {
        (IpAddr::V4(address), Ok(IpAddr::V4(network))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), Ok(IpAddr::V6(network))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_kubectl_reads_it() {
        for (list, url, bypassed) in [
            ("", "https://api.example.com:6443", false),
            ("", "https://127.0.0.1:6443", true),
            ("", "https://[::1]:6443", true),
            ("", "http://localhost", true),
            ("*", "https://api.example.com", true),
            ("example.com", "https://api.example.com:6443", true),
            ("example.com", "https://example.com", true),
            (".example.com", "https://example.com", false),
            (".example.com", "https://api.example.com", true),
            ("ample.com", "https://example.com", false),
            ("a.b, 10.0.0.0/8", "https://10.9.8.7:6443", true),
            ("10.0.0.0/8", "https://11.9.8.7:6443", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("192.168.1.1", "https://192.168.1.1", true),
            ("api.example.com:443", "https://api.example.com:6443", false),
            ("api.example.com:443", "https://api.example.com", true),
        ] {
            let variable = |name: &str| (name == "NO_PROXY").then(|| list.to_owned());
            assert_eq!(is_bypassed(&url.parse().unwrap(), variable), bypassed, "{list} {url}");
        }
    }
}
