//! Rebuild a layer's tar, byte for byte, from its files and its tar-split file.

use crate::crc64::Crc64;
use crate::error::{Error, Name};
use crate::names;
use crate::tarsplit::{self, Item};
use crate::tree::{Tree, fail};
use libpod_sys::fs::Resolver;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

/// The tar of a layer as a stream. An error of [`Read`] carries an [`Error`] inside.
pub struct Rebuild {
    items: tarsplit::Reader<File>,
    trees: Vec<Tree>,
    part: Part,
    path: Vec<u8>,
}

/// What the next bytes come from.
enum Part {
    None,
    Segment { bytes: Vec<u8>, used: usize },
    File { file: File, left: u64, crc: Crc64, wanted: u64, name: Vec<u8> },
}

/// Rebuild the tar that was applied, from its directories (the layer's own first, then those below that an id-mapped copy rests
/// on) and its tar-split file.
///
/// Every file's CRC-64 is checked: a file that was changed or is missing ends the stream with an error. Whoever needs certainty
/// compares the sha256 of what comes out with the layer's diff id.
pub fn rebuild(diffs: Vec<OwnedFd>, tar_split: File) -> Result<Rebuild, Error> {
    let open = |directory: &OwnedFd| {
        Tree::new(directory.as_fd(), Resolver::Auto)
            .map_err(|source| Error::Target { step: "use the layer's directory", source })
    };
    let trees = diffs.iter().map(open).collect::<Result<_, _>>()?;
    Ok(Rebuild { items: tarsplit::Reader::new(tar_split), trees, part: Part::None, path: Vec::new() })
}

impl Rebuild {
    /// Fill `buffer` from the current part; 0 where a new part is needed.
    fn read_part(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        match &mut self.part {
            Part::None => Ok(0),
            Part::Segment { bytes, used } => {
                let count = buffer.len().min(bytes.len() - *used);
                buffer[..count].copy_from_slice(&bytes[*used..*used + count]);
                *used += count;
                Ok(count)
            }
            Part::File { left: 0, crc, wanted, name, .. } => {
                let result = tarsplit::verify(name, *crc, *wanted);
                self.part = Part::None;
                result.map(|()| 0)
            }
            Part::File { file, left, crc, name, .. } => {
                let room = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
                let count = file.read(&mut buffer[..room]).map_err(|error| read_error(name, &error))?;
                if count == 0 {
                    return Err(Error::Changed { entry: Name::new(name) });
                }
                crc.update(&buffer[..count]);
                *left -= count as u64;
                Ok(count)
            }
        }
    }

    /// Go on to the next part; false at the end.
    fn next_part(&mut self) -> Result<bool, Error> {
        match self.items.next()? {
            None => return Ok(false),
            Some(Item::Segment(bytes)) => self.part = Part::Segment { bytes, used: 0 },
            Some(Item::File { size: 0, .. }) => {}
            Some(Item::File { name, size, crc }) => {
                let file = self.open(&name)?;
                let length = file.metadata().map_err(|error| read_error(&name, &error))?.len();
                if length != size {
                    return Err(Error::Changed { entry: Name::new(&name) });
                }
                self.part = Part::File { file, left: size, crc: Crc64::default(), wanted: crc, name };
            }
        }
        Ok(true)
    }

    fn open(&mut self, name: &[u8]) -> Result<File, Error> {
        names::clean(name, &mut self.path)?;
        for tree in &mut self.trees {
            let opened = tree.open_file(&self.path).map_err(|source| {
                let entry = Name::new(name);
                Error::Entry { entry, step: "open the file", source }
            })?;
            if let Some(file) = opened {
                return Ok(file.into());
            }
        }
        Err(Error::Missing { entry: Name::new(name) })
    }
}

fn read_error(name: &[u8], error: &io::Error) -> Error {
    let errno = rustix::io::Errno::from_io_error(error).unwrap_or(rustix::io::Errno::IO);
    Error::Entry { entry: Name::new(name), step: "read the file", source: fail("read", name, errno) }
}

impl Read for Rebuild {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.read_part(buffer).map_err(io::Error::other)?;
            if count > 0 {
                return Ok(count);
            }
            if !self.next_part().map_err(io::Error::other)? {
                return Ok(0);
            }
        }
    }
}
