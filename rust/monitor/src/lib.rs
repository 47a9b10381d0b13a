//! One small process per container: stdio, terminal, logs, attach, exit record.
#![forbid(unsafe_code)]
