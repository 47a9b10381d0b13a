//! One OCI layer as a stream: decompress, digest, tar, whiteouts, tar-split; apply and diff.
#![forbid(unsafe_code)]
