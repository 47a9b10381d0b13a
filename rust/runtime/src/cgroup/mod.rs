//! The container's cgroup: made, limited, joined, frozen, killed, measured and removed through the cgroup file systems.
//!
//! One container has one path, the same in every hierarchy: in each v1 controller's and, on a hybrid host, in the unified
//! one as well, or in the unified one alone (v2). systemd is not asked. What a host has is found in [`discover`]; how a
//! limit is written is told by [`v1`] and [`v2`]. A limit whose controller is missing is not silently forgotten: it
//! comes back as a warning.
//!
//! A cgroup belongs to the container that made it, and says so ([`owner`]): what another container, or another program, has put
//! at the same path since is neither killed nor removed.
//!
//! Moving another process into a v1 cgroup makes the kernel wait for a grace period of RCU, 2 to 15 ms. A process of one
//! thread that moves itself, through the file `tasks`, does not wait; and into the unified hierarchy `clone3` puts a process
//! from its birth. So the new process joins by itself, and nothing is ever moved: see `docs/runtime.md` for the numbers.

use crate::error::{Error, Result};
use crate::spec::Resources;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod devices;
mod discover;
mod file;
mod owner;
mod stats;
mod v1;
mod v2;

pub use discover::{Hierarchies, Hierarchy};
use file::{read_file, write_file};
use owner::Owner;
pub use stats::Stats;

/// How long a removal waits for the last processes to go.
const REMOVE_TRIES: u32 = 40;
/// Wait between two tries; grows with each.
const REMOVE_PAUSE: Duration = Duration::from_millis(1);

/// One container's cgroup, in all hierarchies of the host.
#[derive(Debug, Clone)]
pub struct Cgroup {
    hierarchies: Hierarchies,
    /// Path below each hierarchy's root, without the leading slash.
    path: PathBuf,
    /// The container that it belongs to.
    id: String,
}

impl Cgroup {
    /// Name the cgroup of `id`, whether it exists or not. `path`: as in `linux.cgroupsPath`; absent means `/<id>` below this
    /// process's own.
    pub fn open(path: Option<&str>, id: &str) -> Result<Self> {
        let hierarchies = Hierarchies::discover()?;
        let given = Path::new(path.unwrap_or(id));
        if given.components().any(|part| matches!(part, std::path::Component::ParentDir)) {
            return Err(Error::invalid(format!("cgroupsPath {} leaves its tree", given.display())));
        }
        let path = match given.strip_prefix("/") {
            Ok(absolute) => absolute.to_owned(),
            Err(_) => hierarchies.own_path().join(given),
        };
        if path.as_os_str().is_empty() {
            return Err(Error::invalid("cgroupsPath names the root of the tree"));
        }
        Ok(Self { hierarchies, path, id: id.into() })
    }

    /// Make the directories and write the limits; what this host cannot do is added to `warnings`. On error nothing that was made
    /// is left.
    ///
    /// One that exists is used only where no process is in it or below, and where it is not frozen. In the unified hierarchy it is
    /// made anew: some kernels kill whatever is cloned into a cgroup that `cgroup.kill` was once written to.
    pub fn create(&self, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
        let mut made = Vec::new();
        let outcome = self.make_all(&mut made).and_then(|()| self.limit(resources, warnings));
        if outcome.is_err() {
            for hierarchy in made {
                // The first error is the one that counts; an empty cgroup that stays is used by the next start.
                let _ = hierarchy.open().and_then(|root| unlinkat(&root, &self.path, AtFlags::REMOVEDIR));
            }
        }
        outcome
    }

