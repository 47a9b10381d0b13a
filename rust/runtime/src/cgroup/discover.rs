//! Which cgroup hierarchies the host has, and where this process stands in each.
//!
//! `/proc/self/cgroup` lists them; where each is mounted is guessed by the usual name under `/sys/fs/cgroup` and, where that is
//! not it, read from `/proc/self/mountinfo`. The guess saves reading a table that has thousands of lines on a busy host.

use crate::error::{Error, Result};
use crate::spec::Resources;
use rustix::fs::{CWD, Mode, OFlags, fstatfs, openat, statfs};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const BASE: &str = "/sys/fs/cgroup";
const CGROUP_MAGIC: u64 = 0x0027_e0eb;
const CGROUP2_MAGIC: u64 = 0x6367_7270;

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Controllers of a v1 hierarchy; `name=systemd` for a named one; empty for the unified one.
    controllers: Vec<String>,
    directory: PathBuf,
    /// Where this process stands, without the leading slash.
    own_path: PathBuf,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchies(Vec<Hierarchy>);

impl Hierarchy {
    /// Whether it is one of version 1.
    pub fn is_v1(&self) -> bool {
        !self.controllers.is_empty()
    }

    /// Whether it is of version 1 and has this controller.
    pub fn controls(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }

    /// Where it is mounted.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The data of mount(2) that names it: `cpu,cpuacct`, `none,name=systemd`.
    pub fn mount_data(&self) -> Vec<String> {
        let named = |name: &String| {
            if name.starts_with("name=") { vec!["none".into(), name.clone()] } else { vec![name.clone()] }
        };
        self.controllers.iter().flat_map(named).collect()
    }

    /// The name of its directory: `cpu,cpuacct`, `systemd`.
    pub fn file_name(&self) -> String {
        let names: Vec<&str> = self.controllers.iter().map(|name| name.trim_start_matches("name=")).collect();
        names.join(",")
    }

    /// The names of controllers that share the directory and get a link each.
    pub fn link_names(&self) -> impl Iterator<Item = &str> {
        let several = self.controllers.len() > 1;
        self.controllers.iter().map(String::as_str).filter(move |_| several)
    }

    /// Open its root.
    pub(super) fn open(&self) -> rustix::io::Result<OwnedFd> {
        openat(CWD, &self.directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }
}

impl Hierarchies {
    /// Find the hierarchies of this host.
    pub fn discover() -> Result<Self> {
        let read = |path: &str| {
            std::fs::read_to_string(path).map_err(|error| {
                let errno = error.raw_os_error().unwrap_or(0);
                Error::step("read", path, rustix::io::Errno::from_raw_os_error(errno))
            })
        };
        let only_unified = statfs(BASE).is_ok_and(|stat| stat.f_type as u64 == CGROUP2_MAGIC);
        let mut hierarchies = Vec::new();
        let mut table = None;
        for (controllers, own_path) in parse_own(&read("/proc/self/cgroup")?) {
            if only_unified && !controllers.is_empty() {
                continue;
            }
            let mut hierarchy = Hierarchy { controllers, directory: PathBuf::new(), own_path };
            hierarchy.directory = match hierarchy.usual_place(only_unified) {
                Some(place) => place,
                None => {
                    if table.is_none() {
                        table = Some(read("/proc/self/mountinfo")?);
                    }
                    match place_in(table.as_deref().unwrap_or_default(), &hierarchy.controllers) {
                        Some(place) => place,
                        // Listed by the kernel, mounted nowhere: nothing can be limited there.
                        None => continue,
                    }
                }
            };
            hierarchies.push(hierarchy);
        }
        // The kernel lists the last mounted first; containers show them in the order of their mounting.
        hierarchies.reverse();
        Ok(Self(hierarchies))
    }

    /// Every hierarchy.
    pub fn iter(&self) -> impl Iterator<Item = &Hierarchy> {
        self.0.iter()
    }

    /// The v1 hierarchy of a controller.
    pub fn find(&self, controller: &str) -> Option<&Hierarchy> {
        self.0.iter().find(|hierarchy| hierarchy.controls(controller))
    }

    /// The unified hierarchy, alone or beside those of v1.
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.0.iter().find(|hierarchy| !hierarchy.is_v1())
    }

