//! Compress a tar on its way out: digest and size of both sides in the same pass, compression on several threads.
//!
//! gzip is cut into blocks that are compressed independently ([`crate::gzip`]). Where the cuts are depends on the bytes alone, so
//! the same tar gives the same gzip whatever the number of threads. zstd has threads of its own and is deterministic too.

use crate::compression::Compression;
use crate::error::Error;
use crate::gzip::{MAX_LEVEL, ParallelGzip};
use crate::pipeline::pump;
use libpod_digest::{Digest, Hasher};
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How a tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOptions {
    /// None, gzip or zstd.
    pub compression: Compression,
    /// Level in the terms of the format; the default of this crate where not given.
    pub level: Option<i32>,
    /// Threads that compress; as many as there are cores where not given.
    pub threads: Option<usize>,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { compression: Compression::None, level: None, threads: None }
    }
}

/// Level of gzip unless asked otherwise. See `docs/layers.md` for the measurement behind it.
const GZIP_LEVEL: i32 = 1;

/// Level of zstd unless asked otherwise: what the zstd tool uses too.
const ZSTD_LEVEL: i32 = 3;

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Digest of what was written into the packer.
    pub diff_id: Digest,
    /// Its size in bytes.
    pub diff_size: u64,
    /// Digest of what came out.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Hashes what passes, where asked to.
struct Hashed<W> {
    inner: W,
    hasher: Option<Hasher>,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

enum Encoder<W: Write> {
    None(W),
    Gzip(ParallelGzip<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    fn new(out: W, options: PackOptions) -> Result<Self, Error> {
        let threads = options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Ok(match options.compression {
            Compression::None => Self::None(out),
            Compression::Gzip => {
                let level = options.level.unwrap_or(GZIP_LEVEL).clamp(1, MAX_LEVEL);
                Self::Gzip(ParallelGzip::new(out, level, threads).map_err(Error::Output)?)
            }
            Compression::Zstd => {
                let level = options.level.unwrap_or(ZSTD_LEVEL);
                let mut encoder = zstd::stream::write::Encoder::new(out, level).map_err(Error::Output)?;
                encoder.include_checksum(true).map_err(Error::Output)?;
                // With at least one worker the frame is the same for every number of them.
                encoder.multithread(u32::try_from(threads.max(1)).unwrap_or(1)).map_err(Error::Output)?;
                Self::Zstd(encoder)
            }
            Compression::Bzip2 | Compression::Xz => {
                let entry = crate::error::Name::new(b"");
                return Err(Error::Unsupported { entry, reason: "layers are written as plain tar, gzip or zstd" });
            }
        })
    }

    /// Complete the output.
    fn finish(self) -> io::Result<W> {
        let mut out = match self {
            Self::None(out) => out,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(out) => out.flush(),
            // A flush in the middle would change the bytes that come out.
            Self::Gzip(_) | Self::Zstd(_) => Ok(()),
        }
    }
}

/// Compresses what is written into it. Without [`Packer::finish`] the output is not complete.
pub struct Packer<W: Write> {
    encoder: Encoder<Hashed<W>>,
    hasher: Hasher,
}

impl<W: Write> Packer<W> {
    /// Compress into `out`.
    pub fn new(out: W, options: PackOptions) -> Result<Self, Error> {
        // What is not compressed has one digest.
        let hasher = (options.compression != Compression::None).then(Hasher::default);
        let encoder = Encoder::new(Hashed { inner: out, hasher }, options)?;
        Ok(Self { encoder, hasher: Hasher::default() })
    }

