//! A blob on its way: one stream of bytes that Rust reads and Python only hands on.

use crate::error::{Fault, Kind, detached};
use libpod_digest::{Digest, Hasher};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a blob is read from.
pub type Source = Box<dyn Read + Send>;

/// A stream that is read once, from its beginning to its end.
///
/// A consumer in Rust takes the source out with [`Blob::take`]; Python sees the progress.
#[pyclass(frozen, module = "libpod._core")]
pub struct Blob {
    source: Mutex<Option<Source>>,
    read: Arc<AtomicU64>,
}

impl Blob {
    /// Wrap `source`.
    pub fn new(source: Source) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        let source = Box::new(Counted { inner: source, read: Arc::clone(&read) });
        Self { source: Mutex::new(Some(source)), read }
    }

    /// Take the stream out. A second call fails: a blob flows once.
    pub fn take(&self) -> Result<Source, Fault> {
        self.source
            .lock()
            .ok()
            .and_then(|mut slot| slot.take())
            .ok_or_else(|| Fault::new(Kind::Invalid, "the blob was read already"))
    }
}

#[pymethods]
impl Blob {
    /// Bytes read so far; may be asked while another thread reads.
    #[getter]
    fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Read the whole stream into memory; more than `limit` bytes is an InvalidError.
    fn read_all<'py>(&self, py: Python<'py>, limit: u64) -> PyResult<Bound<'py, PyBytes>> {
        let source = self.take()?;
        let bytes = detached(py, || read_limited(source, limit))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

fn read_limited(source: Source, limit: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Fault::new(Kind::Invalid, format!("larger than the limit of {limit} bytes")));
    }
    Ok(bytes)
}

struct Counted {
    inner: Source,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A stream that fails at its end where it is not what `wanted` names.
struct Proven {
    inner: Source,
    wanted: Digest,
    hasher: Option<Hasher>,
}

impl Read for Proven {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty() {
            let Some(hasher) = self.hasher.take() else { return Ok(0) };
            self.wanted.compare(hasher.finish().0).map_err(|mismatch| {
                io::Error::other(format!("blob digest mismatch: wanted {}, got {}", mismatch.wanted, mismatch.got))
            })?;
        }
        Ok(count)
    }
}

/// A range of a file, read with `pread` so that several blobs may share one descriptor.
struct Range {
    file: File,
    offset: u64,
    end: u64,
}

impl Read for Range {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        if count == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends inside the blob"));
        }
        self.offset += count as u64;
        Ok(count)
    }
}

/// A private duplicate of a descriptor that Python owns.
pub fn duplicate(fd: RawFd) -> Result<OwnedFd, Fault> {
    if fd < 0 {
        return Err(Fault::os(9, "Bad file descriptor", None));
    }
    let borrowed: BorrowedFd<'_> = libpod_sys::fd::borrow(&fd);
    Ok(borrowed.try_clone_to_owned()?)
}

/// Blob over `size` bytes at `offset` of a seekable file. The descriptor is duplicated; the caller keeps its own.
#[pyfunction]
#[pyo3(signature = (fd, offset=0, size=None))]
fn open_blob(fd: RawFd, offset: u64, size: Option<u64>) -> PyResult<Blob> {
    let file = File::from(duplicate(fd)?);
    let length = file.metadata().map_err(Fault::from)?.len();
    let end = size.map_or(length, |size| offset.saturating_add(size));
    if offset > end || end > length {
        return Err(Fault::new(Kind::Corrupt, "the blob reaches past the end of its file").into());
    }
    Ok(Blob::new(Box::new(Range { file, offset, end })))
}

/// Blob over a pipe, socket or terminal, read to its end. The descriptor is duplicated; the caller keeps its own.
#[pyfunction]
fn open_stream(fd: RawFd) -> PyResult<Blob> {
    Ok(Blob::new(Box::new(File::from(duplicate(fd)?))))
}

/// Blob over bytes in memory.
#[pyfunction]
fn bytes_blob(data: Vec<u8>) -> Blob {
    Blob::new(Box::new(io::Cursor::new(data)))
}

/// The same blob, whose reader fails at the end where its bytes are not what `digest` names; `blob` itself is read by it.
///
/// For digests of another algorithm than the sha256 that readers compute anyway.
#[pyfunction]
fn prove_blob(blob: &Blob, digest: &str) -> PyResult<Blob> {
    let wanted = digest.parse::<Digest>().map_err(Fault::from)?;
    let proven = Proven { inner: blob.take()?, wanted, hasher: Some(Hasher::new(wanted.algorithm())) };
    Ok(Blob::new(Box::new(proven)))
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Blob>()?;
    module.add_function(wrap_pyfunction!(open_blob, module)?)?;
    module.add_function(wrap_pyfunction!(open_stream, module)?)?;
    module.add_function(wrap_pyfunction!(bytes_blob, module)?)?;
    module.add_function(wrap_pyfunction!(prove_blob, module)?)?;
    Ok(())
}
