//! Which proxy a URL goes through, from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
//!
//! Read as Go programs read them, because operators set them for those: lower case works too, `NO_PROXY` takes names with their
//! subdomains, `.names`, addresses, networks in CIDR form, optional ports and `*`; loopback never goes through a proxy.

use crate::Url;
use std::net::IpAddr;

/// The proxy settings of the environment.
#[derive(Clone, Default)]
pub struct Settings {
    https: Option<String>,
    http: Option<String>,
    exceptions: Vec<String>,
}

impl Settings {
    /// Read the process's environment.
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |upper: &str| {
            let set = |name: &str| variable(name).filter(|value| !value.is_empty());
            set(upper).or_else(|| set(&upper.to_ascii_lowercase()))
        };
        let exceptions = either("NO_PROXY").unwrap_or_default();
        let exceptions = exceptions.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        Self {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            exceptions: exceptions.filter(|entry| !entry.is_empty()).collect(),
        }
    }

    /// The proxy's URL for `url`, or None where it is reached directly.
    pub fn for_url(&self, url: &Url) -> Option<&str> {
        let proxy = if url.is_https() { &self.https } else { &self.http };
        let proxy = proxy.as_deref()?;
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = host.parse().ok();
        let loopback = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let excepted = self.exceptions.iter().any(|entry| matches(entry, host, address, url.port()));
        if loopback || excepted { None } else { Some(proxy) }
    }
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let network: Option<IpAddr> = network.parse().ok();
        return match (network, bits.parse(), address) {
            (Some(network), Ok(bits), Some(address)) => in_network(address, network, bits),
            _ => false,
        };
    }
    let (entry, wanted_port) = split_port(entry);
    if wanted_port.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let entry = entry.strip_prefix('*').unwrap_or(entry);
    match entry.strip_prefix('.') {
        Some(suffix) => host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
        None => host == entry || host.strip_suffix(entry).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// `name:port`, `[v6]:port`, or either without port; a bare IPv6 address has colons and no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(no_proxy: &str, url: &str) -> bool {
        let settings = Settings::read(|name| match name {
            "HTTPS_PROXY" => Some("http://proxy:3128".to_owned()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        });
        settings.for_url(&Url::parse(url).expect("url")).is_some()
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        let table = [
            ("", "https://r.example/", true),
            ("", "http://r.example/", false), // no HTTP_PROXY is set
            ("", "https://localhost:5000/", false),
            ("", "https://127.0.0.7/", false),
            ("", "https://[::1]/", false),
            ("*", "https://r.example/", false),
            ("example", "https://r.example/", false),
            ("example", "https://notexample/", true),
            ("r.example", "https://r.example/", false),
            (".example", "https://r.example/", false),
            (".r.example", "https://r.example/", true),
            ("*.example", "https://r.example/", false),
            ("a, R.example ,b", "https://r.example/", false),
            ("r.example:5000", "https://r.example:5000/", false),
            ("r.example:5000", "https://r.example/", true),
            ("10.0.0.0/8", "https://10.2.3.4/", false),
            ("10.0.0.0/8", "https://11.2.3.4/", true),
            ("0.0.0.0/0", "https://11.2.3.4/", false),
            ("fd00::/8", "https://[fd12::1]/", false),
            ("fd12::1", "https://[fd12::1]/", false),
            ("[fd12::1]:5000", "https://[fd12::1]:5001/", true),
            ("10.0.0.0/99", "https://10.0.0.1/", true),
        ];
        for (no_proxy, url, wanted) in table {
            assert_eq!(proxied(no_proxy, url), wanted, "{no_proxy} {url}");
        }
    }
}