    fn make_all<'a>(&'a self, made: &mut Vec<&'a Hierarchy>) -> Result<()> {
        for hierarchy in self.hierarchies.iter() {
            self.make_directory(hierarchy, made)?;
        }
        if let Some(hierarchy) = self.hierarchies.tracking() {
            owner::mark(&self.directory(hierarchy)?, &self.id)
                .map_err(|errno| Error::step("mark cgroup", hierarchy.directory().join(&self.path), errno))?;
        }
        Ok(())
    }

    fn limit(&self, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
        for hierarchy in self.hierarchies.iter() {
            if hierarchy.is_v1() {
                if v1::has_limits(hierarchy, resources) {
                    v1::limit(&self.directory(hierarchy)?, hierarchy, resources, warnings)?;
                }
            } else if self.hierarchies.is_unified() {
                v2::limit(&self.directory(hierarchy)?, resources, warnings)?;
            }
        }
        warnings.extend(self.hierarchies.missing(resources));
        Ok(())
    }

    /// The directory that `clone3` can be told to start a process in: only in the unified hierarchy.
    pub fn unified_directory(&self) -> Option<OwnedFd> {
        let unified = self.hierarchies.unified()?;
        open_directory(unified, &self.path).ok()
    }

    /// Put the calling process, which has one thread, into the cgroup of every v1 hierarchy.
    pub fn join_v1(&self) -> Result<()> {
        for hierarchy in self.hierarchies.iter().filter(|hierarchy| hierarchy.is_v1()) {
            self.write(hierarchy, "tasks", "0")?;
        }
        Ok(())
    }

    /// Whether the host has only the unified hierarchy.
    pub fn is_unified(&self) -> bool {
        self.hierarchies.is_unified()
    }

    /// The path below each hierarchy's root, with a leading slash.
    pub fn path(&self) -> PathBuf {
        Path::new("/").join(&self.path)
    }

    /// Name and host directory of each hierarchy that a container sees under `/sys/fs/cgroup`.
    pub fn views(&self) -> impl Iterator<Item = (&Hierarchy, PathBuf)> {
        let unified = self.hierarchies.is_unified();
        self.hierarchies
            .iter()
            .filter(move |hierarchy| unified || hierarchy.is_v1())
            .map(|hierarchy| (hierarchy, hierarchy.directory().join(&self.path)))
    }

    /// Stop every process of the cgroup, or let them run on.
    pub fn set_frozen(&self, frozen: bool) -> Result<()> {
        if self.owner() != Owner::Us {
            let what = format!("the cgroup {} does not belong to container {}", self.path().display(), self.id);
            return Err(Error::State { what });
        }
        if let Some(freezer) = self.hierarchies.find("freezer") {
            return v1::set_frozen(&self.directory(freezer)?, frozen);
        }
        match self.hierarchies.unified() {
            Some(unified) => v2::set_frozen(&self.directory(unified)?, frozen),
            None => Err(Error::unsupported("pausing a container", Some("this host has no freezer"))),
        }
    }

    /// Whether the processes are stopped; a cgroup that does not exist is not.
    pub fn is_frozen(&self) -> bool {
        let read = |hierarchy: &Hierarchy, file: &str| self.read(hierarchy, file).unwrap_or_default();
        match (self.hierarchies.find("freezer"), self.hierarchies.unified()) {
            (Some(freezer), _) => read(freezer, "freezer.state").trim() == "FROZEN",
            (_, Some(unified)) => read(unified, "cgroup.freeze").trim() == "1",
            _ => false,
        }
    }

    /// The processes in the container's cgroup and below, as the caller's PID namespace numbers them.
    pub fn processes(&self) -> Result<Vec<Pid>> {
        match self.hierarchies.tracking() {
            Some(hierarchy) if self.owner() == Owner::Us => self.processes_of(hierarchy),
            _ => Ok(Vec::new()),
        }
    }

    fn processes_of(&self, hierarchy: &Hierarchy) -> Result<Vec<Pid>> {
        let mut found = Vec::new();
        let mut list = || list_processes(&hierarchy.open()?, &self.path, &mut found);
        list().map_err(|errno| Error::step("list processes of", hierarchy.directory().join(&self.path), errno))?;
        Ok(found)
    }

    /// Send `SIGKILL` to every process of the container, those made meanwhile and those that are frozen included.
    pub fn kill(&self) -> Result<()> {
        if self.owner() != Owner::Us {
            return Ok(());
        }
        let unified = self.hierarchies.unified();
        if unified.is_some_and(|unified| self.write(unified, "cgroup.kill", "1").is_ok()) {
            return self.thaw_v1();
        }
        for _ in 0..REMOVE_TRIES {
            let processes = self.processes()?;
            if processes.is_empty() {
                return Ok(());
            }
            for pid in processes {
                // It may have ended since it was listed.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            self.thaw_v1()?;
            std::thread::sleep(REMOVE_PAUSE);
        }
        Ok(())
    }

    /// Let killed processes die: a process that a v1 freezer holds does not even do that.
    fn thaw_v1(&self) -> Result<()> {
        let frozen = |freezer: &&Hierarchy| {
            self.read(freezer, "freezer.state").is_ok_and(|text| matches!(text.trim(), "FROZEN" | "FREEZING"))
        };
        match self.hierarchies.find("freezer").filter(frozen) {
            Some(freezer) => v1::set_frozen(&self.directory(freezer)?, false),
            None => Ok(()),
        }
    }

    /// Whose it is, as far as its hierarchy can tell.
    fn owner(&self) -> Owner {
        let directory = self.hierarchies.tracking().map(|hierarchy| self.directory(hierarchy));
        match directory {
            Some(Ok(directory)) => owner::of(&directory, &self.id),
            _ => Owner::Us,
        }
    }

    /// Remove the directories, with those that the container made below them. What does not exist is fine.
    ///
    /// Processes that are about to end are waited for, a fraction of a second; then the error is `EBUSY`. What belongs to another
    /// container by now stays.
    pub fn remove(&self) -> Result<()> {
        let busy = |hierarchy: &Hierarchy| self.processes_of(hierarchy).is_ok_and(|processes| !processes.is_empty());
        match self.owner() {
            Owner::Us => {}
            Owner::Nobody if !self.hierarchies.tracking().is_some_and(busy) => {}
            Owner::Nobody | Owner::Another => return Ok(()),
        }
        let mut first_error = None;
        for hierarchy in self.hierarchies.iter() {
            if let Err(errno) = remove_patiently(hierarchy, &self.path) {
                let path = hierarchy.directory().join(&self.path);
                first_error.get_or_insert(Error::step("remove cgroup", path, errno));
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// What the container has used.
    pub fn stats(&self) -> Result<Stats> {
        if self.hierarchies.is_unified() {
            return v2::stats(|file| self.hierarchies.unified().and_then(|unified| self.read(unified, file).ok()));
        }
        v1::stats(|controller, file| self.read(self.hierarchies.find(controller)?, file).ok())
    }

    /// Make the directory of one hierarchy, and add the hierarchy to `made` if it is new.
    fn make_directory<'a>(&self, hierarchy: &'a Hierarchy, made: &mut Vec<&'a Hierarchy>) -> Result<()> {
        let fail = |errno| Error::step("make cgroup", hierarchy.directory().join(&self.path), errno);
        let root = hierarchy.open().map_err(fail)?;
        let mut result = mkdirat(&root, &self.path, Mode::from_raw_mode(0o755));
        if result == Err(Errno::EXIST) {
            self.refuse_busy(hierarchy)?;
            self.refuse_frozen(hierarchy)?;
            if !hierarchy.is_v1() && remove_empty(&root, &self.path).map_err(fail)? {
                result = mkdirat(&root, &self.path, Mode::from_raw_mode(0o755));
            }
        }
        let is_new = match result {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(Errno::NOENT) => make_ancestors(&root, &self.path).map_err(fail)?,
            Err(errno) => return Err(fail(errno)),
        };
        if is_new {
            made.push(hierarchy);
        }
        self.refuse_frozen(hierarchy)?;
        if hierarchy.controls("cpuset") {
            v1::inherit_cpuset(&root, &self.path).map_err(fail)?;
        }
        if self.hierarchies.is_unified() {
            v2::enable_controllers(&root, &self.path);
        }
        Ok(())
    }

    /// Refuse a frozen cgroup: a process that is born into one stops before its first instruction, and never says a word.
    fn refuse_frozen(&self, hierarchy: &Hierarchy) -> Result<()> {
        let (file, states) = match hierarchy.is_v1() {
            true if hierarchy.controls("freezer") => ("freezer.state", ["FROZEN", "FREEZING"].as_slice()),
            true => return Ok(()),
            false => ("cgroup.events", ["frozen 1"].as_slice()),
        };
        let text = self.read(hierarchy, file).unwrap_or_default();
        if !text.lines().any(|line| states.contains(&line)) {
            return Ok(());
        }
        let path = hierarchy.directory().join(&self.path);
        let what = format!("the cgroup {} is frozen, by itself or by one above it: thaw it first", path.display());
        Err(Error::State { what })
    }

    /// Refuse a cgroup with processes in it: limits would hit them, and the end of one container would be that of another.
    fn refuse_busy(&self, hierarchy: &Hierarchy) -> Result<()> {
        let count = self.processes_of(hierarchy)?.len();
        if count == 0 {
            return Ok(());
        }
        let path = hierarchy.directory().join(&self.path);
        Err(Error::State { what: format!("the cgroup {} is not empty: {count} process(es) are in it", path.display()) })
    }

    fn directory(&self, hierarchy: &Hierarchy) -> Result<OwnedFd> {
        open_directory(hierarchy, &self.path)
            .map_err(|errno| Error::step("open cgroup", hierarchy.directory().join(&self.path), errno))
    }

    fn read(&self, hierarchy: &Hierarchy, file: &str) -> Result<String> {
        let path = self.path.join(file);
        let read = || read_file(&hierarchy.open()?, &path);
        read().map_err(|errno| Error::step("read", hierarchy.directory().join(&path), errno))
    }

    fn write(&self, hierarchy: &Hierarchy, file: &str, text: &str) -> Result<()> {
        let path = self.path.join(file);
        let write = || write_file(&hierarchy.open()?, &path, text);
        write().map_err(|errno| Error::step(format!("write {text:?} to"), hierarchy.directory().join(&path), errno))
    }
}

fn open_directory(hierarchy: &Hierarchy, path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(&hierarchy.open()?, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Make a directory and those to it; whether the last one is new.
fn make_ancestors(root: &OwnedFd, path: &Path) -> rustix::io::Result<bool> {
    let mut made = PathBuf::new();
    let mut new = false;
    for part in path.components() {
        made.push(part);
        new = match mkdirat(root, &made, Mode::from_raw_mode(0o755)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno),
        };
    }
    Ok(new)
}

/// Remove a cgroup that has no process; false where this user may not, or where it is in use after all.
fn remove_empty(root: &OwnedFd, path: &Path) -> rustix::io::Result<bool> {
    remove_children(root, path)?;
    match unlinkat(root, path, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::BUSY) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Add the processes in a cgroup and below it to `found`. One that is gone has none.
fn list_processes(root: &OwnedFd, path: &Path, found: &mut Vec<Pid>) -> rustix::io::Result<()> {
    match read_file(root, path.join("cgroup.procs")) {
        Ok(text) => found.extend(text.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw))),
        // A threaded cgroup: its processes are listed above it.
        Err(Errno::OPNOTSUPP) => {}
        Err(Errno::NOENT | Errno::NODEV) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    for child in children(root, path)? {
        list_processes(root, &child, found)?;
    }
    Ok(())
}

/// The cgroups right below one; none where it is gone.
fn children(root: &OwnedFd, path: &Path) -> rustix::io::Result<Vec<PathBuf>> {
    let directory = match openat(root, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if entry.file_type() == rustix::fs::FileType::Directory && name != b"." && name != b".." {
            found.push(path.join(OsStr::from_bytes(name)));
        }
    }
    Ok(found)
}

fn remove_patiently(hierarchy: &Hierarchy, path: &Path) -> rustix::io::Result<()> {
    let root = match hierarchy.open() {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    for attempt in 1..=REMOVE_TRIES {
        match unlinkat(&root, path, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::BUSY) if attempt < REMOVE_TRIES => {}
            Err(errno) => return Err(errno),
        }
        remove_children(&root, path)?;
        match unlinkat(&root, path, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::BUSY) => std::thread::sleep(REMOVE_PAUSE * attempt),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::BUSY)
}

/// Remove what a container with a cgroup file system of its own has made below its cgroup, deepest first.
fn remove_children(root: &OwnedFd, path: &Path) -> rustix::io::Result<()> {
    for child in children(root, path)? {
        remove_children(root, &child)?;
        match unlinkat(root, &child, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::BUSY) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
