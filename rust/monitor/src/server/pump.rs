//! The loop of a monitor: container's output to log and clients, clients' input to the container, until the container ends.
//!
//! One `poll` waits for everything, so a quiet container costs nothing. Output is read only while every client keeps up:
//! a client that stops reading stops the container when the pipes are full, as with conmon, and no byte is lost.

use super::peer::Peer;
use super::stdio::Stdio;
use crate::log::Stream;
use crate::log::writer::LogWriter;
use crate::protocol::{Event, FRAME_MAX, FRAMES, Failure, Request, kind};
use crate::record::Ending;
use libpod_sys::io_text;
use libpod_sys::signal::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, kill_process, waitid, waitpid};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Signals that the monitor reads: ends of children, and those it hands on to the container.
const SIGNALS: [i32; 4] = [CHILD, HANGUP, INTERRUPT, TERMINATE];
const CHILD: i32 = Signal::CHILD.as_raw();
const HANGUP: i32 = Signal::HUP.as_raw();
const INTERRUPT: i32 = Signal::INT.as_raw();
const TERMINATE: i32 = Signal::TERM.as_raw();

/// How long nothing must happen before memory is given back.
const IDLE: Duration = Duration::from_millis(200);

/// Everything that moves while a container runs.
pub struct Pump {
    /// Our ends of the container's streams.
    pub stdio: Stdio,
    /// Connected clients.
    pub peers: Vec<Peer>,
    /// Where output is kept.
    pub log: LogWriter,
    /// Where further clients connect.
    pub listener: Option<OwnedFd>,
    /// Sent to each client that connects: what all others were told, with the version of the frames that has it.
    announced: Vec<(u16, Vec<u8>)>,
    /// Sockets that keep the container's published ports from others.
    pub ports: Vec<OwnedFd>,
    /// Ends of children and signals to hand on.
    pub signals: SignalFd,
    /// What went wrong without stopping the container; the exit record says it.
    pub complaint: Option<String>,
    /// Whether a client has said that it has cleaned up.
    was_cleaned_up: bool,
    buffer: Vec<u8>,
}

/// What one wait of the loop was woken by.
#[derive(Default)]
struct Ready {
    signals: bool,
    listener: bool,
    input: bool,
    outputs: Vec<usize>,
    readable: Vec<usize>,
    writable: Vec<usize>,
}

impl Pump {
    /// A pump for a container whose streams are not known yet.
    pub fn new(log: LogWriter) -> Result<Self, Failure> {
        let signals = SignalFd::new(&SIGNALS)
            .map_err(|error| Failure::pathless("open signal descriptor", &io::Error::from(error)))?;
        Ok(Self {
            stdio: Stdio::default(),
            peers: Vec::new(),
            log,
            listener: None,
            announced: Vec::new(),
            ports: Vec::new(),
            signals,
            complaint: None,
            was_cleaned_up: false,
            buffer: Vec::new(),
        })
    }

    /// Send `frame` to every client.
    pub fn broadcast(&mut self, frame: &[u8]) {
        self.peers.iter_mut().for_each(|peer| peer.send(frame));
    }

    /// Send `event` to every client that knows it, those that have yet to connect, or to say hello, included.
    pub fn announce(&mut self, event: &Event<'_>) {
        let (since, frame) = (event.since(), event.encode());
        self.peers.iter_mut().filter(|peer| peer.frames >= since).for_each(|peer| peer.send(&frame));
        self.announced.push((since, frame));
    }

    /// Take every client that has connected so far, tell it what was announced, and hear what all have to say.
    ///
    /// A client that connected before the end may have gone unheard: the end was seen first. One that does not stop talking
    /// is not heard to its end.
    pub fn catch_up(&mut self) {
        const ENOUGH: usize = 512;
        while self.accept() {}
        for index in 0..self.peers.len() {
            let mut rounds = ENOUGH;
            while rounds > 0 && self.take_request(index) {
                rounds -= 1;
            }
        }
        self.peers.retain(|peer| !peer.closed);
    }

