//! Binds of what another container sees: its `/dev/shm`, for one.
//!
//! A source `/proc/PID/root/PATH` names what process PID has at PATH. The kernel refuses to bind a mount of another mount
//! namespace, and lets whoever is in that namespace copy it. So the child goes there, copies, and comes back. PATH is
//! resolved inside the other's root: no link in there leads out of it.

use crate::error::{Error, Result};
use crate::mount_options::Bind;
use crate::mounting::{Mounter, Tree};
use crate::rootdir::RootDir;
use libpod_sys::process::{Namespaces, setns};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::fchdir;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The source of a bind in the mount namespace of another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    process: PathBuf,
    path: PathBuf,
}

impl Foreign {
    /// Recognise `/proc/PID/root/PATH`; any other source is one of this namespace.
    pub fn parse(source: &Path) -> Option<Self> {
        let mut parts = source.components();
        let heads = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (Component::RootDir, Component::Normal(proc), Component::Normal(pid), Component::Normal(root)) = heads
        else {
            return None;
        };
        let numbered = pid.to_str().is_some_and(|pid| pid.parse::<u32>().is_ok());
        let found = proc == "proc" && numbered && root == "root";
        found.then(|| Self { process: Path::new("/proc").join(pid), path: Path::new("/").join(parts.as_path()) })
    }

    /// Copy the mount. The calling process must have one thread; it is in its own namespace and directory again afterwards.
    pub fn copy(&self, mounter: Mounter, bind: Bind) -> Result<Tree> {
        if mounter.is_classic() {
            return Err(Error::unsupported("sharing a mount of another container on a kernel before 5.12", None));
        }
        let namespace = self.process.join("ns/mnt");
        let theirs = open(&namespace, OFlags::RDONLY)?;
        let root = RootDir::open(&self.process.join("root"))?;
        let own = open(Path::new("/proc/self/ns/mnt"), OFlags::RDONLY)?;
        let directory = open(Path::new("."), OFlags::PATH | OFlags::DIRECTORY)?;
        enter(&theirs, &namespace)?;
        let copied = root.resolve(&self.path).and_then(|place| mounter.clone_tree(place, bind));
        enter(&own, Path::new("/proc/self/ns/mnt"))?;
        fchdir(&directory).map_err(|errno| Error::pathless("return to the working directory", errno))?;
        copied.map_err(|errno| Error::step("copy the mount of another container:", &self.path, errno))
    }
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd> {
    openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| Error::step("open", path, errno))
}

fn enter(namespace: &OwnedFd, path: &Path) -> Result<()> {
    setns(namespace.as_fd(), Namespaces::MOUNT).map_err(|error| Error::step("join namespace", path, error.errno()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_of_a_numbered_process_is_foreign() {
        let parsed = Foreign::parse(Path::new("/proc/12/root/dev/shm")).expect("foreign");
        assert_eq!(parsed, Foreign { process: "/proc/12".into(), path: "/dev/shm".into() });
        for own in ["/dev/shm", "/proc/self/root/x", "/proc/12/cwd/x", "/proc/12", "proc/12/root/x", "/sys/12/root/x"] {
            assert_eq!(Foreign::parse(Path::new(own)), None, "{own}");
        }
    }
}
