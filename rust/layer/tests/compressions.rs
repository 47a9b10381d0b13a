//! Every compression, in one stream and in several, whole, cut and with something behind it, through every way that reads a
//! layer. A decoder asks for more than there is: all ways must give it the end, and go on giving it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use libpod_layer::tar::{Builder, Entry};
use libpod_layer::{ApplyOptions, Compression, Digest, Error, Threads, apply, decoder};
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes away with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("libpod-compressions-{}-{number}", std::process::id()));
        std::fs::create_dir_all(path.join("diff")).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A source that gives at most so many bytes at a time, and the end as often as it is asked.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.1);
        self.0.read(&mut buffer[..room])
    }
}

type Encoder = fn(&[u8]) -> Vec<u8>;

const ENCODERS: [(Compression, Encoder); 4] = [
    (Compression::Gzip, |bytes| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }),
    (Compression::Bzip2, |bytes| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }),
    (Compression::Xz, |bytes| {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }),
    (Compression::Zstd, |bytes| zstd::encode_all(bytes, 1).unwrap()),
];

/// A tar of a file that does not compress to nothing.
fn tar() -> Vec<u8> {
    let mut seed = 1_u32;
    let content: Vec<u8> = (0..150_000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 28) as u8
        })
        .collect();
    let entry = Entry { name: b"file".to_vec(), mode: 0o644, size: content.len() as u64, ..Entry::default() };
    let mut bytes = Vec::new();
    Builder::header(&entry, &mut bytes);
    bytes.extend(content);
    bytes.resize(bytes.len().div_ceil(512) * 512 + 1024, 0);
    bytes
}

/// What each way of reading a layer makes of a blob: the digests of both sides, or the error's class.
fn outcomes(blob: &[u8]) -> Vec<Result<(Option<Digest>, Digest), &'static str>> {
    let mut found = Vec::new();
    for piece in [977, 1 << 16, usize::MAX] {
        for threads in [Threads::Inline, Threads::Auto] {
            let scratch = Scratch::new();
            let target = File::open(scratch.0.join("diff")).unwrap();
            let split = File::create(scratch.0.join("split")).unwrap();
            let options = ApplyOptions { threads, ..ApplyOptions::default() };
            let source = Box::new(Slow(Cursor::new(blob.to_vec()), piece));
            found.push(match apply(source, target.as_fd(), split, &options) {
                Ok(applied) => Ok((Some(applied.digest), applied.diff_id)),
                Err(error) => Err(class(&error)),
            });
        }
        found.push(read_past_the_end(Slow(Cursor::new(blob.to_vec()), piece)));
    }
    found
}

/// Read the decoder alone, and go on after its end.
fn read_past_the_end(source: impl Read + Send) -> Result<(Option<Digest>, Digest), &'static str> {
    let mut out = Vec::new();
    let mut decoder = decoder(source).map_err(|_| "damaged")?.1;
    decoder.read_to_end(&mut out).map_err(|_| "damaged")?;
    for _ in 0..2 {
        assert_eq!(decoder.read(&mut [0; 10]).unwrap(), 0);
    }
    Ok((None, Digest::of(&out)))
}

fn class(error: &Error) -> &'static str {
    match error {
        Error::Decompress { .. } => "damaged",
        Error::Truncated { .. } => "cut",
        _ => "other",
    }
}

fn all_are(blob: &[u8], wanted: Result<Digest, &'static str>, case: &str) {
    for found in outcomes(blob) {
        match (found, wanted) {
            (Ok((digest, diff_id)), Ok(wanted)) => {
                assert_eq!(diff_id, wanted, "{case}");
                assert_eq!(digest.unwrap_or(Digest::of(blob)), Digest::of(blob), "{case}");
            }
            (Err(found), Err(wanted)) => assert_eq!(found, wanted, "{case}"),
            (found, wanted) => panic!("{case}: {found:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn one_stream_and_several_are_the_same_layer_every_way() {
    let tar = tar();
    all_are(&tar, Ok(Digest::of(&tar)), "plain");
    for (compression, encode) in ENCODERS {
        let whole = Ok(Digest::of(&tar));
        all_are(&encode(&tar), whole, &format!("{compression}, one stream"));
        let (first, second) = tar.split_at(70_001);
        let several = [encode(first), encode(b""), encode(second)].concat();
        all_are(&several, whole, &format!("{compression}, several streams"));
        let many: Vec<u8> = tar.chunks(20_000).flat_map(encode).collect();
        all_are(&many, whole, &format!("{compression}, many streams"));
    }
}

#[test]
fn what_follows_the_streams_is_an_error_every_way() {
    let tar = tar();
    for (compression, encode) in ENCODERS {
        for whole in [encode(&tar), [encode(&tar[..9999]), encode(&tar[9999..])].concat()] {
            for tail in [b"x".as_slice(), b"garbage, and more of it", &whole[..7], &[0; 512], &[0; 3]] {
                // Zeros in fours are legal padding of an xz stream, and of no other.
                let padding = compression == Compression::Xz && tail.len() == 512;
                let wanted = if padding { Ok(Digest::of(&tar)) } else { Err("damaged") };
                let case = format!("{compression} and {} bytes: {}", tail.len(), tail[0]);
                all_are(&[&whole, tail].concat(), wanted, &case);
            }
        }
    }
}

#[test]
fn an_early_end_is_an_error_every_way() {
    let tar = tar();
    for (compression, encode) in ENCODERS {
        let whole = encode(&tar);
        for cut in [1, 4, 100, whole.len() / 2, whole.len() - 20] {
            all_are(&whole[..whole.len() - cut], Err("damaged"), &format!("{compression} without {cut} bytes"));
        }
    }
}
