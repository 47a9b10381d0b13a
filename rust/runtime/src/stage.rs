//! What the child of a start carries from step to step.

use crate::channel::{Channel, Message};
use crate::error::{Error, Result};
use crate::mounting::{Mounter, Tree};
use crate::rootdir::RootDir;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// The state of the child.
#[derive(Debug)]
pub struct Stage {
    /// How mounts are made.
    pub mounter: Mounter,
    /// Sources of binds, opened before anything could hide them.
    pub sources: Vec<Source>,
    /// The master end of the container's terminal.
    pub terminal: Option<OwnedFd>,
    root: Option<RootDir>,
    channel: Channel,
}

/// The source of a bind.
#[derive(Debug)]
pub enum Source {
    /// What the path names; the mount is copied when it is bound.
    Place(OwnedFd),
    /// A copy made before the mount it came from was made private: it still shares its mounts with the host.
    Copy(Option<Tree>),
}

impl Stage {
    /// Start with the child's end of the channel.
    pub fn new(mounter: Mounter, channel: Channel) -> Self {
        Self { mounter, sources: Vec::new(), terminal: None, root: None, channel }
    }

    /// The container's root; an error before it is mounted.
    pub fn root(&self) -> Result<&RootDir> {
        self.root.as_ref().ok_or_else(|| Error::invalid("a step needs the root before it is mounted"))
    }

    /// Keep the mounted root.
    pub fn set_root(&mut self, root: RootDir) {
        self.root = Some(root);
    }

    /// Tell the parent of something that was not done as asked.
    pub fn warn(&self, text: impl Into<String>) {
        // A parent that is gone shows at the next wait.
        let _ = self.channel.send(&Message::Warning(text.into()));
    }

    /// Wait until the ids of the user namespace are mapped.
    pub fn await_ready(&mut self) -> Result<()> {
        self.expect(|message| matches!(message, Message::Ready))
    }

    /// Tell the parent that the moment of its hooks has come, and wait for them.
    pub fn pause_midway(&mut self) -> Result<()> {
        self.send(&Message::Midway)?;
        self.expect(|message| matches!(message, Message::Midway))
    }

    /// Report that all is prepared, and wait for *go*: over the channel, or over the first connection to `listener`.
    pub fn await_go(&mut self, listener: Option<&OwnedFd>) -> Result<()> {
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

    fn send(&self, message: &Message) -> Result<()> {
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
