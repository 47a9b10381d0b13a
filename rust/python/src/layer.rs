//! Layers for Python: pack, unpack, walk and extract one layer's blob.
//!
//! A blob flows once: each of these calls takes it. Data goes between descriptors; Python sees entries and sums.

use crate::blob::{Blob, Source, duplicate};
use crate::error::{Fault, Kind, detached};
use libpod_layer as layer;
use libpod_layer::tar::Kind as EntryKind;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, RawFd};
use std::sync::Mutex;

impl From<layer::Error> for Fault {
    fn from(error: layer::Error) -> Self {
        if let layer::Error::Source(source) = &error {
            if let Some(fault) = crate::error::fault_of_stream(source) {
                return fault;
            }
        }
        let message = libpod_sys::chain(&error);
        let path = error.entry().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        let kind = match error.kind() {
            layer::ErrorKind::Corrupt => Kind::Corrupt,
            layer::ErrorKind::UnsafePath => Kind::UnsafePath,
            layer::ErrorKind::Unsupported => Kind::Unsupported,
            layer::ErrorKind::Os(errno) => return Self::os(errno.raw_os_error(), message, path),
        };
        Self { path, ..Self::new(kind, message) }
    }
}

fn compression(name: &str) -> Result<layer::Compression, Fault> {
    match name {
        "none" => Ok(layer::Compression::None),
        "gzip" => Ok(layer::Compression::Gzip),
        "zstd" => Ok(layer::Compression::Zstd),
        _ => Err(Fault::new(Kind::Invalid, format!("unknown compression `{name}`"))),
    }
}

/// The error of a target that takes nothing more names it as its user does.
fn naming(error: layer::Error, name: Option<&str>) -> Fault {
    match &error {
        layer::Error::Output(source) => match source.raw_os_error() {
            Some(errno) => Fault::os(errno, libpod_sys::errno_text(errno), name.map(str::to_owned)),
            None => error.into(),
        },
        _ => error.into(),
    }
}

/// Copy `blob` to `fd`, compressed as "none", "gzip" or "zstd", and return the sums of both sides.
///
/// `name` is what the user calls the file behind `fd`, for the error of a full one.
#[pyfunction]
#[pyo3(signature = (blob, fd, compression="none", level=None, *, name=None))]
fn pack<'py>(
    py: Python<'py>,
    blob: &Blob,
    fd: RawFd,
    compression: &str,
    level: Option<i32>,
    name: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = layer::PackOptions { compression: self::compression(compression)?, level, threads: None };
    let source = blob.take()?;
    let target = File::from(duplicate(fd)?);
    let packed = detached(py, move || -> Result<layer::Packed, Fault> {
        let all = || -> Result<layer::Packed, layer::Error> {
            let mut packer = layer::Packer::new(target, options)?;
            layer::pump(source, &mut packer)?;
            Ok(packer.finish()?.1)
        };
        all().map_err(|error| naming(error, name))
    })?;
    packed_to_python(py, &packed)
}

fn packed_to_python<'py>(py: Python<'py>, packed: &layer::Packed) -> PyResult<Bound<'py, PyDict>> {
    let sums = PyDict::new(py);
    sums.set_item("diff_id", packed.diff_id.to_string())?;
    sums.set_item("diff_size", packed.diff_size)?;
    sums.set_item("digest", packed.digest.to_string())?;
    sums.set_item("size", packed.size)?;
    Ok(sums)
}

/// Blob of the compressed ("gzip", "zstd") form of `blob`, compressed while it is read.
///
/// Reading it fails before its end where `blob` is not what `diff_id` names. Its own digest is left to the reader.
#[pyfunction]
#[pyo3(signature = (blob, diff_id, compression, level=None))]
fn compress_blob(blob: &Blob, diff_id: &str, compression: &str, level: Option<i32>) -> PyResult<Blob> {
    let options = layer::PackOptions { compression: self::compression(compression)?, level, threads: None };
    let diff_id = diff_id.parse::<layer::Digest>().map_err(Fault::from)?;
    let compressed = layer::compress(blob.take()?, diff_id, options).map_err(Fault::from)?;
    Ok(Blob::new(Box::new(compressed)))
}

/// Blob of the uncompressed form of `blob` (gzip, zstd, xz, bzip2 by its magic, or as it is), decompressed while it is read.
#[pyfunction]
fn decompress_blob(py: Python<'_>, blob: &Blob) -> PyResult<Blob> {
    let source = blob.take()?;
    let (_, decoder) = detached(py, || layer::decoder(source))?;
    Ok(Blob::new(decoder))
}

