//! Which hosts are reached without the proxy of the environment: those of `NO_PROXY`, and this
//! computer itself.

use std::net::IpAddr;

use super::origin::Origin;

/// Whether `origin` is reached directly although the environment names a proxy; `list` is the value
/// of `NO_PROXY`. The rules are those of Go, and so of kubectl and roxctl; what is no entry by them
/// excepts nothing.
pub(super) fn is_excepted(origin: &Origin, list: &str) -> bool {
    let host = origin.host.to_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(is_loopback) {
        return true;
    }
    list.split(',').map(|entry| entry.trim().to_lowercase()).any(|entry| {
        let of_the_host = Host { name: &host, address, port: origin.port };
        of_the_host.is_meant_by(&entry)
    })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The host that is connected to.
struct Host<'a> {
    name: &'a str,
    address: Option<IpAddr>,
    port: u16,
}

impl Host<'_> {
    fn is_meant_by(&self, entry: &str) -> bool {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return self.address.is_some_and(|address| in_network(address, network, bits));
        }
        let (name, port) = name_and_port(entry);
        let fits_port = port.is_none_or(|port| port.parse() == Ok(self.port));
        if name.is_empty() || !fits_port {
            return false;
        }
        if let Ok(wanted) = name.parse::<IpAddr>() {
            return self
                .address
                .is_some_and(|address| address.to_canonical() == wanted.to_canonical());
        }
        let below = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
        match below.strip_prefix('.') {
            // A leading dot means hosts below the name only.
            Some(parent) => self.is_below(parent),
            None => self.name == name || self.is_below(name),
        }
    }

    fn is_below(&self, parent: &str) -> bool {
        let start = self.name.strip_suffix(parent);
        !parent.is_empty() && start.is_some_and(|start| start.ends_with('.'))
    }
}

/// Splits `name`, `name:port`, `[::1]:port`, `[::1]` and `::1`.
fn name_and_port(entry: &str) -> (&str, Option<&str>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (address, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address.to_canonical(), network.parse()) {
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
        for (list, host, port, excepted) in [
            ("", "api.example.com", 6443, false),
            ("", "127.0.0.1", 6443, true),
            ("", "::1", 6443, true),
            ("", "localhost", 80, true),
            ("*", "api.example.com", 443, true),
            (" * ", "10.0.0.1", 443, true),
            ("example.com", "api.example.com", 6443, true),
            ("Example.COM", "example.com", 443, true),
            ("example.com", "example.com", 443, true),
            (".example.com", "example.com", 443, false),
            (".example.com", "api.example.com", 443, true),
            ("*.example.com", "api.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("*example.com", "api.example.com", 443, false),
            ("ample.com", "example.com", 443, false),
            ("a.b, 10.0.0.0/8", "10.9.8.7", 6443, true),
            ("10.0.0.0/8", "11.9.8.7", 6443, false),
            ("10.0.0.0/8", "ten.example.com", 6443, false),
            ("10.0.0.0/x", "10.9.8.7", 6443, false),
            ("fd00::/8", "fd12::1", 443, true),
            ("192.168.1.1", "192.168.1.1", 443, true),
            ("192.168.1.1:443", "192.168.1.1", 443, true),
            ("192.168.1.1:443", "192.168.1.1", 6443, false),
            ("[fd12::1]:443", "fd12::1", 443, true),
            ("[fd12::1]:443", "fd12::1", 80, false),
            ("fd12::1", "fd12::1", 443, true),
            ("api.example.com:443", "api.example.com", 6443, false),
            ("api.example.com:443", "api.example.com", 443, true),
            ("api.example.com:https", "api.example.com", 443, false),
            // What is no entry excepts nothing, and is no reason not to start either.
            ("api.example.com,", "api.example.com", 443, true),
            (",, ,", "api.example.com", 443, false),
            (":443", "api.example.com", 443, false),
            (".", "api.example.com", 443, false),
        ] {
            let origin = Origin { tls: port != 80, host: host.to_owned(), port };
            assert_eq!(is_excepted(&origin, list), excepted, "`{list}` {host}:{port}");
        }
    }
}
