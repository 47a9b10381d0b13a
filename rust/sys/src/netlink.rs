//! Netlink by hand: messages, attributes, and a socket that sends a batch and waits for the kernel's verdict.
//!
//! Start with [`Message`] and [`Socket::transact`]. Routing (links, addresses, routes) and netfilter (nftables) speak the
//! same framing; what a message means is the caller's business. An answer that does not come within ten seconds is
//! `EAGAIN`, never a hang.

use crate::{Error, Result};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

const HEADER: usize = 16;
const ERROR: u16 = 2; // NLMSG_ERROR
const DONE: u16 = 3; // NLMSG_DONE
const REQUEST: u16 = 0x1; // NLM_F_REQUEST
const ACK: u16 = 0x4; // NLM_F_ACK

/// Fail where the object exists (`NLM_F_EXCL`).
pub const EXCLUSIVE: u16 = 0x200;
/// Create the object where it does not exist (`NLM_F_CREATE`).
pub const CREATE: u16 = 0x400;
/// Add behind the others (`NLM_F_APPEND`).
pub const APPEND: u16 = 0x800;
/// Ask for all objects (`NLM_F_DUMP`).
pub const DUMP: u16 = 0x300;

const NESTED: u16 = 0x8000; // NLA_F_NESTED
const TYPE_MASK: u16 = 0x3fff;
const TIMEOUT: Duration = Duration::from_secs(10);

/// One message under construction: header, a fixed part, attributes.
#[derive(Debug, Clone)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of type `kind`; `flags` beside `NLM_F_REQUEST`.
    pub fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes }
    }

    /// Append the fixed part that the message type prescribes.
    pub fn fixed(mut self, part: &[u8]) -> Self {
        self.bytes.extend_from_slice(part);
        self.pad();
        self
    }

    /// Append an attribute.
    pub fn attr(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len() + 4).expect("an attribute is shorter than 64 KiB");
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.pad();
        self
    }

    /// Append a text attribute, NUL-terminated.
    pub fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attr(kind, &bytes)
    }

    /// Append a number in the byte order of this machine, as routing wants it.
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Append a number in network byte order, as netfilter wants it.
    pub fn network_number(self, kind: u16, value: u32) -> Self {
        self.attr(kind, &value.to_be_bytes())
    }

    /// Append an attribute that holds what `fill` appends.
    pub fn nest(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        let mut filled = fill(self);
        let length = u16::try_from(filled.bytes.len() - start).expect("a nest is shorter than 64 KiB");
        filled.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled
    }

    /// Append a part for each of `items`.
    pub fn each<T>(self, items: impl IntoIterator<Item = T>, part: impl Fn(Self, T) -> Self) -> Self {
        items.into_iter().fold(self, part)
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn seal(&mut self, sequence: u32, more_flags: u16) {
        let length = u32::try_from(self.bytes.len()).expect("a message is shorter than 4 GiB");
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        let flags = u16::from_ne_bytes([self.bytes[6], self.bytes[7]]) | more_flags;
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    }
}

/// An answer's type and what follows its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Message type.
    pub kind: u16,
    /// Fixed part and attributes.
    pub payload: Vec<u8>,
}

/// What the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Position of the refused message in the batch.
    pub index: usize,
    /// Why.
    pub errno: Errno,
}

