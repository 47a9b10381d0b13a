//! Starting a monitor: a document, a socket, and the helper executed from a view of its file that cannot be written.
//!
//! A process that enters a container can be asked for its own program: `/proc/PID/exe`. The container must not be able to
//! overwrite it, and no later start may find another program there. So the helper is executed from a private read-only mount
//! of its file, at no cost in memory; where the kernel refuses that, from a sealed copy in memory.

use super::session::{Error, Session};
use crate::protocol::Socket;
use crate::record::{FRAMES, PID_RECORD, PidRecord, read_at};
use libpod_sys::socket::address_at;
use libpod_sys::spawn::{Program, detached};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, memfd_create, open};
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, socketpair};
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Descriptor of the control socket in the helper.
pub const CONTROL_FD: i32 = 3;
/// Descriptor of the document in the helper.
pub const DOCUMENT_FD: i32 = 4;
/// Descriptor of the helper's own file in the helper, kept so that its private mount is taken down when nobody waits for it.
pub const PROGRAM_FD: i32 = 5;

/// Descriptor of the container's lock in the helper, where there is one.
pub const LOCK_FD: i32 = 6;

/// Which part of the helper a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Start and watch a container.
    Monitor,
    /// Start and watch one more process in a container.
    Exec,
}

/// Start the helper at `helper` in `role` with a JSON `document`, labelled `label` for people who read `ps`.
///
/// lock: the caller's lock on the container, shared with the monitor until the program runs or cannot be started. Should the
/// caller be killed meanwhile, nobody else takes the container for one that is not being started.
pub fn launch(
    helper: &Path,
    role: Role,
    document: &[u8],
    label: &str,
    lock: Option<BorrowedFd<'_>>,
) -> Result<Session, Error> {
    let program = sealed_view(helper).map_err(|error| Error::io(format!("open {}", helper.display()), error))?;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| Error::io("socketpair", errno))?;
    let document = in_memory(document).map_err(|error| Error::io("memfd_create", error))?;
    let null =
        File::options().read(true).write(true).open("/dev/null").map_err(|error| Error::io("open /dev/null", error))?;
    let word = match role {
        Role::Monitor => "monitor",
        Role::Exec => "exec-monitor",
    };
    let argv = [strings("libpod-runtime"), strings(word), strings(label)];
    let envp = environment();
    let mut fds = vec![null.as_fd(), null.as_fd(), null.as_fd(), theirs.as_fd(), document.as_fd(), program.as_fd()];
    fds.extend(lock);
    detached(&Program { file: program.as_fd(), argv: &argv, envp: &envp, fds: &fds })
        .map_err(|error| Error::io(format!("execute {}", helper.display()), error))?;
    Ok(Session::new(ours, FRAMES))
}

fn strings(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// This process's environment, for a program that is executed by hand.
pub fn environment() -> Vec<CString> {
    let variable = |(name, value): (OsString, OsString)| {
        let mut text = name.into_vec();
        text.push(b'=');
        text.extend(value.into_vec());
        CString::new(text).ok()
    };
    std::env::vars_os().filter_map(variable).collect()
}

fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("libpod-document", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// The file at `path`, open for execution through a mount that is read-only and belongs to nobody else.
pub fn sealed_view(path: &Path) -> io::Result<OwnedFd> {
    let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    match private_mount(file.as_fd()) {
        Ok(view) => Ok(view),
        Err(_) => sealed_copy(path),
    }
}

fn private_mount(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let view = open_tree(file, "", flags)?;
    let attributes = libpod_sys::mount::Attributes { set: libpod_sys::mount::RDONLY, ..Default::default() };
    libpod_sys::mount::set_attributes(view.as_fd(), false, &attributes)?;
    Ok(view)
}

/// A copy in memory that nobody can change. It is opened again for reading: a file open for writing is not executed.
fn sealed_copy(path: &Path) -> io::Result<OwnedFd> {
    let mut copy = File::from(memfd_create("libpod-runtime", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    io::copy(&mut File::open(path)?, &mut copy)?;
    rustix::fs::fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let again = format!("/proc/self/fd/{}", copy.as_raw_fd());
    Ok(open(again, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Whether a program executed from `file` cannot be written through it.
pub fn is_sealed(file: BorrowedFd<'_>) -> bool {
    let read_only =
        rustix::fs::fstatvfs(file).is_ok_and(|stat| stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    read_only || rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::WRITE))
}

/// Connect to the monitor of the container whose run directory is `run_dir`.
///
/// A socket's path is at most 107 bytes long, so the directory is opened and the path goes through the descriptor.
pub fn attach(run_dir: &Path) -> Result<Session, Error> {
    let not_running = || Error::NotRunning { path: run_dir.join(SOCKET_NAME) };
    let directory =
        open(run_dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(|_| not_running())?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| Error::io("socket", errno))?;
    let address =
        address_at(directory.as_fd(), SOCKET_NAME).map_err(|errno| Error::io("name the attach socket", errno))?;
    // Looked at first: both go when the monitor ends, and the record says how to talk to it. One that is missing or cannot be
    // read says nothing, and every monitor knows version 0.
    let record = read_at::<PidRecord>(directory.as_fd(), run_dir, PID_RECORD);
    connect(&socket, &address).map_err(|_| not_running())?;
    let frames = record.ok().flatten().map_or(0, |record| record.frames);
    Ok(Session::with_run_dir(socket, frames, run_dir))
}

/// Name of the attach socket in a container's run directory.
pub const SOCKET_NAME: &str = "attach";

/// A pair of connected sockets that speak the protocol; for tests of either half.
pub fn pair() -> io::Result<(Session, Socket)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((Session::new(ours, FRAMES), Socket::new(theirs)))
}
