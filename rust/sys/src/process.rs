//! Making, changing and replacing processes: `clone3`, `setns`, `execve`, and the switches that belong to them.
//!
//! [`clone3`] forks and never shares memory, so the body of a child may do whatever a process of one thread may do. That
//! is proven before each call: with a second thread in the process it answers `EINVAL` and makes nothing.

use crate::{Error, Result};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{CStr, CString};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Namespaces, as the flags of `clone3`, `unshare` and `setns` (sched.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Namespaces(u64);

impl Namespaces {
    /// None.
    pub const NONE: Self = Self(0);
    /// Monotonic and boot clocks; `clone3` takes it only since the flag does not collide with an exit signal there.
    pub const TIME: Self = Self(libc::CLONE_NEWTIME as u64);
    /// Mount table.
    pub const MOUNT: Self = Self(libc::CLONE_NEWNS as u64);
    /// View of the cgroup tree.
    pub const CGROUP: Self = Self(libc::CLONE_NEWCGROUP as u64);
    /// Host name.
    pub const UTS: Self = Self(libc::CLONE_NEWUTS as u64);
    /// System V and POSIX message queues, shared memory.
    pub const IPC: Self = Self(libc::CLONE_NEWIPC as u64);
    /// User and group ids.
    pub const USER: Self = Self(libc::CLONE_NEWUSER as u64);
    /// Process ids.
    pub const PID: Self = Self(libc::CLONE_NEWPID as u64);
    /// Network stack.
    pub const NET: Self = Self(libc::CLONE_NEWNET as u64);

    /// Whether every namespace of `other` is among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These without those of `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl std::ops::BitOr for Namespaces {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Namespaces {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A child made by [`clone3`].
#[derive(Debug)]
pub struct Child {
    /// Its number, in the caller's PID namespace.
    pub pid: Pid,
    /// A descriptor that names this process and no later one of the same number; closed on `execve`.
    pub pidfd: OwnedFd,
}

/// `struct clone_args` of linux/sched.h, as far as `CLONE_INTO_CGROUP` (88 bytes).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Answer `EINVAL` where the process has more than one thread.
fn prove_single_thread() -> Result<()> {
    // SAFETY: CLONE_THREAD alone unshares nothing: the kernel only checks that the thread group has one member.
    match unsafe { libc::unshare(libc::CLONE_THREAD) } {
        0 => Ok(()),
        _ => Err(Error::last("clone3", "a process of several threads")),
    }
}

/// Fork into new `namespaces`, and into `cgroup` (a cgroup v2 directory) where one is given; the child runs `body` and exits
/// with what it returns, or with 101 where it panics.
pub fn clone3(namespaces: Namespaces, cgroup: Option<BorrowedFd<'_>>, body: impl FnOnce() -> i32) -> Result<Child> {
    clone_with(namespaces.0, libc::SIGCHLD, cgroup, body)
}

/// Fork as [`clone3`] does a process that is not a child of this one but of its parent.
pub fn clone3_sibling(namespaces: Namespaces, body: impl FnOnce() -> i32) -> Result<Child> {
    // The signal that its end sends is then that of this process.
    clone_with(namespaces.0 | libc::CLONE_PARENT as u64, 0, None, body)
}

fn clone_with(
    flags: u64,
    exit_signal: libc::c_int,
    cgroup: Option<BorrowedFd<'_>>,
    body: impl FnOnce() -> i32,
) -> Result<Child> {
    prove_single_thread()?;
    let mut pidfd: libc::c_int = -1;
    let mut args = CloneArgs {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: ptr::from_mut(&mut pidfd) as u64,
        exit_signal: exit_signal as u64,
        ..CloneArgs::default()
    };
    if let Some(directory) = cgroup {
        const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = directory.as_raw_fd() as u64;
    }
    // SAFETY: `args` is a clone_args of the stated size and lives across the call; without CLONE_VM and with no stack the
    // child continues on its own copy of this one, as after fork; this process has one thread, so no lock is left held.
    let answer = unsafe { libc::syscall(libc::SYS_clone3, ptr::from_mut(&mut args), size_of::<CloneArgs>()) };
    match answer {
        0 => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            // SAFETY: ends the child without running the exit handlers that it has copied from its parent.
            unsafe { libc::_exit(code) }
        }
        pid if pid > 0 => {
            let pid = Pid::from_raw(pid as i32).expect("clone3 answers a positive number");
            // SAFETY: the kernel has just made this descriptor for us and nobody else knows its number.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Child { pid, pidfd })
        }
        _ => Err(Error::last("clone3", format!("flags={:#x}", args.flags))),
    }
}

/// Leave the current namespaces for new ones.
pub fn unshare(namespaces: Namespaces) -> Result<()> {
    // SAFETY: namespace flags never make two threads share or stop sharing memory or descriptors.
    match unsafe { libc::unshare(namespaces.0 as libc::c_int) } {
        0 => Ok(()),
        _ => Err(Error::last("unshare", format!("{:#x}", namespaces.0))),
    }
}

/// Join namespaces: those `kinds` of the process behind a pidfd, or the one behind a `/proc/PID/ns` file.
pub fn setns(fd: BorrowedFd<'_>, kinds: Namespaces) -> Result<()> {
    // SAFETY: setns takes plain integers and changes no memory.
    match unsafe { libc::setns(fd.as_raw_fd(), kinds.0 as libc::c_int) } {
        0 => Ok(()),
        _ => Err(Error::last("setns", format!("{}, {:#x}", fd.as_raw_fd(), kinds.0))),
    }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Replace this process by the program at `path`; returns only with an error.
pub fn execve(path: &CStr, argv: &[CString], envp: &[CString]) -> Error {
    let (argv, envp) = (pointers(argv), pointers(envp));
    // SAFETY: both arrays end with a null pointer and, like the strings they point to, live across the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Error::last("execve", format!("{path:?}"))
}

/// Replace this process by the program behind `file` itself; returns only with an error.
///
/// A script cannot be started so where `file` closes on `execve`: its interpreter would find nothing to open.
pub fn fexecve(file: BorrowedFd<'_>, argv: &[CString], envp: &[CString]) -> Error {
    let (argv, envp) = (pointers(argv), pointers(envp));
    // SAFETY: both arrays end with a null pointer and, like the strings they point to, live across the call; the path is
    // a constant C string.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    Error::last("execveat", format!("{}, \"\", AT_EMPTY_PATH", file.as_raw_fd()))
}

/// Let every descriptor from `first` on be closed by the next `execve`.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: only sets a flag on descriptors; none is closed now, so no owner is left with a stale number.
    match unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(Error::last("close_range", format!("{first}, max, CLOEXEC"))),
    }
}

