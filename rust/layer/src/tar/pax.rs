//! PAX extended header records: `length key=value\n`, one after another.

use super::block::Reason;
use super::entry::Entry;

/// Prefix of the keys that hold extended attributes.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// Prefix of GNU's sparse keys.
const SPARSE: &[u8] = b"GNU.sparse.";

/// The records that matter, of one extended header.
#[derive(Debug, Default)]
pub struct Records {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub uname: Option<Vec<u8>>,
    pub gname: Option<Vec<u8>>,
    pub uid: Option<i64>,
    pub gid: Option<i64>,
    pub size: Option<u64>,
    pub mtime: Option<(i64, u32)>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub sparse: SparseRecords,
}

/// GNU's description of a sparse file, in whichever of its three forms.
#[derive(Debug, Default)]
pub struct SparseRecords {
    pub major: Option<u64>,
    pub minor: Option<u64>,
    pub name: Option<Vec<u8>>,
    pub real_size: Option<u64>,
    pub size: Option<u64>,
    pub blocks: Option<u64>,
    pub map: Option<Vec<u8>>,
    /// Form 0.0 repeats its keys: offsets and sizes in turn.
    pub pairs: Vec<u64>,
}

impl Records {
    /// Parse all of one extended header's content.
    pub fn parse(mut rest: &[u8]) -> Result<Self, Reason> {
        let mut records = Self::default();
        while !rest.is_empty() {
            let (key, value, after) = split_record(rest)?;
            records.take(key, value)?;
            rest = after;
        }
        Ok(records)
    }

    /// One record; an empty value takes an earlier one back.
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        let owned = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" => self.path = no_nul(value).map(|()| owned())?,
            b"linkpath" => self.link = no_nul(value).map(|()| owned())?,
            b"uname" => self.uname = no_nul(value).map(|()| owned())?,
            b"gname" => self.gname = no_nul(value).map(|()| owned())?,
            b"uid" => self.uid = optional(value, integer)?,
            b"gid" => self.gid = optional(value, integer)?,
            b"size" => self.size = optional(value, natural)?,
            b"mtime" => self.mtime = optional(value, time)?,
            b"atime" | b"ctime" => drop(optional(value, time)?),
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    self.take_xattr(name, value);
                } else if let Some(name) = key.strip_prefix(SPARSE) {
                    self.sparse.take(name, value)?;
                }
            }
        }
        Ok(())
    }

    fn take_xattr(&mut self, name: &[u8], value: &[u8]) {
        self.xattrs.retain(|(known, _)| known != name);
        self.xattrs.push((name.to_vec(), value.to_vec()));
    }

    /// Put what was said here in place of what the header block said.
    pub fn apply(&mut self, entry: &mut Entry) {
        let replace = |field: &mut Vec<u8>, value: &mut Option<Vec<u8>>| {
            if let Some(value) = value.take() {
                *field = value;
            }
        };
        replace(&mut entry.name, &mut self.path);
        replace(&mut entry.link, &mut self.link);
        replace(&mut entry.uname, &mut self.uname);
        replace(&mut entry.gname, &mut self.gname);
        entry.uid = self.uid.unwrap_or(entry.uid);
        entry.gid = self.gid.unwrap_or(entry.gid);
        (entry.mtime, entry.mtime_nanos) = self.mtime.unwrap_or((entry.mtime, entry.mtime_nanos));
        entry.xattrs = std::mem::take(&mut self.xattrs);
    }
}

impl SparseRecords {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        match key {
            b"major" => self.major = optional(value, natural)?,
            b"minor" => self.minor = optional(value, natural)?,
            b"name" => self.name = no_nul(value).map(|()| (!value.is_empty()).then(|| value.to_vec()))?,
            b"realsize" => self.real_size = optional(value, natural)?,
            b"size" => self.size = optional(value, natural)?,
            b"numblocks" => self.blocks = optional(value, natural)?,
            b"map" => self.map = Some(value.to_vec()),
            b"offset" if self.pairs.len() % 2 == 0 => self.pairs.push(natural(value)?),
            b"numbytes" if self.pairs.len() % 2 == 1 => self.pairs.push(natural(value)?),
            b"offset" | b"numbytes" => return Err("sparse offsets and sizes do not alternate"),
            _ => {}
        }
        Ok(())
    }
}

