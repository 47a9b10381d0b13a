//! One HTTP exchange: request out, status, headers and body back. No redirects, no credentials, no repetition.
//!
//! Connections are kept and shared by all threads of a client. How long an exchange may take is its caller's business
//! ([`crate::budget`]).

use crate::budget::{Bounding, Transfer};
use crate::error::ErrorResponse;
use crate::proxy::Settings;
use crate::tls::TlsConnector;
use crate::unanswered::unanswered;
use crate::{Error, Url};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, ConnectionDetails, Connector, TcpConnector, Transport};
use ureq::{Agent, Proxy, SendBody};

/// An unreachable host is one that does not accept a connection for this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections kept per host: as many layers as a caller moves at once.
const IDLE_CONNECTIONS: usize = 8;
/// Largest error document that is read; honest ones have a few hundred bytes.
const ERROR_LIMIT: u64 = 64 * 1024;

/// An HTTP method in the two spellings that are needed: on the wire, and in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    fn wire(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The spelling of messages (`Get "https://…": …`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "Get",
            Self::Head => "Head",
            Self::Post => "Post",
            Self::Patch => "Patch",
            Self::Put => "Put",
            Self::Delete => "Delete",
        }
    }
}

/// What is sent after the headers.
pub enum Payload<'a> {
    /// Nothing.
    None,
    /// Bytes in memory, which may be sent again.
    Bytes(&'a [u8]),
    /// A stream that flows once, and its length where known.
    Stream(&'a mut dyn Read, Option<u64>),
}

/// Header names and values of a request.
pub type Headers = Vec<(&'static str, String)>;

/// The answer to one request.
pub struct Response {
    method: Method,
    url: Url,
    patience: Duration,
    inner: ureq::http::Response<ureq::Body>,
}

/// The connections of one client.
pub struct Http {
    direct: Agent,
    https: OnceLock<Agent>,
    http: OnceLock<Agent>,
    settings: Settings,
    connector: Arc<TlsConnector>,
    patience: Duration,
}

impl Http {
    /// Connections for the registry at `home`; see [`TlsConnector::new`]. `patience`: how long a body may stand still.
    pub fn new(home: (String, u16), verify: bool, directory: Option<&Path>, patience: Duration) -> Result<Self, Error> {
        let connector = Arc::new(TlsConnector::new(home, verify, directory)?);
        let direct = agent(&connector, None);
        let settings = Settings::from_environment();
        Ok(Self { direct, https: OnceLock::new(), http: OnceLock::new(), settings, connector, patience })
    }

    /// Send one request and wait for the head of its answer.
    pub fn send(&self, method: Method, url: &Url, headers: &Headers, payload: &mut Payload) -> Result<Response, Error> {
        let mut builder = ureq::http::Request::builder().method(method.wire()).uri(url.to_string());
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        let bodiless = matches!(method, Method::Get | Method::Head | Method::Delete);
        let length = match payload {
            Payload::None if bodiless => None,
            Payload::None => Some(0),
            Payload::Bytes(bytes) => Some(bytes.len() as u64),
            Payload::Stream(_, size) => *size,
        };
        if let Some(length) = length {
            builder = builder.header("content-length", length);
        }
        let unsendable = |error: ureq::http::Error| unanswered(method.name(), url, &error.into());
        let agent = self.agent(url)?;
        let answer = match payload {
            Payload::None if bodiless => agent.run(builder.body(()).map_err(unsendable)?),
            Payload::None => agent.run(builder.body(&[][..]).map_err(unsendable)?),
            Payload::Bytes(bytes) => agent.run(builder.body(*bytes).map_err(unsendable)?),
            Payload::Stream(source, _) => agent.run(builder.body(SendBody::from_reader(*source)).map_err(unsendable)?),
        };
        let inner = answer.map_err(|error| unanswered(method.name(), url, &error))?;
        Ok(Response { method, url: url.clone(), patience: self.patience, inner })
    }

    fn agent(&self, url: &Url) -> Result<&Agent, Error> {
        let Some(address) = self.settings.for_url(url) else { return Ok(&self.direct) };
        let slot = if url.is_https() { &self.https } else { &self.http };
        if let Some(agent) = slot.get() {
            return Ok(agent);
        }
        // The setting may hold the proxy's password: it is not shown.
        let invalid = |_| Error::Invalid { what: "proxy setting", value: format!("{}_proxy", url.scheme()) };
        let proxy = Proxy::new(address).map_err(invalid)?;
        Ok(slot.get_or_init(|| agent(&self.connector, Some(proxy))))
    }
}

fn agent(connector: &Arc<TlsConnector>, proxy: Option<Proxy>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("libpod/", env!("CARGO_PKG_VERSION")))
        .proxy(proxy)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .max_idle_connections(2 * IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .build();
    let chain = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(Bounding);
    Agent::with_parts(config, chain.chain(Shared(Arc::clone(connector))), DefaultResolver::default())
}

/// The one TLS connector, in the chains of several agents.
#[derive(Debug)]
struct Shared(Arc<TlsConnector>);

impl<In: Transport> Connector<In> for Shared {
    type Out = <TlsConnector as Connector<In>>::Out;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        self.0.connect(details, chained)
    }
}

impl Response {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// The URL that answered.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The first value of a header, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// All values of a header that are text.
    pub fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.inner.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// Value of `Content-Length`.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The body as a stream, of unlimited length, that is waited for as long as it moves.
    pub fn into_reader(self) -> impl Read + Send + 'static {
        let patience = self.patience;
        Transfer::new(self.inner.into_body().into_with_config().limit(u64::MAX).reader(), patience)
    }

    /// The body as bytes; more than `limit` is an error that names `what`.
    pub fn into_bytes(self, limit: u64, what: &str) -> Result<Vec<u8>, Error> {
        let (method, url) = (self.method, self.url.clone());
        let mut bytes = Vec::new();
        let read = self.into_reader().take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| unanswered(method.name(), &url, &error.into()))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { what: what.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// The answer as the error that it is.
    pub fn into_failure(self) -> ErrorResponse {
        let (status, method, url) = (self.status(), self.method.name(), self.url.redacted());
        let retry_after = self.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        // An error document that cannot be read whole leaves the status, which says enough.
        let _ = self.into_reader().take(ERROR_LIMIT).read_to_end(&mut body);
        let (code, message) = read_errors(&body).unwrap_or_else(|| status_errors(status, &body));
        ErrorResponse { status, code, message, method, url, retry_after }
    }
}

impl From<Response> for Error {
    /// An answer that is not the success it should be.
    fn from(answer: Response) -> Self {
        Self::Status(Box::new(answer.into_failure()))
    }
}

/// `{"errors": [{"code", "message"}]}`, or a token server's `{"details"}` and `{"error_description"}`.
fn read_errors(body: &[u8]) -> Option<(Option<String>, String)> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |value: &serde_json::Value, key: &str| {
        let text = value.get(key)?.as_str()?;
        Some(printable(text)).filter(|text| !text.is_empty())
    };
    if let Some(errors) = document.get("errors").and_then(|errors| errors.as_array()).filter(|list| !list.is_empty()) {
        let code = text(&errors[0], "code");
        let words: Vec<String> = errors
            .iter()
            .filter_map(|error| {
                let code = text(error, "code").map(|code| code.to_lowercase().replace('_', " "));
                match (code, text(error, "message")) {
                    (Some(code), Some(message)) => Some(format!("{code}: {message}")),
                    (code, message) => message.or(code),
                }
            })
            .collect();
        return Some((code.or_else(|| Some("UNKNOWN".to_owned())), words.join(", ")));
    }
    let message = text(&document, "details").or_else(|| text(&document, "error_description"))?;
    Some((text(&document, "error").or_else(|| Some("UNKNOWN".to_owned())), message))
}

/// What the registry would have said in a body; an answer to HEAD has none.
fn status_errors(status: u16, body: &[u8]) -> (Option<String>, String) {
    let (code, message) = match status {
        401 => ("UNAUTHORIZED", "unauthorized: authentication required"),
        403 => ("DENIED", "denied: requested access to the resource is denied"),
        429 => ("TOOMANYREQUESTS", "toomanyrequests: too many requests"),
        _ => return (None, status_words(status, body)),
    };
    (Some(code.to_owned()), message.to_owned())
}

/// The status in words, with the beginning of a short plain-text body.
fn status_words(status: u16, body: &[u8]) -> String {
    const SHOWN: usize = 200;
    let code = ureq::http::StatusCode::from_u16(status).ok();
    let reason = code.and_then(|code| code.canonical_reason()).unwrap_or("unknown status");
    let text = String::from_utf8_lossy(body);
    let text = printable(text.trim());
    if text.is_empty() || text.starts_with('<') || text.len() > SHOWN {
        return format!("invalid status code from registry {status} ({reason})");
    }
    format!("invalid status code from registry {status} ({reason}): {text}")
}

/// A foreign text without control characters, which could drive the user's terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