/// Close every descriptor of this process but those in `keep`.
///
/// Only for a child of [`clone3`]: the owners of the closed descriptors are copies of its parent's, and the child must neither
/// use nor drop them. What `keep` names and is not open is passed over.
pub fn close_all_but(keep: &[RawFd]) -> Result<()> {
    let mut kept: Vec<u32> = keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).collect();
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept {
        if fd > first {
            close_range(first, fd - 1)?;
        }
        first = first.max(fd + 1);
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: takes plain integers; the documented caller's copies of the owners are never used again.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return Ok(());
    }
    let error = Error::last("close_range", format!("{first}, {last}, 0"));
    // A kernel before 5.9, or a filter around us that does not know the call.
    if error.errno() == Errno::NOSYS || error.errno() == Errno::PERM { close_listed(first, last) } else { Err(error) }
}

/// Close what `/proc/self/fd` lists between two numbers.
fn close_listed(first: u32, last: u32) -> Result<()> {
    let path = "/proc/self/fd";
    let fail =
        |error: std::io::Error| Error::new("getdents64", path, Errno::from_io_error(&error).unwrap_or(Errno::IO));
    let listed = std::fs::read_dir(path).map_err(fail)?;
    let numbers = listed.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
    for number in numbers.iter().filter_map(|name| name.to_str()?.parse::<u32>().ok()) {
        if (first..=last).contains(&number) {
            // SAFETY: as in `close_range`; the listing's own descriptor is closed already, and its number answers EBADF.
            unsafe { libc::close(number as libc::c_int) };
        }
    }
    Ok(())
}