/// Copy `blob` to `fd`, decompressed by its magic (gzip, zstd, xz, bzip2 or not at all); the number of bytes written.
#[pyfunction]
fn unpack_to(py: Python<'_>, blob: &Blob, fd: RawFd) -> PyResult<u64> {
    let source = blob.take()?;
    let mut target = File::from(duplicate(fd)?);
    Ok(detached(py, move || -> Result<u64, Fault> {
        let (_, decoder) = layer::decoder(source)?;
        Ok(layer::pump(decoder, &mut target)?)
    })?)
}

/// What an entry looks like to Python.
#[derive(IntoPyObject)]
struct EntryTuple<'py>(
    Bound<'py, PyBytes>,
    &'static str,
    u32,
    (i64, i64),
    i128,
    u64,
    Option<Bound<'py, PyBytes>>,
    Option<(u32, u32)>,
    Option<Bound<'py, PyDict>>,
);

/// The entries of one layer, in the order of the tar.
#[pyclass(frozen, module = "libpod._core")]
struct LayerReader {
    entries: Mutex<layer::Entries<Source>>,
}

impl LayerReader {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut layer::Entries<Source>) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        detached(py, || {
            let mut entries =
                self.entries.lock().map_err(|_| Fault::new(Kind::State, "the layer was left half read"))?;
            work(&mut entries)
        })
    }
}

#[pymethods]
impl LayerReader {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<EntryTuple<'py>>> {
        let entry = self.with(py, |entries| Ok(entries.advance()?.then(|| entries.entry().clone())))?;
        entry.map(|entry| to_tuple(py, &entry)).transpose()
    }

    /// At most `limit` further entries; an empty list at the end. Their content cannot be read, but that of the last one.
    fn batch<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Vec<EntryTuple<'py>>> {
        let found = self.with(py, |entries| {
            let mut found = Vec::new();
            while found.len() < limit && entries.advance()? {
                found.push(entries.entry().clone());
            }
            Ok(found)
        })?;
        found.iter().map(|entry| to_tuple(py, entry)).collect()
    }

    /// Content of the current entry, from where it was read to; more than `limit` bytes is an InvalidError.
    fn read<'py>(&self, py: Python<'py>, limit: u64) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.with(py, |entries| {
            let mut bytes = Vec::new();
            entries.take(limit + 1).read_to_end(&mut bytes).map_err(Fault::from)?;
            if bytes.len() as u64 > limit {
                return Err(Fault::new(Kind::Invalid, format!("larger than the limit of {limit} bytes")));
            }
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Copy what is left of the current entry's content to `fd`; the number of bytes.
    fn copy_to(&self, py: Python<'_>, fd: RawFd) -> PyResult<u64> {
        let mut target = File::from(duplicate(fd)?);
        Ok(self.with(py, move |entries| io::copy(entries, &mut target).map_err(Fault::from))?)
    }
}

fn to_tuple<'py>(py: Python<'py>, entry: &layer::tar::Entry) -> PyResult<EntryTuple<'py>> {
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::HardLink => "hardlink",
        EntryKind::Symlink => "symlink",
        EntryKind::Char => "char",
        EntryKind::Block => "block",
        EntryKind::Directory => "directory",
        EntryKind::Fifo => "fifo",
        EntryKind::Global => "global",
        EntryKind::Other(_) => "other",
    };
    let is_device = matches!(entry.kind, EntryKind::Char | EntryKind::Block);
    let is_link = matches!(entry.kind, EntryKind::HardLink | EntryKind::Symlink);
    let xattrs = match entry.xattrs.as_slice() {
        [] => None,
        xattrs => {
            let dict = PyDict::new(py);
            for (key, value) in xattrs {
                dict.set_item(PyBytes::new(py, key), PyBytes::new(py, value))?;
            }
            Some(dict)
        }
    };
    Ok(EntryTuple(
        PyBytes::new(py, &entry.name),
        kind,
        entry.mode,
        (entry.uid, entry.gid),
        i128::from(entry.mtime) * 1_000_000_000 + i128::from(entry.mtime_nanos),
        entry.size,
        is_link.then(|| PyBytes::new(py, &entry.link)),
        is_device.then_some(entry.device),
        xattrs,
    ))
}

/// Read the entries of the layer in `blob`, compressed or not. Nothing is judged: names come as they stand in the tar.
#[pyfunction]
fn walk_layer(py: Python<'_>, blob: &Blob) -> PyResult<LayerReader> {
    let source = blob.take()?;
    let (_, decoder) = detached(py, || layer::decoder(source).map_err(Fault::from))?;
    Ok(LayerReader { entries: Mutex::new(layer::Entries::new(decoder)) })
}

