//! Signals as events: a descriptor that tells which ones came.
//!
//! [`SignalFd`] is for a process of one thread that owns all its signals, such as the monitor. [`Catcher`] is for a library in
//! somebody else's process, where other threads may run and the previous handlers must come back. Neither waits: poll the
//! descriptor, then read.

use crate::{Error, Result};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// Highest signal number of Linux.
pub const MAX: i32 = 64;

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: a sigset_t is plain bits; sigemptyset initialises it, and sigaddset refuses numbers that are no signal.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}

/// Block `signals`, and no others, for the calling thread.
pub fn block_only(signals: &[i32]) {
    let set = set_of(signals);
    // SAFETY: the set is initialised and only read.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut()) };
}

/// The calling thread's signal mask, put back when this is dropped; until then every signal is blocked.
pub struct AllBlocked(libc::sigset_t);

impl AllBlocked {
    /// Block every signal for the calling thread.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: both sets are plain bits; sigfillset initialises the one and pthread_sigmask the other.
        unsafe {
            let mut all: libc::sigset_t = zeroed();
            let mut before: libc::sigset_t = zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Default for AllBlocked {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        // SAFETY: the set was filled in by pthread_sigmask and is only read.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// Let a write to a closed pipe or socket answer `EPIPE`, whatever the program that executed us had chosen.
#[cfg(test)]
pub fn ignore_broken_pipes() {
    // SAFETY: SIG_IGN installs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Send `signal` to the calling process itself.
pub fn raise(signal: i32) {
    // SAFETY: kill takes plain integers.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Send `signal`, real-time ones included, to the process behind a pidfd.
pub fn send_to(pidfd: BorrowedFd<'_>, signal: i32) -> Result<()> {
    // SAFETY: without a siginfo the call takes plain integers.
    let answer = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, ptr::null::<libc::siginfo_t>(), 0)
    };
    match answer {
        0 => Ok(()),
        _ => Err(Error::last("pidfd_send_signal", format!("{}, {signal}", pidfd.as_raw_fd()))),
    }
}

/// Number of a child that has ended and was not reaped yet, and stays so.
pub fn ended_child() -> Option<rustix::process::Pid> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: an all-zero siginfo is valid, waitid fills it, and its process number is set for an ended child; it stays 0
    // where none has ended.
    let pid = unsafe {
        let mut info: libc::siginfo_t = zeroed();
        if libc::waitid(libc::P_ALL, 0, &raw mut info, options) != 0 {
            return None;
        }
        info.si_pid()
    };
    rustix::process::Pid::from_raw(pid)
}

/// A signal read from a [`SignalFd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// Whether the kernel made it, as the terminal does for a key: then the whole process group has received it.
    pub from_kernel: bool,
}

/// Blocked signals, readable from a descriptor (signalfd).
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Block `signals`, and no others, and open a descriptor that reads them.
    pub fn new(signals: &[i32]) -> Result<Self> {
        block_only(signals);
        let set = set_of(signals);
        // SAFETY: the set is initialised and only read; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(Error::last("signalfd", format!("{signals:?}")));
        }
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next pending signal, or None; never waits.
    pub fn read(&self) -> Result<Option<Received>> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is as long as stated, and the kernel writes whole structures only.
        let count = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if count == size as isize {
            // SAFETY: the kernel has filled the structure.
            let info = unsafe { info.assume_init() };
            return Ok(Some(Received { signal: info.ssi_signo as i32, from_kernel: info.ssi_code > 0 }));
        }
        match Error::last("read", "signalfd") {
            error if error.errno() == Errno::AGAIN || error.errno() == Errno::INTR => Ok(None),
            error => Err(error),
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Where the handler of the one live [`Catcher`] writes; -1 without one.
static CAUGHT: AtomicI32 = AtomicI32::new(-1);

/// The sender in a note when it is the kernel. A process outside of this PID namespace is 0.
const KERNEL: i32 = -1;

/// Write the signal and its sender to the catcher's pipe. Async-signal-safe: one atomic load and one `write`.
extern "C" fn note(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let fd = CAUGHT.load(Ordering::Relaxed);
    // SAFETY: the location of errno is valid for the thread. The kernel gives a handler of SA_SIGINFO a filled siginfo, whose
    // process number is set for a code that is not the kernel's. `write` reads a live array. A full pipe loses the signal, as a
    // pending standard signal would be merged.
    unsafe {
        let location = libc::__errno_location();
        let saved = *location;
        let sender = if (*info).si_code > 0 { KERNEL } else { (*info).si_pid() };
        let note = [signal, sender];
        libc::write(fd, note.as_ptr().cast(), size_of::<[i32; 2]>());
        *location = saved;
    }
}

/// A signal that a [`Catcher`] has noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caught {
    /// Its number.
    pub signal: i32,
    /// The process that sent it; None for the kernel, as when a terminal hangs up or a key is typed there.
    pub sender: Option<i32>,
}

/// Whether `signal` is ignored, as `nohup` has it.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: all-zero is a valid sigaction; without a new action the call only fills it.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Handlers of a few signals, replaced for a while by one that only notes them; dropped, the earlier ones are back.
///
/// It works whichever thread the kernel picks. There is one at a time in a process.
pub struct Catcher {
    reader: OwnedFd,
    writer: OwnedFd,
    before: Vec<(i32, libc::sigaction)>,
}

impl Catcher {
    /// Note `signals` from now on. `EBUSY` where another catcher is alive.
    pub fn new(signals: &[i32]) -> Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|errno| Error::new("pipe2", "O_CLOEXEC|O_NONBLOCK", errno))?;
        CAUGHT
            .compare_exchange(-1, writer.as_raw_fd(), Ordering::AcqRel, Ordering::Relaxed)
            .map_err(|_| Error::new("sigaction", "signals are caught already", Errno::BUSY))?;
        let mut catcher = Self { reader, writer, before: Vec::with_capacity(signals.len()) };
        for signal in signals {
            catcher.replace(*signal)?;
        }
        Ok(catcher)
    }

    fn replace(&mut self, signal: i32) -> Result<()> {
        // SAFETY: all-zero is a valid sigaction; `note` is async-signal-safe and lives as long as the program.
        let (answer, before) = unsafe {
            let mut action: libc::sigaction = zeroed();
            let mut before: libc::sigaction = zeroed();
            action.sa_sigaction = note as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigemptyset(&raw mut action.sa_mask);
            (libc::sigaction(signal, &raw const action, &raw mut before), before)
        };
        if answer != 0 {
            return Err(Error::last("sigaction", signal.to_string()));
        }
        self.before.push((signal, before));
        Ok(())
    }

    /// The next noted signal, or None; never waits.
    pub fn read(&self) -> Option<Caught> {
        // A note is shorter than PIPE_BUF: it is written whole or not at all.
        let mut note = [0; size_of::<[i32; 2]>()];
        match rustix::io::read(&self.reader, &mut note) {
            Ok(count) if count == note.len() => {}
            _ => return None,
        }
        let [a, b, c, d, e, f, g, h] = note;
        let sender = i32::from_ne_bytes([e, f, g, h]);
        Some(Caught { signal: i32::from_ne_bytes([a, b, c, d]), sender: (sender != KERNEL).then_some(sender) })
    }
}

