//! Layers: tar, its extensions, tar-split, compression.

use flate2::Compression;
use flate2::write::GzEncoder;
use libpod_layer::tar::{BLOCK, Entry, Parser, Step};
use libpod_layer::{ApplyOptions, Threads, decoder, rebuild};
use rustix::fs::{MemfdFlags, Mode, OFlags, SeekFrom};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Most bytes that are taken out of a decoder.
const OUTPUT_MAX: u64 = 1 << 20;

/// Parse a tar whole and in pieces: the entries are the same, and content never exceeds what there is.
pub fn tar(data: &[u8]) {
    let mut bytes = data.to_vec();
    mend_checksums(&mut bytes);
    let whole = entries(&bytes, bytes.len());
    let piece = BLOCK + usize::from(data.first().copied().unwrap_or_default()) * 7;
    assert_eq!(whole, entries(&bytes, piece), "pieces of {piece} bytes give other entries");
}

/// Parse the data as the content of a PAX header, in a tar made for it.
pub fn pax(data: &[u8]) {
    let mut bytes = header(b'x', data.len());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes.extend(header(b'0', 0));
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    let _ = entries(&bytes, bytes.len());
}

/// Apply a tar to an empty directory. A tar that was taken is rebuilt from it to the byte; nothing beside it is touched.
pub fn apply(data: &[u8]) {
    let mut bytes = data.to_vec();
    mend_checksums(&mut bytes);
    let place = Place::new();
    let target = place.directory("layer");
    let split = memfd(&[]);
    let options = ApplyOptions {
        devices: false,
        threads: Threads::Inline,
        max_size: Some(OUTPUT_MAX),
        ..ApplyOptions::default()
    };
    let source = Box::new(std::io::Cursor::new(bytes.clone()));
    let applied = libpod_layer::apply(source, target.as_fd(), split.try_clone().expect("a descriptor"), &options);
    if let Ok(applied) = applied {
        let mut split = split;
        rustix::fs::seek(&split, SeekFrom::Start(0)).expect("a file");
        let mut compressed = Vec::new();
        split.read_to_end(&mut compressed).expect("readable");
        let (_, mut plain) = decoder(std::io::Cursor::new(bytes)).expect("it was applied");
        let mut wanted = Vec::new();
        plain.read_to_end(&mut wanted).expect("it was applied");
        assert_eq!(applied.diff_size, wanted.len() as u64);
        let mut rebuilt = Vec::new();
        let mut stream = rebuild(vec![target], memfd(&compressed)).expect("it was applied");
        stream.read_to_end(&mut rebuilt).expect("it was applied");
        assert!(rebuilt == wanted, "the rebuilt tar differs");
    }
    place.check();
}

/// Rebuild a tar from an empty directory and a hostile tar-split file.
pub fn tar_split(data: &[u8]) {
    let place = Place::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(data).expect("memory");
    let split = memfd(&gzip.finish().expect("memory"));
    if let Ok(stream) = rebuild(vec![place.directory("layer")], split) {
        let _ = stream.take(OUTPUT_MAX).read_to_end(&mut Vec::new());
    }
    place.check();
}

/// Decompress whatever the data claims to be, read whole and in pieces: both say the same.
pub fn compression(data: &[u8]) {
    let whole = decompressed(data, usize::MAX);
    let pieces = decompressed(data, 1 + usize::from(data.last().copied().unwrap_or_default() % 64));
    assert_eq!(whole, pieces, "pieces decompress to something else");
}

/// What comes out, or None for damaged data.
fn decompressed(data: &[u8], piece: usize) -> Option<Vec<u8>> {
    let source = Pieces { data: data.to_vec(), at: 0, piece };
    let (_, stream) = decoder(source).ok()?;
    let mut out = Vec::new();
    stream.take(OUTPUT_MAX).read_to_end(&mut out).ok()?;
    Some(out)
}

/// Gives at most `piece` bytes a call, as a slow connection does.
struct Pieces {
    data: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.piece).min(self.data.len() - self.at);
        buffer[..length].copy_from_slice(&self.data[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Names and sizes of the entries, and whether the tar came to its end.
fn entries(bytes: &[u8], piece: usize) -> (Vec<Entry>, bool) {
    let mut parser = Parser::new();
    let (mut found, mut at, mut end) = (Vec::new(), 0, piece.min(bytes.len()));
    loop {
        match parser.step(&bytes[at..end]) {
            Err(_) => return (found, false),
            Ok(Step::More) if end == bytes.len() => return (found, parser.finish(end - at).is_ok()),
            Ok(Step::More) => end = (end + piece).min(bytes.len()),
            Ok(Step::Framing(length)) => at += length,
            Ok(Step::Entry(length)) => {
                at += length;
                found.push(parser.entry().clone());
            }
            Ok(Step::Content { length, .. }) => at += length,
        }
        assert!(at <= end, "the parser took {at} of {end} bytes");
    }
}

/// Let every block that has a magic have its checksum: a fuzzer does not find them.
fn mend_checksums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(BLOCK) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// A ustar header.
fn header(flag: u8, size: usize) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..4].copy_from_slice(b"name");
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    mend_checksums(&mut block);
    block
}

fn memfd(content: &[u8]) -> File {
    let fd = rustix::fs::memfd_create("fuzz", MemfdFlags::CLOEXEC).expect("memory");
    let mut file = File::from(fd);
    file.write_all(content).expect("memory");
    rustix::fs::seek(&file, SeekFrom::Start(0)).expect("a file");
    file
}

/// A directory in memory with a canary beside what a target may write.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let path = base.join(format!("libpod-fuzz-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a directory in memory");
        std::fs::write(path.join("canary"), "canary").expect("a file in memory");
        Self { path }
    }

    fn directory(&self, name: &str) -> OwnedFd {
        let path = self.path.join(name);
        std::fs::create_dir(&path).expect("a directory in memory");
        rustix::fs::open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("just made")
    }

    /// Nothing but the target's own directory was touched.
    fn check(&self) {
        let mut names: Vec<_> = std::fs::read_dir(&self.path)
            .expect("it stands")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["canary", "layer"]);
        assert_eq!(std::fs::read(self.path.join("canary")).expect("it stands"), b"canary");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
