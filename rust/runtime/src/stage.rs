//! What the child of a start carries from step to step.

use crate::birth::hide;
use crate::channel::{Channel, Message};
use crate::error::{Error, Result};
use crate::mounting::{Mounter, Tree, mount_id};
use crate::rootdir::RootDir;
use libpod_sys::process::close_all_but;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The state of the child.
#[derive(Debug)]
pub struct Stage {
    /// How mounts are made.
    pub mounter: Mounter,
    /// Sources of binds, opened before anything could hide them; each is taken by its bind.
    pub sources: Vec<Option<Source>>,
    /// Sources that the parent has opened, in the order of the steps that take them.
    handed: VecDeque<Tree>,
    /// The master end of the container's terminal.
    pub terminal: Option<OwnedFd>,
    /// The mounted empty directory that hides others, once there is one.
    pub empty: Option<OwnedFd>,
    root: Option<RootDir>,
    /// The mounts that came into being with this container: its root, and new file systems. Nothing else is on them.
    own_mounts: Vec<u64>,
    channel: Channel,
    /// Descriptors that stay open to the end: those that the program inherits, and the socket that *go* comes from.
    kept: Vec<RawFd>,
}

/// The source of a bind.
#[derive(Debug)]
pub enum Source {
    /// What the path names; the mount is copied when it is bound.
    Place(OwnedFd),
    /// A copy made before the mount it came from was made private: it still shares its mounts with the host.
    Copy(Tree),
}

impl AsRawFd for Source {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Place(place) => place.as_raw_fd(),
            Self::Copy(tree) => tree.as_raw_fd(),
        }
    }
}

impl Stage {
    /// Start with the child's end of the channel, and the descriptors that stay open besides the standard ones.
    pub fn new(mounter: Mounter, channel: Channel, kept: Vec<RawFd>) -> Self {
        Self {
            mounter,
            sources: Vec::new(),
            handed: VecDeque::new(),
            terminal: None,
            empty: None,
            root: None,
            own_mounts: Vec::new(),
            channel,
            kept,
        }
    }

    /// Take over the sources that the parent has opened.
    #[must_use]
    pub fn with_sources(mut self, handed: Vec<Tree>) -> Self {
        self.handed = handed.into();
        self
    }

    /// Put the next one of them among the sources.
    pub fn take_source(&mut self) -> Result<()> {
        let tree = self.handed.pop_front().ok_or_else(|| Error::invalid("a bind without its source"))?;
        self.sources.push(Some(Source::Copy(tree)));
        Ok(())
    }

    /// Hide from other processes, and close every descriptor but the standard ones, the channel, those kept, what the steps still
    /// need, and `also`. The first act of a child, and done again before each wait and each hook.
    pub fn withdraw(&self, also: &[RawFd]) -> Result<()> {
        hide()?;
        let mut allowed = vec![0, 1, 2, self.channel.as_fd().as_raw_fd()];
        allowed.extend(&self.kept);
        allowed.extend(also);
        allowed.extend(self.root.as_ref().map(|root| root.as_fd().as_raw_fd()));
        allowed.extend(self.terminal.as_ref().map(AsRawFd::as_raw_fd));
        allowed.extend(self.empty.as_ref().map(AsRawFd::as_raw_fd));
        allowed.extend(self.handed.iter().map(AsRawFd::as_raw_fd));
        allowed.extend(self.sources.iter().flatten().map(AsRawFd::as_raw_fd));
        close_all_but(&allowed).map_err(|error| Error::call("close descriptors", &error))
    }

    /// The container's root; an error before it is mounted.
    pub fn root(&self) -> Result<&RootDir> {
        self.root.as_ref().ok_or_else(|| Error::invalid("a step needs the root before it is mounted"))
    }

    /// Keep the mounted root.
    pub fn set_root(&mut self, root: RootDir) -> Result<()> {
        self.own(root.as_fd()).map_err(|errno| Error::step("find the mount of", "/", errno))?;
        self.root = Some(root);
        Ok(())
    }

    /// Remember that the mount of `fd` is the container's own.
    pub fn own(&mut self, fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
        self.own_mounts.push(mount_id(fd)?);
        Ok(())
    }

    /// Whether `fd` lies on a file system of the container's own; others belong to the host, and nothing is to be made on them.
    pub fn is_own(&self, fd: BorrowedFd<'_>) -> rustix::io::Result<bool> {
        Ok(self.own_mounts.contains(&mount_id(fd)?))
    }

    /// Tell the parent of something that was not done as asked.
    pub fn warn(&self, text: impl Into<String>) {
        // A parent that is gone shows at the next wait.
        let _ = self.channel.send(&Message::Warning(text.into()));
    }

    /// Wait until the ids of the user namespace are mapped.
    pub fn await_ready(&mut self) -> Result<()> {
        self.withdraw(&[])?;
        self.expect(|message| matches!(message, Message::Ready))
    }

    /// Tell the parent that the moment of its hooks has come, and wait for them.
    pub fn pause_midway(&mut self) -> Result<()> {
        self.withdraw(&[])?;
        self.send(&Message::Midway)?;
        self.expect(|message| matches!(message, Message::Midway))
    }

    /// Report that all is prepared, and wait for *go*: over the channel, or over the first connection to `listener`.
    ///
    /// Whoever shares the container with this process may look at it as long as it waits: the root is closed first, and the user may
    /// have changed since the process last hid.
    pub fn await_go(&mut self, listener: Option<&OwnedFd>) -> Result<()> {
        self.root = None;
        self.empty = None;
        self.sources.clear();
        self.withdraw(&[])?;
        let terminal = self.terminal.take();
        self.send(&Message::Prepared(terminal))?;
        if let Some(listener) = listener {
            let socket = loop {
                match rustix::net::accept_with(listener, rustix::net::SocketFlags::CLOEXEC) {
                    Err(Errno::INTR | Errno::CONNABORTED) => {}
                    other => break other.map_err(|errno| Error::pathless("wait for the start", errno))?,
                }
            };
            self.channel = Channel::over(socket);
        }
        self.expect(|message| matches!(message, Message::Go))
    }

    /// Report what went wrong.
    pub fn fail(&self, error: Error) {
        // A parent that is gone has nobody to tell.
        let _ = self.channel.send(&Message::Failed(error));
    }

    /// Tell the parent something.
    pub fn send(&self, message: &Message) -> Result<()> {
        self.channel.send(message).map_err(|errno| Error::pathless("report to the parent", errno))
    }

    fn expect(&self, wanted: impl Fn(&Message) -> bool) -> Result<()> {
        match self.channel.receive()? {
            Some(message) if wanted(&message) => Ok(()),
            Some(message) => Err(Error::Died { how: format!("unexpected message {message:?}") }),
            None => Err(Error::Died { how: "the parent has gone away".into() }),
        }
    }
}
