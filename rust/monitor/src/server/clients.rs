//! The clients of a monitor: those that are connected, where further ones connect, and what all of them are told.

use super::life::Attendance;
use super::peer::Peer;
use crate::protocol::{Event, FRAME_MAX, Request};
use crate::record::FRAMES;
use rustix::event::{PollFd, PollFlags};
use rustix::net::{SocketFlags, accept_with};
use std::os::fd::{AsFd, OwnedFd};

/// Who talks with the monitor.
#[derive(Debug, Default)]
pub struct Clients {
    peers: Vec<Peer>,
    /// Where further clients connect.
    pub listener: Option<OwnedFd>,
    /// Sent to each client that connects: what all others were told, with the version of the frames that has it.
    announced: Vec<(u16, Vec<u8>)>,
    cleaned_up: bool,
    buffer: Vec<u8>,
}

/// What a client asks for its container's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Data for its standard input.
    Data(&'a [u8]),
    /// Its standard input has ended.
    End,
    /// Rows and columns of its terminal.
    Size(u16, u16),
}

impl Clients {
    /// Add a client that is connected already.
    pub fn add(&mut self, peer: Peer) {
        self.peers.push(peer);
    }

    /// What matters of them for the container's life.
    pub fn attendance(&self) -> Attendance {
        let any = |condition: fn(&Peer) -> bool| self.peers.iter().any(|peer| !peer.closed && condition(peer));
        Attendance {
            cleans_up: any(|peer| peer.cleans_up),
            cleaned_up: self.cleaned_up,
            restarts: any(|peer| peer.restarts),
            behind: any(Peer::is_behind),
        }
    }

    /// Send `event` to every client that is connected.
    pub fn broadcast(&mut self, event: &Event<'_>) {
        let frame = event.encode();
        self.peers.iter_mut().for_each(|peer| peer.send(&frame));
    }

    /// Send `event` to every client that knows it, those that have yet to connect, or to say hello, included.
    pub fn announce(&mut self, event: &Event<'_>) {
        let (since, frame) = (event.since(), event.encode());
        self.peers.iter_mut().filter(|peer| peer.frames >= since).for_each(|peer| peer.send(&frame));
        self.announced.push((since, frame));
    }

    /// Send a frame of the container's output to every client that wants it.
    pub fn send_output(&mut self, frame: &[u8]) {
        self.peers.iter_mut().for_each(|peer| peer.send_output(frame));
    }

