//! Unix sockets by paths of any length.
//!
//! The kernel takes 107 bytes of a socket's path (unix(7), `sun_path`). A directory of containers is often longer: Docker's
//! state root alone has 33, an id 64. Such a socket is reached through a descriptor of its directory.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{self, SocketAddrUnix};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

/// Give `socket` the name `path`, which does not exist yet.
pub fn bind(socket: impl AsFd, path: &Path) -> rustix::io::Result<()> {
    named(path, |address| net::bind(&socket, address))
}

/// Connect `socket` with the one that listens at `path`.
pub fn connect(socket: impl AsFd, path: &Path) -> rustix::io::Result<()> {
    named(path, |address| net::connect(&socket, address))
}

/// The address of the socket `name` in `directory`, valid while the directory is open in this process.
pub fn address_at(directory: BorrowedFd<'_>, name: &str) -> rustix::io::Result<SocketAddrUnix> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

fn named(path: &Path, act: impl Fn(&SocketAddrUnix) -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    match SocketAddrUnix::new(path) {
        Err(Errno::NAMETOOLONG) => {}
        other => return act(&other?),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(Errno::NAMETOOLONG);
    };
    let directory = openat(CWD, parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    act(&address_at(directory.as_fd(), name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, listen, socket_with};

    #[test]
    fn a_path_of_any_length_is_bound_and_connected_to() {
        let stream = || socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        let top = std::env::temp_dir().join(format!("libpod-socket-{}", std::process::id()));
        for length in [1, 60, 90, 100, 200] {
            let directory = top.join("d".repeat(length));
            std::fs::create_dir_all(&directory).unwrap();
            let (path, listener) = (directory.join("start.sock"), stream());
            bind(&listener, &path).unwrap();
            listen(&listener, 1).unwrap();
            connect(stream(), &path).unwrap();
            assert_eq!(bind(stream(), &path), Err(Errno::ADDRINUSE), "{length}");
        }
        assert_eq!(connect(stream(), &top.join("d".repeat(200)).join("nosuch")), Err(Errno::NOENT));
        assert_eq!(connect(stream(), &top.join("n".repeat(200))), Err(Errno::NAMETOOLONG));
        std::fs::remove_dir_all(top).unwrap();
    }
}
