//! Blobs over HTTP(S) from and to OCI registries.
#![forbid(unsafe_code)]
