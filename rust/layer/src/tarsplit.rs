//! tar-split: the framing of a tar, kept so that the tar can be rebuilt byte for byte from the unpacked files.
//!
//! The file is gzip of JSON lines. A *segment* carries raw bytes (headers, padding, the end), a *file* line stands for the
//! content of a file in the layer's directory, with its CRC-64. Content that cannot be found there again as it stood in the
//! tar (the packed parts of a sparse file) goes into segments: any reader then rebuilds the same bytes.

use crate::crc64::Crc64;
use crate::error::{Error, Name};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};

/// A segment is written when it has so many bytes; newer writers of the format do the same.
const MAX_SEGMENT: usize = 1 << 20;

/// Longest line that is read: older writers put everything after the last entry into one segment.
const MAX_LINE: u64 = 48 << 20;

/// Bytes gathered before they go to the compressor.
const BUFFER: usize = 64 * 1024;

/// Writes a tar-split file.
pub struct Writer<W: Write> {
    out: GzEncoder<W>,
    lines: Vec<u8>,
    position: u64,
    segment: Vec<u8>,
    crc: Crc64,
}

impl<W: Write> Writer<W> {
    /// Begin at the beginning of a tar.
    pub fn new(out: W) -> Self {
        // Level 1, no time, unknown system: the bytes depend on the tar alone.
        let out = flate2::GzBuilder::new().operating_system(255).write(out, flate2::Compression::new(1));
        Self { out, lines: Vec::new(), position: 0, segment: Vec::new(), crc: Crc64::default() }
    }

    /// Raw bytes of the tar that no file holds.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(MAX_SEGMENT) {
            self.segment.extend_from_slice(piece);
            if self.segment.len() >= MAX_SEGMENT {
                self.end_segment()?;
            }
        }
        Ok(())
    }

    /// Content of the current file.
    pub fn content(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    /// Record the file that the content so far belongs to.
    pub fn file(&mut self, name: &[u8], size: u64) -> Result<(), Error> {
        self.end_segment()?;
        let crc = std::mem::take(&mut self.crc).finish();
        self.lines.extend_from_slice(b"{\"type\":1,");
        match std::str::from_utf8(name) {
            Ok("") => {}
            Ok(text) => {
                self.lines.extend_from_slice(b"\"name\":\"");
                escape(text, &mut self.lines);
                self.lines.extend_from_slice(b"\",");
            }
            Err(_) => {
                self.lines.extend_from_slice(b"\"name_raw\":\"");
                base64(name, &mut self.lines);
                self.lines.extend_from_slice(b"\",");
            }
        }
        if size == 0 {
            self.lines.extend_from_slice(b"\"payload\":null");
        } else {
            self.lines.extend_from_slice(format!("\"size\":{size},\"payload\":\"").as_bytes());
            base64(&crc.to_be_bytes(), &mut self.lines);
            self.lines.push(b'"');
        }
        self.end_line()
    }

    fn end_segment(&mut self) -> Result<(), Error> {
        if self.segment.is_empty() {
            return Ok(());
        }
        self.lines.extend_from_slice(b"{\"type\":2,\"payload\":\"");
        base64(&self.segment, &mut self.lines);
        self.lines.push(b'"');
        self.segment.clear();
        self.end_line()
    }

    fn end_line(&mut self) -> Result<(), Error> {
        self.lines.extend_from_slice(format!(",\"position\":{}}}\n", self.position).as_bytes());
        self.position += 1;
        if self.lines.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.out.write_all(&self.lines).map_err(write_error)?;
        self.lines.clear();
        Ok(())
    }

    /// Write what is left and give the output back, complete but not synced.
    pub fn finish(mut self) -> Result<W, Error> {
        self.end_segment()?;
        self.flush()?;
        self.out.finish().map_err(write_error)
    }
}

fn write_error(source: io::Error) -> Error {
    Error::TarSplit { step: "writing", source }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

/// A JSON string's inside, escaped as Go's encoder does.
fn escape(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// One line, as it is written.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name_raw: Option<Cow<'a, str>>,
    #[serde(default)]
    size: u64,
    #[serde(borrow, default)]
    payload: Option<Cow<'a, str>>,
}

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// Raw bytes of the tar.
    Segment(Vec<u8>),
    /// The content of a file of the layer.
    File {
        /// Name as in the tar.
        name: Vec<u8>,
        /// Bytes of content; none for all that is not a file.
        size: u64,
        /// CRC-64 of the content.
        crc: u64,
    },
}

/// Reads a tar-split file line by line.
pub struct Reader<R: Read> {
    input: BufReader<MultiGzDecoder<BufReader<R>>>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Reader<R> {
    /// Begin reading.
    pub fn new(input: R) -> Self {
        let input = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(BufReader::with_capacity(BUFFER, input)));
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next item, or None at the end.
    pub fn next(&mut self) -> Result<Option<Item>, Error> {
        loop {
            self.line.clear();
            let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line);
            let count = read.map_err(|source| Error::TarSplit { step: "reading", source })?;
            self.number += 1;
            if count == 0 {
                return Ok(None);
            }
            if count as u64 == MAX_LINE {
                return Err(self.bad("the line is too long"));
            }
            if !self.line.trim_ascii().is_empty() {
                return self.parse().map(Some);
            }
        }
    }

