//! The conversation between the parent and the child of a start: one message per packet, over a socket pair.
//!
//! The socket closes on `execve`. An end of file after *go* therefore says that the user's program runs; before, that the
//! other side is gone. The first byte of a packet is its meaning, the rest its text; a descriptor travels beside
//! *network*, *born* and *prepared*.

use crate::error::{Error, Result};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Longest packet. An error's texts are cut until it fits.
const PACKET_SIZE: usize = 8192;

/// What one side tells the other.
#[derive(Debug)]
pub enum Message {
    /// Child, before all else: its new network namespace. Its parent may lack the right to open it through /proc.
    Network(OwnedFd),
    /// A child that forked once more: the process that will be the container's first, which is the parent's child too.
    Born(OwnedFd),
    /// Parent: the ids of the user namespace are mapped.
    Ready,
    /// Child: the mounts stand, the root is not yet changed; parent: hooks of that moment are done.
    Midway,
    /// Child: all is done that can be done before *go*; with the terminal's master end, where there is one.
    Prepared(Option<OwnedFd>),
    /// Parent: execute the user's program.
    Go,
    /// Child: something was not done as asked.
    Warning(String),
    /// Child: the set-up failed; nothing follows.
    Failed(Error),
}

/// One end.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Make both ends.
    pub fn pair() -> Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| Error::pathless("make the start channel", errno))?;
        Ok((Self(one), Self(other)))
    }

    /// Use a connected socket.
    pub fn over(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Send one message; its descriptor is lent for the call.
    pub fn send(&self, message: &Message) -> rustix::io::Result<()> {
        let (tag, text, fd) = match message {
            Message::Network(namespace) => (b'N', String::new(), Some(namespace.as_fd())),
            Message::Born(process) => (b'B', String::new(), Some(process.as_fd())),
            Message::Ready => (b'R', String::new(), None),
            Message::Midway => (b'M', String::new(), None),
            Message::Prepared(terminal) => (b'P', String::new(), terminal.as_ref().map(AsFd::as_fd)),
            Message::Go => (b'G', String::new(), None),
            Message::Warning(text) => (b'W', text.clone(), None),
            Message::Failed(error) => (b'F', report(error), None),
        };
        self.send_packet(tag, text.as_bytes(), fd)
    }

    fn send_packet(&self, tag: u8, text: &[u8], fd: Option<BorrowedFd<'_>>) -> rustix::io::Result<()> {
        let text = &text[..text.len().min(PACKET_SIZE - 1)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        }
        sendmsg(&self.0, &[IoSlice::new(&[tag]), IoSlice::new(text)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Wait for one message; `None` when the other side is closed.
    pub fn receive(&self) -> Result<Option<Message>> {
        let mut buffer = [0; PACKET_SIZE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                // The other side has ended without reading all we sent. The kernel says so once, and before it gives out
                // what that side has sent, which may be its error.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                other => break other.map_err(|errno| Error::pathless("read the start channel", errno))?,
            }
        };
        let fd = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let Some((tag, text)) = buffer[..received.bytes].split_first() else { return Ok(None) };
        parse(*tag, text, fd).map(Some)
    }
}

/// An error as JSON that fits into a packet: its longest texts are cut, and a path that is no UTF-8 is made so.
fn report(error: &Error) -> String {
    let fits = |text: &String| text.len() < PACKET_SIZE;
    let cut = |length| serde_json::to_string(&error.shortened(length)).ok();
    // Escaped, a character may need six bytes, and there are at most three texts.
    let shorter = || [2048, 512, 128].into_iter().filter_map(cut).find(fits);
    serde_json::to_string(error).ok().filter(fits).or_else(shorter).unwrap_or_default()
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn parse(tag: u8, text: &[u8], fd: Option<OwnedFd>) -> Result<Message> {
    let sent = || Error::Died { how: format!("no descriptor came with `{}`", char::from(tag)) };
    Ok(match tag {
        b'N' => Message::Network(fd.ok_or_else(sent)?),
        b'B' => Message::Born(fd.ok_or_else(sent)?),
        b'R' => Message::Ready,
        b'M' => Message::Midway,
        b'P' => Message::Prepared(fd),
        b'G' => Message::Go,
        b'W' => Message::Warning(String::from_utf8_lossy(text).into_owned()),
        b'F' => {
            Message::Failed(serde_json::from_slice(text).unwrap_or_else(|_| Error::Died {
                how: format!("unreadable report {:?}", String::from_utf8_lossy(text)),
            }))
        }
        _ => return Err(Error::Died { how: format!("unknown message {tag:#x}") }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_text_errors_and_descriptors() {
        let (parent, child) = Channel::pair().expect("socket pair");
        child.send(&Message::Warning("clamped".into())).expect("sends");
        let error = Error::step("mount", "/x", Errno::NOENT);
        child.send(&Message::Failed(error.clone())).expect("sends");
        let terminal = std::fs::File::open("/dev/null").expect("opens").into();
        child.send(&Message::Prepared(Some(terminal))).expect("sends");
        assert!(matches!(parent.receive(), Ok(Some(Message::Warning(text))) if text == "clamped"));
        assert!(matches!(parent.receive(), Ok(Some(Message::Failed(got))) if got == error));
        assert!(matches!(parent.receive(), Ok(Some(Message::Prepared(Some(_))))));
        drop(child);
        assert!(matches!(parent.receive(), Ok(None)));
    }

    #[test]
    fn an_error_of_any_length_arrives() {
        use std::os::unix::ffi::OsStrExt;
        let (parent, child) = Channel::pair().expect("socket pair");
        let long = |text: &str| text.repeat(20_000);
        let errors = [
            Error::step("mount", long("/dir"), Errno::NAMETOOLONG).with_detail(long("\u{1}")),
            Error::CommandNotFound { command: long("é"), reason: long("\"") },
            Error::Hook { moment: "prestart".into(), path: long("/h").into(), reason: long("\n") },
            Error::UnsafePath { path: std::ffi::OsStr::from_bytes(b"/x\xff").into(), reason: "no".into() },
            Error::unsupported(long("x"), Some(&long("y"))),
            Error::invalid(long("\u{7f}\u{0}")),
        ];
        for error in errors {
            child.send(&Message::Failed(error.clone())).expect("sends");
            let Ok(Some(Message::Failed(got))) = parent.receive() else { panic!("{error:?}") };
            assert_eq!(got.kind(), error.kind());
            let beginning = |error: &Error| error.to_string().chars().take(100).collect::<String>();
            assert_eq!(beginning(&got), beginning(&error));
        }
    }

    #[test]
    fn a_last_word_arrives_though_its_sender_read_nothing() {
        let (parent, child) = Channel::pair().expect("socket pair");
        parent.send(&Message::Ready).expect("sends");
        child.send(&Message::Warning("last".into())).expect("sends");
        drop(child);
        assert!(matches!(parent.receive(), Ok(Some(Message::Warning(text))) if text == "last"));
        assert!(matches!(parent.receive(), Ok(None)));
    }
}
