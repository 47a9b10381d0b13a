//! The lines of a log file, each as an entry or as something else, read a part at a time.
//!
//! A line may be longer than memory: a damaged log, or one of another program. So an entry comes in pieces, and the last lines are
//! looked for from the end of the file without keeping what was passed. Start at [`Lines`].

use super::Stream;
use crate::clock::Moment;
use libpod_sys::file::open_regular;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// What is read at once.
const CHUNK: usize = 64 * 1024;
/// More than the time, the stream and the tag of an entry take.
const HEADER_MAX: usize = 128;
/// As much is told of a line that is no entry.
const SAMPLE: usize = 60;

/// What stands before the text of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// When it was written.
    pub moment: Moment,
    /// Which output it came from.
    pub stream: Stream,
    /// Whether the line goes on in a later entry.
    pub partial: bool,
}

impl Header {
    /// Read the beginning of a line; also answers how long the header is. `None`: the line is no entry.
    ///
    /// As for Podman every tag but `P` is that of a whole line.
    pub fn parse(line: &[u8]) -> Option<(Self, usize)> {
        let line = &line[..line.len().min(HEADER_MAX)];
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let moment = Moment::parse(std::str::from_utf8(fields.next()?).ok()?)?;
        let stream = match fields.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let partial = fields.next()? == b"P";
        let text = fields.next()?;
        Some((Self { moment, stream, partial }, line.len() - text.len()))
    }
}

/// A line of a log, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text of an entry.
    Entry {
        /// Of its entry.
        header: Header,
        /// The text, without the line's end.
        text: &'a [u8],
        /// Does the entry begin with it?
        is_first: bool,
        /// Does the entry end with it?
        is_last: bool,
    },
    /// A line that is no entry.
    Malformed {
        /// Where it begins.
        offset: u64,
        /// Its beginning.
        text: &'a [u8],
    },
}

/// Where in the file the reader is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Between two lines.
    Between,
    /// In the text of a long entry.
    Inside(Header),
    /// In a long line that is no entry.
    Outside,
}

/// The lines of a growing file.
pub struct Lines {
    file: File,
    buffer: Vec<u8>,
    /// What of the buffer was given out.
    start: usize,
    /// Where in the file the buffer begins.
    offset: u64,
    place: Place,
}

impl Lines {
    /// Read a log from its beginning.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        Ok(Self { file, buffer: Vec::new(), start: 0, offset: 0, place: Place::Between })
    }

    /// The next piece. None at the end of the file; the beginning of a line that has no end yet is kept, unless it is long.
    pub fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            let rest = &self.buffer[self.start..];
            let newline = rest.iter().position(|byte| *byte == b'\n');
            if newline.is_none() && (rest.is_empty() || matches!(self.place, Place::Between) && rest.len() < CHUNK) {
                if !self.fill()? {
                    return Ok(None);
                }
                continue;
            }
            if matches!(self.place, Place::Outside) {
                self.start += newline.map_or(rest.len(), |newline| newline + 1);
                if newline.is_some() {
                    self.place = Place::Between;
                }
                continue;
            }
            return Ok(Some(self.take(newline)));
        }
    }

    /// Give out the rest of the buffer, up to `newline` if there is one.
    fn take(&mut self, newline: Option<usize>) -> Piece<'_> {
        let (from, to) = (self.start, newline.map_or(self.buffer.len(), |newline| self.start + newline));
        self.start = to + usize::from(newline.is_some());
        let piece = piece(&self.buffer[from..to], self.place, newline.is_some(), self.offset + from as u64);
        self.place = match (&piece, newline) {
            (_, Some(_)) => Place::Between,
            (Piece::Entry { header, .. }, None) => Place::Inside(*header),
            (Piece::Malformed { .. }, None) => Place::Outside,
        };
        piece
    }

    /// What the file ends with if its last line has no end.
    pub fn end(&mut self) -> Option<Piece<'_>> {
        let (from, place) = (self.start, self.place);
        self.start = self.buffer.len();
        let rest = &self.buffer[from..];
        match place {
            Place::Between if rest.is_empty() => None,
            Place::Outside => None,
            place => Some(piece(rest, place, true, self.offset + from as u64)),
        }
    }

    /// Read more; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept + CHUNK, 0);
        let count = self.file.read(&mut self.buffer[kept..]);
        self.buffer.truncate(kept + count.as_ref().map_or(0, |count| *count));
        Ok(count? > 0)
    }

    /// The file that has taken the place of this one, to which nothing is written any more then.
    pub fn successor(&self, path: &Path) -> io::Result<Option<Self>> {
        let next = match Self::open(path) {
            Ok(next) => next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (this, other) = (self.file.metadata()?, next.file.metadata()?);
        Ok(((this.dev(), this.ino()) != (other.dev(), other.ino())).then_some(next))
    }

    /// Go to the first of the last `count` lines, whose entries may be many. Lines that are no entries do not count.
    pub fn seek_to_tail(&mut self, count: u64) -> io::Result<()> {
        self.offset = tail_offset(&self.file, count)?;
        self.file.seek(SeekFrom::Start(self.offset)).map(drop)
    }
}