impl AsFd for Catcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        for (signal, action) in &self.before {
            // SAFETY: the action is what the kernel returned for this signal.
            unsafe { libc::sigaction(*signal, ptr::from_ref(action), ptr::null_mut()) };
        }
        let _ = CAUGHT.compare_exchange(self.writer.as_raw_fd(), -1, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signal to the process runs its handler on any thread, perhaps a moment later.
    fn await_one(catcher: &Catcher) -> Option<Caught> {
        (0..2000).find_map(|_| {
            let caught = catcher.read();
            if caught.is_none() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            caught
        })
    }

    #[test]
    fn a_catcher_notes_signals_and_gives_the_handlers_back() {
        ignore_broken_pipes();
        {
            let catcher = Catcher::new(&[libc::SIGPIPE, libc::SIGWINCH]).expect("handlers install");
            assert_eq!(Catcher::new(&[]).err().map(|error| error.errno()), Some(Errno::BUSY));
            assert_eq!(catcher.read(), None);
            raise(libc::SIGWINCH);
            raise(libc::SIGPIPE);
            let mut both = [await_one(&catcher), await_one(&catcher)].map(|caught| caught.expect("noted"));
            both.sort_unstable_by_key(|caught| caught.signal);
            let sender = Some(std::process::id() as i32);
            assert_eq!(both, [libc::SIGPIPE, libc::SIGWINCH].map(|signal| Caught { signal, sender }));
        }
        raise(libc::SIGPIPE);
        assert!(Catcher::new(&[]).is_ok(), "the slot is free again");
    }

    #[test]
    fn an_ignored_signal_is_told_from_others() {
        ignore_broken_pipes();
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGUSR1));
    }

    #[test]
    fn blocking_all_signals_ends_with_the_guard() {
        fn blocked() -> bool {
            // SAFETY: with a null set, pthread_sigmask only fills `mask`.
            unsafe {
                let mut mask: libc::sigset_t = zeroed();
                libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask);
                libc::sigismember(&raw const mask, libc::SIGUSR2) == 1
            }
        }
        assert!(!blocked());
        let guard = AllBlocked::new();
        assert!(blocked());
        drop(guard);
        assert!(!blocked());
    }
}
