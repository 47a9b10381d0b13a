//! Which compression a blob has, and its decoder.
//!
//! The format is told by the first bytes, never by a media type. What follows a complete gzip member or zstd frame must be
//! another one: trailing garbage is an error, as it is for Go's readers. A bzip2, xz, zstd or gzip stream that ends early is an
//! error too.

use flate2::bufread::MultiGzDecoder;
use std::fmt;
use std::io::{self, BufReader, Read};

/// How the bytes of a blob are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// bzip2
    Bzip2,
    /// gzip, one member or several
    Gzip,
    /// xz
    Xz,
    /// Zstandard, one frame or several, skippable frames among them
    Zstd,
}

impl Compression {
    /// The number that containers/storage records for it.
    pub fn id(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Bzip2 => 1,
            Self::Gzip => 2,
            Self::Xz => 3,
            Self::Zstd => 4,
        }
    }

    /// The format that begins with these bytes.
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Bzip2 => "bzip2",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        })
    }
}

/// The longest magic.
const MAGIC: usize = 6;

/// Bytes read from the source at a time.
const BUFFER: usize = 256 * 1024;

/// What xz may need for its dictionary: that of `xz -9` (64 MiB) and a little for the decoder itself.
const XZ_MEMORY: u64 = 70 << 20;

/// Tell how `source` is compressed, and give it back whole.
pub fn detect<R: Read>(mut source: R) -> io::Result<(Compression, impl Read + use<R>)> {
    let mut start = Vec::with_capacity(MAGIC);
    source.by_ref().take(MAGIC as u64).read_to_end(&mut start)?;
    Ok((Compression::detect(&start), io::Cursor::new(start).chain(source)))
}

/// The uncompressed bytes of `source`. Every decoder reads to the end of the source.
pub fn decode<'a>(compression: Compression, source: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let buffered = |source| BufReader::with_capacity(BUFFER, source);
    Ok(match compression {
        Compression::None => Box::new(source),
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered(source))),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(source))),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(buffered(source), stream))
        }
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(buffered(source))?),
    })
}

/// The uncompressed bytes of `source`, and how it was compressed.
pub fn decoder<'a, R: Read + Send + 'a>(source: R) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let (compression, source) = detect(source)?;
    Ok((compression, decode(compression, source)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn decode(bytes: &[u8]) -> io::Result<(Compression, Vec<u8>)> {
        let (compression, mut decoder) = decoder(bytes)?;
        let mut out = Vec::new();
        decoder.read_to_end(&mut out)?;
        Ok((compression, out))
    }

    type Encoder = fn(&[u8]) -> Vec<u8>;
    const ENCODERS: [(Compression, Encoder); 4] =
        [(Compression::Gzip, gzip), (Compression::Bzip2, bzip2), (Compression::Xz, xz), (Compression::Zstd, zstd)];

    #[test]
    fn every_format_is_told_by_its_first_bytes_and_may_have_several_parts() {
        for (compression, encode) in ENCODERS {
            let mut bytes = encode(b"first ");
            assert_eq!(decode(&bytes).unwrap(), (compression, b"first ".to_vec()));
            bytes.extend(encode(b"second"));
            assert_eq!(decode(&bytes).unwrap(), (compression, b"first second".to_vec()));
        }
        assert_eq!(decode(b"").unwrap(), (Compression::None, Vec::new()));
        assert_eq!(decode(b"\x1f\x8b").unwrap(), (Compression::None, b"\x1f\x8b".to_vec()));
    }

    #[test]
    fn skippable_frames_may_come_first_between_and_last() {
        let skippable = b"\x5e\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let bytes = [skippable.clone(), zstd(b"a"), skippable.clone(), zstd(b"b"), skippable].concat();
        assert_eq!(decode(&bytes).unwrap(), (Compression::Zstd, b"ab".to_vec()));
    }

    #[test]
    fn every_early_end_and_trailing_garbage_is_an_error() {
        for (compression, encode) in ENCODERS {
            let whole = encode(&vec![7; 5000]);
            for end in MAGIC..whole.len() {
                assert!(decode(&whole[..end]).is_err(), "{compression} cut at {end} of {}", whole.len());
            }
            assert!(
                decode(&[&whole, b"garbage, and more of it".as_slice()].concat()).is_err(),
                "{compression} and garbage"
            );
            // Zeros are legal padding of an xz stream, and of no other.
            let padded = decode(&[&whole, [0; 512].as_slice()].concat());
            assert_eq!(padded.is_ok(), compression == Compression::Xz, "{compression} and zeros");
        }
    }

    #[test]
    fn changed_bytes_are_noticed() {
        for (compression, encode) in ENCODERS {
            let whole = encode(b"some bytes that have a checksum");
            let mut noticed = 0;
            for position in MAGIC + 4..whole.len() {
                let mut changed = whole.clone();
                changed[position] ^= 0x10;
                noticed +=
                    usize::from(!matches!(decode(&changed), Ok((_, out)) if out == b"some bytes that have a checksum"));
            }
            // zstd's checksum is off by default; a changed literal then passes here and is caught by the digest.
            assert!(noticed > 0, "{compression}");
        }
    }
}
