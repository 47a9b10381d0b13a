//! One small process per container: stdio, terminal, logs, attach, exit record — and the code that talks to it.
//!
//! The server half ([`server`]) runs in `libpod-runtime`, a fresh process of one thread: it starts the container through
//! `libpod-runtime`'s runtime crate, moves bytes until the container ends, and leaves an exit record. The client half
//! ([`client`]) runs inside Python, beside any number of threads: it launches that process and holds the conversation with it.
//! Both speak [`protocol`] over `SOCK_SEQPACKET` sockets. What a container's log looks like is in [`log`].
//!
//! Nothing here knows images, stores or names: a [`document`] says which bundle is started and where records go.
#![forbid(unsafe_code)]

pub mod client;
pub mod clock;
pub mod document;
pub mod log;
pub mod process;
pub mod protocol;
pub mod record;
pub mod server;