    /// Run until the process `child` has ended, and take everything it has written. It is left a zombie. After `limit` it is
    /// killed.
    pub fn run(&mut self, child: Pid, limit: Option<Duration>) -> io::Result<Ending> {
        // A limit that no clock can hold is none.
        let mut timed_out = false;
        let mut deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                // It may have ended just now.
                let _ = kill_process(child, Signal::KILL);
                deadline = None;
                timed_out = true;
                continue;
            }
            let ready = self.wait(left)?;
            if ready.signals {
                if let Some(ending) = self.take_signals(child)? {
                    self.drain();
                    let killed = Ending::Signal(Signal::KILL.as_raw());
                    return Ok(if timed_out && ending == killed { Ending::TimedOut } else { ending });
                }
            }
            self.serve(&ready);
        }
    }

    /// Serve clients after the container's end, as long as one is connected that is `wanted`.
    pub fn finish(&mut self, wanted: impl Fn(&Peer) -> bool) -> io::Result<()> {
        self.serve_while(|pump| pump.peers.iter().any(&wanted))
    }

    /// Serve clients until one has cleaned up, or none is left that said it would; whether one has.
    pub fn wait_for_cleanup(&mut self) -> io::Result<bool> {
        self.serve_while(|pump| !pump.was_cleaned_up && pump.peers.iter().any(|peer| peer.cleans_up))?;
        Ok(self.was_cleaned_up)
    }

    fn serve_while(&mut self, condition: impl Fn(&Self) -> bool) -> io::Result<()> {
        loop {
            self.peers.retain(|peer| !peer.closed);
            if !condition(self) {
                return Ok(());
            }
            let ready = self.wait(None)?;
            if ready.signals {
                while self.signals.read()?.is_some() {}
            }
            self.serve(&ready);
        }
    }

    /// Wait for anything; `limit` bounds the wait.
    fn wait(&mut self, limit: Option<Duration>) -> io::Result<Ready> {
        let silence = self.stdio.outputs.iter().filter_map(|output| output.silence()).min();
        if let Some(bound) = silence.into_iter().chain(limit).min() {
            return self.poll(Some(bound));
        }
        let ready = self.poll(Some(IDLE))?;
        if ready.is_anything() {
            return Ok(ready);
        }
        self.buffer = Vec::new();
        self.log.release();
        self.poll(None)
    }

    /// Without `timeout` the wait is long, and memory is given back.
    fn poll(&self, timeout: Option<Duration>) -> io::Result<Ready> {
        let mut ready = Ready::default();
        let keeps_up = !self.peers.iter().any(Peer::is_behind);
        let takes_input = self.stdio.input.as_ref().is_none_or(|input| !input.is_full());
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let mut marks: Vec<Mark> = vec![Mark::Signals];
        if let Some(listener) = &self.listener {
            fds.push(PollFd::new(listener, PollFlags::IN));
            marks.push(Mark::Listener);
        }
        if let Some(fd) = self.stdio.input.as_ref().and_then(|input| input.interest()) {
            fds.push(fd);
            marks.push(Mark::Input);
        }
        for (index, output) in self.stdio.outputs.iter().enumerate().filter(|_| keeps_up) {
            if let Some(fd) = output.interest() {
                fds.push(fd);
                marks.push(Mark::Output(index));
            }
        }
        for (index, peer) in self.peers.iter().enumerate() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, takes_input);
            flags.set(PollFlags::OUT, peer.is_behind());
            if !flags.is_empty() {
                fds.push(PollFd::new(peer, flags));
                marks.push(Mark::Peer(index));
            }
        }
        let answer = match timeout {
            Some(time) => {
                let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
                poll(&mut fds, Some(&time))
            }
            None => libpod_sys::memory::sleep(&mut fds),
        };
        match answer {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for (fd, mark) in fds.iter().zip(marks) {
            ready.note(mark, fd.revents());
        }
        Ok(ready)
    }

    fn serve(&mut self, ready: &Ready) {
        if ready.listener {
            self.accept();
        }
        if ready.input && self.stdio.input.as_mut().is_some_and(|input| !input.flush()) {
            self.stdio.input = None;
        }
        for index in &ready.writable {
            self.peers[*index].flush();
        }
        for index in &ready.readable {
            self.take_request(*index);
        }
        for index in &ready.outputs {
            self.forward(*index);
        }
        self.stdio.outputs.retain(|output| !output.ended);
        self.peers.retain(|peer| !peer.closed);
    }

    /// Take one client; whether there was one.
    fn accept(&mut self) -> bool {
        let Some(listener) = &self.listener else { return false };
        let Ok(fd) = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) else { return false };
        let mut peer = Peer::new(fd);
        self.announced.iter().filter(|(since, _)| *since == 0).for_each(|(_, frame)| peer.send(frame));
        self.peers.push(peer);
        true
    }

    /// Read one chunk of an output, keep it, and pass it on; whether there was one.
    fn forward(&mut self, index: usize) -> bool {
        self.buffer.resize(FRAME_MAX, 0);
        let (head, body) = self.buffer.split_at_mut(1);
        let output = &mut self.stdio.outputs[index];
        let Some(data) = output.read(body) else { return false };
        head[0] = if output.stream == Stream::Stdout { kind::STDOUT } else { kind::STDERR };
        if let Err(error) = self.log.write(output.stream, data) {
            self.complaint.get_or_insert_with(|| format!("write log: {}", io_text(&error)));
        }
        let length = 1 + data.len();
        let frame = &self.buffer[..length];
        self.peers.iter_mut().for_each(|peer| peer.send_output(frame));
        true
    }

    /// Do what a client asks; whether it asked anything.
    fn take_request(&mut self, index: usize) -> bool {
        self.buffer.resize(FRAME_MAX, 0);
        let peer = &mut self.peers[index];
        let Some(frame) = peer.receive(&mut self.buffer) else { return false };
        match Request::parse(frame) {
            Some(Request::Stdin(data)) => {
                if self.stdio.input.as_mut().is_some_and(|input| !input.write(data)) {
                    self.stdio.input = None;
                }
            }
            Some(Request::StdinClosed) => {
                if self.stdio.input.as_mut().is_some_and(|input| !input.end()) {
                    self.stdio.input = None;
                }
            }
            Some(Request::Resize { rows, columns }) => self.stdio.resize(rows, columns),
            Some(Request::TakeCleanup) => peer.cleans_up = true,
            Some(Request::Restart) => {
                peer.cleans_up = true;
                peer.restarts = true;
            }
            Some(Request::CleanupDone) => self.was_cleaned_up = true,
            Some(Request::NoOutput) => peer.stop_output(),
            Some(Request::Hello { version }) => {
                let (before, now) = (peer.frames, version.min(FRAMES));
                peer.frames = now;
                let new = self.announced.iter().filter(|(since, _)| *since > before && *since <= now);
                new.for_each(|(_, frame)| peer.send(frame));
            }
            None => peer.close(),
        }
        true
    }

    /// Take what the container has left in its pipes, even where a client is behind. Others who hold a pipe open are not
    /// waited for, and cannot keep us: at most [`DRAIN_MAX`] bytes are taken.
    fn drain(&mut self) {
        const DRAIN_MAX: usize = 1024 * 1024;
        for index in 0..self.stdio.outputs.len() {
            let mut rounds = DRAIN_MAX / FRAME_MAX;
            while rounds > 0 && self.forward(index) {
                rounds -= 1;
            }
        }
        self.stdio = Stdio::default();
    }

    /// Read pending signals: reap whoever ended, hand others on to `child`. The ending of `child`, once it has one.
    fn take_signals(&mut self, child: Pid) -> io::Result<Option<Ending>> {
        while let Some(received) = self.signals.read()? {
            if received.signal != CHILD {
                if let Some(signal) = Signal::from_named_raw(received.signal) {
                    let _ = kill_process(child, signal);
                }
            }
        }
        if let Some(ending) = ending_of(child)? {
            return Ok(Some(ending));
        }
        reap_others(child);
        Ok(None)
    }
}

