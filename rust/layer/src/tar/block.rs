//! One header block: its fields, numbers and checksum.

use super::entry::Kind;

/// Size of the unit in which a tar is written.
pub const BLOCK: usize = 512;

pub type Block = [u8; BLOCK];

/// Which dialect a header block is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// The extension that a type flag announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    Pax,
    PaxGlobal,
    GnuName,
    GnuLink,
}

/// A header block whose checksum is right.
pub struct Header<'a> {
    block: &'a Block,
    pub format: Format,
}

/// Why a block is no header.
pub type Reason = &'static str;

impl<'a> Header<'a> {
    pub fn new(block: &'a Block) -> Result<Self, Reason> {
        let wanted = octal(&block[148..156]).map_err(|_| "the checksum is not a number")?;
        let (unsigned, signed) = checksums(block);
        if wanted != unsigned && wanted != signed {
            return Err("the checksum is wrong");
        }
        let format = match (&block[257..263], &block[263..265], &block[508..512]) {
            (b"ustar\0", _, b"tar\0") => Format::Star,
            (b"ustar\0", _, _) => Format::Ustar,
            (b"ustar ", b" \0", _) => Format::Gnu,
            _ => Format::V7,
        };
        Ok(Self { block, format })
    }

    pub fn name(&self) -> &'a [u8] {
        text(&self.block[..100])
    }

    pub fn mode(&self) -> Result<i64, Reason> {
        number(&self.block[100..108])
    }

    pub fn uid(&self) -> Result<i64, Reason> {
        number(&self.block[108..116])
    }

    pub fn gid(&self) -> Result<i64, Reason> {
        number(&self.block[116..124])
    }

    pub fn size(&self) -> Result<u64, Reason> {
        u64::try_from(number(&self.block[124..136])?).map_err(|_| "the size is negative")
    }

    pub fn mtime(&self) -> Result<i64, Reason> {
        number(&self.block[136..148])
    }

    pub fn flag(&self) -> u8 {
        self.block[156]
    }

    pub fn link(&self) -> &'a [u8] {
        text(&self.block[157..257])
    }

    pub fn uname(&self) -> &'a [u8] {
        if self.format == Format::V7 { b"" } else { text(&self.block[265..297]) }
    }

    pub fn gname(&self) -> &'a [u8] {
        if self.format == Format::V7 { b"" } else { text(&self.block[297..329]) }
    }

    pub fn device(&self) -> Result<(u32, u32), Reason> {
        if self.format == Format::V7 {
            return Ok((0, 0));
        }
        let part = |range| u32::try_from(number(range)?).map_err(|_| "a device number is out of range");
        Ok((part(&self.block[329..337])?, part(&self.block[337..345])?))
    }

    /// What stands before the name, without the slash between.
    pub fn prefix(&self) -> &'a [u8] {
        match self.format {
            Format::V7 => b"",
            Format::Ustar => text(&self.block[345..500]),
            Format::Star => text(&self.block[345..476]),
            Format::Gnu => self.misplaced_prefix(),
        }
    }

    /// Old Go writers put a prefix where GNU has its times; it is one if it cannot be the times.
    fn misplaced_prefix(&self) -> &'a [u8] {
        let time = |field: &[u8]| field[0] == 0 || number(field).is_ok();
        if time(&self.block[345..357]) && time(&self.block[357..369]) {
            return b"";
        }
        let prefix = text(&self.block[345..500]);
        if prefix.is_ascii() { prefix } else { b"" }
    }

    pub fn kind(&self) -> Kind {
        match self.flag() {
            0 if self.name().ends_with(b"/") => Kind::Directory,
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::Char,
            b'4' => Kind::Block,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => Kind::Other(other),
        }
    }

    pub fn extension(&self) -> Option<Extension> {
        match self.flag() {
            b'x' => Some(Extension::Pax),
            b'g' => Some(Extension::PaxGlobal),
            b'L' => Some(Extension::GnuName),
            b'K' => Some(Extension::GnuLink),
            _ => None,
        }
    }

    /// The block of an old GNU sparse file (type `S`), else None.
    pub fn old_sparse(&self) -> Option<&'a Block> {
        (self.flag() == b'S').then_some(self.block)
    }
}

/// Sums of all bytes, the checksum field counted as blanks: as unsigned bytes, and as signed ones (some old writers).
pub fn checksums(block: &Block) -> (i64, i64) {
    let mut unsigned = 8 * i64::from(b' ');
    let mut signed = unsigned;
    for byte in block[..148].iter().chain(&block[156..]) {
        unsigned += i64::from(*byte);
        signed += i64::from(*byte as i8);
    }
    (unsigned, signed)
}

/// A text field up to its NUL.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// A number: octal digits, or base 256 (two's complement) where the first bit is set.
pub fn number(field: &[u8]) -> Result<i64, Reason> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    let negative = field[0] & 0x40 != 0;
    let invert = if negative { 0xff } else { 0 };
    let mut value: u64 = 0;
    for (index, byte) in field.iter().enumerate() {
        let byte = if index == 0 { (byte ^ invert) & 0x7f } else { byte ^ invert };
        if value >> 56 != 0 {
            return Err("a number is out of range");
        }
        value = (value << 8) | u64::from(byte);
    }
    let value = i64::try_from(value).map_err(|_| "a number is out of range")?;
    Ok(if negative { !value } else { value })
}

/// Octal digits with blanks and NULs around them; none at all is zero.
fn octal(field: &[u8]) -> Result<i64, Reason> {
    let blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let digits = text(&field[start..end]);
    let mut value: i64 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err("a number is not octal");
        }
        value = value.checked_mul(8).ok_or("a number is out of range")? + i64::from(digit - b'0');
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_notations() {
        for (field, wanted) in [
            (b"0000644\0".as_slice(), Ok(0o644)),
            (b" 644 \0  ", Ok(0o644)),
            (b"        ", Ok(0)),
            (b"\0\0\0\0\0\0\0\0", Ok(0)),
            (b"\x80\0\0\0\0\0\0\x2a", Ok(42)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Ok(-2)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Ok(-1)),
            (b"0000648\0", Err("a number is not octal")),
            (b"-000001\0", Err("a number is not octal")),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", Err("a number is out of range")),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", Err("a number is out of range")),
        ] {
            assert_eq!(number(field), wanted, "{}", field.escape_ascii());
        }
    }
}
