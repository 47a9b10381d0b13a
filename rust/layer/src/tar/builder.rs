//! Headers of a new tar: ustar blocks, with a PAX header before them only where ustar cannot say it.
//!
//! The bytes are those that Go's `archive/tar` writes for the same entry in its PAX format, so that a layer made here does not
//! differ from one made by Podman where the content does not.

use super::block::{BLOCK, Block, checksums};
use super::entry::{Entry, Kind};

/// Makes header blocks; holds nothing between entries.
#[derive(Debug, Default)]
pub struct Builder;

/// Largest number in an octal field of 8 bytes.
const MAX_ID: i64 = 0o7_777_777;

/// Largest number in an octal field of 12 bytes.
const MAX_LONG: u64 = 0o77_777_777_777;

impl Builder {
    /// Append the header blocks of `entry` to `out`. Content and [`Builder::padding`] follow.
    ///
    /// The modification time is cut to seconds.
    pub fn header(entry: &Entry, out: &mut Vec<u8>) {
        let mut records = records(entry);
        let split = if records.is_empty() { split(&entry.name) } else { None };
        if needs_record(&entry.name, 100) && split.is_none() {
            records.push((b"path".to_vec(), entry.name.clone()));
            records.sort();
        }
        if !records.is_empty() {
            let content: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
            let mut block = raw_block(b'x', &extension_name(&entry.name), content.len() as u64);
            seal(&mut block);
            out.extend_from_slice(&block);
            out.extend_from_slice(&content);
            out.extend_from_slice(Self::padding(content.len() as u64));
        }
        let (prefix, name) = split.unwrap_or((b"", &entry.name));
        out.extend_from_slice(&ustar(entry, prefix, name));
    }

    /// The zeros after content of `size` bytes.
    pub fn padding(size: u64) -> &'static [u8] {
        const ZEROS: [u8; BLOCK] = [0; BLOCK];
        // Less than a block, so it fits.
        let length = (size.next_multiple_of(BLOCK as u64) - size) as usize;
        &ZEROS[..length]
    }

    /// The end of the tar.
    pub fn end() -> &'static [u8] {
        &[0; 2 * BLOCK]
    }
}

/// Cut a long name at a slash so that both parts fit ustar's fields, where that is possible.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= 100 || !name.is_ascii() {
        return None;
    }
    let end = if name.len() > 156 { 156 } else { name.len() - usize::from(name.ends_with(b"/")) };
    let slash = name[..end].iter().rposition(|byte| *byte == b'/').filter(|slash| *slash > 0)?;
    let rest = &name[slash + 1..];
    (1..=100).contains(&rest.len()).then_some((&name[..slash], rest))
}

/// What needs PAX whatever the name is, by ascending key.
fn records(entry: &Entry) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = entry
        .xattrs
        .iter()
        .map(|(name, value)| ([b"SCHILY.xattr.", name.as_slice()].concat(), value.clone()))
        .collect();
    let mut add = |key: &[u8], value: Vec<u8>| records.push((key.to_vec(), value));
    if needs_record(&entry.link, 100) {
        add(b"linkpath", entry.link.clone());
    }
    if needs_record(&entry.uname, 32) {
        add(b"uname", entry.uname.clone());
    }
    if needs_record(&entry.gname, 32) {
        add(b"gname", entry.gname.clone());
    }
    for (key, id) in [(b"uid", entry.uid), (b"gid", entry.gid)] {
        if !(0..=MAX_ID).contains(&id) {
            add(key, id.to_string().into_bytes());
        }
    }
    if entry.size > MAX_LONG {
        add(b"size", entry.size.to_string().into_bytes());
    }
    if u64::try_from(entry.mtime).map_or(true, |mtime| mtime > MAX_LONG) {
        add(b"mtime", entry.mtime.to_string().into_bytes());
    }
    records.sort();
    records
}

fn needs_record(text: &[u8], field: usize) -> bool {
    text.len() > field || !text.is_ascii()
}

/// `length key=value\n`, the length counting its own digits.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// `dir/PaxHeaders.0/name`, ASCII, at most a field long.
fn extension_name(name: &[u8]) -> Vec<u8> {
    let trimmed = name.strip_suffix(b"/").unwrap_or(name);
    let (directory, file) = crate::names::split(trimmed);
    let mut path = directory.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(b"PaxHeaders.0/");
    // Go joins the directory and the last component of `name`, which is empty where the name ends with a slash.
    if !name.ends_with(b"/") {
        path.extend_from_slice(file);
    } else {
        path = [trimmed, b"/PaxHeaders.0".as_slice()].concat();
    }
    path.retain(u8::is_ascii);
    path.truncate(100);
    while path.last() == Some(&b'/') {
        path.pop();
    }
    path
}

fn raw_block(flag: u8, name: &[u8], size: u64) -> Block {
    let mut block = [0; BLOCK];
    put_text(&mut block[..100], name);
    put_octal(&mut block[100..108], 0);
    put_octal(&mut block[108..116], 0);
    put_octal(&mut block[116..124], 0);
    put_octal(&mut block[124..136], size);
    put_octal(&mut block[136..148], 0);
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block
}

fn ustar(entry: &Entry, prefix: &[u8], name: &[u8]) -> Block {
    let size = if entry.size > MAX_LONG { 0 } else { entry.size };
    let mut block = raw_block(flag(entry.kind), &ascii(name), size);
    put_octal(&mut block[100..108], u64::from(entry.mode));
    for (range, id) in [(108..116, entry.uid), (116..124, entry.gid)] {
        put_octal(&mut block[range], u64::try_from(id).ok().filter(|_| id <= MAX_ID).unwrap_or(0));
    }
    put_octal(&mut block[136..148], u64::try_from(entry.mtime).ok().filter(|time| *time <= MAX_LONG).unwrap_or(0));
    put_text(&mut block[157..257], &ascii(&entry.link));
    put_text(&mut block[265..297], &ascii(&entry.uname));
    put_text(&mut block[297..329], &ascii(&entry.gname));
    put_octal(&mut block[329..337], u64::from(entry.device.0));
    put_octal(&mut block[337..345], u64::from(entry.device.1));
    put_text(&mut block[345..500], prefix);
    seal(&mut block);
    block
}

fn flag(kind: Kind) -> u8 {
    match kind {
        Kind::File => b'0',
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::Char => b'3',
        Kind::Block => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
        Kind::Global => b'g',
        Kind::Other(flag) => flag,
    }
}

fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii).collect()
}

/// Copy what fits; a text as long as its field has no NUL.
fn put_text(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
    // A cut name must not look like a directory's.
    if text.len() > field.len() && field[length - 1] == b'/' {
        let kept = field[..length].iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        field[kept..length].fill(0);
    }
}

/// Octal digits, zeros before them, a NUL after them.
fn put_octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    field[..digits].copy_from_slice(&text.as_bytes()[text.len() - digits..]);
}

fn seal(block: &mut Block) {
    let (sum, _) = checksums(block);
    // At most 512 × 255, which has six octal digits.
    let text = format!("{sum:06o}\0 ");
    block[148..156].copy_from_slice(text.as_bytes());
}