/// Unpack the layer in `blob` on top of what the directory `fd` holds: whiteouts remove files.
///
/// `select` takes one path and what is below it, and makes it under its last component. Without `owner`, files belong to the
/// caller; without `devices`, device nodes are left out; `walk` resolves paths without `openat2`.
#[pyfunction]
#[pyo3(signature = (blob, fd, *, select=b"".to_vec(), owner=false, devices=false, walk=false))]
fn extract_layer<'py>(
    py: Python<'py>,
    blob: &Blob,
    fd: RawFd,
    select: Vec<u8>,
    owner: bool,
    devices: bool,
    walk: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let source = blob.take()?;
    let target = duplicate(fd)?;
    let resolver = if walk { layer::Resolver::Walk } else { layer::Resolver::Auto };
    let options =
        layer::ApplyOptions { owner, devices, user_namespace: true, resolver, ..layer::ApplyOptions::default() };
    let extracted = detached(py, move || layer::extract(source, target.as_fd(), &select, &options))?;
    let unresolved: Vec<_> =
        extracted.unresolved.iter().map(|(name, link)| (PyBytes::new(py, name), PyBytes::new(py, link))).collect();
    let result = applied_to_python(py, &extracted.applied)?;
    result.set_item("unresolved", unresolved)?;
    Ok(result)
}

/// Unpack the layer in `blob` into the directory `fd` as an overlay store keeps it, and write its tar-split file to `split_fd`.
///
/// Without `devices`, device nodes are refused; `walk` resolves paths without `openat2`.
#[pyfunction]
#[pyo3(signature = (blob, fd, split_fd, *, devices=true, inline=false, walk=false))]
fn apply_layer<'py>(
    py: Python<'py>,
    blob: &Blob,
    fd: RawFd,
    split_fd: RawFd,
    devices: bool,
    inline: bool,
    walk: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let source = blob.take()?;
    let (target, split) = (duplicate(fd)?, File::from(duplicate(split_fd)?));
    let resolver = if walk { layer::Resolver::Walk } else { layer::Resolver::Auto };
    let threads = if inline { layer::Threads::Inline } else { layer::Threads::Auto };
    let options = layer::ApplyOptions { devices, threads, resolver, ..layer::ApplyOptions::default() };
    let applied = detached(py, move || layer::apply(source, target.as_fd(), split, &options))?;
    applied_to_python(py, &applied)
}

fn applied_to_python<'py>(py: Python<'py>, applied: &layer::Applied) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("diff_id", applied.diff_id.to_string())?;
    dict.set_item("diff_size", applied.diff_size)?;
    dict.set_item("digest", applied.digest.to_string())?;
    dict.set_item("size", applied.size)?;
    dict.set_item("compression", applied.compression.to_string())?;
    dict.set_item("entries", applied.entries)?;
    Ok(dict)
}

/// Blob of the tar that was unpacked into the directory `fd`, byte for byte, by its tar-split file.
#[pyfunction]
fn rebuild_layer(fd: RawFd, split_fd: RawFd) -> PyResult<Blob> {
    let rebuilt = layer::rebuild(vec![duplicate(fd)?], File::from(duplicate(split_fd)?)).map_err(Fault::from)?;
    Ok(Blob::new(Box::new(rebuilt)))
}

/// Write the layer that the overlay upper directory `fd` is to `out_fd`, compressed as for `pack`; the sums of both sides.
#[pyfunction]
#[pyo3(signature = (fd, out_fd, compression="none", level=None))]
fn diff_layer<'py>(
    py: Python<'py>,
    fd: RawFd,
    out_fd: RawFd,
    compression: &str,
    level: Option<i32>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = layer::PackOptions { compression: self::compression(compression)?, level, threads: None };
    let (upper, target) = (duplicate(fd)?, File::from(duplicate(out_fd)?));
    let packed = detached(py, move || -> Result<layer::Packed, Fault> {
        let mut packer = layer::Packer::new(target, options)?;
        layer::diff(upper.as_fd(), &mut packer, &layer::DiffOptions::default())?;
        Ok(packer.finish()?.1)
    })?;
    packed_to_python(py, &packed)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LayerReader>()?;
    module.add_function(wrap_pyfunction!(pack, module)?)?;
    module.add_function(wrap_pyfunction!(compress_blob, module)?)?;
    module.add_function(wrap_pyfunction!(decompress_blob, module)?)?;
    module.add_function(wrap_pyfunction!(unpack_to, module)?)?;
    module.add_function(wrap_pyfunction!(walk_layer, module)?)?;
    module.add_function(wrap_pyfunction!(extract_layer, module)?)?;
    module.add_function(wrap_pyfunction!(apply_layer, module)?)?;
    module.add_function(wrap_pyfunction!(rebuild_layer, module)?)?;
    module.add_function(wrap_pyfunction!(diff_layer, module)?)?;
    Ok(())
}
