//! Rebuild a layer's tar, byte for byte, from its files and its tar-split file.
//!
//! Files are opened, and their reading begun, before it is their turn: most files of a layer are smaller than what a disk brings
//! while it looks for the next.

use crate::crc64::Crc64;
use crate::error::{Error, Name};
use crate::names;
use crate::tarsplit::{self, Item};
use crate::tree::{Tree, fail};
use libpod_sys::fs::Resolver;
use rustix::fs::{Advice, fadvise};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};

/// Parts that may wait for their turn. A file among them is open.
const AHEAD: usize = 48;

/// Bytes of the parts that wait, be they in memory or asked of the disk.
const AHEAD_BYTES: u64 = 4 << 20;

/// The tar of a layer as a stream. An error of [`Read`] carries an [`Error`] inside.
pub struct Rebuild {
    items: tarsplit::Reader<File>,
    trees: Vec<Tree>,
    part: Part,
    /// What comes after `part`; after an error nothing is added.
    ahead: VecDeque<Result<Part, Error>>,
    ahead_bytes: u64,
    /// All items are in `ahead`.
    is_read: bool,
    path: Vec<u8>,
}

/// What the next bytes come from.
enum Part {
    None,
    Segment { bytes: Vec<u8>, used: usize },
    File { file: File, left: u64, crc: Crc64, wanted: u64, name: Vec<u8> },
}

impl Part {
    /// Its share of [`AHEAD_BYTES`].
    fn weight(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Segment { bytes, .. } => bytes.len() as u64,
            Self::File { left, .. } => (*left).min(AHEAD_BYTES),
        }
    }
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
    Ok(Rebuild {
        items: tarsplit::Reader::new(tar_split),
        trees,
        part: Part::None,
        ahead: VecDeque::new(),
        ahead_bytes: 0,
        is_read: false,
        path: Vec::new(),
    })
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
        self.look_ahead();
        let Some(part) = self.ahead.pop_front() else { return Ok(false) };
        let part = part?;
        self.ahead_bytes -= part.weight();
        self.part = part;
        Ok(true)
    }

    /// Have as much wait as may.
    fn look_ahead(&mut self) {
        while !self.is_read && self.ahead.len() < AHEAD && self.ahead_bytes < AHEAD_BYTES {
            let Some(part) = self.prepare().transpose() else {
                self.is_read = true;
                return;
            };
            self.is_read = part.is_err();
            self.ahead_bytes += part.as_ref().map_or(0, Part::weight);
            self.ahead.push_back(part);
        }
    }

    /// The next part that has bytes; the reading of a file is begun.
    fn prepare(&mut self) -> Result<Option<Part>, Error> {
        let (name, size, crc) = loop {
            match self.items.next()? {
                None => return Ok(None),
                Some(Item::Segment(bytes)) => return Ok(Some(Part::Segment { bytes, used: 0 })),
                Some(Item::File { size: 0, .. }) => {}
                Some(Item::File { name, size, crc }) => break (name, size, crc),
            }
        };
        let file = self.open(&name)?;
        let length = file.metadata().map_err(|error| read_error(&name, &error))?.len();
        if length != size {
            return Err(Error::Changed { entry: Name::new(&name) });
        }
        // A hint: what it cannot do, reading does.
        let _ = fadvise(&file, 0, NonZeroU64::new(size.min(AHEAD_BYTES)), Advice::WillNeed);
        Ok(Some(Part::File { file, left: size, crc: Crc64::default(), wanted: crc, name }))
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
