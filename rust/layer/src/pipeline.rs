//! The stages a layer flows through, each on a thread of its own: read, decode, hash, write.
//!
//! Buffers of [`CHUNK`] bytes are shared by the stages and come back for reuse, at most [`DEPTH`] wait for a stage: memory is
//! bounded whatever the layer holds. A stage that fails closes its channel; the others notice and end.

use crate::compression::{self, Compression};
use crate::error::Error;
use libpod_digest::{Digest, Hasher};
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

/// Bytes that are handed on at a time; a multiple of the tar block, so that no header is ever split.
const CHUNK: usize = 1 << 20;

/// Compressed bytes that are read at a time: a network brings less at once.
const READ_CHUNK: usize = 256 * 1024;

/// Chunks that may wait for a stage.
const DEPTH: usize = 8;

/// The digests and sizes of both sides of the decompressor.
#[derive(Debug, Clone, Copy)]
pub struct Sums {
    pub compression: Compression,
    pub compressed: (Digest, u64),
    pub uncompressed: (Digest, u64),
}

/// A buffer that goes back to its stage when the last holder lets go of it.
struct Chunk {
    bytes: Vec<u8>,
    back: SyncSender<Vec<u8>>,
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // A full or closed channel only means that the buffer is not needed again.
        let _ = self.back.try_send(std::mem::take(&mut self.bytes));
    }
}

/// Hands out buffers of one size and takes them back.
struct Pool {
    size: usize,
    back: SyncSender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
}

impl Pool {
    fn new(size: usize) -> Self {
        let (back, free) = sync_channel(2 * DEPTH);
        Self { size, back, free }
    }

    fn take(&self) -> Vec<u8> {
        let mut bytes = self.free.try_recv().unwrap_or_default();
        bytes.resize(self.size, 0);
        bytes
    }

    fn wrap(&self, bytes: Vec<u8>) -> Chunk {
        Chunk { bytes, back: self.back.clone() }
    }
}

/// Read until `buffer` is full or the source ends.
pub fn read_full(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Read what there is, at least a byte unless the source ends.
fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

type Source = Box<dyn Read + Send>;
type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Error>;

/// Run the whole layer through `sink`, all on the calling thread.
pub fn run_inline(source: Source, limit: Option<u64>, sink: Sink<'_>) -> Result<Sums, Error> {
    let (compression, source) = compression::detect(source).map_err(Error::Source)?;
    let hasher = Arc::new(Mutex::new(Hasher::default()));
    let source = Tee { source, hasher: (compression != Compression::None).then(|| Arc::clone(&hasher)) };
    let stream = compression::decode(compression, source);
    let mut stream =
        Stream { inner: stream.map_err(|error| stream_error(compression, 0, error))?, compression, total: 0, limit };
    let mut uncompressed = Hasher::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = stream.fill(&mut buffer)?;
        if length == 0 {
            break;
        }
        uncompressed.update(&buffer[..length]);
        sink(&buffer[..length])?;
    }
    drop(stream);
    let uncompressed = uncompressed.finish();
    let hasher = Arc::into_inner(hasher).and_then(|hasher| hasher.into_inner().ok()).unwrap_or_default();
    let compressed = if compression == Compression::None { uncompressed } else { hasher.finish() };
    Ok(Sums { compression, compressed, uncompressed })
}

/// Run the whole layer through `sink` on the calling thread, while others read, decode and hash.
pub fn run_threads(source: Source, limit: Option<u64>, sink: Sink<'_>) -> Result<Sums, Error> {
    let (compression, source) = compression::detect(source).map_err(Error::Source)?;
    std::thread::scope(|scope| {
        let (send, chunks) = sync_channel(DEPTH);
        let (send_hash, to_hash) = sync_channel(DEPTH);
        let hashing = scope.spawn(move || hash_all(&to_hash));
        let (source, reading): (Source, _) = match compression {
            Compression::None => (Box::new(Tee { source, hasher: None }), None),
            _ => {
                let (send, pieces) = sync_channel(DEPTH);
                let reading = scope.spawn(move || read_all(source, &send));
                (Box::new(Pieces { pieces, current: None, used: 0 }), Some(reading))
            }
        };
        scope.spawn(move || produce(source, compression, limit, &send, &send_hash));
        for chunk in &chunks {
            let chunk: Arc<Chunk> = chunk?;
            sink(&chunk)?;
        }
        drop(chunks);
        let uncompressed = join(hashing);
        Ok(Sums { compression, compressed: reading.map_or(uncompressed, join), uncompressed })
    })
}

/// Copy `source` to `target`, reading on a thread of its own, and return the number of bytes.
pub fn pump(source: Box<dyn Read + Send>, target: &mut dyn Write) -> Result<u64, Error> {
    std::thread::scope(|scope| {
        let (send, pieces) = sync_channel::<io::Result<Chunk>>(DEPTH);
        scope.spawn(move || read_ahead(source, &send));
        let mut total = 0;
        for piece in &pieces {
            let piece = piece.map_err(source_error)?;
            target.write_all(&piece).map_err(Error::Output)?;
            total += piece.len() as u64;
        }
        Ok(total)
    })
}