/// A line, or the part of one that is in the buffer.
fn piece(text: &[u8], place: Place, is_last: bool, offset: u64) -> Piece<'_> {
    match place {
        Place::Inside(header) => Piece::Entry { header, text, is_first: false, is_last },
        Place::Between | Place::Outside => match Header::parse(text) {
            Some((header, length)) => Piece::Entry { header, text: &text[length..], is_first: true, is_last },
            None => Piece::Malformed { offset, text: &text[..text.len().min(SAMPLE)] },
        },
    }
}

/// Where the last `count` lines begin; what stands after the last line's end does not count.
fn tail_offset(file: &File, count: u64) -> io::Result<u64> {
    let mut newlines = Backwards::new(file)?;
    let Some(mut end) = newlines.previous()? else { return Ok(0) };
    if count == 0 {
        return Ok(end + 1);
    }
    let mut seen = 0;
    loop {
        let before = newlines.previous()?;
        let begin = before.map_or(0, |newline| newline + 1);
        let mut header = [0; HEADER_MAX];
        let length = newlines.look(begin, &mut header[..HEADER_MAX.min((end - begin) as usize)])?;
        if Header::parse(&header[..length]).is_some_and(|(header, _)| !header.partial) {
            if seen == count {
                return Ok(end + 1);
            }
            seen += 1;
        }
        match before {
            Some(newline) => end = newline,
            None => return Ok(0),
        }
    }
}

/// The ends of lines in a file, from its end on.
struct Backwards<'a> {
    file: &'a File,
    /// A part of the file, and where it begins.
    buffer: Vec<u8>,
    offset: u64,
    /// Behind what was looked at.
    end: usize,
}

impl<'a> Backwards<'a> {
    fn new(file: &'a File) -> io::Result<Self> {
        Ok(Self { file, buffer: Vec::new(), offset: file.metadata()?.len(), end: 0 })
    }

    /// Where the newline before the last one is.
    fn previous(&mut self) -> io::Result<Option<u64>> {
        loop {
            if let Some(at) = self.buffer[..self.end].iter().rposition(|byte| *byte == b'\n') {
                self.end = at;
                return Ok(Some(self.offset + at as u64));
            }
            if self.offset == 0 {
                return Ok(None);
            }
            let length = self.offset.min(CHUNK as u64);
            self.offset -= length;
            self.buffer.resize(length as usize, 0);
            self.file.read_exact_at(&mut self.buffer, self.offset)?;
            self.end = self.buffer.len();
        }
    }

    /// Copy what stands at `from`, out of the buffer if it is there; answers how many bytes.
    fn look(&self, from: u64, into: &mut [u8]) -> io::Result<usize> {
        let at = (from.saturating_sub(self.offset)) as usize;
        match self.buffer.get(at..at + into.len()).filter(|_| from >= self.offset) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => self.file.read_exact_at(into, from)?,
        }
        Ok(into.len())
    }
}
