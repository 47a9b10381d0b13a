//! The runtime for Python: users, groups and paths of an image whose layers are not mounted.

use crate::error::{Fault, Kind, detached};
use crate::value::Text;
use libpod_runtime::layers::Layers;
use libpod_runtime::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustix::fs::FileType;
use std::path::{Path, PathBuf};

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let kind = match error.kind() {
            ErrorKind::CommandNotFound => Kind::CommandNotFound,
            ErrorKind::CommandNotExecutable => Kind::CommandNotExecutable,
            ErrorKind::Invalid => Kind::Invalid,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::UnsafePath => Kind::UnsafePath,
            ErrorKind::State | ErrorKind::Failed => Kind::State,
            ErrorKind::Os(errno) => return Self::os(errno, text, path_of(&error)),
        };
        match path_of(&error) {
            Some(path) => Self::new(kind, text).with_path(path),
            None => Self::new(kind, text),
        }
    }
}

fn path_of(error: &Error) -> Option<String> {
    match error {
        Error::Step { path, .. } => path.as_ref().map(|path| path.display().to_string()),
        Error::UnsafePath { path, .. } | Error::WorkingDirectory { path, .. } | Error::Hook { path, .. } => {
            Some(path.display().to_string())
        }
        _ => None,
    }
}

/// Resolve `USER[:GROUP]` and further groups by the passwd and group files in `layers`, uppermost first.
#[pyfunction]
#[pyo3(signature = (layers, user, groups = Vec::new()))]
fn lookup_user<'py>(
    py: Python<'py>,
    layers: Vec<PathBuf>,
    user: Text,
    groups: Vec<Text>,
) -> PyResult<Bound<'py, PyDict>> {
    let (user, groups) = (user.0, groups.into_iter().map(|group| group.0).collect::<Vec<_>>());
    let found = detached(py, || Layers::open(&layers)?.find_user(&user, &groups))?;
    let result = PyDict::new(py);
    result.set_item("uid", found.uid)?;
    result.set_item("gid", found.gid)?;
    result.set_item("additional_gids", found.groups)?;
    result.set_item("home", found.home)?;
    result.set_item("known", found.name.is_some())?;
    result.set_item("name", found.name)?;
    Ok(result)
}

/// What `path` is in `layers`, its last symbolic link followed: `directory`, `file`, `other`, or None where nothing is.
#[pyfunction]
fn path_kind(py: Python<'_>, layers: Vec<PathBuf>, path: PathBuf) -> PyResult<Option<&'static str>> {
    let kind = detached(py, || Layers::open(&layers)?.kind(Path::new(&path)))?;
    Ok(kind.map(|kind| match kind {
        FileType::Directory => "directory",
        FileType::RegularFile => "file",
        _ => "other",
    }))
}

/// Add this module's exports.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(lookup_user, module)?)?;
    module.add_function(wrap_pyfunction!(path_kind, module)?)?;
    Ok(())
}
