//! What other programs send: registries, the kernel, monitors and their clients.

use libpod_monitor::protocol::{Event, Request};
use libpod_registry::{Url, parse_challenge};
use libpod_sys::netlink;

/// Read `WWW-Authenticate` headers, one a line.
pub fn challenge(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = parse_challenge(text.lines());
}

/// Parse a URL, and join the second line to it: what was parsed is written and parsed to the same, and a relative location
/// stays with its origin.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let Ok(url) = Url::parse(lines.next().unwrap_or_default()) else { return };
    let again = Url::parse(&url.to_string()).expect("what was written can be parsed");
    assert!(again == url, "{url} and {again}");
    let redacted = url.redacted();
    assert!(
        redacted.split('/').nth(2).is_some_and(|authority| !authority.contains('@')),
        "user information is never shown"
    );
    let Some(location) = lines.next() else { return };
    if let Ok(joined) = url.join(location) {
        let absolute = location.contains("://") || location.trim().starts_with("//");
        assert!(absolute || joined.same_origin(&url), "{location:?} leads from {url} to {joined}");
    }
}

/// Split a datagram of netlink into messages and attributes.
pub fn netlink(data: &[u8]) {
    for (_, _, payload) in netlink::split_messages(data) {
        for start in [0, 4, 8, 12, 16] {
            for (_, value) in netlink::attributes(payload.get(start..).unwrap_or_default()) {
                let _ = netlink::attributes(value).count();
            }
        }
    }
}

/// Read frames of both directions: what was read is written and read to the same.
pub fn frames(data: &[u8]) {
    if let Some(request) = Request::parse(data) {
        assert_eq!(Request::parse(&request.encode()), Some(request));
    }
    if let Some(event) = Event::parse(data) {
        assert_eq!(Event::parse(&event.encode()), Some(event));
    }
}
