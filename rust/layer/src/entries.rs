//! Read one layer without writing anything.

use crate::error::{Error, Name};
use crate::tar::{Entry, Parser, Step};
use std::io::{self, Read};

/// Bytes that are read at a time; a multiple of the tar block.
const BUFFER: usize = 256 * 1024;

/// The entries of an uncompressed tar, one after another.
///
/// Nothing is judged here: duplicates, whiteouts and names that lead outside come as they stand in the tar.
pub struct Entries<R: Read> {
    source: R,
    parser: Parser,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Stored bytes of the current entry that were read, and bytes of the file that they and the holes made.
    stored: u64,
    position: u64,
}

impl<R: Read> Entries<R> {
    /// Read the tar that `source` streams. For a compressed blob, put [`crate::decoder`] before.
    pub fn new(source: R) -> Self {
        Self { source, parser: Parser::new(), buffer: vec![0; BUFFER], start: 0, end: 0, stored: 0, position: 0 }
    }

    /// Go to the next entry, past whatever is left of the current one; false at the end.
    pub fn advance(&mut self) -> Result<bool, Error> {
        loop {
            match self.parser.step(&self.buffer[self.start..self.end])? {
                Step::Framing(length) | Step::Content { length, .. } => self.start += length,
                Step::Entry(length) => {
                    self.start += length;
                    (self.stored, self.position) = (0, 0);
                    return Ok(true);
                }
                Step::More => {
                    if !self.fill()? {
                        return self.parser.finish(self.end - self.start).map(|()| false);
                    }
                }
            }
        }
    }

    /// The current entry; before the first [`Entries::advance`] it is empty.
    pub fn entry(&self) -> &Entry {
        self.parser.entry()
    }

    /// Move what is left to the front and read more; false at the end of the source.
    fn fill(&mut self) -> Result<bool, Error> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let count = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(Error::Source)?,
            }
        };
        self.end += count;
        Ok(count > 0)
    }

    /// Stored bytes of the current entry, without its holes.
    fn read_stored(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        while self.stored < self.parser.entry().stored {
            let available = &self.buffer[self.start..self.end];
            let room = available.len().min(buffer.len());
            match self.parser.step(&available[..room])? {
                Step::Content { length, .. } => {
                    buffer[..length].copy_from_slice(&available[..length]);
                    self.start += length;
                    self.stored += length as u64;
                    return Ok(length);
                }
                _ if room < available.len() => return Ok(0),
                _ => {
                    if !self.fill()? {
                        let entry = Some(Name::new(&self.parser.entry().name));
                        return Err(Error::Truncated { offset: self.parser.offset(), entry });
                    }
                }
            }
        }
        Ok(0)
    }

    fn read_file(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let entry = self.parser.entry();
        let left = usize::try_from(entry.size - self.position).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = &mut buffer[..left];
        let (offset, room) = match &entry.sparse {
            None => (self.position, u64::MAX),
            Some(sparse) => sparse.locate(self.stored),
        };
        let count = if offset > self.position {
            let hole = usize::try_from(offset - self.position).map_or(buffer.len(), |hole| hole.min(buffer.len()));
            buffer[..hole].fill(0);
            hole
        } else {
            let room = usize::try_from(room).map_or(buffer.len(), |room| room.min(buffer.len()));
            self.read_stored(&mut buffer[..room])?
        };
        self.position += count as u64;
        Ok(count)
    }
}

/// The content of the current entry, holes filled with zeros; ends with the entry.
impl<R: Read> Read for Entries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.read_file(buffer).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tar;

    #[test]
    fn content_may_be_read_in_part_or_not_at_all() {
        let big: Vec<u8> = (0..700_000_u32).map(|index| (index % 251) as u8).collect();
        let tar = Tar::new().file("a", b"first").file("b", &big).symlink("c", "a").file("a", b"again").build();
        let mut entries = Entries::new(tar.as_slice());
        assert!(entries.advance().unwrap());
        assert!(entries.advance().unwrap());
        let mut start = [0; 1000];
        entries.read_exact(&mut start).unwrap();
        assert_eq!(start, big[..1000]);
        assert!(entries.advance().unwrap());
        assert_eq!(entries.entry().link, b"a");
        assert_eq!(io::read_to_string(&mut entries).unwrap(), "");
        assert!(entries.advance().unwrap());
        assert_eq!(entries.entry().name, b"a");
        assert_eq!(io::read_to_string(&mut entries).unwrap(), "again");
        assert!(!entries.advance().unwrap());

        let mut entries = Entries::new(tar.as_slice());
        while entries.advance().unwrap() && entries.entry().name != b"b" {}
        let mut whole = Vec::new();
        entries.read_to_end(&mut whole).unwrap();
        assert!(whole == big);
    }

    #[test]
    fn a_tar_that_ends_inside_a_file_is_an_error_for_the_reader_of_the_file() {
        let tar = Tar::new().file("a", &[1; 5000]).build();
        let mut entries = Entries::new(&tar[..tar.len() - 4096]);
        entries.advance().unwrap();
        assert!(entries.read_to_end(&mut Vec::new()).is_err());
    }
}