enum Mark {
    Signals,
    Listener,
    Input,
    Output(usize),
    Peer(usize),
}

impl Ready {
    fn note(&mut self, mark: Mark, events: PollFlags) {
        if events.is_empty() {
            return;
        }
        match mark {
            Mark::Signals => self.signals = true,
            Mark::Listener => self.listener = true,
            Mark::Input => self.input = true,
            Mark::Output(index) => self.outputs.push(index),
            Mark::Peer(index) => {
                if events.contains(PollFlags::OUT) {
                    self.writable.push(index);
                }
                if events.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                    self.readable.push(index);
                }
            }
        }
    }

    fn is_anything(&self) -> bool {
        self.signals
            || self.listener
            || self.input
            || !(self.outputs.is_empty() && self.readable.is_empty() && self.writable.is_empty())
    }
}

/// How `child` ended, without reaping it: as long as it is a zombie, nobody takes the container for ended without a record.
pub fn ending_of(child: Pid) -> io::Result<Option<Ending>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(child), options)?.and_then(|status| ending(&status)))
}

fn ending(status: &WaitIdStatus) -> Option<Ending> {
    let code = status.exit_status().map(Ending::Code);
    code.or_else(|| status.terminating_signal().map(Ending::Signal))
}

/// Reap every ended child but `child`: orphans of the container come to us, the subreaper.
fn reap_others(child: Pid) {
    while let Some(pid) = libpod_sys::signal::ended_child().filter(|pid| *pid != child) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}
