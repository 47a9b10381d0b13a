//! Our ends of the container's standard streams: two pipes and one, or one terminal.

use crate::log::Stream;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::termios::{SpecialCodeIndex, Winsize, tcgetattr, tcsetwinsize};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// The container's ends, to be handed to the runtime.
#[derive(Debug)]
pub struct ContainerEnds {
    /// Standard input: a pipe, or the null device.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
}

/// Make pipes for a container without a terminal; its input is empty unless `stdin_open`.
pub fn pipes(stdin_open: bool) -> io::Result<(ContainerEnds, Streams)> {
    let (stdout_ours, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr_ours, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stdin, stdin_ours) = if stdin_open {
        let (stdin, ours) = pipe_with(PipeFlags::CLOEXEC)?;
        (stdin, Some(ours))
    } else {
        (OpenOptions::new().read(true).open("/dev/null")?.into(), None)
    };
    let outputs = vec![Output::new(stdout_ours, Stream::Stdout)?, Output::new(stderr_ours, Stream::Stderr)?];
    let input = stdin_ours.map(|fd| Input::new(Rc::new(fd), false)).transpose()?;
    Ok((ContainerEnds { stdin, stdout, stderr }, Streams { outputs, input, terminal: None }))
}

/// Our ends of the container's standard streams.
#[derive(Debug, Default)]
pub struct Streams {
    /// What the container writes to; empty once all is closed.
    pub outputs: Vec<Output>,
    /// What it reads from, while that is open.
    pub input: Option<Input>,
    /// Its terminal.
    terminal: Option<Rc<OwnedFd>>,
}

impl Streams {
    /// The container's terminal, of which `master` is our side.
    pub fn terminal(master: OwnedFd, stdin_open: bool, size: Option<[u16; 2]>) -> io::Result<Self> {
        let master = Rc::new(master);
        let stdio = Self {
            outputs: vec![Output::shared(Rc::clone(&master), Stream::Stdout)?],
            input: if stdin_open { Some(Input::new(Rc::clone(&master), true)?) } else { None },
            terminal: Some(master),
        };
        if let Some([rows, columns]) = size {
            stdio.resize(rows, columns);
        }
        Ok(stdio)
    }

    /// Hand on what waits to be read by the container, as far as there is room.
    pub fn flush_input(&mut self) {
        self.close_input_unless(Input::flush);
    }

    /// Give the container data to read.
    pub fn write_input(&mut self, data: &[u8]) {
        self.close_input_unless(|input| input.write(data));
    }

    /// No more data will come.
    pub fn end_input(&mut self) {
        self.close_input_unless(Input::end);
    }

    fn close_input_unless(&mut self, keep: impl FnOnce(&mut Input) -> bool) {
        if self.input.as_mut().is_some_and(|input| !keep(input)) {
            self.input = None;
        }
    }

    /// Whether more data must not be taken from clients yet.
    pub fn is_input_full(&self) -> bool {
        self.input.as_ref().is_some_and(Input::is_full)
    }

    /// What to wait for before more is handed on.
    pub fn input_interest(&self) -> Option<PollFd<'_>> {
        self.input.as_ref().and_then(Input::interest)
    }

    /// What to wait for to read, by the number of the output.
    pub fn output_interest(&self) -> impl Iterator<Item = (usize, PollFd<'_>)> {
        self.outputs.iter().enumerate().filter_map(|(number, output)| Some((number, output.interest()?)))
    }

    /// Look again at terminals that no process had open.
    pub fn end_silence(&mut self) {
        self.outputs.iter_mut().for_each(|output| output.silent = false);
    }

    /// Forget outputs that will never give anything again. Their numbers change.
    pub fn forget_ended(&mut self) {
        self.outputs.retain(|output| !output.ended);
    }

    /// Tell the terminal its size; without a terminal, nothing.
    pub fn resize(&self, rows: u16, columns: u16) {
        if let Some(master) = &self.terminal {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            let _ = tcsetwinsize(master, size);
        }
    }
}

/// What the container writes to.
#[derive(Debug)]
pub struct Output {
    fd: Rc<OwnedFd>,
    /// Which stream it is.
    pub stream: Stream,
    /// Whether it is a terminal that no process has open. It answers EIO until one opens it again, and is left alone meanwhile.
    pub silent: bool,
    /// Whether it will never give anything again.
    pub ended: bool,
}

impl Output {
    fn new(fd: OwnedFd, stream: Stream) -> io::Result<Self> {
        Self::shared(Rc::new(fd), stream)
    }

    fn shared(fd: Rc<OwnedFd>, stream: Stream) -> io::Result<Self> {
        set_nonblocking(&fd)?;
        Ok(Self { fd, stream, silent: false, ended: false })
    }

