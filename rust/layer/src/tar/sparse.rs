//! Sparse files: which part of the file each stored byte belongs to.

use super::block::{Block, Reason, number, text};
use super::entry::Sparse;
use super::pax::{SparseRecords, natural};

/// Parts in one map at most. A longer map is refused: 65,536 holes in one file of an image are an attack or a mistake.
const MAX_PARTS: usize = 65_536;

/// How the map of a file in a PAX archive is given.
pub enum Form {
    /// Not sparse.
    None,
    /// In the extended header.
    Given(Sparse),
    /// At the beginning of the content; the size of the file is known.
    InContent(u64),
}

impl Sparse {
    /// Check the map against itself and against the number of stored bytes.
    pub fn check(self, stored: u64) -> Result<Self, Reason> {
        let mut end = 0;
        let mut sum: u64 = 0;
        for (offset, length) in &self.parts {
            if *offset < end {
                return Err("the sparse map goes backwards");
            }
            end = offset.checked_add(*length).ok_or("the sparse map is out of range")?;
            sum += length;
        }
        if end > self.real_size {
            return Err("the sparse map is larger than its file");
        }
        if sum != stored {
            return Err("the sparse map does not fit the stored size");
        }
        Ok(self)
    }

    /// Where the stored byte number `stored` belongs in the file, and how many bytes from there on go together.
    pub fn locate(&self, stored: u64) -> (u64, u64) {
        let mut before = 0;
        for (offset, length) in &self.parts {
            if stored < before + length {
                return (offset + stored - before, before + length - stored);
            }
            before += length;
        }
        (self.real_size, u64::MAX)
    }

    fn push(&mut self, offset: u64, length: u64) -> Result<(), Reason> {
        if self.parts.len() == MAX_PARTS {
            return Err("the sparse map is too long");
        }
        self.parts.push((offset, length));
        Ok(())
    }

    /// Take the parts of one old GNU block: four in a header, 21 in a continuation. True where another block follows.
    pub fn push_old(&mut self, block: &Block, header: bool) -> Result<bool, Reason> {
        let (start, count, flag) = if header { (386, 4, 482) } else { (0, 21, 504) };
        for pair in block[start..start + count * 24].chunks_exact(24) {
            if pair[0] == 0 {
                break;
            }
            let part = |field| u64::try_from(number(field)?).map_err(|_| "the sparse map is out of range");
            let (offset, length) = (part(&pair[..12])?, part(&pair[12..])?);
            self.push(offset, length)?;
        }
        Ok(block[flag] != 0)
    }

    /// The beginning of the map of an old GNU header.
    pub fn begin_old(block: &Block) -> Result<Self, Reason> {
        let real_size = u64::try_from(number(&block[483..495])?).map_err(|_| "the size is negative")?;
        Ok(Self { parts: Vec::new(), real_size })
    }
}

/// Which sparse form the extended header describes.
pub fn form(records: &SparseRecords, size: u64) -> Result<Form, Reason> {
    let sparse = match (records.major, records.minor) {
        (Some(1), Some(0)) => return Ok(Form::InContent(records.real_size.or(records.size).unwrap_or(size))),
        (Some(0), Some(0 | 1)) | (None, None) => {
            let Some(count) = records.blocks else { return Ok(Form::None) };
            let mut sparse =
                Sparse { parts: Vec::new(), real_size: records.size.or(records.real_size).unwrap_or(size) };
            let numbers = match &records.map {
                Some(map) => map.split(|byte| *byte == b',').map(natural).collect::<Result<Vec<_>, _>>()?,
                None => records.pairs.clone(),
            };
            if numbers.len() as u64 != count.saturating_mul(2) {
                return Err("the sparse map has another length than announced");
            }
            for pair in numbers.chunks_exact(2) {
                sparse.push(pair[0], pair[1])?;
            }
            sparse
        }
        _ => return Err("the sparse format is unknown"),
    };
    Ok(Form::Given(sparse))
}

/// The map at the beginning of the content (form 1.0): decimal numbers, one a line, in as many blocks as they need.
#[derive(Debug, Default)]
pub struct ContentMap {
    line: Vec<u8>,
    count: Option<usize>,
    numbers: Vec<u64>,
    /// Bytes taken so far.
    pub taken: u64,
}

impl ContentMap {
    /// Take one block; true when the map is complete.
    pub fn take(&mut self, block: &Block) -> Result<bool, Reason> {
        self.taken += block.len() as u64;
        for byte in block {
            if self.is_complete() {
                break;
            }
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() > 20 {
                    return Err("the sparse map is malformed");
                }
                continue;
            }
            let value = natural(text(&self.line))?;
            self.line.clear();
            match self.count {
                None if value > MAX_PARTS as u64 => return Err("the sparse map is too long"),
                None => self.count = usize::try_from(value).ok(),
                Some(_) => self.numbers.push(value),
            }
        }
        Ok(self.is_complete())
    }

    fn is_complete(&self) -> bool {
        self.count.is_some_and(|count| self.numbers.len() == count * 2)
    }

    /// The map.
    pub fn finish(&self, real_size: u64) -> Sparse {
        Sparse { parts: self.numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(), real_size }
    }
}