    fn bad(&self, reason: &'static str) -> Error {
        Error::TarSplitLine { line: self.number, reason }
    }

    fn parse(&self) -> Result<Item, Error> {
        let line: Line<'_> =
            serde_json::from_slice(&self.line).map_err(|_| self.bad("it is not a JSON object of the format"))?;
        let payload = STANDARD
            .decode(line.payload.as_deref().unwrap_or_default())
            .map_err(|_| self.bad("the payload is not base64"))?;
        match line.kind {
            2 => Ok(Item::Segment(payload)),
            1 => {
                let name = match (line.name_raw, line.name) {
                    (Some(raw), _) => STANDARD.decode(&*raw).map_err(|_| self.bad("the name is not base64"))?,
                    (None, name) => name.unwrap_or_default().into_owned().into_bytes(),
                };
                Ok(Item::File { name, size: line.size, crc: self.crc(line.size, &payload)? })
            }
            _ => Err(self.bad("the type is unknown")),
        }
    }

    fn crc(&self, size: u64, payload: &[u8]) -> Result<u64, Error> {
        if size == 0 {
            return Ok(0);
        }
        payload.try_into().map(u64::from_be_bytes).map_err(|_| self.bad("the checksum has not 8 bytes"))
    }
}

/// Check a file's content against what its line said.
pub fn verify(name: &[u8], crc: Crc64, wanted: u64) -> Result<(), Error> {
    if crc.finish() == wanted { Ok(()) } else { Err(Error::Changed { entry: Name::new(name) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(gzip: &[u8]) -> String {
        io::read_to_string(MultiGzDecoder::new(gzip)).unwrap()
    }

    #[test]
    fn lines_are_those_of_the_reference_format() {
        let mut writer = Writer::new(Vec::new());
        writer.raw(b"head").unwrap();
        writer.content(b"1234");
        writer.content(b"56789");
        writer.file("./a<\u{e9}>".as_bytes(), 9).unwrap();
        writer.file(b"\xff/", 0).unwrap();
        writer.raw(b"pad").unwrap();
        writer.raw(b"end").unwrap();
        let gzip = writer.finish().unwrap();
        assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
        assert_eq!(
            text(&gzip),
            "{\"type\":2,\"payload\":\"aGVhZA==\",\"position\":0}\n\
             {\"type\":1,\"name\":\"./a\\u003c\u{e9}\\u003e\",\"size\":9,\"payload\":\"uQlWx3WkEAE=\",\"position\":1}\n\
             {\"type\":1,\"name_raw\":\"/y8=\",\"payload\":null,\"position\":2}\n\
             {\"type\":2,\"payload\":\"cGFkZW5k\",\"position\":3}\n"
        );
        let mut reader = Reader::new(gzip.as_slice());
        let mut items = Vec::new();
        while let Some(item) = reader.next().unwrap() {
            items.push(item);
        }
        let name = "./a<\u{e9}>".as_bytes().to_vec();
        assert_eq!(items[1], Item::File { name, size: 9, crc: 0xB909_56C7_75A4_1001 });
        assert_eq!(items[2], Item::File { name: b"\xff/".to_vec(), size: 0, crc: 0 });
        assert_eq!(items[3], Item::Segment(b"padend".to_vec()));
    }

    #[test]
    fn nothing_written_is_an_empty_stream() {
        assert_eq!(text(&Writer::new(Vec::new()).finish().unwrap()), "");
    }

    #[test]
    fn bad_lines_are_named_by_their_number() {
        for line in [
            "{",
            "[]",
            "{\"type\":3}",
            "{\"type\":2,\"payload\":\"*\"}",
            "{\"type\":1,\"name\":\"a\",\"size\":1}",
            "{\"type\":1,\"size\":-1}",
        ] {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(format!("\n{line}\n").as_bytes()).unwrap();
            let gzip = encoder.finish().unwrap();
            assert!(matches!(Reader::new(gzip.as_slice()).next(), Err(Error::TarSplitLine { line: 2, .. })), "{line}");
        }
    }

    #[test]
    fn damage_is_an_error_or_other_items_never_a_panic() {
        let mut writer = Writer::new(Vec::new());
        for number in 0..20 {
            writer.raw(&[number; 700]).unwrap();
            writer.content(b"content");
            writer.file(format!("name-{number}").as_bytes(), 7).unwrap();
        }
        let lines = text(&writer.finish().unwrap()).into_bytes();
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for _ in 0..2000 {
            let mut damaged = lines.clone();
            for _ in 0..=random(3) {
                let position = random(damaged.len());
                damaged[position] = b"\0\"{}[],:\n9-e\\\xff="[random(15)];
            }
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::none());
            encoder.write_all(&damaged).unwrap();
            let gzip = encoder.finish().unwrap();
            let mut reader = Reader::new(gzip.as_slice());
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
