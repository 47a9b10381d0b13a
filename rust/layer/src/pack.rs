//! Compress a tar on its way out: digest and size of both sides in the same pass, compression on several threads.
//!
//! gzip is cut into blocks that are compressed independently ([`crate::gzip`]). Where the cuts are depends on the bytes alone, so
//! the same tar gives the same gzip whatever the number of threads. zstd has threads of its own and is deterministic too.

use crate::compression::Compression;
use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::gzip::{MAX_LEVEL, ParallelGzip};
use std::io::{self, Write};

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

/// Counts and hashes what passes.
struct Counted<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

enum Encoder<W: Write> {
    None(W),
    Gzip(ParallelGzip<Counted<W>>),
    Zstd(zstd::stream::write::Encoder<'static, Counted<W>>),
}

/// Compresses what is written into it. Without [`Packer::finish`] the output is not complete.
pub struct Packer<W: Write> {
    encoder: Encoder<W>,
    hasher: Hasher,
}

impl<W: Write + Send + 'static> Packer<W> {
    /// Compress into `out`.
    pub fn new(out: W, options: PackOptions) -> Result<Self, Error> {
        let threads = options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let counted = |inner| Counted { inner, hasher: Hasher::default() };
        let encoder = match options.compression {
            Compression::None => Encoder::None(out),
            Compression::Gzip => {
                let level = options.level.unwrap_or(GZIP_LEVEL).clamp(1, MAX_LEVEL);
                Encoder::Gzip(ParallelGzip::new(counted(out), level, threads).map_err(Error::Output)?)
            }
            Compression::Zstd => {
                let level = options.level.unwrap_or(ZSTD_LEVEL);
                let mut encoder = zstd::stream::write::Encoder::new(counted(out), level).map_err(Error::Output)?;
                encoder.include_checksum(true).map_err(Error::Output)?;
                // With at least one worker the frame is the same for every number of them.
                encoder.multithread(u32::try_from(threads.max(1)).unwrap_or(1)).map_err(Error::Output)?;
                Encoder::Zstd(encoder)
            }
            Compression::Bzip2 | Compression::Xz => {
                let entry = crate::error::Name::new(b"");
                return Err(Error::Unsupported { entry, reason: "layers are written as plain tar, gzip or zstd" });
            }
        };
        Ok(Self { encoder, hasher: Hasher::default() })
    }

    /// Complete the output and say what it is.
    pub fn finish(self) -> Result<(W, Packed), Error> {
        let (diff_id, diff_size) = self.hasher.finish();
        let counted = match self.encoder {
            Encoder::None(mut out) => {
                out.flush().map_err(Error::Output)?;
                return Ok((out, Packed { diff_id, diff_size, digest: diff_id, size: diff_size }));
            }
            Encoder::Gzip(encoder) => encoder.finish().map_err(Error::Output)?,
            Encoder::Zstd(encoder) => encoder.finish().map_err(Error::Output)?,
        };
        let Counted { mut inner, hasher } = counted;
        inner.flush().map_err(Error::Output)?;
        let (digest, size) = hasher.finish();
        Ok((inner, Packed { diff_id, diff_size, digest, size }))
    }
}

impl<W: Write + Send + 'static> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.encoder {
            Encoder::None(out) => out.write(bytes)?,
            Encoder::Gzip(encoder) => encoder.write(bytes)?,
            Encoder::Zstd(encoder) => encoder.write(bytes)?,
        };
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::None(out) => out.flush(),
            // A flush in the middle would change the bytes that come out.
            Encoder::Gzip(_) | Encoder::Zstd(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

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