    /// Whether the unified hierarchy is the only one.
    pub fn is_unified(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|hierarchy| !hierarchy.is_v1())
    }

    /// The hierarchy whose list of processes is read.
    pub fn tracking(&self) -> Option<&Hierarchy> {
        self.unified().or_else(|| self.find("pids")).or_else(|| self.0.first())
    }

    /// Where this process stands, in the hierarchy that a relative path is most often meant for.
    pub fn own_path(&self) -> &Path {
        let hierarchy = self.find("devices").or_else(|| self.tracking());
        hierarchy.map_or(Path::new(""), |hierarchy| &hierarchy.own_path)
    }

    /// A warning for each limit whose controller this host does not have.
    pub fn missing(&self, resources: &Resources) -> Vec<String> {
        if self.is_unified() {
            return Vec::new();
        }
        let cpuset = resources.cpu.as_ref().is_some_and(|cpu| cpu.cpus.is_some() || cpu.mems.is_some());
        let cpu = resources.cpu.as_ref().is_some_and(|cpu| cpu.shares.is_some() || cpu.quota.is_some());
        let wanted = [
            ("memory", resources.memory.is_some()),
            ("cpu", cpu),
            ("cpuset", cpuset),
            ("pids", resources.pids.is_some_and(|pids| pids.limit > 0)),
            ("blkio", resources.block_io.is_some()),
        ];
        let absent = wanted.iter().filter(|(name, wanted)| *wanted && self.find(name).is_none());
        absent.map(|(name, _)| format!("no limit on {name}: this host has no such cgroup controller")).collect()
    }
}

impl Hierarchy {
    fn usual_place(&self, only_unified: bool) -> Option<PathBuf> {
        let name = if self.is_v1() { self.file_name() } else { "unified".into() };
        let place = if only_unified { BASE.into() } else { Path::new(BASE).join(name) };
        let fd = openat(CWD, &place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let expected = if self.is_v1() { CGROUP_MAGIC } else { CGROUP2_MAGIC };
        (fstatfs(&fd).ok()?.f_type as u64 == expected).then_some(place)
    }
}

/// Controllers and path of each line of `/proc/self/cgroup`.
fn parse_own(text: &str) -> Vec<(Vec<String>, PathBuf)> {
    let mut found: Vec<(Vec<String>, PathBuf)> = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        found.push((controllers, path.trim_start_matches('/').into()));
    }
    found
}

/// The first mount point in a mountinfo table of the hierarchy with these controllers.
fn place_in(table: &str, controllers: &[String]) -> Option<PathBuf> {
    table.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut file_system = file_system.split(' ');
        let (kind, options) = (file_system.next()?, file_system.nth(1)?);
        let fits = match controllers {
            [] => kind == "cgroup2",
            names => kind == "cgroup" && names.iter().all(|name| options.split(',').any(|option| option == name)),
        };
        fits.then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_v1_named_and_unified_lines() {
        let found = parse_own("9:name=systemd:/\n2:cpu,cpuacct:/a/b:c\n0::/x\n");
        assert_eq!(found[0], (vec!["name=systemd".to_owned()], PathBuf::new()));
        assert_eq!(found[1], (vec!["cpu".to_owned(), "cpuacct".to_owned()], PathBuf::from("a/b:c")));
        assert_eq!(found[2], (vec![], PathBuf::from("x")));
    }

    #[test]
    fn finds_odd_places_in_the_mount_table() {
        let table = "30 1 0:29 / /odd/cpu rw - cgroup cgroup rw,cpu,cpuacct\n31 1 0:30 / /odd/two rw shared:1 - cgroup2 cgroup2 rw\n";
        assert_eq!(place_in(table, &["cpuacct".to_owned()]), Some("/odd/cpu".into()));
        assert_eq!(place_in(table, &[]), Some("/odd/two".into()));
        assert_eq!(place_in(table, &["memory".to_owned()]), None);
    }

    #[test]
    fn a_limit_without_its_controller_is_a_warning() {
        let cpu = Hierarchy { controllers: vec!["cpu".into()], directory: "/c".into(), own_path: "".into() };
        let resources: Resources =
            serde_json::from_str(r#"{"memory":{"limit":1},"cpu":{"shares":2},"pids":{"limit":0}}"#).expect("valid");
        let missing = Hierarchies(vec![cpu]).missing(&resources);
        assert_eq!(missing, ["no limit on memory: this host has no such cgroup controller"]);
    }

    #[test]
    fn names_directories_links_and_mount_data() {
        let both =
            Hierarchy { controllers: vec!["cpu".into(), "cpuacct".into()], directory: "/".into(), own_path: "".into() };
        assert_eq!((both.file_name().as_str(), both.link_names().count()), ("cpu,cpuacct", 2));
        let named = Hierarchy { controllers: vec!["name=systemd".into()], ..both };
        assert_eq!((named.file_name().as_str(), named.link_names().count()), ("systemd", 0));
        assert_eq!(named.mount_data(), ["none", "name=systemd"]);
    }
}
