//! One conversation with a monitor.

use crate::protocol::{Event, FRAME_MAX, Failure, Request, Socket, Transfer};
use crate::record::{ExitRecord, FRAMES, RunningNotice, TakenDown};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
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
    pub running: Option<RunningNotice>,
    /// Texts for the user that came so far.
    pub warnings: Vec<String>,
    /// Version of the frames that are spoken with the monitor, the lower one of both sides.
    frames: u16,
    /// The container's run directory, for a monitor of version 0: it cannot say when it has given everything back.
    run_dir: Option<PathBuf>,
    /// Whether the monitor was told that this client cleans up.
    cleans_up: bool,
    pub(super) buffer: Vec<u8>,
}

impl Session {
    /// Talk over `fd` with a monitor that speaks frames of version `frames`, which is told the version of this side.
    pub fn new(fd: OwnedFd, frames: u16) -> Self {
        let session = Self {
            socket: Socket::new(fd),
            running: None,
            warnings: Vec::new(),
            frames: frames.min(FRAMES),
            run_dir: None,
            cleans_up: false,
            buffer: vec![0; FRAME_MAX],
        };
        if session.frames > 0 {
            // A monitor that has gone cannot be told, but what it said last can be read.
            let _ = session.socket.send(&Request::Hello { version: session.frames }.encode());
        }
        session
    }

    /// The same, with the monitor of the container whose run directory is `run_dir`.
    pub fn with_run_dir(fd: OwnedFd, frames: u16, run_dir: &Path) -> Self {
        Self { run_dir: Some(run_dir.into()), ..Self::new(fd, frames) }
    }

    /// Wait until the process runs.
    pub fn wait_running(&mut self, interrupted: Interrupted<'_>) -> Result<RunningNotice, Error> {
        loop {
            if let Some(running) = &self.running {
                return Ok(running.clone());
            }
            match self.receive()? {
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(Received::Noted) => {}
                Some(_) => return Err(Error::Malformed),
                None => wait(&mut [PollFd::new(&self.socket, PollFlags::IN)], &mut *interrupted)?,
            }
        }
    }

    /// Say that this client takes no output, and holds the container up by none that it leaves unread.
    pub fn take_no_output(&mut self) {
        // A monitor that has gone cannot be told, but what it said last can be read.
        let _ = self.socket.send(&Request::NoOutput.encode());
    }

    /// Wait until the process has ended, at most `timeout`; what output comes is dropped. None after `timeout`.
    pub fn wait_end(
        &mut self,
        timeout: Option<Duration>,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<ExitRecord>, Error> {
        self.wait_for(timeout, interrupted, |received| match received {
            Received::Exited(record) => Some(record),
            _ => None,
        })
    }

    /// Wait until the monitor has given back what the container held on this host, at most `timeout`. None after `timeout`.
    pub fn wait_taken_down(
        &mut self,
        timeout: Option<Duration>,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<TakenDown>, Error> {
        if self.frames == 0 {
            return self.wait_vanished(timeout, interrupted);
        }
        self.wait_for(timeout, interrupted, |received| match received {
            Received::TakenDown(taken) => Some(taken),
            _ => None,
        })
    }

    /// As [`Session::wait_taken_down`], of a monitor that does not say so: it removes the run directory when it has given
    /// everything back, and leaves it when it could not. Then it waits for the clients that clean up, and goes.
    fn wait_vanished(
        &mut self,
        timeout: Option<Duration>,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<TakenDown>, Error> {
        const PAUSE: Duration = Duration::from_millis(5);
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let is_gone = self.wait_gone(Some(PAUSE), &mut *interrupted)?;
            let has_vanished = self.run_dir.as_ref().is_some_and(|path| !path.exists());
            match (has_vanished, is_gone) {
                (false, true) => return Err(Error::Gone),
                (true, _) if is_gone || self.cleans_up => {
                    return Ok(Some(TakenDown { complaints: Vec::new(), restarts: false }));
                }
                _ if deadline.is_some_and(|deadline| Instant::now() >= deadline) => return Ok(None),
                _ => {}
            }
        }
    }

    /// Wait until the monitor is gone, at most `timeout`; whether it is.
    pub fn wait_gone(&mut self, timeout: Option<Duration>, interrupted: Interrupted<'_>) -> Result<bool, Error> {
        match self.wait_for(timeout, interrupted, |_| None::<()>) {
            Err(Error::Gone) => Ok(true),
            Err(error) => Err(error),
            Ok(_) => Ok(false),
        }
    }

    /// Receive until `choose` takes something; None after `timeout`.
    fn wait_for<T>(
        &mut self,
        timeout: Option<Duration>,
        interrupted: Interrupted<'_>,
        choose: impl Fn(Received) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        // A timeout that no clock can hold is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.receive()? {
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(received) => {
                    if let Some(chosen) = choose(received) {
                        return Ok(Some(chosen));
                    }
                }
                None => {
                    match wait_until(deadline, &mut [PollFd::new(&self.socket, PollFlags::IN)], &mut *interrupted) {
                        Err(Error::Timeout) => return Ok(None),
                        waited => waited?,
                    }
                }
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
            Event::TakenDown(taken) => Received::TakenDown(taken),
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

    /// Say that this client cleans up after the container, as long as it is connected. restart: and that it starts it again.
    pub fn take_cleanup(&mut self, restart: bool) -> Result<(), Error> {
        let request = match (self.frames, restart) {
            // A `run` of that release may clean up itself, and fails when the container was removed before: it goes first.
            (0, false) => return Ok(()),
            // The other clients cannot be told. The monitor is told the half that it knows, and starts no exit command.
            (0, true) | (_, false) => Request::TakeCleanup,
            (_, true) => Request::Restart,
        };
        match self.socket.send(&request.encode()) {
            Transfer::Done(_) => {
                self.cleans_up = true;
                Ok(())
            }
            _ => Err(Error::Gone),
        }
    }

    /// Say that this client has cleaned up, and wait until the monitor is gone, at most `timeout`; whether it is.
    pub fn cleanup_done(&mut self, timeout: Duration, interrupted: Interrupted<'_>) -> Result<bool, Error> {
        match self.socket.send(&Request::CleanupDone.encode()) {
            Transfer::Done(_) => self.wait_gone(Some(timeout), interrupted),
            _ => Ok(true),
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
    /// What it held is given back.
    TakenDown(TakenDown),
    /// It was not started.
    Failed(Failure),
    /// Something that the session keeps.
    Noted,
}
