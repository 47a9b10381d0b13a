//! A whole run in memory: input given, both outputs kept.

use super::session::{Error, Interrupted, Received, Session, wait_until};
use crate::protocol::{DATA_MAX, Request, Transfer};
use crate::record::ExitRecord;
use rustix::event::{PollFd, PollFlags};
use std::time::{Duration, Instant};

/// What a process wrote, and how it ended.
#[derive(Debug)]
pub struct Collected {
    /// Its ending.
    pub record: ExitRecord,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Session {
    /// Write `stdin`, close it, and keep what comes until the process ends; more than `limit_bytes` of it is an error, and
    /// so is more than `timeout` of it.
    ///
    /// Input is written only as fast as it is taken, and output is read all the while, so neither side waits for the other.
    pub fn collect(
        &mut self,
        stdin: &[u8],
        limit_bytes: usize,
        timeout: Option<Duration>,
        interrupted: Interrupted<'_>,
    ) -> Result<Collected, Error> {
        // A timeout that no clock can hold is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut frames = input_frames(stdin);
        let mut next = frames.next();
        loop {
            while let Some(frame) = &next {
                match self.socket.send(frame) {
                    Transfer::Done(_) => next = frames.next(),
                    Transfer::Wait => break,
                    Transfer::Closed => next = None,
                }
            }
            let (into, length) = match self.receive()? {
                Some(Received::Stdout(length)) => (&mut stdout, length),
                Some(Received::Stderr(length)) => (&mut stderr, length),
                Some(Received::Exited(record)) => return Ok(Collected { record, stdout, stderr }),
                Some(Received::Failed(failure)) => return Err(Error::NotStarted(failure)),
                Some(Received::Noted | Received::TakenDown(_)) => continue,
                None => {
                    let mut flags = PollFlags::IN;
                    flags.set(PollFlags::OUT, next.is_some());
                    wait_until(deadline, &mut [PollFd::new(&self.socket, flags)], &mut *interrupted)?;
                    continue;
                }
            };
            into.extend_from_slice(&self.buffer[1..length]);
            if stdout.len() + stderr.len() > limit_bytes {
                return Err(Error::TooLarge { limit_bytes });
            }
        }
    }
}

fn input_frames(stdin: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let end = std::iter::once(Request::StdinClosed.encode());
    stdin.chunks(DATA_MAX).map(|data| Request::Stdin(data).encode()).chain(end)
}
