//! A container's own files for the engine: its passwd and group, and a directory to start a volume with.

use crate::error::detached;
use libpod_runtime::layers::Layers;
use libpod_runtime::rootdir::RootDir;
use libpod_runtime::{Error, copy_up};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The contents of `/etc/passwd` (`passwd`) or `/etc/group` (`group`) of a root; empty where it has none.
///
/// layers: the root's directories, the uppermost first; `/proc/<pid>/root` alone for that of a process.
#[pyfunction]
fn account_file<'py>(py: Python<'py>, layers: Vec<PathBuf>, database: &str) -> PyResult<Bound<'py, PyBytes>> {
    let path = format!("etc/{database}");
    let text = detached(py, || Layers::open(&layers)?.read(&path))?;
    Ok(PyBytes::new(py, &text))
}

/// Copy what is in the directory `path` of the mounted root `root`, and its owner, mode and times, into the empty directory
/// `target`.
#[pyfunction]
fn copy_directory(py: Python<'_>, root: PathBuf, path: PathBuf, target: PathBuf) -> PyResult<()> {
    Ok(detached(py, || {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let from = RootDir::open(&root)?
            .open_at(&path, flags, Mode::empty())
            .map_err(|errno| Error::step("open", &path, errno))?;
        let to = openat(CWD, &target, flags | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| Error::step("open", &target, errno))?;
        copy_up::copy_directory(from.as_fd(), to.as_fd()).map_err(|errno| Error::step("copy", &path, errno))
    })?)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(account_file, module)?)?;
    module.add_function(wrap_pyfunction!(copy_directory, module)?)?;
    Ok(())
}