/// A record's key, its value, and what follows it.
type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The first record of `rest`.
fn split_record(rest: &[u8]) -> Result<Record<'_>, Reason> {
    let bad = "an extended header record is malformed";
    let blank = rest.iter().take(20).position(|byte| *byte == b' ').ok_or(bad)?;
    let length = usize::try_from(natural(&rest[..blank])?).map_err(|_| bad)?;
    let record = rest.get(blank + 1..length).ok_or(bad)?;
    let (last, record) = record.split_last().ok_or(bad)?;
    let equals = record.iter().position(|byte| *byte == b'=').ok_or(bad)?;
    if *last != b'\n' || equals == 0 || record[..equals].contains(&0) {
        return Err(bad);
    }
    Ok((&record[..equals], &record[equals + 1..], &rest[length..]))
}

fn no_nul(value: &[u8]) -> Result<(), Reason> {
    if value.contains(&0) { Err("an extended header value holds a NUL byte") } else { Ok(()) }
}

fn optional<T>(value: &[u8], parse: impl Fn(&[u8]) -> Result<T, Reason>) -> Result<Option<T>, Reason> {
    if value.is_empty() { Ok(None) } else { parse(value).map(Some) }
}

/// Decimal digits, nothing else, below 2⁶³.
pub fn natural(digits: &[u8]) -> Result<u64, Reason> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err("an extended header number is malformed");
    }
    let text = std::str::from_utf8(digits).map_err(|_| "an extended header number is malformed")?;
    let value = text.parse::<u64>().ok().filter(|value| i64::try_from(*value).is_ok());
    value.ok_or("an extended header number is out of range")
}

/// The same number; [`natural`] gives none that is too large.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn integer(value: &[u8]) -> Result<i64, Reason> {
    match value.strip_prefix(b"-") {
        Some(digits) => Ok(-signed(natural(digits)?)),
        None => Ok(signed(natural(value)?)),
    }
}

/// Seconds with an optional fraction; digits past the ninth are cut off. Nanoseconds count forwards, before 1970 too.
fn time(value: &[u8]) -> Result<(i64, u32), Reason> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let seconds = integer(whole)?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err("an extended header time is malformed");
    }
    let nanos = (0..9).fold(0, |sum, index| sum * 10 + fraction.get(index).map_or(0, |digit| u32::from(digit - b'0')));
    if whole.starts_with(b"-") && nanos > 0 {
        return Ok((seconds.saturating_sub(1), 1_000_000_000 - nanos));
    }
    Ok((seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One record with its length before it.
    fn record(pair: &[u8]) -> Vec<u8> {
        let length = (1..1000).find(|length: &usize| length.to_string().len() + pair.len() + 2 == *length).unwrap();
        [length.to_string().as_bytes(), b" ", pair, b"\n"].concat()
    }

    #[test]
    fn records_are_split_by_their_lengths() {
        let text = [record(b"path=a\nb"), record(b"size=077"), record(b"SCHILY.xattr.user.a=\0=\n")].concat();
        let records = Records::parse(&text).unwrap();
        assert_eq!(records.path.as_deref(), Some(b"a\nb".as_slice()));
        assert_eq!(records.size, Some(77));
        assert_eq!(records.xattrs, [(b"user.a".to_vec(), b"\0=\n".to_vec())]);
        assert!(Records::parse(&text[..text.len() - 1]).is_err());
    }

    #[test]
    fn times_keep_nanoseconds_before_and_after_the_epoch() {
        assert_eq!(time(b"1"), Ok((1, 0)));
        assert_eq!(time(b"1.5"), Ok((1, 500_000_000)));
        assert_eq!(time(b"1.1234567899"), Ok((1, 123_456_789)));
        assert_eq!(time(b"-1.25"), Ok((-2, 750_000_000)));
        assert_eq!(time(b"-0.25"), Ok((-1, 750_000_000)));
        assert!(time(b"1.5x").is_err());
        assert!(time(b"").is_err());
    }

    #[test]
    fn malformed_records_are_refused() {
        for text in [
            b"5\n".as_slice(),
            b"x path=a\n",
            b"999 path=a\n",
            b"3 =\n",
            b"7 path\n",
            b"9 path=a ",
            b"11 path=a\0\n",
            b"10 uid=-x\n",
            b"29 size=99999999999999999999\n",
            b"-1 path=a\n",
            b"18446744073709551616 a=b\n",
        ] {
            assert!(Records::parse(text).is_err(), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn an_empty_value_takes_the_record_back() {
        let records = Records::parse(&[record(b"path=a"), record(b"path=")].concat()).unwrap();
        assert_eq!(records.path, None);
    }
}
