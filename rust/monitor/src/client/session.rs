//! One conversation with a monitor.

use crate::protocol::{Event, FRAME_MAX, Failure, Request, Socket, Transfer};
use crate::record::{ExitRecord, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Asked now and then during a wait; an error ends the wait.
pub type Interrupted<'a> = &'a mut dyn FnMut() -> Result<(), Stop>;

/// The caller wants a wait to end; the reason is the caller's to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Stop;

/// What can go wrong in a conversation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The container, or the process in it, was not started.
    #[error("{}", .0.message)]
    NotStarted(Failure),
    /// The monitor ended in the middle of the conversation.
    #[error("the monitor of the container is gone")]
    Gone,
    /// A frame that no monitor sends.
    #[error("the monitor sent what it never sends")]
    Malformed,
    /// The container wrote more than the caller wants to keep.
    #[error("the output is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What the caller wants to keep.
        limit_bytes: usize,
    },
    /// The caller's time is over.
    #[error("the time is over and the process still runs")]
    Timeout,
    /// No monitor listens there.
    #[error("{}: no running container listens there", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// A key sequence for detaching that is none.
    #[error("{text}: invalid detach keys: {reason}")]
    DetachKeys {
        /// The sequence.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller ended the wait.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// Standard output or error takes nothing more.
    #[error("write {end}: {}", libpod_sys::errno_text(.errno.raw_os_error()))]
    Output {
        /// `/dev/stdout` or `/dev/stderr`.
        end: &'static str,
        /// Why.
        errno: Errno,
    },
    /// A step failed in the kernel.
    #[error("{step}: {}", libpod_sys::io_text(source))]
    Io {
        /// What was being done.
        step: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// The error of `step`.
    pub fn io(step: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { step: step.into(), source: source.into() }
    }

    pub(super) fn output(to_stderr: bool, errno: Errno) -> Self {
        Self::Output { end: if to_stderr { "/dev/stderr" } else { "/dev/stdout" }, errno }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::io("wait for a process", source)
    }
}

/// How often a wait asks whether it should end.
pub const SLICE: Duration = Duration::from_millis(250);

/// Wait until one of `fds` is ready, at most [`SLICE`]; asks `interrupted` where nothing was.
pub fn wait(fds: &mut [PollFd<'_>], interrupted: Interrupted<'_>) -> Result<(), Error> {
    wait_until(None, fds, interrupted)
}

/// The same, at most until `deadline`; then the error is [`Error::Timeout`].
pub fn wait_until(
    deadline: Option<Instant>,
    fds: &mut [PollFd<'_>],
    interrupted: Interrupted<'_>,
) -> Result<(), Error> {
    let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()).min(SLICE));
    if left.is_zero() {
        return Err(Error::Timeout);
    }
    let timeout = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
    match poll(fds, Some(&timeout)) {
        Ok(count) if count > 0 => Ok(()),
        Ok(_) | Err(Errno::INTR) => Ok(interrupted()?),
        Err(errno) => Err(Error::io("poll", errno)),
    }
}

/// A connection to the monitor of one container, or of one process in it.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub socket: Socket,
    /// The process, once it runs.
    pub running: Option<Running>,
    /// Texts for the user that came so far.
    pub warnings: Vec<String>,
    pub(super) buffer: Vec<u8>,
}

impl Session {
    /// Talk over `fd`.
    pub fn new(fd: OwnedFd) -> Self {
        Self { socket: Socket::new(fd), running: None, warnings: Vec::new(), buffer: vec![0; FRAME_MAX] }
    }

    /// Wait until the process runs.
    pub fn wait_running(&mut self, interrupted: Interrupted<'_>) -> Result<Running, Error> {
        loop {
            if let Some(running) = &self.running {
                return Ok(running.clone());
            }
            match self.receive()? {
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(Received::Noted) => {}
                Some(_) => return Err(Error::Malformed),
                None => wait(&mut [PollFd::new(&self.socket, PollFlags::IN)], interrupted)?,
            }
        }
    }

    /// Say that this client takes no output, and holds the container up by none that it leaves unread.
    pub fn take_no_output(&mut self) {
        // A monitor that has gone cannot be told, but what it said last can be read.
        let _ = self.socket.send(&Request::NoOutput.encode());
    }

    /// Wait until the process has ended; what output comes is dropped.
    pub fn wait_end(&mut self, interrupted: Interrupted<'_>) -> Result<ExitRecord, Error> {
        loop {
            match self.receive()? {
                Some(Received::Exited(record)) => return Ok(record),
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(_) => {}
                None => wait(&mut [PollFd::new(&self.socket, PollFlags::IN)], &mut *interrupted)?,
            }
        }
    }

    /// Receive one frame, where one is there. Data stays in the buffer, after its first byte.
    pub(super) fn receive(&mut self) -> Result<Option<Received>, Error> {
        let length = match self.socket.receive(&mut self.buffer) {
            Transfer::Done(length) => length,
            Transfer::Wait => return Ok(None),
            Transfer::Closed => return Err(Error::Gone),
        };
        Ok(Some(match Event::parse(&self.buffer[..length]).ok_or(Error::Malformed)? {
            Event::Stdout(_) => Received::Stdout(length),
            Event::Stderr(_) => Received::Stderr(length),
            Event::Exited(record) => Received::Exited(record),
            Event::Error(failure) => Received::Failed(failure),
            Event::Running(running) => {
                self.running = Some(running);
                Received::Noted
            }
            Event::Warning(text) => {
                self.warnings.push(text);
                Received::Noted
            }
        }))
    }

    /// Say that this client cleans up after the container, as long as it is connected.
    pub fn take_cleanup(&mut self) -> Result<(), Error> {
        match self.socket.send(&Request::TakeCleanup.encode()) {
            Transfer::Done(_) => Ok(()),
            _ => Err(Error::Gone),
        }
    }

    /// Say that this client has cleaned up, and wait until the monitor has let go of network and cgroup and is gone.
    pub fn cleanup_done(&mut self, timeout: Duration, interrupted: Interrupted<'_>) -> Result<bool, Error> {
        if !matches!(self.socket.send(&Request::CleanupDone.encode()), Transfer::Done(_)) {
            return Ok(true);
        }
        let deadline = Instant::now() + timeout;
        loop {
            match self.receive() {
                Err(Error::Gone) => return Ok(true),
                Err(error) => return Err(error),
                Ok(Some(_)) => {}
                Ok(None) if Instant::now() >= deadline => return Ok(false),
                Ok(None) => wait(&mut [PollFd::new(&self.socket.as_fd(), PollFlags::IN)], &mut *interrupted)?,
            }
        }
    }
}

/// What came from the monitor.
pub(super) enum Received {
    /// Standard output, in the buffer from 1 to this length.
    Stdout(usize),
    /// Standard error, likewise.
    Stderr(usize),
    /// The process ended.
    Exited(ExitRecord),
    /// It was not started.
    Failed(Failure),
    /// Something that the session keeps.
    Noted,
}
