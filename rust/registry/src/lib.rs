//! Blobs and manifests over HTTP(S) from and to OCI registries.
//!
//! What goes in: the host of a registry, credentials for it, certificates, and per request a repository with a digest or a
//! tag. What comes out: bytes whose size and digest are proven, or a typed error with the registry's own code.
//! Start reading at [`Client`]; [`Blob`] is the stream of one blob, [`Error`] says what can go wrong.
//!
//! This crate knows no image names, no search lists, no trust: which host to ask, with whose password, is the caller's word.
//! It sends credentials to the host they were given for and to the token server which that host names, never along a
//! redirect to another host, and never over plain HTTP unless the caller called the registry insecure.
//!
//! Source: OCI distribution-spec; Docker Registry HTTP API V2; "Token Authentication Specification" of distribution.
#![forbid(unsafe_code)]

mod auth;
mod blob;
mod budget;
mod challenge;
mod client;
mod error;
mod http;
mod proxy;
mod tls;
mod unanswered;
mod upload;
mod url;

pub use auth::Credentials;
pub use blob::Blob;
pub use challenge::{Challenge, parse as parse_challenge};
pub use client::{Client, MANIFEST_LIMIT, Manifest, OnRetry, Options, Retry, Tell};
pub use error::{Error, ErrorResponse};
pub use libpod_digest::{Digest, Hasher};
pub use upload::{Mounted, Uploaded};
pub use url::Url;