    /// What to wait for; None while there is nothing to wait for.
    pub fn interest(&self) -> Option<PollFd<'_>> {
        (!self.ended && !self.silent).then(|| PollFd::new(&*self.fd, PollFlags::IN))
    }

    /// Read what is there; None where that is nothing.
    pub fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        loop {
            match rustix::io::read(&*self.fd, &mut *buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => return Some(&buffer[..count]),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                Err(Errno::IO) => self.silent = true,
                Err(_) => self.ended = true,
            }
            return None;
        }
    }
}

/// What the container reads from.
#[derive(Debug)]
pub struct Input {
    fd: Rc<OwnedFd>,
    is_terminal: bool,
    waiting: Vec<u8>,
    last: u8,
    ending: bool,
}

impl Input {
    fn new(fd: Rc<OwnedFd>, is_terminal: bool) -> io::Result<Self> {
        set_nonblocking(&fd)?;
        Ok(Self { fd, is_terminal, waiting: Vec::new(), last: b'\n', ending: false })
    }

    /// Whether more data must not be taken from clients yet.
    pub fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What to wait for; None where nothing is waiting.
    pub fn interest(&self) -> Option<PollFd<'_>> {
        self.is_full().then(|| PollFd::new(&*self.fd, PollFlags::OUT))
    }

    /// Hand `data` on, or keep it until the container reads.
    #[must_use = "false: the container reads no more"]
    pub fn write(&mut self, data: &[u8]) -> bool {
        let Some(last) = data.last() else { return true };
        self.last = *last;
        self.waiting.extend_from_slice(data);
        self.flush()
    }

    /// No more data will come.
    ///
    /// A pipe is closed. On a terminal the end is a character, which ends a line that was begun before it ends the input.
    #[must_use = "false: the input is to be closed"]
    pub fn end(&mut self) -> bool {
        if self.is_terminal {
            let end = tcgetattr(&*self.fd).map_or(4, |settings| settings.special_codes[SpecialCodeIndex::VEOF]);
            let count = if self.last == b'\n' { 1 } else { 2 };
            self.waiting.extend(std::iter::repeat_n(end, count));
            self.last = b'\n';
        } else {
            self.ending = true;
        }
        self.flush()
    }

    /// Hand on what is waiting, as far as there is room.
    #[must_use = "false: the input is to be closed"]
    pub fn flush(&mut self) -> bool {
        let mut written = 0;
        let open = loop {
            if written == self.waiting.len() {
                break !self.ending;
            }
            match rustix::io::write(&*self.fd, &self.waiting[written..]) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break true,
                Err(_) => break false,
            }
        };
        self.waiting.drain(..written);
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        open
    }
}

fn set_nonblocking(fd: &Rc<OwnedFd>) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd.as_fd())?;
    Ok(rustix::fs::fcntl_setfl(fd.as_fd(), flags | OFlags::NONBLOCK)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::fs::File;
    use std::io::{Read, Write};

    #[test]
    fn output_is_read_to_its_end_without_waiting() {
        let (theirs, mut ours) = pipes(false).expect("pipes");
        let mut buffer = [0; 16];
        assert_eq!(ours.outputs[0].read(&mut buffer), None);
        File::from(theirs.stdout).write_all(b"text").expect("room");
        assert_eq!(ours.outputs[0].read(&mut buffer), Some(&b"text"[..]));
        assert_eq!(ours.outputs[0].read(&mut buffer), None);
        assert!(ours.outputs[0].ended);
        assert!(ours.input.is_none());
    }

    #[test]
    fn input_that_is_not_read_is_kept_and_the_end_comes_after_it() {
        let (theirs, mut ours) = pipes(true).expect("pipes");
        let input = ours.input.as_mut().expect("open");
        let data = vec![7; 200_000];
        assert!(input.write(&data));
        assert!(input.is_full());
        assert!(input.end(), "not yet");
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            File::from(theirs.stdin).read_to_end(&mut all).map(|_| all)
        });
        while input.flush() {
            std::thread::yield_now();
        }
        ours.input = None;
        assert_eq!(reader.join().expect("no panic").expect("read"), data);
    }

    #[test]
    fn input_that_nobody_reads_any_more_is_closed() {
        let (theirs, mut ours) = pipes(true).expect("pipes");
        drop(theirs);
        assert!(!ours.input.as_mut().expect("open").write(b"x"));
    }

    #[test]
    fn a_terminal_has_a_size_and_an_end_of_input() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("pty");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("pty");
        let name = ptsname(&master, Vec::new()).expect("name");
        let name = name.to_str().expect("ASCII");
        let mut slave = OpenOptions::new().read(true).write(true).open(name).expect("slave");
        let mut stdio = Streams::terminal(master, true, Some([24, 132])).expect("terminal");
        let size = rustix::termios::tcgetwinsize(&slave).expect("size");
        assert_eq!((size.ws_row, size.ws_col), (24, 132));
        let input = stdio.input.as_mut().expect("open");
        assert!(input.write(b"half a line"));
        assert!(input.end());
        let mut text = String::new();
        slave.read_to_string(&mut text).expect("line, then end");
        assert_eq!(text, "half a line");
    }
}
