//! The state machine that turns bytes into entries.

use super::block::{BLOCK, Block, Extension, Header, Reason, text};
use super::entry::{Entry, Kind, Sparse};
use super::pax::Records;
use super::sparse::{self, ContentMap, Form};
use crate::error::{Error, Name};

/// Largest extension (a PAX header or a GNU long name), the same as Go's reader allows.
pub const MAX_EXTENSION: u64 = 1 << 20;

/// What the first bytes of the input are. The caller passes what follows them in the next call.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Too short to tell: come back with at least a whole block (512 bytes), or call [`Parser::finish`].
    More,
    /// So many bytes are framing: headers, extensions, padding, the end.
    Framing(usize),
    /// So many bytes are framing, and with them [`Parser::entry`] begins.
    Entry(usize),
    /// So many bytes are content of the entry; with `last` nothing of it follows.
    Content {
        /// Number of bytes.
        length: usize,
        /// The content is complete.
        last: bool,
    },
}

#[derive(Debug)]
enum State {
    Header,
    Extension { kind: Extension, left: u64, padding: u64 },
    OldSparse(Sparse),
    ContentMap(ContentMap, u64),
    Content { left: u64 },
    Padding { left: u64 },
    Zero,
    End,
}

/// Reads a tar of which it is fed slices; never touches a file.
#[derive(Debug)]
pub struct Parser {
    state: State,
    offset: u64,
    entry: Entry,
    extension: Vec<u8>,
    records: Records,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser at the beginning of a tar.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            offset: 0,
            entry: Entry::default(),
            extension: Vec::new(),
            records: Records::default(),
            long_name: None,
            long_link: None,
        }
    }

    /// The entry that began last.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Number of bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Tell what `input` begins with. Consumes the number of bytes that the step names.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Error> {
        let step = match &mut self.state {
            _ if input.is_empty() => return Ok(Step::More),
            State::Content { left } => {
                let length = clamp(*left, input);
                *left -= length as u64;
                let last = *left == 0;
                if last {
                    self.state = padding(self.entry.stored);
                }
                Step::Content { length, last }
            }
            State::Padding { left } => {
                let length = clamp(*left, input);
                *left -= length as u64;
                if *left == 0 {
                    self.state = State::Header;
                }
                Step::Framing(length)
            }
            State::End => Step::Framing(input.len()),
            State::Extension { .. } => self.take_extension(input)?,
            _ => match input.first_chunk::<BLOCK>() {
                None => return Ok(Step::More),
                Some(block) => self.take_block(block)?,
            },
        };
        self.offset += match step {
            Step::More => 0,
            Step::Framing(length) | Step::Entry(length) | Step::Content { length, .. } => length as u64,
        };
        Ok(step)
    }

    /// Accept the end of the input, `left` bytes of which were too short to be a step, or say what is missing.
    ///
    /// As for Go's reader, the end marker may be missing, and so may the padding of the last file.
    pub fn finish(&self, left: usize) -> Result<(), Error> {
        let extended = self.long_name.is_some() || self.long_link.is_some() || !self.extension.is_empty();
        match &self.state {
            State::End | State::Padding { .. } => Ok(()),
            State::Header | State::Zero if left == 0 && !extended => Ok(()),
            State::Content { .. } => {
                Err(Error::Truncated { offset: self.offset, entry: Some(Name::new(&self.entry.name)) })
            }
            _ => Err(Error::Truncated { offset: self.offset + left as u64, entry: None }),
        }
    }

    fn bad(&self, reason: Reason) -> Error {
        Error::Header { offset: self.offset, reason }
    }

    fn take_block(&mut self, block: &Block) -> Result<Step, Error> {
        let zero = block.iter().all(|byte| *byte == 0);
        match (&mut self.state, zero) {
            (State::Header, true) => self.state = State::Zero,
            (State::Zero, true) => self.state = State::End,
            (State::Zero, false) => return Err(self.bad("a zero block in the middle")),
            (State::OldSparse(map), _) => {
                let more = map.push_old(block, false).map_err(|reason| self.bad(reason))?;
                if !more {
                    return self.begin_old_sparse();
                }
            }
            (State::ContentMap(map, real_size), _) => {
                let real_size = *real_size;
                match map.take(block) {
                    Err(reason) => return Err(self.bad(reason)),
                    Ok(false) if map.taken >= MAX_EXTENSION || map.taken >= self.entry.stored => {
                        return Err(self.bad("the sparse map does not end"));
                    }
                    Ok(false) => {}
                    Ok(true) => {
                        let (sparse, taken) = (map.finish(real_size), map.taken);
                        self.entry.stored =
                            self.entry.stored.checked_sub(taken).ok_or(self.bad("the sparse map does not end"))?;
                        return self.begin_sparse(sparse);
                    }
                }
            }
            _ => return self.take_header(block),
        }
        Ok(Step::Framing(BLOCK))
    }

    fn take_header(&mut self, block: &Block) -> Result<Step, Error> {
        let header = Header::new(block).map_err(|reason| self.bad(reason))?;
        if let Some(kind) = header.extension() {
            return self.begin_extension(kind, &header);
        }
        self.read_fields(&header).map_err(|reason| self.bad(reason))?;
        let form = self.read_extensions(header.flag()).map_err(|reason| self.bad(reason))?;
        if let Some(block) = header.old_sparse() {
            let mut map = Sparse::begin_old(block).map_err(|reason| self.bad(reason))?;
            let more = map.push_old(block, true).map_err(|reason| self.bad(reason))?;
            self.state = State::OldSparse(map);
            return if more { Ok(Step::Framing(BLOCK)) } else { self.begin_old_sparse() };
        }
        match form {
            Form::Given(sparse) if self.entry.kind == Kind::File => return self.begin_sparse(sparse),
            Form::InContent(real_size) if self.entry.kind == Kind::File => {
                self.state = State::ContentMap(ContentMap::default(), real_size);
                return Ok(Step::Framing(BLOCK));
            }
            _ => {}
        }
        Ok(self.begin_content())
    }

    /// Fields of the block itself.
    fn read_fields(&mut self, header: &Header<'_>) -> Result<(), Reason> {
        let entry = &mut self.entry;
        entry.kind = header.kind();
        entry.name.clear();
        if !header.prefix().is_empty() {
            entry.name.extend_from_slice(header.prefix());
            entry.name.push(b'/');
        }
        entry.name.extend_from_slice(header.name());
        replace(&mut entry.link, header.link());
        replace(&mut entry.uname, header.uname());
        replace(&mut entry.gname, header.gname());
        entry.mode = u32::try_from(header.mode()? & 0o7777).map_err(|_| "the mode is out of range")?;
        (entry.uid, entry.gid) = (header.uid()?, header.gid()?);
        (entry.mtime, entry.mtime_nanos) = (header.mtime()?, 0);
        entry.device = header.device()?;
        entry.size = header.size()?;
        entry.stored = entry.size;
        entry.xattrs.clear();
        entry.sparse = None;
        Ok(())
    }

    /// What the extensions before it say in place of the block.
    fn read_extensions(&mut self, flag: u8) -> Result<Form, Reason> {
        let mut records = std::mem::take(&mut self.records);
        self.extension.clear();
        records.apply(&mut self.entry);
        if let Some(name) = self.long_name.take() {
            self.entry.name = name;
        }
        if let Some(link) = self.long_link.take() {
            self.entry.link = link;
        }
        if flag == 0 && self.entry.name.ends_with(b"/") {
            self.entry.kind = Kind::Directory;
        }
        self.entry.size = records.size.unwrap_or(self.entry.size);
        if Entry::is_header_only(self.entry.kind) {
            self.entry.size = 0;
        }
        self.entry.stored = self.entry.size;
        let form = sparse::form(&records.sparse, self.entry.size)?;
        if let (Form::Given(_) | Form::InContent(_), Some(name)) = (&form, records.sparse.name.take()) {
            self.entry.name = name;
        }
        Ok(form)
    }

    fn begin_old_sparse(&mut self) -> Result<Step, Error> {
        match std::mem::replace(&mut self.state, State::Header) {
            State::OldSparse(map) => self.begin_sparse(map),
            _ => Err(self.bad("no sparse map")),
        }
    }

    fn begin_sparse(&mut self, sparse: Sparse) -> Result<Step, Error> {
        let sparse = sparse.check(self.entry.stored).map_err(|reason| self.bad(reason))?;
        self.entry.size = sparse.real_size;
        self.entry.sparse = Some(sparse);
        Ok(self.begin_content())
    }

    fn begin_content(&mut self) -> Step {
        self.state = match self.entry.stored {
            0 => State::Header,
            left => State::Content { left },
        };
        Step::Entry(BLOCK)
    }

    fn begin_extension(&mut self, kind: Extension, header: &Header<'_>) -> Result<Step, Error> {
        let size = header.size().map_err(|reason| self.bad(reason))?;
        if size > MAX_EXTENSION {
            return Err(self.bad("an extension is larger than 1 MiB"));
        }
        if kind == Extension::PaxGlobal {
            self.read_fields(header).map_err(|reason| self.bad(reason))?;
            (self.entry.kind, self.entry.size, self.entry.stored) = (Kind::Global, 0, 0);
        }
        self.extension.clear();
        self.state = State::Extension { kind, left: size, padding: size.next_multiple_of(BLOCK as u64) - size };
        if size == 0 {
            return self.end_extension(BLOCK);
        }
        Ok(Step::Framing(BLOCK))
    }

    fn take_extension(&mut self, input: &[u8]) -> Result<Step, Error> {
        let State::Extension { left, padding, .. } = &mut self.state else { return Ok(Step::More) };
        if *left > 0 {
            let length = clamp(*left, input);
            *left -= length as u64;
            self.extension.extend_from_slice(&input[..length]);
            let complete = *left == 0 && *padding == 0;
            return if complete { self.end_extension(length) } else { Ok(Step::Framing(length)) };
        }
        let length = clamp(*padding, input);
        *padding -= length as u64;
        if *padding == 0 { self.end_extension(length) } else { Ok(Step::Framing(length)) }
    }

    fn end_extension(&mut self, length: usize) -> Result<Step, Error> {
        let State::Extension { kind, .. } = std::mem::replace(&mut self.state, State::Header) else {
            return Ok(Step::Framing(length));
        };
        let content = std::mem::take(&mut self.extension);
        match kind {
            Extension::GnuName => self.long_name = Some(text(&content).to_vec()),
            Extension::GnuLink => self.long_link = Some(text(&content).to_vec()),
            Extension::Pax => {
                self.records = Records::parse(&content).map_err(|reason| self.bad(reason))?;
                self.extension = content;
            }
            Extension::PaxGlobal => {
                Records::parse(&content).map_err(|reason| self.bad(reason))?;
                return Ok(Step::Entry(length));
            }
        }
        Ok(Step::Framing(length))
    }
}

fn padding(stored: u64) -> State {
    match stored.next_multiple_of(BLOCK as u64) - stored {
        0 => State::Header,
        left => State::Padding { left },
    }
}

fn clamp(left: u64, input: &[u8]) -> usize {
    usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))
}

fn replace(field: &mut Vec<u8>, value: &[u8]) {
    field.clear();
    field.extend_from_slice(value);
}
