//! The frames between a monitor and its clients: one message each, the first byte says which.
//!
//! A message is never split and never joined (`SOCK_SEQPACKET`), so there is no length and no state. Numbers are little
//! endian; documents are JSON. An unknown frame is an error of the sender, and ends the connection.
//!
//! Monitors live as long as their containers, so the two sides may be of different releases. Each has a version of the frames
//! ([`FRAMES`](crate::record::FRAMES)), and both keep to the lower one. A monitor says its own in `pid.json` ([`PidRecord::frames`]), a client in a
//! hello, its first frame, which it sends only to a monitor that knows what that is. A side that says nothing is of version 0,
//! the release before there were versions: kinds 1 to 12.
//!
//! [`PidRecord::frames`]: crate::record::PidRecord::frames

use crate::record::{ExitRecord, RunningNotice, TakenDown};
use libpod_json::versioned;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most bytes of stdio in one frame: half a pipe, and little to keep in memory.
pub const DATA_MAX: usize = 32 * 1024;

/// Length of the longest frame: type and data. Documents are shorter.
pub const FRAME_MAX: usize = DATA_MAX + 1;

/// First byte of each frame.
pub mod kind {
    /// Client: data for the container's standard input.
    pub const STDIN: u8 = 1;
    /// Monitor: data from the container's standard output, or its terminal.
    pub const STDOUT: u8 = 2;
    /// Monitor: data from the container's standard error.
    pub const STDERR: u8 = 3;
    /// Client: the terminal has this many rows and columns (two u16).
    pub const RESIZE: u8 = 4;
    /// Client: standard input has ended.
    pub const STDIN_CLOSED: u8 = 5;
    /// Monitor: the process ended; its exit record follows as JSON.
    pub const EXITED: u8 = 6;
    /// Monitor: the process runs; [`RunningNotice`](crate::record::RunningNotice) follows as JSON.
    pub const RUNNING: u8 = 7;
    /// Monitor: it could not be started; a [`Failure`](super::Failure) follows as JSON.
    pub const ERROR: u8 = 8;
    /// Client: this client cleans up after the container, as long as it is connected.
    pub const TAKE_CLEANUP: u8 = 9;
    /// Client: it has cleaned up.
    pub const CLEANUP_DONE: u8 = 10;
    /// Monitor: a text for the user.
    pub const WARNING: u8 = 11;
    /// Client: it wants to be told of the end alone, and none of the output.
    pub const NO_OUTPUT: u8 = 12;
    /// Monitor: network and cgroup are given back, or cannot be; a [`TakenDown`](super::TakenDown) follows as JSON.
    pub const TAKEN_DOWN: u8 = 13;
    /// Client: as [`TAKE_CLEANUP`], and it starts the container again.
    pub const RESTART: u8 = 14;
    /// Client: the version of the frames that it speaks (u16).
    pub const HELLO: u8 = 15;
}

/// What a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// Data for the container's standard input.
    Stdin(&'a [u8]),
    /// Standard input has ended.
    StdinClosed,
    /// New size of the terminal.
    Resize {
        /// Lines.
        rows: u16,
        /// Characters in a line.
        columns: u16,
    },
    /// The client cleans up.
    TakeCleanup,
    /// The client has cleaned up.
    CleanupDone,
    /// The client wants no output.
    NoOutput,
    /// The client cleans up, and starts the container again.
    Restart,
    /// The client speaks frames of this version.
    Hello {
        /// As [`FRAMES`](crate::record::FRAMES).
        version: u16,
    },
}

