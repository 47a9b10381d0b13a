//! The server half: the process that starts a container, or one more process in it, and stays until that ends.
//!
//! It has one thread, because the kernel gives a new user namespace to no other, and it belongs to nobody: its parent is init.
//! [`container::run`] and [`exec::run`] are the two roles; both end in the loop of [`pump`].

pub mod container;
pub mod exec;
mod failure;
mod peer;
mod pump;
mod start;
mod stdio;
