//! What can go wrong between us and a registry, with the request and the registry's own words.

use libpod_digest::Mismatch;
use std::io;
use std::time::Duration;

/// A failed operation on a registry. Displays as one clause without a full stop; the cause is in `source`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer: name resolution, connection, TLS, or a connection that broke while the request was sent.
    #[error("{method} \"{url}\": {reason}")]
    Connect {
        /// HTTP method.
        method: &'static str,
        /// Redacted URL.
        url: String,
        /// What failed, in words.
        reason: String,
        /// Whether the same request may succeed a moment later.
        temporary: bool,
    },
    /// The registry could not be reached at all.
    #[error("pinging container registry {registry}: {source}")]
    Ping {
        /// Its host.
        registry: String,
        /// The last attempt.
        source: Box<Error>,
    },
    /// A connection broke while a blob was read, and could not be resumed.
    #[error("reading {what} at byte {at}: {}", libpod_sys::io_text(source))]
    Broken {
        /// The blob.
        what: String,
        /// Bytes that had come.
        at: u64,
        /// How it broke.
        source: io::Error,
    },
    /// The registry answered with an error status.
    #[error("{0}")]
    Status(Box<ErrorResponse>),
    /// Credentials were refused.
    #[error("unable to retrieve auth token: invalid username/password: {0}")]
    Credentials(Box<ErrorResponse>),
    /// Bytes do not match the digest they were asked by.
    #[error("digest of {what} does not match: wanted {}, got {}", mismatch.wanted, mismatch.got)]
    Digest {
        /// The blob or manifest.
        what: String,
        /// What was asked for and what came.
        mismatch: Box<Mismatch>,
    },
    /// More or fewer bytes than promised.
    #[error("size of {what} does not match: wanted {wanted} bytes, got {got}")]
    Size {
        /// The blob.
        what: String,
        /// Promised length in bytes.
        wanted: u64,
        /// Length that came (at least).
        got: u64,
    },
    /// A document that is larger than any honest one.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The document.
        what: String,
        /// Largest accepted size in bytes.
        limit: u64,
    },
    /// A redirect or upload location that must not be followed.
    #[error("refusing to follow the registry from {from} to {to}: {reason}")]
    Redirect {
        /// Redacted URL that answered.
        from: String,
        /// Where it points.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// An answer that breaks the protocol.
    #[error("unexpected answer of {url}: {reason}")]
    Protocol {
        /// Redacted URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is to be a digest and is none.
    #[error(transparent)]
    Malformed(#[from] libpod_digest::Malformed),
    /// An argument that cannot be sent: malformed host, digest, repository.
    #[error("invalid {what}: `{value}`")]
    Invalid {
        /// Which argument.
        what: &'static str,
        /// Its text.
        value: String,
    },
    /// A certificate, key or directory of them cannot be used.
    #[error("{path}: {reason}")]
    Certificates {
        /// File or directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading the bytes to upload failed.
    #[error("reading the data to upload")]
    Source(#[source] io::Error),
}

/// An error status of a registry.
#[derive(Debug, Clone)]
pub struct ErrorResponse {
    /// HTTP status.
    pub status: u16,
    /// The first `errors[].code` of the body, such as `MANIFEST_UNKNOWN`.
    pub code: Option<String>,
    /// The body's messages joined with ", ", or the status in words.
    pub message: String,
    /// HTTP method.
    pub method: &'static str,
    /// Redacted URL.
    pub url: String,
    /// The pause that the registry asked for.
    pub retry_after: Option<Duration>,
}

/// A pause that is worth telling.
const LONG_PAUSE: Duration = Duration::from_secs(60);

impl std::fmt::Display for ErrorResponse {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(_) => out.write_str(&self.message)?,
            None => write!(out, "{} \"{}\": {}", self.method, self.url, self.message)?,
        }
        match self.retry_after {
            Some(pause) if pause > LONG_PAUSE => {
                write!(out, " (it asks not to be asked again for {} seconds)", pause.as_secs())
            }
            _ => Ok(()),
        }
    }
}

impl Error {
    /// The registry's status, where it answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(failure) | Self::Credentials(failure) => Some(failure.status),
            Self::Ping { source, .. } => source.status(),
            _ => None,
        }
    }

    /// The registry's error code (`MANIFEST_UNKNOWN`, `UNAUTHORIZED`, …), where it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Status(failure) | Self::Credentials(failure) => failure.code.as_deref(),
            Self::Ping { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Whether asking again after a pause may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { temporary, .. } => *temporary,
            // Too many requests, and gateways in front of a busy registry.
            Self::Status(failure) => matches!(failure.status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Ping { source, .. } => source.is_temporary(),
            Self::Broken { source, .. } => !crate::budget::is_expired(source),
            _ => false,
        }
    }

    /// The pause that the registry asked for before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status(failure) => failure.retry_after,
            _ => None,
        }
    }
}