impl<'a> Request<'a> {
    /// Read a frame; None where it is malformed.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (kind, body) = frame.split_first()?;
        Some(match (*kind, body) {
            (kind::STDIN, data) => Self::Stdin(data),
            (kind::STDIN_CLOSED, []) => Self::StdinClosed,
            (kind::RESIZE, [a, b, c, d]) => {
                Self::Resize { rows: u16::from_le_bytes([*a, *b]), columns: u16::from_le_bytes([*c, *d]) }
            }
            (kind::TAKE_CLEANUP, []) => Self::TakeCleanup,
            (kind::CLEANUP_DONE, []) => Self::CleanupDone,
            (kind::NO_OUTPUT, []) => Self::NoOutput,
            (kind::RESTART, []) => Self::Restart,
            (kind::HELLO, [a, b]) => Self::Hello { version: u16::from_le_bytes([*a, *b]) },
            _ => return None,
        })
    }

    /// The frame.
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::Stdin(data) => [&[kind::STDIN], data].concat(),
            Self::StdinClosed => vec![kind::STDIN_CLOSED],
            Self::Resize { rows, columns } => {
                [&[kind::RESIZE][..], &rows.to_le_bytes(), &columns.to_le_bytes()].concat()
            }
            Self::TakeCleanup => vec![kind::TAKE_CLEANUP],
            Self::CleanupDone => vec![kind::CLEANUP_DONE],
            Self::NoOutput => vec![kind::NO_OUTPUT],
            Self::Restart => vec![kind::RESTART],
            Self::Hello { version } => [&[kind::HELLO][..], &version.to_le_bytes()].concat(),
        }
    }
}

/// Why a container, or a process in it, could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// `command_not_found`, `command_not_executable`, `invalid`, `unsupported`, `unsafe_path`, `state`, `in_use`, `no_network`,
    /// `network`, `step`.
    pub kind: String,
    /// What was being done.
    pub step: Option<String>,
    /// The file or directory.
    pub path: Option<String>,
    /// The kernel's error number.
    pub errno: Option<i32>,
    /// One line for the user.
    pub message: String,
}

/// What a monitor tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Data from the container's standard output, or its terminal.
    Stdout(&'a [u8]),
    /// Data from the container's standard error.
    Stderr(&'a [u8]),
    /// The process runs.
    Running(RunningNotice),
    /// The process ended.
    Exited(ExitRecord),
    /// It was not started.
    Error(Failure),
    /// A text for the user.
    Warning(String),
    /// What the container held on this host is given back, as far as it could be.
    TakenDown(TakenDown),
}

impl<'a> Event<'a> {
    /// Read a frame; None where it is malformed.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (kind, body) = frame.split_first()?;
        Some(match *kind {
            kind::STDOUT => Self::Stdout(body),
            kind::STDERR => Self::Stderr(body),
            kind::RUNNING => Self::Running(libpod_json::from_slice(body).ok()?),
            kind::EXITED => Self::Exited(versioned::read(body).ok()?),
            kind::ERROR => Self::Error(libpod_json::from_slice(body).ok()?),
            kind::WARNING => Self::Warning(String::from_utf8_lossy(body).into_owned()),
            kind::TAKEN_DOWN => Self::TakenDown(libpod_json::from_slice(body).ok()?),
            _ => return None,
        })
    }

    /// The version of the frames that has this one.
    pub fn since(&self) -> u16 {
        u16::from(matches!(self, Self::TakenDown(_)))
    }

    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        let document = |kind: u8, value: serde_json::Result<Vec<u8>>| {
            let mut frame = value.unwrap_or_default();
            frame.insert(0, kind);
            frame
        };
        match self {
            Self::Stdout(data) => [&[kind::STDOUT], *data].concat(),
            Self::Stderr(data) => [&[kind::STDERR], *data].concat(),
            Self::Running(running) => document(kind::RUNNING, serde_json::to_vec(running)),
            Self::Exited(record) => document(kind::EXITED, serde_json::to_vec(record)),
            Self::Error(failure) => document(kind::ERROR, serde_json::to_vec(failure)),
            Self::Warning(text) => [&[kind::WARNING], text.as_bytes()].concat(),
            Self::TakenDown(taken) => document(kind::TAKEN_DOWN, serde_json::to_vec(taken)),
        }
    }
}

