//! The user's terminal, or three plain descriptors, connected with a container until it ends or the user detaches.

use super::detach_keys::DetachKeys;
use super::session::{Error, Interrupted, Received, Session, wait};
use super::terminal::{Mode, has_controlling_terminal, has_hung_up, is_hanging_up, is_terminal, size};
use crate::process::HeldProcess;
use crate::protocol::{DATA_MAX, Request, Transfer};
use crate::record::ExitRecord;
use libpod_sys::signal::{Catcher, Caught, is_ignored};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::Signal;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

/// What a container is connected with.
pub struct Ends<'a> {
    /// Read and passed on; None leaves the container's input alone.
    pub stdin: Option<BorrowedFd<'a>>,
    /// Gets standard output.
    pub stdout: Option<BorrowedFd<'a>>,
    /// Gets standard error.
    pub stderr: Option<BorrowedFd<'a>>,
    /// Whether the container has a terminal: ours becomes raw, its size follows, and keys can detach.
    pub tty: bool,
    /// Whether signals that reach us go to the container.
    pub sig_proxy: bool,
}

/// How a relay ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The process ended.
    Exited(ExitRecord),
    /// The user typed the detach keys.
    Detached,
    /// The user's terminal has hung up.
    HungUp,
    /// This signal, meant for us, arrived; the terminal is restored, and the caller should send it to itself again.
    Signalled(i32),
}

/// Signals that `podman run` hands on: all but those of job control, of children, of faults and of the unstoppable kind.
fn proxied() -> Vec<i32> {
    let named = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::TERM,
        Signal::CONT,
        Signal::TSTP,
        Signal::VTALARM,
        Signal::PROF,
        Signal::WINCH,
        Signal::IO,
        Signal::POWER,
    ];
    const REAL_TIME_FIRST: i32 = 34;
    named.iter().map(|signal| signal.as_raw()).chain(REAL_TIME_FIRST..=libpod_sys::signal::MAX).collect()
}

/// How the user's terminal stood at the beginning: what tells a hang-up from other ends and other senders.
struct UserTerminal {
    /// Whether standard input is a terminal.
    on_stdin: bool,
    /// Whether this process had a controlling terminal.
    controlling: bool,
}

impl UserTerminal {
    fn look(ends: &Ends<'_>) -> Self {
        Self { on_stdin: ends.stdin.is_some_and(is_terminal), controlling: has_controlling_terminal() }
    }

    /// Whether this SIGHUP says that the terminal goes. The kernel sends it, or the terminal is gone already, or the shell that
    /// leads the session passes on what it got itself. From any other process it is a signal like others.
    fn hangs_up(&self, caught: Caught) -> bool {
        if caught.signal != Signal::HUP.as_raw() || !self.controlling {
            return false;
        }
        let Some(sender) = caught.sender else { return true };
        Some(sender) == libpod_sys::process::session_leader() || !has_controlling_terminal()
    }
}

/// Signals that would end us with the terminal still raw, and the one that says that its size changed.
fn terminal_signals() -> Vec<i32> {
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::WINCH].map(Signal::as_raw).to_vec()
}

impl Session {
    /// Connect `ends` with the process until it ends, `keys` are typed, the user's terminal hangs up, or a signal asks us to go.
    ///
    /// The end of a pipe or file on standard input is the end of the container's input; a terminal that hangs up is not.
    /// A full or closed standard output or error ends the relay with [`Error::Output`]; the process runs on.
    pub fn relay(&mut self, ends: &Ends<'_>, keys: DetachKeys, interrupted: Interrupted<'_>) -> Result<Outcome, Error> {
        let running = self.wait_running(&mut *interrupted)?;
        let signals = match (ends.sig_proxy, ends.tty) {
            (true, _) => {
                let mut signals = proxied();
                // `nohup` means the container, too.
                signals.retain(|signal| *signal != Signal::HUP.as_raw() || !is_ignored(*signal));
                signals
            }
            (false, true) => terminal_signals(),
            (false, false) => Vec::new(),
        };
        let catcher = if signals.is_empty() {
            None
        } else {
            Some(Catcher::new(&signals).map_err(|error| Error::io("catch signals", error))?)
        };
        let target = if ends.sig_proxy {
            HeldProcess::open(running.pid, running.start_time)
                .map_err(|error| Error::io("open the container's process", error))?
        } else {
            None
        };
        let user = UserTerminal::look(ends);
        let raw = ends.stdin.filter(|_| ends.tty).and_then(Mode::raw);
        let plain = ends.stdout.filter(|_| ends.tty).and_then(Mode::plain_output);
        let mut relay = Relay {
            session: self,
            ends,
            keys,
            catcher,
            user,
            target,
            requests: VecDeque::new(),
            stdin: ends.stdin,
            pending: Vec::new(),
            written: 0,
            to_stderr: false,
        };
        let outcome = relay.run(interrupted);
        // The later change first: both may be of one terminal.
        drop(plain);
        drop(raw);
        outcome
    }
}

