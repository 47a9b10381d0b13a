//! containers/storage on disk: locks, records, the overlay tree.
#![forbid(unsafe_code)]
