//! The user's terminal: set for a container's terminal, and back; and how to tell that it has hung up.

use rustix::io::Errno;
use rustix::termios::{OptionalActions, OutputModes, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::os::fd::{AsFd, BorrowedFd};

/// A terminal in another mode. Dropped, it is as before.
pub struct Mode<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Mode<'a> {
    /// Let what is typed reach the container as it is, and what the container's terminal writes reach `terminal` as it is.
    ///
    /// None if it is no terminal.
    pub fn raw(terminal: BorrowedFd<'a>) -> Option<Self> {
        Self::change(terminal, Termios::make_raw)
    }

    /// Let what the container's terminal writes reach `terminal` as it is: its lines end with CR and LF already. Keys keep their
    /// meaning. None if it is no terminal.
    pub fn plain_output(terminal: BorrowedFd<'a>) -> Option<Self> {
        Self::change(terminal, |mode| mode.output_modes.remove(OutputModes::OPOST))
    }

    fn change(terminal: BorrowedFd<'a>, change: impl FnOnce(&mut Termios)) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut mode = before.clone();
        change(&mut mode);
        tcsetattr(terminal, OptionalActions::Drain, &mode).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Mode<'_> {
    fn drop(&mut self) {
        // A terminal that has hung up has no mode to restore.
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// Rows and columns of `terminal`; None where it is no terminal.
pub fn size(terminal: impl AsFd) -> Option<(u16, u16)> {
    let size = tcgetwinsize(terminal).ok()?;
    Some((size.ws_row, size.ws_col))
}

/// Whether `fd` is a terminal that has not hung up.
pub fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    isatty(fd)
}

/// Whether `terminal`, which was one, has hung up.
pub fn has_hung_up(terminal: BorrowedFd<'_>) -> bool {
    matches!(tcgetattr(terminal), Err(Errno::IO))
}

/// Whether `terminal`, which has just given EIO, hangs up.
///
/// When the other end of a pseudo-terminal is closed, reads and writes fail an instant before the kernel has hung it up.
pub fn is_hanging_up(terminal: BorrowedFd<'_>) -> bool {
    const LOOKS: u32 = 100;
    for _ in 0..LOOKS {
        match tcgetattr(terminal) {
            Err(errno) => return errno == Errno::IO,
            Ok(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    false
}

/// Whether this process has a controlling terminal: it loses it when that hangs up.
pub fn has_controlling_terminal() -> bool {
    use rustix::fs::{Mode as Permissions, OFlags, open};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    open("/dev/tty", flags, Permissions::empty()).is_ok()
}