    /// Complete the output and say what it is.
    pub fn finish(self) -> Result<(W, Packed), Error> {
        let (diff_id, diff_size) = self.hasher.finish();
        let Hashed { inner, hasher } = self.encoder.finish().map_err(Error::Output)?;
        let (digest, size) = hasher.map_or((diff_id, diff_size), Hasher::finish);
        Ok((inner, Packed { diff_id, diff_size, digest, size }))
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.encoder.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// Pieces of output that may wait for the reader of [`compress`].
const WAITING: usize = 4;

/// A layer's tar as a stream of its compressed form, proven before it ends. An error of [`Read`] carries an [`Error`] inside.
pub struct Compressed {
    pieces: Receiver<io::Result<Piece>>,
    current: Vec<u8>,
    used: usize,
    ended: bool,
}

enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// Compress `source` while the result is read. The stream ends with an error where `source` is not what `diff_id` names.
///
/// The digest of what comes out is left to the reader, who needs it for what it does with it.
pub fn compress(source: Box<dyn Read + Send>, diff_id: Digest, options: PackOptions) -> Result<Compressed, Error> {
    let (send, pieces) = sync_channel(WAITING);
    let encoder = Encoder::new(Pieces(send.clone()), options)?;
    let work = move || {
        let result = compress_all(source, diff_id, encoder);
        // Where the reader is gone nobody waits for the end.
        let _ = send.send(result.map(|()| Piece::End).map_err(io::Error::other));
    };
    std::thread::Builder::new().name("compress".to_owned()).spawn(work).map_err(Error::Output)?;
    Ok(Compressed { pieces, current: Vec::new(), used: 0, ended: false })
}

fn compress_all(source: Box<dyn Read + Send>, wanted: Digest, encoder: Encoder<Pieces>) -> Result<(), Error> {
    let mut hashed = Hashed { inner: encoder, hasher: Some(Hasher::new(wanted.algorithm())) };
    pump(source, &mut hashed)?;
    wanted.compare(hashed.hasher.unwrap_or_default().finish().0)?;
    hashed.inner.finish().map_err(Error::Output)?;
    Ok(())
}

/// The end of [`compress`] that the encoder writes into.
struct Pieces(SyncSender<io::Result<Piece>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(Ok(Piece::Bytes(bytes.to_vec()))).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Compressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.current.len() && !self.ended {
            match self.pieces.recv() {
                Ok(Ok(Piece::Bytes(bytes))) => (self.current, self.used) = (bytes, 0),
                Ok(Ok(Piece::End)) => self.ended = true,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(io::Error::other("the compressing thread ended too early")),
            }
        }
        let count = buffer.len().min(self.current.len() - self.used);
        buffer[..count].copy_from_slice(&self.current[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of words that come back: matches of every length and distance.
    fn sample(length: usize) -> Vec<u8> {
        let mut seed = 7_u32;
        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend_from_slice(format!("{:x} ", (seed >> 16) % 3000).as_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn pack(bytes: &[u8], options: PackOptions, piece: usize) -> (Vec<u8>, Packed) {
        let mut packer = Packer::new(Vec::new(), options).unwrap();
        for piece in bytes.chunks(piece) {
            packer.write_all(piece).unwrap();
        }
        packer.finish().unwrap()
    }

    #[test]
    fn the_same_bytes_give_the_same_output_for_any_threads_and_pieces() {
        let block = crate::gzip::BLOCK;
        for length in [0, 1, 1000, block - 1, block, block + 1, 7 * block + 77] {
            let bytes = sample(length);
            for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                let options = |threads| PackOptions { compression, level: None, threads: Some(threads) };
                let (first, packed) = pack(&bytes, options(1), 1 << 20);
                assert_eq!((packed.diff_id, packed.diff_size), (Digest::of(&bytes), length as u64));
                assert_eq!((packed.digest, packed.size), (Digest::of(&first), first.len() as u64));
                for (threads, piece) in [(2, 4096), (5, 333_333)] {
                    assert!(pack(&bytes, options(threads), piece).0 == first, "{compression} {length} {threads}");
                }
                let (found, mut decoder) = crate::decoder(first.as_slice()).unwrap();
                let mut back = Vec::new();
                decoder.read_to_end(&mut back).unwrap();
                assert_eq!(
                    found,
                    if length == 0 && compression == Compression::None { Compression::None } else { compression }
                );
                assert!(back == bytes, "{compression} {length}");
            }
        }
    }

    #[test]
    fn every_level_is_valid_gzip() {
        let bytes = sample(crate::gzip::BLOCK + 5000);
        for level in [-1, 0, 1, 2, 6, 9, 12, 99] {
            let options = PackOptions { compression: Compression::Gzip, level: Some(level), threads: None };
            let (gzip, _) = pack(&bytes, options, 10_000);
            let mut back = Vec::new();
            flate2::bufread::MultiGzDecoder::new(gzip.as_slice()).read_to_end(&mut back).unwrap();
            assert!(back == bytes, "level {level}");
        }
    }

    fn options(compression: Compression) -> PackOptions {
        PackOptions { compression, ..PackOptions::default() }
    }

    #[test]
    fn a_compressed_stream_is_what_a_packer_writes() {
        for length in [0, 1, 3 * crate::gzip::BLOCK + 77] {
            let bytes = sample(length);
            for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                let source = Box::new(io::Cursor::new(bytes.clone()));
                let mut stream = compress(source, Digest::of(&bytes), options(compression)).unwrap();
                let mut read = Vec::new();
                stream.read_to_end(&mut read).unwrap();
                assert!(read == pack(&bytes, options(compression), 1 << 20).0, "{compression} {length}");
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            }
        }
    }

    /// Reads to the end, which must be an error of this crate.
    fn failure(mut stream: Compressed) -> Error {
        let error = io::copy(&mut stream, &mut io::sink()).unwrap_err();
        error.downcast::<Error>().unwrap()
    }

    #[test]
    fn a_compressed_stream_of_other_bytes_does_not_end_well() {
        let bytes = sample(100_000);
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let wanted = Digest::of(b"other");
            let stream = compress(Box::new(io::Cursor::new(bytes.clone())), wanted, options(compression)).unwrap();
            assert!(matches!(failure(stream), Error::Digest(error) if error.wanted == wanted));
        }
    }

    #[test]
    fn a_source_that_fails_fails_its_compressed_stream() {
        let source = Box::new(io::Cursor::new(sample(100_000)).chain(Broken));
        let stream = compress(source, Digest::of(b""), options(Compression::Gzip)).unwrap();
        let Error::Source(error) = failure(stream) else { panic!("it must be the source's") };
        assert_eq!(error.raw_os_error(), Some(5));
    }

    #[test]
    fn a_compressed_stream_that_nobody_reads_on_holds_nothing() {
        let alive = std::sync::Arc::new(());
        let source = Box::new(Held(io::repeat(7), std::sync::Arc::clone(&alive)));
        let mut stream = compress(source, Digest::of(b""), options(Compression::Gzip)).unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        drop(stream);
        while std::sync::Arc::strong_count(&alive) > 1 {
            std::thread::yield_now();
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }

    struct Held(io::Repeat, #[expect(dead_code, reason = "counted")] std::sync::Arc<()>);

    impl Read for Held {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    /// Accepts so many bytes, then is full.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::from_raw_os_error(28));
            }
            let count = bytes.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_and_nothing_hangs() {
        let bytes = sample(4 * crate::gzip::BLOCK);
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut packer = Packer::new(Full(5000), PackOptions { compression, ..PackOptions::default() }).unwrap();
            let result = packer.write_all(&bytes).map_err(Error::Output).and_then(|()| packer.finish().map(|_| ()));
            let Err(Error::Output(error)) = result else { panic!("{compression} must fail") };
            assert_eq!(error.raw_os_error(), Some(28), "{compression}");
        }
    }
}
