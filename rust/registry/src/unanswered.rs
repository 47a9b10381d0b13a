//! Why a request got no answer, in words, and whether the same request may succeed a moment later.

use crate::budget::is_expired;
use crate::error::Error;
use crate::tls;
use crate::url::Url;
use rustix::io::Errno;
use std::io;

/// Build [`Error::Connect`].
pub fn unanswered(method: &'static str, url: &Url, error: &ureq::Error) -> Error {
    let (reason, temporary) = explain(error, url);
    Error::Connect { method, url: url.redacted(), reason, temporary }
}

/// Reasons of the kernel that pass. Source: containers/common pkg/retry, isErrnoRetryable.
const PASSING: [Errno; 12] = [
    Errno::CONNREFUSED,
    Errno::INTR,
    Errno::AGAIN,
    Errno::BUSY,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    Errno::NETRESET,
    Errno::CONNABORTED,
    Errno::CONNRESET,
    Errno::TIMEDOUT,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
];

/// Words and retry worth of a transport error. The words follow Go's, which users of other engines know and search for.
fn explain(error: &ureq::Error, url: &Url) -> (String, bool) {
    match error {
        ureq::Error::Io(error) => explain_io(error, url),
        ureq::Error::HostNotFound => (format!("dial tcp: lookup {}: no such host", url.host()), false),
        ureq::Error::Timeout(which) => (format!("timeout: {which}"), true),
        ureq::Error::Protocol(error) => (format!("malformed HTTP response: {error}"), false),
        ureq::Error::Other(error) => match error.downcast_ref() {
            Some(tls) => (tls::explain(tls), false),
            None => (error.to_string(), false),
        },
        other => (other.to_string(), false),
    }
}

fn explain_io(error: &io::Error, url: &Url) -> (String, bool) {
    use io::ErrorKind as Kind;
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return (tls::explain(tls), false);
    }
    if is_expired(error) {
        return (error.to_string(), false);
    }
    // What Podman asks again for, and no other.
    let temporary = error.raw_os_error().is_some_and(|errno| PASSING.contains(&Errno::from_raw_os_error(errno)));
    match error.kind() {
        Kind::ConnectionRefused => (format!("dial tcp {}: connect: connection refused", url.authority()), true),
        Kind::UnexpectedEof => ("unexpected EOF".to_owned(), true),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            ("connection reset by peer".to_owned(), true)
        }
        Kind::TimedOut | Kind::WouldBlock => ("i/o timeout".to_owned(), true),
        Kind::NotFound => (format!("dial tcp: lookup {}: no such host", url.host()), false),
        _ if error.raw_os_error().is_none() && error.to_string().starts_with("failed to lookup") => {
            (format!("dial tcp: lookup {}: {error}", url.host()), false)
        }
        _ if temporary => (format!("dial tcp {}: connect: {}", url.authority(), libpod_sys::io_text(error)), true),
        _ => (libpod_sys::io_text(error), false),
    }
}