/// A netlink socket of the network namespace in which it was opened, wherever it is used later.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Open a socket for links, addresses and routes in the calling thread's network namespace.
    pub fn route() -> Result<Self> {
        Self::open(None, "NETLINK_ROUTE") // which is protocol 0
    }

    /// Open a socket for netfilter in the calling thread's network namespace.
    pub fn netfilter() -> Result<Self> {
        Self::open(Some(netlink::NETFILTER), "NETLINK_NETFILTER")
    }

    fn open(protocol: Option<Protocol>, name: &'static str) -> Result<Self> {
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
            .map_err(|errno| Error::new("socket", format!("AF_NETLINK, {name}"), errno))?;
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(TIMEOUT))
            .map_err(|errno| Error::new("setsockopt", "SO_RCVTIMEO", errno))?;
        Ok(Self { fd, sequence: 0 })
    }

    /// Send `messages` in one call and wait for the verdict on the last; the outer error is the socket's own.
    ///
    /// Routing messages are carried out one after the other up to the refused one; a netfilter batch as a whole or not.
    pub fn transact(&mut self, messages: Vec<Message>) -> Result<std::result::Result<(), Refused>> {
        self.send(messages, true, |_| ())
    }

    /// Ask one question (with [`DUMP`] for many answers) and collect the answers.
    pub fn ask(&mut self, question: Message) -> Result<std::result::Result<Vec<Answer>, Refused>> {
        let mut answers = Vec::new();
        let dump = u16::from_ne_bytes([question.bytes[6], question.bytes[7]]) & DUMP == DUMP;
        let verdict = self.send(vec![question], !dump, |answer| answers.push(answer))?;
        Ok(verdict.map(|()| answers))
    }

    fn send(
        &mut self,
        mut messages: Vec<Message>,
        acknowledge: bool,
        mut keep: impl FnMut(Answer),
    ) -> Result<std::result::Result<(), Refused>> {
        let first = self.sequence + 1;
        let mut buffer = Vec::with_capacity(messages.iter().map(|message| message.bytes.len()).sum());
        // Netfilter answers for the messages inside a batch, not for its end mark.
        let last = messages.iter().rposition(|message| message.bytes[4..6] != BATCH_END.to_ne_bytes()).unwrap_or(0);
        for (index, message) in messages.iter_mut().enumerate() {
            self.sequence += 1;
            message.seal(self.sequence, if acknowledge && index == last { ACK } else { 0 });
            buffer.extend_from_slice(&message.bytes);
        }
        let awaited = first + last as u32;
        rustix::net::send(&self.fd, &buffer, SendFlags::empty())
            .map_err(|errno| Error::new("sendto", format!("netlink, {} messages", messages.len()), errno))?;
        let mut buffer = vec![0; 32768];
        loop {
            let (length, _) = rustix::net::recv(&self.fd, &mut buffer[..], RecvFlags::empty())
                .map_err(|errno| Error::new("recvfrom", "netlink", errno))?;
            for (kind, sequence, payload) in split_messages(&buffer[..length]) {
                if sequence < first {
                    continue;
                }
                if kind != ERROR && kind != DONE {
                    keep(Answer { kind, payload: payload.to_vec() });
                } else if let Some(errno) = error_number(payload) {
                    return Ok(Err(Refused { index: (sequence - first) as usize, errno }));
                } else if sequence == awaited {
                    return Ok(Ok(()));
                }
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Type of the message that ends a netfilter batch (`NFNL_MSG_BATCH_END`).
pub const BATCH_END: u16 = 17;
/// Type of the message that begins one (`NFNL_MSG_BATCH_BEGIN`).
pub const BATCH_BEGIN: u16 = 16;

/// The errno in front of an error or done message; None for success.
fn error_number(payload: &[u8]) -> Option<Errno> {
    let number = i32::from_ne_bytes(*payload.first_chunk()?);
    (-4095..0).contains(&number).then(|| Errno::from_raw_os_error(-number))
}

/// Type, sequence number and payload of each message in a datagram; a message that claims more than there is ends it.
pub fn split_messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u32, &[u8])> {
    std::iter::from_fn(move || {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let sequence = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
        let payload = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, sequence, payload))
    })
}

/// Type and value of each attribute; one that claims more than there is ends the list.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header: &[u8; 4] = bytes.first_chunk()?;
        let length = u16::from_ne_bytes([header[0], header[1]]) as usize;
        let kind = u16::from_ne_bytes([header[2], header[3]]) & TYPE_MASK;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of type `wanted`.
pub fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GETLINK: u16 = 18;

    #[test]
    fn nested_attributes_read_back() {
        let message = Message::new(1, 0).nest(7, |m| m.text(1, "abc").nest(2, |m| m.number(3, 9))).number(8, 1);
        let body = &message.bytes[HEADER..];
        let nest = attribute(body, 7).expect("there");
        assert_eq!(attribute(nest, 1), Some(&b"abc\0"[..]));
        assert_eq!(attribute(attribute(nest, 2).expect("there"), 3), Some(&9u32.to_ne_bytes()[..]));
        assert_eq!(attribute(body, 8), Some(&1u32.to_ne_bytes()[..]));
        assert_eq!(attribute(body, 9), None);
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for bytes in [&[255, 255, 1, 0, 0][..], &[3, 0, 1, 0], &[0, 0, 0, 0], &[4]] {
            assert_eq!(attributes(bytes).filter(|(_, value)| !value.is_empty()).count(), 0, "{bytes:?}");
        }
    }

    #[test]
    fn the_kernel_answers_and_refuses() {
        let mut socket = Socket::route().expect("netlink");
        let links = socket.ask(Message::new(GETLINK, DUMP).fixed(&[0; 16])).expect("socket").expect("links");
        assert!(!links.is_empty(), "a namespace has at least its loopback");
        let missing = Message::new(GETLINK, 0).fixed(&[0; 16]).text(3, "no-such-link");
        let refused = socket.ask(missing).expect("socket").expect_err("no such link");
        assert_eq!(refused, Refused { index: 0, errno: Errno::NODEV });
    }
}
