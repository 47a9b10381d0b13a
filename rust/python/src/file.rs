//! Whole files: `rust/sys::file` with Python values.

use crate::error::{Fault, Kind};
use crate::value::to_python;
use libpod_sys::file::{Durability, Replacement, read};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::fs::Mode;
use serde_json::Value;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The error of a file: an `OSError` with its name, or `CorruptError` where it is something else than a regular file.
fn fault(path: &Path, error: &std::io::Error) -> Fault {
    let name = path.display().to_string();
    match error.raw_os_error() {
        Some(errno) => Fault::os(errno, libpod_sys::errno_text(errno), Some(name)),
        None => Fault::new(Kind::Corrupt, format!("{name}: {error}")).with_path(name),
    }
}

fn read_if_there(py: Python<'_>, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
    match py.detach(|| read(path, limit)) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, &error)),
    }
}

/// Content of a regular file of at most `limit` bytes; None where it does not exist. Never waits for a FIFO or a device.
///
/// Raises: CorruptError (another kind of file, or larger), OSError.
#[pyfunction]
fn read_file<'py>(py: Python<'py>, path: PathBuf, limit: u64) -> PyResult<Option<Bound<'py, PyBytes>>> {
    Ok(read_if_there(py, &path, limit)?.map(|content| PyBytes::new(py, &content)))
}

/// The JSON document in a file, as `read_file` reads it and `parse_json` converts it; None where the file does not exist.
///
/// Raises: CorruptError (another kind of file, larger, or malformed), OSError.
#[pyfunction]
fn read_json<'py>(py: Python<'py>, path: PathBuf, limit: u64) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(content) = read_if_there(py, &path, limit)? else { return Ok(None) };
    let value: Value = serde_json::from_slice(&content).map_err(|error| {
        let name = path.display().to_string();
        Fault::new(Kind::Corrupt, format!("{name}: {error}")).with_path(name)
    })?;
    Ok(Some(to_python(py, &value)?))
}

/// Replace a file in one step: readers see the old content or the new one, and an error leaves the old one and nothing else.
///
/// mode: permissions, whatever the umask. synced: the content is on the disk before it takes the name.
#[pyfunction]
#[pyo3(signature = (path, data, *, mode=0o600, synced=false))]
fn replace_file(py: Python<'_>, path: PathBuf, data: &[u8], mode: u32, synced: bool) -> PyResult<()> {
    let durability = if synced { Durability::Synced } else { Durability::Volatile };
    let replaced = py.detach(|| -> std::io::Result<()> {
        let mut replacement = Replacement::create(&path, Mode::RUSR | Mode::WUSR)?;
        rustix::fs::fchmod(replacement.file(), Mode::from_raw_mode(mode))?;
        replacement.file().write_all(data)?;
        replacement.publish(durability)
    });
    Ok(replaced.map_err(|error| fault(&path, &error))?)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_file, module)?)?;
    module.add_function(wrap_pyfunction!(read_json, module)?)?;
    module.add_function(wrap_pyfunction!(replace_file, module)?)?;
    Ok(())
}