    /// What to wait for: the listener, and each client by its number. takes_input: whether more may be taken from them.
    pub fn interest(&self, takes_input: bool) -> (Option<PollFd<'_>>, impl Iterator<Item = (usize, PollFd<'_>)>) {
        let listener = self.listener.as_ref().map(|listener| PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN));
        let peers = self.peers.iter().enumerate().filter_map(move |(number, peer)| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, takes_input);
            flags.set(PollFlags::OUT, peer.is_behind());
            (!flags.is_empty()).then(|| (number, PollFd::from_borrowed_fd(peer.as_fd(), flags)))
        });
        (listener, peers)
    }

    /// Take one client; whether there was one.
    pub fn accept(&mut self) -> bool {
        let Some(listener) = &self.listener else { return false };
        let Ok(fd) = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) else { return false };
        let mut peer = Peer::new(fd);
        self.announced.iter().filter(|(since, _)| *since == 0).for_each(|(_, frame)| peer.send(frame));
        self.peers.push(peer);
        true
    }

    /// Send what waits for this client.
    pub fn flush(&mut self, number: usize) {
        self.peers[number].flush();
    }

    /// Take one request of this client; whether there was one. What it asks for the container's streams goes to `streams`.
    pub fn hear(&mut self, number: usize, streams: impl FnOnce(Input<'_>)) -> bool {
        self.buffer.resize(FRAME_MAX, 0);
        let peer = &mut self.peers[number];
        let Some(frame) = peer.receive(&mut self.buffer) else { return false };
        match Request::parse(frame) {
            Some(Request::Stdin(data)) => streams(Input::Data(data)),
            Some(Request::StdinClosed) => streams(Input::End),
            Some(Request::Resize { rows, columns }) => streams(Input::Size(rows, columns)),
            Some(Request::TakeCleanup) => peer.cleans_up = true,
            Some(Request::Restart) => {
                peer.cleans_up = true;
                peer.restarts = true;
            }
            Some(Request::CleanupDone) => self.cleaned_up = true,
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

    /// Take every client that has connected so far, tell it what was announced, and hear what all have to say.
    ///
    /// A client that connected before the end may have gone unheard: the end was seen first. One that does not stop talking
    /// is not heard to its end. Nothing of it reaches the streams of a container that has ended.
    pub fn gather(&mut self) {
        const ENOUGH: usize = 512;
        while self.accept() {}
        for number in 0..self.peers.len() {
            let mut rounds = ENOUGH;
            while rounds > 0 && self.hear(number, |_| {}) {
                rounds -= 1;
            }
        }
        self.forget_gone();
    }

    /// Forget clients that are gone. Their numbers change.
    pub fn forget_gone(&mut self) {
        self.peers.retain(|peer| !peer.closed);
    }

    /// Give back memory that is not needed while nothing happens.
    pub fn release(&mut self) {
        self.buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Socket, Transfer};
    use crate::record::TakenDown;
    use rustix::net::{AddressFamily, SocketType, socketpair};

    /// A client, and the clients of which it is one.
    fn one() -> (Socket, Clients) {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).expect("socket pair");
        let mut clients = Clients::default();
        clients.add(Peer::new(theirs));
        (Socket::new(ours), clients)
    }

    fn say(client: &Socket, clients: &mut Clients, request: Request<'_>) {
        assert!(matches!(client.send(&request.encode()), Transfer::Done(_)));
        assert!(clients.hear(0, |_| panic!("nothing for the streams")));
    }

    #[test]
    fn what_they_say_is_what_matters_of_them() {
        let (client, mut clients) = one();
        assert_eq!(clients.attendance(), Attendance::default());
        say(&client, &mut clients, Request::TakeCleanup);
        let cleans_up = Attendance { cleans_up: true, ..Attendance::default() };
        assert_eq!(clients.attendance(), cleans_up);
        say(&client, &mut clients, Request::Restart);
        assert_eq!(clients.attendance(), Attendance { restarts: true, ..cleans_up });
        say(&client, &mut clients, Request::CleanupDone);
        drop(client);
        clients.gather();
        // It is gone, and has done what it said.
        assert_eq!(clients.attendance(), Attendance { cleaned_up: true, ..Attendance::default() });
    }

    #[test]
    fn what_was_said_before_a_client_went_is_heard() {
        let (client, mut clients) = one();
        client.send(&Request::TakeCleanup.encode());
        client.send(&Request::CleanupDone.encode());
        drop(client);
        clients.gather();
        assert!(clients.attendance().cleaned_up);
    }

    #[test]
    fn streams_get_their_input_and_nothing_after_the_end() {
        let (client, mut clients) = one();
        client.send(&Request::Stdin(b"data").encode());
        let mut got = Vec::new();
        assert!(clients.hear(0, |input| if let Input::Data(data) = input {
            got.extend_from_slice(data)
        }));
        assert_eq!(got, b"data");
        client.send(&Request::Stdin(b"late").encode());
        clients.gather();
        assert!(!clients.hear(0, |_| panic!("it was taken")));
    }

    #[test]
    fn a_malformed_request_ends_the_connection() {
        let (client, mut clients) = one();
        client.send(&[99]);
        clients.gather();
        assert!(matches!(client.send(&[1]), Transfer::Closed));
    }

    #[test]
    fn one_that_does_not_read_is_behind_and_loses_nothing() {
        let (client, mut clients) = one();
        let frame = vec![2; 30_000];
        while !clients.attendance().behind {
            clients.send_output(&frame);
        }
        clients.announce(&Event::TakenDown(TakenDown { complaints: Vec::new(), restarts: false }));
        let mut buffer = vec![0; FRAME_MAX];
        while clients.attendance().behind {
            while matches!(client.receive(&mut buffer), Transfer::Done(_)) {}
            clients.flush(0);
        }
    }
}
