//! What the tests of several modules share: a scratch directory, a tar in the making, a tree as text.

use crate::tar::{Builder, Entry, Kind};
use std::collections::HashMap;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory that goes away with its owner.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("libpod-layer-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// With an empty directory `diff` inside.
    pub fn with_diff() -> Self {
        let dir = Self::new();
        fs::create_dir(dir.path("diff")).unwrap();
        dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A tar in the making; owner, mode and attributes hold for the entries after them.
pub struct Tar {
    bytes: Vec<u8>,
    like: Entry,
}

impl Tar {
    pub fn new() -> Self {
        let like = Entry { mode: 0o644, mtime: 1_600_000_000, ..Entry::default() };
        Self { bytes: Vec::new(), like }
    }

    pub fn mode(mut self, mode: u32) -> Self {
        self.like.mode = mode;
        self
    }

    pub fn owner(mut self, uid: i64, gid: i64) -> Self {
        (self.like.uid, self.like.gid) = (uid, gid);
        self
    }

    /// For the next entry alone.
    pub fn xattr(mut self, key: &str, value: &[u8]) -> Self {
        self.like.xattrs.push((key.as_bytes().to_vec(), value.to_vec()));
        self
    }

    pub fn entry(mut self, entry: Entry, content: &[u8]) -> Self {
        // Half a second, which only an extended header can say.
        let records = b"30 mtime=1600000000.500000000\n";
        let mut records = records.to_vec();
        for (key, value) in &entry.xattrs {
            let pair = [b"SCHILY.xattr.", key.as_slice(), b"=", value].concat();
            let length = (1..9999).find(|length: &usize| length.to_string().len() + pair.len() + 2 == *length).unwrap();
            records.extend([format!("{length} ").as_bytes(), &pair, b"\n"].concat());
        }
        let size = records.len() as u64;
        let header = Entry { name: b"pax".to_vec(), kind: Kind::Other(b'x'), size, ..Entry::default() };
        Builder::header(&header, &mut self.bytes);
        self.bytes.extend_from_slice(&records);
        self.bytes.extend_from_slice(Builder::padding(size));
        // The builder would write a second extended header for these.
        let plain = Entry { xattrs: Vec::new(), ..entry };
        Builder::header(&plain, &mut self.bytes);
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(Builder::padding(content.len() as u64));
        self.like.xattrs.clear();
        self
    }

    fn simple(self, name: &str, kind: Kind) -> Self {
        let entry = Entry { name: name.as_bytes().to_vec(), kind, ..self.like.clone() };
        self.entry(entry, b"")
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.file_raw(name.as_bytes(), content)
    }

    pub fn file_raw(self, name: &[u8], content: &[u8]) -> Self {
        let size = content.len() as u64;
        let entry = Entry { name: name.to_vec(), size, ..self.like.clone() };
        self.entry(entry, content)
    }

    pub fn directory(self, name: &str, mode: u32) -> Self {
        let entry = Entry { name: name.as_bytes().to_vec(), kind: Kind::Directory, mode, ..self.like.clone() };
        self.entry(entry, b"")
    }

    fn link(self, name: &str, target: &str, kind: Kind) -> Self {
        let link = target.as_bytes().to_vec();
        let entry = Entry { name: name.as_bytes().to_vec(), kind, link, ..self.like.clone() };
        self.entry(entry, b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.link(name, target, Kind::Symlink)
    }

    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.link(name, target, Kind::HardLink)
    }

    pub fn fifo(self, name: &str) -> Self {
        self.simple(name, Kind::Fifo)
    }

    pub fn device(self, name: &str, major: u32, minor: u32) -> Self {
        let name = name.as_bytes().to_vec();
        let entry = Entry { name, kind: Kind::Char, device: (major, minor), ..self.like.clone() };
        self.entry(entry, b"")
    }

    pub fn build(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(Builder::end());
        self.bytes
    }
}

/// The tree below `root`, a line for each file: type, mode, owner, time, name, and what it holds. Times of whiteouts and implied
/// directories are their creation's, so a time after 2020-09-13 is left out.
pub fn snapshot(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inodes = HashMap::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                pending.push(path.clone());
            }
            lines.push(path);
        }
    }
    lines.sort();
    // The last name of an inode is the file, the earlier ones are links to it: `hard` < `passwd`.
    for path in &lines {
        inodes.insert(fs::symlink_metadata(path).unwrap().ino(), path.clone());
    }
    lines.iter().map(|path| line(root, path, &inodes[&fs::symlink_metadata(path).unwrap().ino()])).collect()
}

fn line(root: &Path, path: &Path, first: &Path) -> String {
    let meta = fs::symlink_metadata(path).unwrap();
    let kind = meta.file_type();
    let show = |path: &Path| path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
    let (letter, holds) = if kind.is_dir() {
        ('d', String::new())
    } else if path != first {
        ('h', format!(" = {}", show(first)))
    } else if kind.is_symlink() {
        ('l', format!(" -> {}", fs::read_link(path).unwrap().display()))
    } else if kind.is_fifo() {
        ('p', String::new())
    } else if kind.is_file() {
        let content = fs::read(path).unwrap();
        let short = content.len() < 100;
        ('f', if short { format!(" [{}]", content.escape_ascii()) } else { format!(" #{}", content.len()) })
    } else {
        let letter = if kind.is_char_device() { 'c' } else { 'b' };
        (letter, format!(" {}:{}", rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev())))
    };
    let time = match meta.mtime() {
        1_600_000_000 => format!("{}.{}", meta.mtime(), meta.mtime_nsec() / 100_000_000),
        _ => "now".to_owned(),
    };
    let mode = meta.mode() & 0o7777;
    let owner = format!("{}:{}", meta.uid(), meta.gid());
    format!("{letter} {mode:o} {owner} {time} {}{holds}{}", show(path), xattrs(path))
}

fn xattrs(path: &Path) -> String {
    let directory = fs::File::open(path.parent().unwrap()).unwrap();
    let name = path.file_name().unwrap();
    let keys = libpod_sys::xattr::list(directory.as_fd(), name).unwrap();
    keys.iter()
        .map(|key| {
            let value = libpod_sys::xattr::get(directory.as_fd(), name, key).unwrap().unwrap();
            format!(" {}={}", key.escape_ascii(), value.escape_ascii())
        })
        .collect()
}
