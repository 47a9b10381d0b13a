//! URLs as a registry client meets them: absolute `http` and `https`, joined with `Location` headers, redacted for messages.

use crate::Error;
use std::fmt;
use ureq::http::Uri;

/// An absolute `http` or `https` URL without user information.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    https: bool,
    host: String,
    port: u16,
    /// Path and query, beginning with `/`.
    target: String,
}

impl Url {
    /// Parse an absolute URL. A fragment is dropped; user information is refused: it would be a secret in a log.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid { what: "URL", value: redact(text).to_owned() };
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid()),
        };
        let authority = uri.authority().ok_or_else(invalid)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(invalid());
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| invalid())?,
            None if https => 443,
            None => 80,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self { https, host: authority.host().to_ascii_lowercase(), port, target: target.to_owned() })
    }

    /// Resolve a `Location` header against this URL.
    pub fn join(&self, location: &str) -> Result<Self, Error> {
        let location = location.trim();
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Self::parse(location);
        }
        let scheme = self.scheme();
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let origin = self.origin();
        let path = self.path();
        if location.starts_with('/') {
            return Self::parse(&format!("{origin}{location}"));
        }
        if location.starts_with('?') || location.is_empty() {
            return Self::parse(&format!("{origin}{path}{location}"));
        }
        let parent = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        Self::parse(&format!("{origin}{parent}{location}"))
    }

    /// The same origin with another path and query, which begins with `/`.
    pub fn with_target(&self, target: &str) -> Result<Self, Error> {
        Self::parse(&format!("{}{target}", self.origin()))
    }

    /// The same URL with `name=value` added to its query; the value is percent-encoded.
    pub fn with_query(&self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, Error> {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        Self::parse(&format!("{self}{separator}{name}={}", encode(value)))
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Whether the URL is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Host name or address (IPv6 in brackets), lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, the scheme's own where the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }

    /// `host`, or `host:port` where the port is not the scheme's.
    pub fn authority(&self) -> String {
        let usual = if self.https { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// `scheme://host[:port]`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }

    /// Whether both URLs name one scheme, host and port: the boundary that credentials do not cross.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.https == other.https && self.host == other.host && self.port == other.port
    }

    /// The URL for a message: without its query, which may hold signatures and upload state.
    pub fn redacted(&self) -> String {
        format!("{}{}", self.origin(), self.path())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.origin(), self.target)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.redacted())
    }
}

/// What of a text that failed to parse as a URL may be shown: no query, no user information.
fn redact(text: &str) -> &str {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.rsplit('@').next().unwrap_or_default()
}

/// Percent-encode all but the unreserved characters of RFC 3986.
pub fn encode(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, location: &str) -> String {
        let base = Url::parse(base).expect("base");
        base.join(location).map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn location_headers_of_every_form_resolve() {
        let base = "https://r.example:5000/v2/a/blobs/uploads/";
        let table = [
            ("https://cdn.example/x?sig=1", "https://cdn.example/x?sig=1"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/v2/a/blobs/uploads/1?_state=z", "https://r.example:5000/v2/a/blobs/uploads/1?_state=z"),
            ("7?_state=z", "https://r.example:5000/v2/a/blobs/uploads/7?_state=z"),
            ("?_state=z", "https://r.example:5000/v2/a/blobs/uploads/?_state=z"),
            ("/x?next=https://other/", "https://r.example:5000/x?next=https://other/"),
            ("https://r.example:5000/x#part", "https://r.example:5000/x"),
        ];
        for (location, wanted) in table {
            assert_eq!(joined(base, location), wanted, "{location}");
        }
    }

    #[test]
    fn user_information_and_foreign_schemes_are_refused_without_being_shown() {
        for text in
            ["https://me:secret@r.example/", "ftp://r.example/", "file:///etc/passwd", "https:///x", "r.example"]
        {
            let error = Url::parse(text).expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn default_ports_do_not_make_another_origin() {
        let plain = Url::parse("https://R.example/a").expect("plain");
        assert!(plain.same_origin(&Url::parse("https://r.example:443/b").expect("port")));
        assert!(!plain.same_origin(&Url::parse("http://r.example:443/b").expect("scheme")));
        assert!(!plain.same_origin(&Url::parse("https://r.example:444/b").expect("other port")));
        assert!(!plain.same_origin(&Url::parse("https://s.r.example/b").expect("other host")));
    }

    #[test]
    fn queries_are_encoded_and_never_shown() {
        let url = Url::parse("https://r.example/up?_state=secret").expect("url");
        let url = url.with_query("digest", "sha256:ab+c/").expect("query");
        assert_eq!(url.to_string(), "https://r.example/up?_state=secret&digest=sha256%3Aab%2Bc%2F");
        assert_eq!(url.redacted(), "https://r.example/up");
    }
}