/// How an attempt to send or receive one frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// This many bytes went through.
    Done(usize),
    /// The socket would have to wait.
    Wait,
    /// The other side is gone.
    Closed,
}

/// One end of a `SOCK_SEQPACKET` connection; no call on it waits.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Speak over `fd`.
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Send one frame.
    pub fn send(&self, frame: &[u8]) -> Transfer {
        loop {
            match send(&self.0, frame, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => return Transfer::Done(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => return Transfer::Wait,
                Err(_) => return Transfer::Closed,
            }
        }
    }

    /// Receive one frame into `buffer`, which holds [`FRAME_MAX`] bytes.
    pub fn receive(&self, buffer: &mut [u8]) -> Transfer {
        loop {
            match recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Transfer::Closed,
                Ok((count, _)) => return Transfer::Done(count),
                // The other side has ended without reading all we sent. The kernel says so once, and before it gives out
                // what that side has sent: an exit record may still be waiting.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(Errno::AGAIN) => return Transfer::Wait,
                Err(_) => return Transfer::Closed,
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_cross_the_wire() {
        let requests = [
            Request::Stdin(b"data"),
            Request::StdinClosed,
            Request::Resize { rows: 24, columns: 300 },
            Request::TakeCleanup,
            Request::CleanupDone,
            Request::NoOutput,
            Request::Restart,
            Request::Hello { version: 0x1234 },
        ];
        for request in requests {
            assert_eq!(Request::parse(&request.encode()), Some(request));
        }
    }

    #[test]
    fn what_a_monitor_of_the_release_before_versions_says_is_heard() {
        let running = include_bytes!("../../../tests/vectors/release-before/running.json");
        let frame = [&[kind::RUNNING][..], running].concat();
        assert!(matches!(Event::parse(&frame), Some(Event::Running(RunningNotice { pid: 41, monitor_pid: 40, .. }))));
        let exited = include_bytes!("../../../tests/vectors/release-before/exit.json");
        let frame = [&[kind::EXITED][..], exited].concat();
        assert!(matches!(Event::parse(&frame), Some(Event::Exited(ExitRecord { exit_code: 137, version: 0, .. }))));
    }

    #[test]
    fn malformed_frames_are_none() {
        assert_eq!(Request::parse(b""), None);
        assert_eq!(Request::parse(&[kind::RESIZE, 1, 2]), None);
        assert_eq!(Request::parse(&[99]), None);
        assert_eq!(Event::parse(&[kind::EXITED, b'{']), None);
        assert_eq!(Event::parse(&[]), None);
    }

    #[test]
    fn what_was_sent_arrives_though_the_sender_read_nothing() {
        let (ours, theirs) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )
        .expect("socket pair");
        let (ours, theirs) = (Socket::new(ours), Socket::new(theirs));
        assert_eq!(ours.send(b"never read"), Transfer::Done(10));
        assert_eq!(theirs.send(b"last word"), Transfer::Done(9));
        drop(theirs);
        let mut buffer = [0; 64];
        assert_eq!(ours.receive(&mut buffer), Transfer::Done(9));
        assert_eq!(ours.receive(&mut buffer), Transfer::Closed);
    }

    #[test]
    fn events_cross_the_wire() {
        let failure = Failure {
            kind: "step".into(),
            step: Some("mount proc".into()),
            path: Some("/proc".into()),
            errno: Some(1),
            message: "mount proc /proc: operation not permitted".into(),
        };
        let taken = TakenDown { complaints: vec!["c".into()], restarts: true };
        let events = [
            Event::Stdout(b"a\0b"),
            Event::Stderr(b""),
            Event::Error(failure),
            Event::Warning("w".into()),
            Event::TakenDown(taken),
        ];
        for event in events {
            assert_eq!(Event::parse(&event.encode()), Some(event));
        }
    }
}
