//! One connected client, with what could not be sent to it yet.

use crate::protocol::{Socket, Transfer, kind};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A client. Frames reach it in order or the connection ends; none is dropped.
#[derive(Debug)]
pub struct Peer {
    socket: Socket,
    waiting: VecDeque<Vec<u8>>,
    wants_output: bool,
    /// Version of the frames that are spoken with it: 0 until it says hello.
    pub frames: u16,
    /// Whether it cleans up after the container.
    pub cleans_up: bool,
    /// Whether it starts the container again.
    pub restarts: bool,
    /// Whether it is gone.
    pub closed: bool,
}

impl Peer {
    /// A client behind `fd`.
    pub fn new(fd: OwnedFd) -> Self {
        Self {
            socket: Socket::new(fd),
            waiting: VecDeque::new(),
            wants_output: true,
            frames: 0,
            cleans_up: false,
            restarts: false,
            closed: false,
        }
    }

    /// Send `frame`, now or when the client has read what came before.
    pub fn send(&mut self, frame: &[u8]) {
        if self.closed {
            return;
        }
        if self.is_behind() {
            self.waiting.push_back(frame.to_vec());
            return;
        }
        match self.socket.send(frame) {
            Transfer::Done(_) => {}
            Transfer::Wait => self.waiting.push_back(frame.to_vec()),
            Transfer::Closed => self.close(),
        }
    }

    /// Send a frame of the container's output, to a client that wants it.
    pub fn send_output(&mut self, frame: &[u8]) {
        if self.wants_output {
            self.send(frame);
        }
    }

    /// Send no output from here on, nor what waits of it: such a client holds the container up by nothing that it leaves unread.
    pub fn stop_output(&mut self) {
        self.wants_output = false;
        self.waiting.retain(|frame| !matches!(frame.first(), Some(&(kind::STDOUT | kind::STDERR))));
    }

    /// Send what is waiting, as far as the client has room.
    pub fn flush(&mut self) {
        while let Some(frame) = self.waiting.front() {
            match self.socket.send(frame) {
                Transfer::Done(_) => drop(self.waiting.pop_front()),
                Transfer::Wait => return,
                Transfer::Closed => return self.close(),
            }
        }
    }

    /// Receive one frame; None where nothing came.
    pub fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        match self.socket.receive(buffer) {
            Transfer::Done(count) => Some(&buffer[..count]),
            Transfer::Wait => None,
            Transfer::Closed => {
                self.close();
                None
            }
        }
    }

    /// Whether frames wait for the client to read.
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// End the connection.
    pub fn close(&mut self) {
        self.closed = true;
        self.waiting = VecDeque::new();
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
