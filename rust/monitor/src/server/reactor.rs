//! The one loop of a monitor: children, timers, signals, clients and the container's streams, all waited for at once.
//!
//! [`Reactor::turn`] waits for anything, moves bytes between the container, its log and its clients, and returns what else has
//! happened. [`live`] feeds that to a [`Life`] and performs what it decides. A quiet container costs nothing. Output is read only
//! while every client keeps up: a client that stops reading stops the container when the pipes are full, as with conmon, and no
//! byte is lost.

use super::children::{Children, Role};
use super::clients::{Clients, Input};
use super::life::{Act, Life, Wake};
use super::stdio::Streams;
use super::timers::{Timer, Timers};
use crate::log::Stream;
use crate::log::writer::LogWriter;
use crate::protocol::{Event, FRAME_MAX, Failure, kind};
use crate::record::{Ending, ExitRecord};
use libpod_sys::io_text;
use libpod_sys::signal::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io;
use std::time::Duration;

/// Signals that the monitor reads: that some child has ended, and those that it hands on to the container.
const SIGNALS: [Signal; 4] = [Signal::CHILD, Signal::HUP, Signal::INT, Signal::TERM];

/// How long nothing must happen before memory is given back.
const IDLE: Duration = Duration::from_millis(200);

/// How long a terminal that no process has open is left alone: it answers EIO until one opens it again.
const TERMINAL_PAUSE: Duration = Duration::from_millis(100);

/// Everything that a monitor waits for.
pub struct Reactor {
    /// Processes whose end is waited for.
    pub children: Children,
    /// Moments that are waited for.
    pub timers: Timers,
    /// Connected clients.
    pub clients: Clients,
    /// Our ends of the container's streams.
    pub stdio: Streams,
    log: LogWriter,
    signals: SignalFd,
    /// What went wrong with the log without stopping the container; the exit record says it.
    complaint: Option<String>,
    buffer: Vec<u8>,
}

/// What a life's acts come down to for one kind of process.
pub trait Duties {
    /// Record how it ended. complaint: what went wrong while it ran.
    fn record(&mut self, ending: Ending, complaint: Option<String>) -> ExitRecord;

    /// Give back what it held on this host; returns what could not be given back.
    fn take_down(&mut self) -> Vec<String>;

    /// Start the program that cleans up after it.
    fn run_exit_command(&mut self);
}

/// Live: wait, decide, act, until there is nothing left to do.
pub fn live(reactor: &mut Reactor, life: &mut Life, duties: &mut dyn Duties) -> io::Result<()> {
    loop {
        while let Some(act) = life.decide(reactor.clients.attendance()) {
            match act {
                Act::PassOn(signal) => reactor.children.signal(Role::Main, signal),
                Act::Kill => reactor.children.signal(Role::Main, Signal::KILL),
                Act::Record(ending) => {
                    reactor.drain();
                    let record = duties.record(ending, reactor.complaint.take());
                    reactor.clients.announce(&Event::Exited(record));
                    reactor.children.reap(Role::Main);
                }
                Act::TakeDown => {
                    life.note(Wake::TakenDown(duties.take_down()));
                    // The socket's name is gone. A client that found it before that is told how the container ended: when
                    // the container's record is removed at the end, no other process can tell.
                    reactor.clients.gather();
                }
                Act::Tell(taken) => reactor.clients.announce(&Event::TakenDown(taken)),
                Act::RunExitCommand => duties.run_exit_command(),
                Act::Gather => reactor.clients.gather(),
                Act::Leave => return Ok(()),
            }
        }
        for wake in reactor.turn()? {
            life.note(wake);
        }
    }
}

/// Something that a turn waits for.
#[derive(Debug, Clone, Copy)]
enum Source {
    Signals,
    Child,
    Timers,
    Listener,
    Input,
    Output(usize),
    Client(usize),
}

impl Reactor {
    /// A reactor for a container whose streams are not known yet.
    pub fn new(log: LogWriter) -> Result<Self, Failure> {
        let signals = SignalFd::new(&SIGNALS.map(Signal::as_raw))
            .map_err(|error| Failure::pathless("open signal descriptor", &io::Error::from(error)))?;
        Ok(Self {
            children: Children::default(),
            timers: Timers::default(),
            clients: Clients::default(),
            stdio: Streams::default(),
            log,
            signals,
            complaint: None,
            buffer: Vec::new(),
        })
    }

    /// Tell the clients why it did not start, and serve them until they know.
    pub fn fail(&mut self, failure: Failure) -> io::Result<()> {
        self.clients.broadcast(&Event::Error(failure));
        while self.clients.attendance().behind {
            self.turn()?;
        }
        Ok(())
    }

