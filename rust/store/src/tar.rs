//! A layer as a tar again: byte for byte where its tar-split is kept, made new where it is not.

use crate::error::{AtPath, Error, Result};
use crate::file;
use crate::layers::{is_privileged, xattr_prefix};
use crate::name::Id;
use crate::record::Layer;
use crate::store::Store;
use libpod_layer as layer;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread::JoinHandle;

impl Store {
    /// The uncompressed tar of a layer; its digest is the diff id where the layer has one.
    ///
    /// Everything is opened before this returns and no lock is held while it is read: a layer that is deleted meanwhile
    /// makes the reader fail.
    pub fn layer_tar(&self, id: &str) -> Result<Box<dyn Read + Send>> {
        let record = self.layer(id)?;
        let layer_id = Id::parse(id)?;
        let path = self.find_tar_split(&layer_id);
        match file::open(&path, OFlags::RDONLY, 0) {
            Ok(tar_split) => Ok(Box::new(layer::rebuild(self.content_directories(&layer_id, &record)?, tar_split)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.diff_tar(id),
            Err(error) => Err(Error::io("open", path, &error)),
        }
    }

    /// A new tar of what is in the layer's own content directory: of a container, what it changed.
    pub(crate) fn diff_tar(&self, id: &str) -> Result<Box<dyn Read + Send>> {
        self.layer(id)?;
        let upper = open_directory(&self.tree.diff(&Id::parse(id)?))?;
        stream(upper)
    }

    /// Where the bytes of a layer's files are: its own directory, and for an id-mapped copy those below it as well.
    fn content_directories(&self, id: &Id, record: &Layer) -> Result<Vec<OwnedFd>> {
        let mut directories = vec![open_directory(&self.tree.diff(id))?];
        let older = self.tree.older_contents(id);
        if !older.is_empty() || !record.uid_map.is_empty() {
            for path in older {
                directories.push(open_directory(&path)?);
            }
            for lower in self.tree.lower_ids(id)? {
                directories.push(open_directory(&self.tree.diff(&lower))?);
            }
        }
        Ok(directories)
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).at("open", path)
}

/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// A reader of the tar that a thread of its own makes; an error in there is the reader's error.
struct Made {
    pipe: File,
    maker: Option<JoinHandle<std::result::Result<(), layer::Error>>>,
}

fn stream(upper: OwnedFd) -> Result<Box<dyn Read + Send>> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|errno| Error::os("create", "a pipe", errno))?;
    let options = layer::DiffOptions { xattr_prefix: xattr_prefix(is_privileged()) };
    let maker = std::thread::spawn(move || {
        layer::diff(upper.as_fd(), &mut BufWriter::with_capacity(PIPE_BYTES, File::from(writer)), &options)
    });
    Ok(Box::new(Made { pipe: File::from(reader), maker: Some(maker) }))
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.pipe.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            if let Some(maker) = self.maker.take() {
                let made = maker.join().map_err(|_| std::io::Error::other("the thread that makes the tar panicked"))?;
                made.map_err(std::io::Error::other)?;
            }
        }
        Ok(count)
    }
}