/// Put `fd` at the number `target`, open across `execve`.
///
/// Only for a process that is about to be replaced: whatever `target` was before is gone.
pub fn place_fd(fd: BorrowedFd<'_>, target: i32) -> Result<()> {
    if fd.as_raw_fd() == target {
        // SAFETY: F_SETFD takes plain integers.
        return match unsafe { libc::fcntl(target, libc::F_SETFD, 0) } {
            -1 => Err(Error::last("fcntl", format!("{target}, F_SETFD, 0"))),
            _ => Ok(()),
        };
    }
    // SAFETY: dup2 takes plain integers; the documented caller owns the whole table and executes another program next.
    match unsafe { libc::dup2(fd.as_raw_fd(), target) } {
        -1 => Err(Error::last("dup2", format!("{}, {target}", fd.as_raw_fd()))),
        _ => Ok(()),
    }
}

/// Give every signal its default action and block none, as a program expects to find them.
///
/// Rust ignores `SIGPIPE` for the whole process, and an ignored signal stays ignored across `execve`.
pub fn reset_signals() {
    // The kernel's own form: the C library keeps the two signals of its threads from its callers.
    let default = [0_u64; 4];
    let empty = 0_u64;
    for signal in 1..=64 {
        // SAFETY: four zero words are the kernel's sigaction on every 64-bit ABI (SIG_DFL, no flags, empty mask), and are
        // only read; SIGKILL and SIGSTOP are refused without any effect.
        unsafe {
            let none: *mut u64 = ptr::null_mut();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, size_of::<u64>());
        }
    }
    // SAFETY: the set is one word of the stated size and only read.
    unsafe {
        let none: *mut u64 = ptr::null_mut();
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, ptr::from_ref(&empty), none, size_of::<u64>());
    }
}

/// Start a new session keyring of this name, or join the one that exists; returns its serial number.
pub fn join_session_keyring(name: &CStr) -> Result<u32> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: the name is a C string that lives across the call.
    match unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr()) } {
        serial if serial >= 0 => Ok(serial as u32),
        _ => Err(Error::last("keyctl", format!("JOIN_SESSION_KEYRING, {name:?}"))),
    }
}

/// Set the execution domain (personality(2)).
pub fn set_personality(domain: u64) -> Result<()> {
    // SAFETY: personality takes a plain integer.
    match unsafe { libc::personality(domain as libc::c_ulong) } {
        -1 => Err(Error::last("personality", format!("{domain:#x}"))),
        _ => Ok(()),
    }
}

/// Number of the process that leads this process's session; None if it is outside of this PID namespace.
pub fn session_leader() -> Option<i32> {
    // SAFETY: getsid takes a plain integer and changes nothing.
    let leader = unsafe { libc::getsid(0) };
    (leader > 0).then_some(leader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn refuses_to_fork_a_process_of_several_threads() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || receiver.recv());
        let error = clone3(Namespaces::NONE, None, || 0).expect_err("two threads");
        assert_eq!(error.errno(), rustix::io::Errno::INVAL);
        drop(sender);
        let _ = other.join();
    }

    #[test]
    fn namespaces_are_sets() {
        let both = Namespaces::PID | Namespaces::NET;
        assert!(both.contains(Namespaces::PID));
        assert!(!both.contains(Namespaces::PID | Namespaces::IPC));
        assert_eq!(both.without(Namespaces::PID), Namespaces::NET);
        assert!(Namespaces::NONE.is_empty());
    }

    #[test]
    fn a_failed_exec_prints_as_strace_does() {
        let error = execve(c"/nonexistent/program", &[], &[]);
        assert_eq!(error.to_string(), "execve(\"/nonexistent/program\"): no such file or directory");
        let directory = std::fs::File::open("/").expect("root opens");
        assert_eq!(fexecve(directory.as_fd(), &[], &[]).errno(), rustix::io::Errno::ACCESS);
    }
}
