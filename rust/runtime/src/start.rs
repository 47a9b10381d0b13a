//! Letting a container go that another process has created.
//!
//! The created container waits at a listening unix socket, kept in a directory that only its owner can enter. The first
//! connection takes the place of the channel that its creator had.

use crate::channel::{Channel, Message};
use crate::create::await_exec;
use crate::error::{Error, Result};
use libpod_sys::socket::{bind, connect};
use rustix::net::{AddressFamily, SocketFlags, SocketType, listen, socket_with};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Make the socket at `path` that a created container waits at.
pub fn make_socket(path: &Path) -> Result<OwnedFd> {
    let fail = |errno| Error::step("make the start socket", path, errno);
    let socket = open().map_err(fail)?;
    bind(&socket, path).map_err(fail)?;
    listen(&socket, 1).map_err(fail)?;
    Ok(socket)
}

/// Let the container behind `path` execute its program; returns when it does, or with the reason why not.
pub fn start(path: &Path) -> Result<Vec<String>> {
    let fail = |errno| Error::step("connect to the start socket", path, errno);
    let socket = open().map_err(fail)?;
    connect(&socket, path).map_err(fail)?;
    let channel = Channel::over(socket);
    channel.send(&Message::Go).map_err(fail)?;
    let mut warnings = Vec::new();
    await_exec(&channel, &mut warnings)?;
    Ok(warnings)
}

fn open() -> rustix::io::Result<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}