/// A source may be one of this crate's own streams, whose errors say more.
fn source_error(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::Source)
}

fn read_ahead(mut source: Source, send: &SyncSender<io::Result<Chunk>>) {
    let pool = Pool::new(CHUNK);
    loop {
        let mut bytes = pool.take();
        let piece = match read_full(&mut source, &mut bytes) {
            Ok(0) => return,
            Ok(length) => {
                bytes.truncate(length);
                Ok(pool.wrap(bytes))
            }
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if send.send(piece).is_err() || failed {
            return;
        }
    }
}

fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn hash_all(chunks: &Receiver<Arc<Chunk>>) -> (Digest, u64) {
    let mut hasher = Hasher::default();
    for chunk in chunks {
        hasher.update(&chunk);
    }
    hasher.finish()
}

/// Read the compressed bytes, hash them and hand them to the decoder.
fn read_all(mut source: impl Read, send: &SyncSender<io::Result<Chunk>>) -> (Digest, u64) {
    let pool = Pool::new(READ_CHUNK);
    let mut hasher = Hasher::default();
    loop {
        let mut bytes = pool.take();
        match read_some(&mut source, &mut bytes) {
            Ok(0) => break,
            Ok(length) => {
                bytes.truncate(length);
                hasher.update(&bytes);
                if send.send(Ok(pool.wrap(bytes))).is_err() {
                    break;
                }
            }
            Err(error) => {
                // The decoder hands it on; where it is gone, it has an error of its own.
                let _ = send.send(Err(error));
                break;
            }
        }
    }
    hasher.finish()
}

/// Decode, and hand each chunk to the two stages behind.
fn produce(
    source: Source,
    compression: Compression,
    limit: Option<u64>,
    send: &SyncSender<Result<Arc<Chunk>, Error>>,
    send_hash: &SyncSender<Arc<Chunk>>,
) {
    let pool = Pool::new(CHUNK);
    let opened = compression::decode(compression, source).map_err(|error| stream_error(compression, 0, error));
    let mut stream = opened.map(|inner| Stream { inner, compression, total: 0, limit });
    loop {
        let mut bytes = pool.take();
        let filled = match &mut stream {
            Ok(stream) => stream.fill(&mut bytes),
            Err(_) => Ok(0),
        };
        let length = match filled {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => {
                stream = Err(error);
                break;
            }
        };
        bytes.truncate(length);
        let chunk = Arc::new(pool.wrap(bytes));
        if send_hash.send(Arc::clone(&chunk)).is_err() || send.send(Ok(chunk)).is_err() {
            return;
        }
    }
    if let Err(error) = stream {
        // A writer that is gone has an error of its own.
        let _ = send.send(Err(error));
    }
}

/// A decoder's output, counted and limited.
struct Stream {
    inner: Source,
    compression: Compression,
    total: u64,
    limit: Option<u64>,
}

impl Stream {
    /// Fill `buffer` unless the stream ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let length =
            read_full(&mut self.inner, buffer).map_err(|error| stream_error(self.compression, self.total, error))?;
        self.total += length as u64;
        match self.limit {
            Some(limit) if self.total > limit => Err(Error::TooLarge { limit }),
            _ => Ok(length),
        }
    }
}

/// Marks an error of the source, so that it is not taken for one of the decoder's.
#[derive(Debug)]
struct SourceError(io::Error);

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&libpod_sys::io_text(&self.0))
    }
}

impl std::error::Error for SourceError {}

fn mark(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted { error } else { io::Error::other(SourceError(error)) }
}

fn stream_error(compression: Compression, offset: u64, error: io::Error) -> Error {
    match error.downcast::<SourceError>() {
        Ok(SourceError(source)) => Error::Source(source),
        Err(source) => Error::Decompress { compression, offset, source },
    }
}

/// Reads the source, hashing on the way where asked to.
struct Tee<R> {
    source: R,
    hasher: Option<Arc<Mutex<Hasher>>>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer).map_err(mark)?;
        if let Some(Ok(mut hasher)) = self.hasher.as_ref().map(|hasher| hasher.lock()) {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// The compressed bytes as they come from the reading thread.
struct Pieces {
    pieces: Receiver<io::Result<Chunk>>,
    current: Option<Chunk>,
    used: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(chunk) = self.current.as_ref().filter(|chunk| self.used < chunk.len()) {
                let count = buffer.len().min(chunk.len() - self.used);
                buffer[..count].copy_from_slice(&chunk[self.used..self.used + count]);
                self.used += count;
                return Ok(count);
            }
            self.used = 0;
            // Let go of first: a decoder may ask again after the end, and must not be given the last piece twice.
            self.current = None;
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            self.current = Some(piece.map_err(mark)?);
        }
    }
}
