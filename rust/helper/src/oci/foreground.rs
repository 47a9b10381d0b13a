//! Waiting for a container in the foreground: signals go to it, a terminal is relayed, and its exit becomes ours.

use super::outcome::CommandError;
use libpod_runtime::Stdio;
use libpod_runtime::spec::ConsoleSize;
use libpod_sys::errno_text;
use libpod_sys::signal::{SignalFd, send_to};
use libpod_sys::socket::connect;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg, socket_with,
};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Signals that are handed on: all whose default would end or stop us, but those that the kernel sends for a fault of ours.
const FORWARDED: &[i32] = &[1, 2, 3, 10, 12, 14, 15, 18, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30];
const WINCH: i32 = 28;

/// A foreground wait; made before the container, so that no signal is lost.
pub struct Foreground {
    signals: SignalFd,
}

/// The caller's terminal in raw mode, put back when this is dropped.
struct Raw(Termios);

impl Raw {
    fn new() -> Option<Self> {
        let before = tcgetattr(rustix::stdio::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that has hung up has no mode to restore.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}

impl Foreground {
    /// Keep signals for the container from now on.
    pub fn new() -> Result<Self, CommandError> {
        let signals = SignalFd::new(FORWARDED).map_err(|error| CommandError::new(error.to_string()))?;
        Ok(Self { signals })
    }

    /// Wait until the process ends; returns its exit code, or 128 and the signal that ended it.
    pub fn wait(&self, pidfd: BorrowedFd<'_>, terminal: Option<OwnedFd>) -> Result<u8, String> {
        let raw = terminal.as_ref().and_then(|_| Raw::new());
        let mut relay = terminal.map(|master| Relay { master, input_open: true });
        loop {
            let ended = self
                .turn(pidfd, relay.as_mut())
                .map_err(|errno| format!("wait for the container: {}", errno_text(errno.raw_os_error())))?;
            if ended {
                break;
            }
        }
        if let Some(relay) = &mut relay {
            relay.drain();
        }
        drop(raw);
        exit_code(pidfd)
    }

    fn turn(&self, pidfd: BorrowedFd<'_>, relay: Option<&mut Relay>) -> rustix::io::Result<bool> {
        let stdin = rustix::stdio::stdin();
        let mut fds = vec![PollFd::new(&pidfd, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
        if let Some(relay) = &relay {
            let input = if relay.input_open { PollFlags::IN } else { PollFlags::empty() };
            fds.push(PollFd::new(&relay.master, PollFlags::IN));
            fds.push(PollFd::new(&stdin, input));
        }
        match poll(&mut fds, None) {
            Err(Errno::INTR) => return Ok(false),
            other => other?,
        };
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        if ready[1] {
            self.forward(pidfd, relay.as_deref());
        }
        if let Some(relay) = relay {
            if ready[2] {
                relay.output();
            }
            if ready[3] && relay.input_open {
                relay.input();
            }
        }
        Ok(ready[0])
    }

    fn forward(&self, pidfd: BorrowedFd<'_>, relay: Option<&Relay>) {
        while let Ok(Some(received)) = self.signals.read() {
            match relay {
                Some(relay) if received.signal == WINCH => relay.resize(),
                // It may have ended in between.
                _ => drop(send_to(pidfd, received.signal)),
            }
        }
    }
}

/// The size of the caller's terminal, where standard input is one. Asked for once signals are kept: a change comes after it.
pub fn own_size() -> Option<ConsoleSize> {
    let size = tcgetwinsize(rustix::stdio::stdin()).ok()?;
    Some(ConsoleSize { height: size.ws_row, width: size.ws_col })
}

/// The standard descriptors of a process: a terminal that is relayed here adds no carriage returns of its own.
pub fn stdio(terminal: bool, relayed: bool) -> Stdio {
    match (terminal, relayed) {
        (false, _) => Stdio::Inherit,
        (true, true) => Stdio::PlainTerminal,
        (true, false) => Stdio::Terminal,
    }
}

/// A container's terminal, and ours before it.
struct Relay {
    master: OwnedFd,
    input_open: bool,
}

impl Relay {
    fn resize(&self) {
        if let Ok(size) = tcgetwinsize(rustix::stdio::stdin()) {
            // A container whose terminal is gone needs no size.
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// Copy what the container wrote; false at its end.
    fn output(&mut self) -> bool {
        let mut buffer = [0; 8192];
        match rustix::io::read(&self.master, &mut buffer) {
            Ok(length) if length > 0 => write_all(rustix::stdio::stdout(), &buffer[..length]).is_ok(),
            Err(Errno::INTR | Errno::AGAIN) => true,
            // EIO: every slave end is closed.
            _ => false,
        }
    }

    fn input(&mut self) {
        let mut buffer = [0; 8192];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(length) if length > 0 => self.input_open = write_all(self.master.as_fd(), &buffer[..length]).is_ok(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            _ => self.input_open = false,
        }
    }

    /// What was written before the end, without waiting for a process that still holds the terminal.
    fn drain(&mut self) {
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0) {
            if !self.output() {
                return;
            }
        }
    }
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Err(Errno::INTR) => {}
            other => bytes = &bytes[other?..],
        }
    }
    Ok(())
}

fn exit_code(pidfd: BorrowedFd<'_>) -> Result<u8, String> {
    let status = waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED)
        .map_err(|errno| format!("wait for the container: {}", errno_text(errno.raw_os_error())))?;
    let status = status.ok_or("the container has no exit status")?;
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ok(code as u8),
        (_, Some(signal)) => Ok(128 + signal as u8),
        _ => Err("the container has no exit status".into()),
    }
}

/// Send a terminal's master end to the socket of `--console-socket`, with a name for it as text.
pub fn hand_over(master: BorrowedFd<'_>, socket: &Path) -> Result<(), String> {
    let send = || -> rustix::io::Result<()> {
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        connect(&stream, socket)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = [master];
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&stream, &[IoSlice::new(b"/dev/ptmx")], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    };
    send().map_err(|errno| format!("send the terminal to {}: {}", socket.display(), errno_text(errno.raw_os_error())))
}