    /// Wait for anything, serve streams and clients, and return what else has happened.
    pub fn turn(&mut self) -> io::Result<Vec<Wake>> {
        let mut wakes = Vec::new();
        for (source, events) in self.wait()? {
            match source {
                Source::Signals => self.take_signals(&mut wakes)?,
                // One look is for all of them.
                Source::Child => {
                    let ended = self.children.take_ended()?;
                    wakes.extend(ended.into_iter().map(|(role, ending)| Wake::Ended(role, ending)));
                }
                Source::Timers => self.take_timers(&mut wakes)?,
                Source::Listener => drop(self.clients.accept()),
                Source::Input => self.stdio.flush_input(),
                Source::Output(number) => drop(self.forward(number)?),
                Source::Client(number) => self.serve(number, events),
            }
        }
        self.stdio.forget_ended();
        self.clients.forget_gone();
        Ok(wakes)
    }

    /// Wait until something is ready; what is, and in which way. A long wait gives memory back first.
    fn wait(&mut self) -> io::Result<Vec<(Source, PollFlags)>> {
        let ready = self.poll(Some(IDLE))?;
        if !ready.is_empty() {
            return Ok(ready);
        }
        self.buffer = Vec::new();
        self.clients.release();
        self.log.release();
        self.poll(None)
    }

    fn poll(&self, timeout: Option<Duration>) -> io::Result<Vec<(Source, PollFlags)>> {
        let (mut fds, sources) = self.interest();
        let answer = match timeout {
            Some(time) => {
                let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
                poll(&mut fds, Some(&time))
            }
            None => libpod_sys::memory::sleep(&mut fds),
        };
        match answer {
            Ok(0) | Err(Errno::INTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let events = fds.iter().map(PollFd::revents);
        Ok(sources.into_iter().zip(events).filter(|(_, events)| !events.is_empty()).collect())
    }

    /// Everything there is to wait for, in the order in which it is served.
    fn interest(&self) -> (Vec<PollFd<'_>>, Vec<Source>) {
        let mut all = vec![(PollFd::new(&self.signals, PollFlags::IN), Source::Signals)];
        all.extend(self.children.interest().map(|fd| (fd, Source::Child)));
        all.extend(self.timers.fd().map(|fd| (PollFd::from_borrowed_fd(fd, PollFlags::IN), Source::Timers)));
        let (listener, clients) = self.clients.interest(!self.stdio.is_input_full());
        all.extend(listener.map(|fd| (fd, Source::Listener)));
        all.extend(self.stdio.input_interest().map(|fd| (fd, Source::Input)));
        all.extend(clients.map(|(number, fd)| (fd, Source::Client(number))));
        if !self.clients.attendance().behind {
            all.extend(self.stdio.output_interest().map(|(number, fd)| (fd, Source::Output(number))));
        }
        all.into_iter().unzip()
    }

    fn take_signals(&mut self, wakes: &mut Vec<Wake>) -> io::Result<()> {
        while let Some(received) = self.signals.read()? {
            match Signal::from_named_raw(received.signal) {
                Some(Signal::CHILD) => self.children.reap_orphans(),
                Some(signal) => wakes.push(Wake::Signal(signal)),
                None => {}
            }
        }
        Ok(())
    }

    fn take_timers(&mut self, wakes: &mut Vec<Wake>) -> io::Result<()> {
        for timer in self.timers.take_due()? {
            match timer {
                Timer::Terminal => self.stdio.end_silence(),
                Timer::Limit => wakes.push(Wake::Due(timer)),
            }
        }
        Ok(())
    }

    fn serve(&mut self, number: usize, events: PollFlags) {
        if events.contains(PollFlags::OUT) {
            self.clients.flush(number);
        }
        if events.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            let stdio = &mut self.stdio;
            self.clients.hear(number, |input| match input {
                Input::Data(data) => stdio.write_input(data),
                Input::End => stdio.end_input(),
                Input::Size(rows, columns) => stdio.resize(rows, columns),
            });
        }
    }

    /// Read one chunk of an output, keep it, and pass it on; whether there was one.
    fn forward(&mut self, number: usize) -> io::Result<bool> {
        self.buffer.resize(FRAME_MAX, 0);
        let (head, body) = self.buffer.split_at_mut(1);
        let output = &mut self.stdio.outputs[number];
        let Some(data) = output.read(body) else {
            if output.silent {
                self.timers.set(Timer::Terminal, TERMINAL_PAUSE)?;
            }
            return Ok(false);
        };
        head[0] = if output.stream == Stream::Stdout { kind::STDOUT } else { kind::STDERR };
        if let Err(error) = self.log.write(output.stream, data) {
            self.complaint.get_or_insert_with(|| format!("write log: {}", io_text(&error)));
        }
        let length = 1 + data.len();
        self.clients.send_output(&self.buffer[..length]);
        Ok(true)
    }

    /// Take what the container has left in its pipes, even when a client is behind. Other processes that hold a pipe open are
    /// not waited for, and cannot keep us: at most [`DRAIN_MAX`] bytes are taken.
    fn drain(&mut self) {
        const DRAIN_MAX: usize = 1024 * 1024;
        for number in 0..self.stdio.outputs.len() {
            let mut rounds = DRAIN_MAX / FRAME_MAX;
            while rounds > 0 && self.forward(number).unwrap_or(false) {
                rounds -= 1;
            }
        }
        self.stdio = Streams::default();
    }
}
