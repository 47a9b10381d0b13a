//! The client half: launch a monitor, talk to it, follow a container's terminal. Runs inside Python, beside other threads.
//!
//! [`launch`] starts monitors, [`Session`] is the conversation with one; [`relay`] connects it with the user's terminal and
//! [`collect`] with memory. Nothing waits without asking `interrupted` now and then, so that Ctrl-C works.

pub mod collect;
pub mod detach_keys;
pub mod launch;
pub mod relay;
pub mod session;
pub mod terminal;

pub use session::{Error, Interrupted, Session};