struct Relay<'a> {
    session: &'a mut Session,
    ends: &'a Ends<'a>,
    keys: DetachKeys,
    catcher: Option<Catcher>,
    user: UserTerminal,
    target: Option<HeldProcess>,
    /// Frames for the monitor, oldest first.
    requests: VecDeque<Vec<u8>>,
    stdin: Option<BorrowedFd<'a>>,
    /// Data from the container, of which `written` bytes have reached their end.
    pending: Vec<u8>,
    written: usize,
    to_stderr: bool,
}

impl Relay<'_> {
    fn run(&mut self, interrupted: Interrupted<'_>) -> Result<Outcome, Error> {
        self.resize();
        loop {
            self.send()?;
            if let Some(outcome) = self.receive()? {
                return Ok(outcome);
            }
            let ready = self.wait(&mut *interrupted)?;
            if ready.signals {
                if let Some(outcome) = self.take_signals()? {
                    return Ok(outcome);
                }
            }
            if ready.output && self.write_some()? {
                return Ok(Outcome::HungUp);
            }
            if ready.stdin {
                if let Some(outcome) = self.read_stdin()? {
                    self.send()?;
                    return Ok(outcome);
                }
            }
        }
    }

    fn resize(&mut self) {
        let terminals = [self.ends.stdin, self.ends.stdout];
        if let Some((rows, columns)) = terminals.into_iter().flatten().filter(|_| self.ends.tty).find_map(size) {
            self.requests.push_back(Request::Resize { rows, columns }.encode());
        }
    }

    fn send(&mut self) -> Result<(), Error> {
        while let Some(frame) = self.requests.front() {
            match self.session.socket.send(frame) {
                Transfer::Done(_) => drop(self.requests.pop_front()),
                Transfer::Wait => return Ok(()),
                Transfer::Closed => self.requests.clear(),
            }
        }
        Ok(())
    }

    /// Take frames until one carries data that does not go through at once.
    fn receive(&mut self) -> Result<Option<Outcome>, Error> {
        while self.pending.is_empty() {
            let (length, to_stderr) = match self.session.receive()? {
                None => return Ok(None),
                Some(Received::Exited(record)) => return Ok(Some(Outcome::Exited(record))),
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(Received::Noted | Received::TakenDown(_)) => continue,
                Some(Received::Stdout(length)) => (length, false),
                Some(Received::Stderr(length)) => (length, true),
            };
            self.to_stderr = to_stderr;
            let Some(end) = self.output() else { continue };
            let data = &self.session.buffer[1..length];
            if never_waits(end) {
                match write_all(end, data) {
                    Ok(()) => {}
                    // A terminal that has hung up is no terminal any more, so it looks like a device that takes anything.
                    Err(Errno::IO) if is_hanging_up(end) => return Ok(Some(Outcome::HungUp)),
                    Err(errno) => return Err(Error::output(to_stderr, errno)),
                }
            } else {
                self.pending.extend_from_slice(data);
            }
        }
        Ok(None)
    }

    fn output(&self) -> Option<BorrowedFd<'_>> {
        if self.to_stderr { self.ends.stderr } else { self.ends.stdout }
    }

    /// Write as much as a ready pipe or terminal takes without waiting.
    ///
    /// An end that takes nothing more is an error: no output is lost unseen. The container is the caller's business. True if the
    /// end is a terminal that has hung up.
    fn write_some(&mut self) -> Result<bool, Error> {
        const PIPE_BUF: usize = 4096;
        let end = self.pending.len().min(self.written + PIPE_BUF);
        let count = match self.output().map(|fd| rustix::io::write(fd, &self.pending[self.written..end])) {
            Some(Ok(count)) => count,
            Some(Err(Errno::INTR | Errno::AGAIN)) => 0,
            Some(Err(Errno::IO)) if self.output().is_some_and(is_hanging_up) => return Ok(true),
            Some(Err(errno)) => return Err(Error::output(self.to_stderr, errno)),
            None => self.pending.len() - self.written,
        };
        self.written += count;
        if self.written == self.pending.len() {
            self.pending.clear();
            self.written = 0;
        }
        Ok(false)
    }

    /// Read what the user typed; how the relay ends with it, if it does.
    fn read_stdin(&mut self) -> Result<Option<Outcome>, Error> {
        let Some(stdin) = self.stdin else { return Ok(None) };
        let mut buffer = vec![0; DATA_MAX];
        let count = match rustix::io::read(stdin, &mut buffer) {
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
            Err(Errno::IO) if self.user.on_stdin => {
                if is_hanging_up(stdin) {
                    return Ok(Some(Outcome::HungUp));
                }
                // A process in the background that nobody can bring to the front reads no terminal. That ends nothing.
                self.stdin = None;
                return Ok(None);
            }
            // A program started without standard input.
            Err(Errno::BADF) => 0,
            Err(errno) => return Err(Error::io("read standard input", errno)),
        };
        if count == 0 {
            if self.user.on_stdin && has_hung_up(stdin) {
                return Ok(Some(Outcome::HungUp));
            }
            self.stdin = None;
            self.requests.push_back(Request::StdinClosed.encode());
            return Ok(None);
        }
        let mut data = Vec::with_capacity(count);
        let detached = self.ends.tty && self.keys.filter(&buffer[..count], &mut data);
        if !self.ends.tty {
            data = buffer;
            data.truncate(count);
        }
        for chunk in data.chunks(DATA_MAX) {
            self.requests.push_back(Request::Stdin(chunk).encode());
        }
        Ok(detached.then_some(Outcome::Detached))
    }

    /// Hand caught signals on; how the relay ends with one, if it does.
    fn take_signals(&mut self) -> Result<Option<Outcome>, Error> {
        while let Some(caught) = self.catcher.as_ref().and_then(Catcher::read) {
            let signal = caught.signal;
            if signal == Signal::WINCH.as_raw() && self.ends.tty {
                self.resize();
            } else if self.user.hangs_up(caught) {
                return Ok(Some(Outcome::HungUp));
            } else if let Some(target) = &self.target {
                target.signal(signal).map_err(|error| Error::io("signal the container", error))?;
            } else if !self.ends.sig_proxy {
                return Ok(Some(Outcome::Signalled(signal)));
            }
        }
        Ok(None)
    }

    fn wait(&self, interrupted: Interrupted<'_>) -> Result<Ready, Error> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.pending.is_empty());
        flags.set(PollFlags::OUT, !self.requests.is_empty());
        let mut fds = Vec::with_capacity(4);
        let mut marks = Vec::with_capacity(4);
        if !flags.is_empty() {
            fds.push(PollFd::new(&self.session.socket, flags));
            marks.push(Mark::Socket);
        }
        if let Some(catcher) = &self.catcher {
            fds.push(PollFd::new(catcher, PollFlags::IN));
            marks.push(Mark::Signals);
        }
        let (stdin, output) = (self.stdin.filter(|_| self.requests.is_empty()), self.output());
        if let Some(stdin) = &stdin {
            fds.push(PollFd::new(stdin, PollFlags::IN));
            marks.push(Mark::Stdin);
        }
        if let Some(output) = output.as_ref().filter(|_| !self.pending.is_empty()) {
            fds.push(PollFd::new(output, PollFlags::OUT));
            marks.push(Mark::Output);
        }
        wait(&mut fds, interrupted)?;
        let mut ready = Ready::default();
        for (fd, mark) in fds.iter().zip(&marks).filter(|(fd, _)| !fd.revents().is_empty()) {
            match mark {
                Mark::Socket => {}
                Mark::Signals => ready.signals = true,
                Mark::Stdin => ready.stdin = true,
                // An end that hung up is "written" too: the error of the write says so.
                Mark::Output => ready.output = !fd.revents().is_empty(),
            }
        }
        Ok(ready)
    }
}

#[derive(Default)]
struct Ready {
    signals: bool,
    stdin: bool,
    output: bool,
}

enum Mark {
    Socket,
    Signals,
    Stdin,
    Output,
}

/// Whether a write goes through at once, whatever its size.
fn never_waits(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => true,
        FileType::CharacterDevice => !rustix::termios::isatty(fd),
        _ => false,
    })
}

fn write_all(fd: BorrowedFd<'_>, mut data: &[u8]) -> rustix::io::Result<()> {
    while !data.is_empty() {
        match rustix::io::write(fd, data) {
            Ok(count) => data = &data[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
