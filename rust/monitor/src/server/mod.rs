//! The server half: the process that starts a container, or one more process in it, and stays until that ends.
//!
//! It has one thread, because the kernel gives a new user namespace to no other, and it belongs to nobody: its parent is init.
//! [`container::run`] and [`exec::run`] are the two roles. Both start something ([`mod@start`], by a [`runtime`]), and then wait in
//! one loop ([`reactor`]) for [`children`], [`timers`], [`clients`] and streams, while [`life`] decides what to do.

mod children;
mod clients;
pub mod container;
pub mod exec;
mod failure;
mod life;
mod peer;
mod reactor;
mod runtime;
mod start;
mod stdio;
mod timers;
