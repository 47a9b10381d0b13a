//! A container's own files for the engine: what lies where, its users and groups, and a directory to start a volume with.

use crate::error::{Fault, Kind, detached};
use crate::value::Text;
use libpod_monitor::process::HeldProcess;
use libpod_runtime::rootdir::RootDir;
use libpod_runtime::view::{self, Bind, Owner, PlaceKind, Shown};
use libpod_runtime::{Error, copy_up};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// A container's tree as its processes see it, or will see it: layers and the mounts on them.
#[pyclass(module = "libpod._core")]
struct View(view::View);

#[pymethods]
impl View {
    /// The tree of a stack of layers, the uppermost first.
    #[new]
    fn new(py: Python<'_>, layers: Vec<PathBuf>) -> PyResult<Self> {
        Ok(Self(detached(py, || view::View::of_layers(&layers))?))
    }

    /// What a running process sees. An error where the process is gone.
    #[staticmethod]
    fn of_process(py: Python<'_>, pid: i32, start_time: u64) -> PyResult<Self> {
        let seen = py.detach(|| view::View::of_directory(&PathBuf::from(format!("/proc/{pid}/root"))));
        // The number was the process's own when its root was opened, if the process still lives.
        let alive = HeldProcess::open(pid, start_time).is_ok_and(|held| held.is_some());
        match seen {
            Ok(seen) if alive => Ok(Self(seen)),
            _ => Err(Fault::new(Kind::State, "the container's process has ended").into()),
        }
    }

    /// Add a mount. kind: `bind`, `bind-plain` (without the mounts below), `volume`, `tmpfs`, `tmpfs-empty` or `kernel`.
    #[pyo3(signature = (destination, kind, source = PathBuf::new()))]
    fn mount(&mut self, py: Python<'_>, destination: PathBuf, kind: &str, source: PathBuf) -> PyResult<()> {
        let shown = match kind {
            "bind" => Shown::Host(source, Bind::Recursive),
            "bind-plain" => Shown::Host(source, Bind::Plain),
            "volume" => Shown::Volume(source),
            "tmpfs" => Shown::Copy,
            "tmpfs-empty" => Shown::Empty,
            "kernel" => Shown::Kernel,
            other => return Err(Fault::new(Kind::Invalid, format!("no kind of mount: {other}")).into()),
        };
        py.detach(|| self.0.mount(&destination, &shown));
        Ok(())
    }

    /// Resolve `USER[:GROUP]` by the passwd and group files.
    fn find_user<'py>(&self, py: Python<'py>, user: Text) -> PyResult<Bound<'py, PyDict>> {
        let found = detached(py, || self.0.find_user(&user.0))?;
        let result = PyDict::new(py);
        result.set_item("uid", found.uid)?;
        result.set_item("gid", found.gid)?;
        result.set_item("additional_gids", found.groups)?;
        result.set_item("home", found.home)?;
        result.set_item("known", found.name.is_some())?;
        result.set_item("name", found.name)?;
        Ok(result)
    }

    /// Resolve one group, by name or by number.
    fn find_group(&self, py: Python<'_>, group: Text) -> PyResult<u32> {
        Ok(detached(py, || self.0.find_group(&group.0))?)
    }

    /// What a path is, its last symbolic link followed, and whose: (`directory`, `file`, `other`, `unknown` or None where nothing is;
    /// `root`, `host`, `volume`, `tmpfs` or `kernel`).
    fn place(&self, py: Python<'_>, path: PathBuf) -> PyResult<(Option<&'static str>, &'static str)> {
        let found = detached(py, || self.0.place(&path))?;
        let kind = match found.kind {
            PlaceKind::Missing => None,
            PlaceKind::Directory => Some("directory"),
            PlaceKind::File => Some("file"),
            PlaceKind::Other => Some("other"),
            PlaceKind::Unknown => Some("unknown"),
        };
        let owner = match found.owner {
            Owner::Root => "root",
            Owner::Host => "host",
            Owner::Volume => "volume",
            Owner::Memory => "tmpfs",
            Owner::Kernel => "kernel",
        };
        Ok((kind, owner))
    }

    /// The contents of `/etc/passwd` (`passwd`) or `/etc/group` (`group`); empty where there is none.
    fn accounts<'py>(&self, py: Python<'py>, database: &str) -> PyResult<Bound<'py, PyBytes>> {
        let text = detached(py, || self.0.read(&format!("/etc/{database}")))?;
        Ok(PyBytes::new(py, &text))
    }
}

/// Copy the owner, mode and times of the directory `path` of the mounted root `root`, and with `content` what is in it, into the
/// empty directory `target`.
#[pyfunction]
fn copy_directory(py: Python<'_>, root: PathBuf, path: PathBuf, target: PathBuf, content: bool) -> PyResult<()> {
    Ok(detached(py, || {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let from = RootDir::open(&root)?
            .open_at(&path, flags, Mode::empty())
            .map_err(|errno| Error::step("open", &path, errno))?;
        let to = openat(CWD, &target, flags | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| Error::step("open", &target, errno))?;
        copy_up::copy_directory(from.as_fd(), to.as_fd(), content).map_err(|errno| Error::step("copy", &path, errno))
    })?)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<View>()?;
    module.add_function(wrap_pyfunction!(copy_directory, module)?)?;
    Ok(())
}
