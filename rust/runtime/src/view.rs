//! What a container will see, found out before anything is mounted: its layers, and the mounts that will stand on them.
//!
//! The layers' directories are walked together, one component at a time, as overlayfs would merge them: the uppermost entry
//! counts, a whiteout ends the search, an opaque directory hides what is below it. Where a mount will stand, the walk goes on in
//! what is mounted. Symbolic links are resolved here, inside the tree, and `..` stops at its root. So the answer is that of the
//! mounted container, and each place is known by whom it belongs to: nothing is to be made in a directory of the host.
//!
//! Redirected directories (`overlay.redirect`) are not followed: image layers have none. Start at [`View::place`].
//!
//! Source: kernel overlayfs.rst, "whiteouts and opaque directories".

pub use crate::mount_options::Bind;

use crate::error::{Error, Result};
use crate::mounting::Mounter;
use crate::user::{self, Databases, Found};
use rustix::fs::{CWD, FileType, Mode, OFlags, fgetxattr, fstat, openat, readlinkat};
use rustix::io::Errno;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// As many symbolic links as the kernel follows in one path.
const LINK_LIMIT: usize = 40;
const OPAQUE: &[&str] = &["trusted.overlay.opaque", "user.overlay.opaque"];

/// Whose file system a place lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The container's layers.
    Root,
    /// A directory or a file of the host.
    Host,
    /// A volume.
    Volume,
    /// A tmpfs of the container.
    Memory,
    /// A file system of the kernel's making: proc, sysfs, devpts.
    Kernel,
}

/// What will be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A directory or file of the host, with the mounts below it or without.
    Host(PathBuf, Bind),
    /// A volume's directory.
    Volume(PathBuf),
    /// A tmpfs that starts with what its place held.
    Copy,
    /// An empty tmpfs.
    Empty,
    /// A file system whose content only the kernel knows.
    Kernel,
}

/// What is at a place, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is there; what is missing would be made in a directory of `owner`.
    pub kind: PlaceKind,
    /// Whose it is.
    pub owner: Owner,
}

/// What is at a place, the last symbolic link followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// An ordinary file.
    File,
    /// A device, a fifo, a socket.
    Other,
    /// Something or nothing in a file system of the kernel's.
    Unknown,
}

/// A container's tree.
#[derive(Debug)]
pub struct View {
    root: Node,
    /// What stands at a path without links: mounts, and directories that are made for them.
    mounted: BTreeMap<PathBuf, (Node, Owner)>,
}

#[derive(Debug, Clone)]
enum Node {
    /// A directory of the layers: its part in each layer that has one, uppermost first.
    Merged(Arc<Vec<OwnedFd>>),
    /// A directory outside the layers.
    Plain(Arc<OwnedFd>),
    /// An empty directory.
    Empty,
    Other(Arc<OwnedFd>, FileType),
    Unknown,
}

/// One directory, or the last entry, of a path that was walked.
struct Step {
    name: OsString,
    node: Node,
    owner: Owner,
}

/// The end of a walk: the entries on the way, the root first, and the names that do not exist.
struct Walked {
    way: Vec<Step>,
    missing: Vec<OsString>,
}

impl View {
    /// The tree of a stack of layers, uppermost first.
    pub fn of_layers(paths: &[PathBuf]) -> Result<Self> {
        let open = |path: &PathBuf| {
            openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| Error::step("open layer", path, errno))
        };
        let layers = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        Ok(Self { root: Node::Merged(Arc::new(layers)), mounted: BTreeMap::new() })
    }

    /// The tree below a directory, mounts and all: `/proc/PID/root` is what a process sees.
    pub fn of_directory(path: &Path) -> Result<Self> {
        let directory = openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::step("open root", path, errno))?;
        Ok(Self { root: Node::Plain(Arc::new(directory)), mounted: BTreeMap::new() })
    }

    /// Add a mount on top of those before it. What cannot be mounted changes nothing: the runtime will say so.
    pub fn mount(&mut self, destination: &Path, shown: &Shown) {
        let Ok(walked) = self.walk(destination) else { return };
        let Some(here) = walked.way.last() else { return };
        let (node, owner) = match shown {
            Shown::Host(source, reach) => (open_source(source, *reach), Owner::Host),
            Shown::Volume(source) => (open_source(source, Bind::Recursive), Owner::Volume),
            Shown::Copy if walked.missing.is_empty() => (Some(here.node.clone()), Owner::Memory),
            Shown::Copy | Shown::Empty => (Some(Node::Empty), Owner::Memory),
            Shown::Kernel => (Some(Node::Unknown), Owner::Kernel),
        };
        let Some(node) = node else { return };
        let maker = here.owner;
        let mut point = walked.existing();
        for name in &walked.missing {
            point.push(name);
            self.mounted.insert(point.clone(), (Node::Empty, maker));
        }
        self.mounted.retain(|path, _| !path.starts_with(&point));
        self.mounted.insert(point, (node, owner));
    }

    /// Resolve `USER[:GROUP]` by the passwd and group files of the tree.
    pub fn find_user(&self, text: &str) -> Result<Found> {
        user::find(&Databases { passwd: self.read("/etc/passwd")?, group: self.read("/etc/group")? }, text)
    }

    /// Resolve one group, by name or by number.
    pub fn find_group(&self, group: &str) -> Result<u32> {
        user::find_group(&Databases { passwd: Vec::new(), group: self.read("/etc/group")? }, group)
    }

    /// What a path is, its last symbolic link followed, and whose.
    pub fn place(&self, path: &Path) -> Result<Place> {
        let missing = |owner| Place { kind: PlaceKind::Missing, owner };
        let walked = match self.walk(path) {
            Err(Errno::NOTDIR) => return Ok(missing(Owner::Root)),
            other => other.map_err(|errno| Error::step("look for", path, errno))?,
        };
        let last = walked.way.last().ok_or_else(|| Error::step("look for", path, Errno::NOENT))?;
        if !walked.missing.is_empty() {
            return Ok(missing(last.owner));
        }
        let kind = match &last.node {
            Node::Merged(_) | Node::Plain(_) | Node::Empty => PlaceKind::Directory,
            Node::Other(_, FileType::RegularFile) => PlaceKind::File,
            Node::Other(..) => PlaceKind::Other,
            Node::Unknown => PlaceKind::Unknown,
        };
        Ok(Place { kind, owner: last.owner })
    }

    /// The contents of a small file; empty if there is none.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let fail = |errno| Error::step("open", path, errno);
        let walked = match self.walk(Path::new(path)) {
            Err(Errno::NOTDIR) => return Ok(Vec::new()),
            other => other.map_err(fail)?,
        };
        match walked.way.last().map(|last| &last.node) {
            _ if !walked.missing.is_empty() => Ok(Vec::new()),
            Some(Node::Other(fd, _)) => user::read_database(fd, path),
            _ => Err(Error::UnsafePath { path: path.into(), reason: "is not an ordinary file".into() }),
        }
    }

    fn walk(&self, path: &Path) -> rustix::io::Result<Walked> {
        let root = Step { name: OsString::new(), node: self.root.clone(), owner: Owner::Root };
        let mut walked = Walked { way: vec![root], missing: Vec::new() };
        let mut rest: VecDeque<OsString> = names(path.as_os_str());
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                if walked.missing.pop().is_none() {
                    walked.way.truncate(walked.way.len().saturating_sub(1).max(1));
                }
                continue;
            }
            if !walked.missing.is_empty() {
                walked.missing.push(name);
                continue;
            }
            match self.enter(&walked, &name) {
                Err(Errno::NOENT) => walked.missing.push(name),
                Err(errno) => return Err(errno),
                Ok((Node::Other(link, FileType::Symlink), _)) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Errno::LOOP);
                    }
                    let text = readlinkat(&link, "", Vec::new())?;
                    if text.as_bytes().starts_with(b"/") {
                        walked.way.truncate(1);
                    }
                    let mut names = names(OsStr::from_bytes(text.as_bytes()));
                    names.append(&mut rest);
                    rest = names;
                }
                Ok((node, owner)) => walked.way.push(Step { name, node, owner }),
            }
        }
        Ok(walked)
    }

    /// The entry `name` of the directory at the end of the way.
    fn enter(&self, walked: &Walked, name: &OsStr) -> rustix::io::Result<(Node, Owner)> {
        let here = walked.way.last().ok_or(Errno::NOENT)?;
        if !self.mounted.is_empty() {
            if let Some((node, owner)) = self.mounted.get(&walked.existing().join(name)) {
                return Ok((node.clone(), *owner));
            }
        }
        let node = match &here.node {
            Node::Merged(parts) => look_up(parts, name)?,
            Node::Plain(directory) => open_entry(directory, name)?,
            Node::Empty => return Err(Errno::NOENT),
            Node::Other(..) => return Err(Errno::NOTDIR),
            Node::Unknown => Node::Unknown,
        };
        Ok((node, here.owner))
    }
}

impl Walked {
    /// The path of what exists, without links.
    fn existing(&self) -> PathBuf {
        self.way.iter().map(|step| Path::new(&step.name)).collect()
    }
}

fn names(path: &OsStr) -> VecDeque<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    parts.map(|name| OsStr::from_bytes(name).to_owned()).collect()
}

/// The source of a bind as it will be mounted; None where there is none, or none that may be opened.
fn open_source(path: &Path, reach: Bind) -> Option<Node> {
    let fd = match reach {
        Bind::Recursive => openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?,
        // Without the mounts below it, a directory is what they hide.
        Bind::Plain => Mounter::probe().open_tree(path, reach).ok()?.into_fd(),
    };
    node_of(fd).ok()
}

fn open_entry(directory: &OwnedFd, name: &OsStr) -> rustix::io::Result<Node> {
    node_of(openat(directory, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

fn node_of(fd: OwnedFd) -> rustix::io::Result<Node> {
    let fd = Arc::new(fd);
    Ok(match FileType::from_raw_mode(fstat(&fd)?.st_mode) {
        FileType::Directory => Node::Plain(fd),
        kind => Node::Other(fd, kind),
    })
}

/// Find `name` in a merged directory.
fn look_up(here: &[OwnedFd], name: &OsStr) -> rustix::io::Result<Node> {
    let mut parts = Vec::new();
    for layer in here {
        let fd = match openat(layer, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::NOENT) => continue,
            other => other?,
        };
        let stat = fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let part = openat(
                    layer,
                    name,
                    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                let opaque = is_opaque(&part);
                parts.push(part);
                if opaque {
                    break;
                }
            }
            FileType::CharacterDevice if stat.st_rdev == 0 => break,
            kind if parts.is_empty() => return Ok(Node::Other(Arc::new(fd), kind)),
            // A directory above hides a file below.
            _ => break,
        }
    }
    if parts.is_empty() { Err(Errno::NOENT) } else { Ok(Node::Merged(Arc::new(parts))) }
}

fn is_opaque(directory: &OwnedFd) -> bool {
    OPAQUE.iter().any(|name| {
        let mut value = [0; 1];
        fgetxattr(directory, *name, &mut value[..]).is_ok_and(|length| length == 1 && value[0] == b'y')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{XattrFlags, makedev, mknodat, setxattr};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Three layers, uppermost first, below a directory of this test's own.
    fn stack(name: &str) -> (PathBuf, Vec<PathBuf>) {
        let base = std::env::temp_dir().join(format!("libpod-view-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let layers: Vec<PathBuf> = (0..3).map(|index| base.join(format!("l{index}"))).collect();
        layers.iter().for_each(|layer| fs::create_dir_all(layer.join("etc")).expect("makes"));
        (base, layers)
    }

    fn whiteout(path: &Path) -> bool {
        mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), makedev(0, 0)).is_ok()
    }

    fn place(view: &View, path: &str) -> (PlaceKind, Owner) {
        let place = view.place(Path::new(path)).expect(path);
        (place.kind, place.owner)
    }

    #[test]
    fn the_uppermost_passwd_counts_and_links_stay_inside() {
        let (base, layers) = stack("upper");
        fs::write(layers[2].join("etc/passwd"), "web:x:1:1::/old:\n").expect("writes");
        fs::create_dir(layers[1].join("data")).expect("makes");
        fs::write(layers[1].join("data/users"), "web:x:2:3::/new:\n").expect("writes");
        symlink("/../../data/users", layers[0].join("etc/passwd")).expect("links");
        let found = View::of_layers(&layers).expect("opens").find_user("web").expect("found");
        assert_eq!((found.uid, found.gid, found.home.as_str()), (2, 3, "/new"));
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn whiteouts_and_opaque_directories_hide() {
        let (base, layers) = stack("hide");
        fs::write(layers[2].join("etc/passwd"), "web:x:1:1::/:\n").expect("writes");
        fs::write(layers[2].join("etc/group"), "web:x:9:\n").expect("writes");
        if !whiteout(&layers[1].join("etc/passwd")) {
            eprintln!("skipped: no device node can be made here");
            return;
        }
        let view = || View::of_layers(&layers).expect("opens");
        assert!(view().find_user("web").is_err(), "the name is in a deleted file");
        assert_eq!(view().find_group("web").expect("still there"), 9);
        setxattr(layers[0].join("etc"), "trusted.overlay.opaque", b"y", XattrFlags::empty()).expect("sets");
        assert!(view().find_group("web").is_err());
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn tells_kinds_and_refuses_odd_files() {
        let (base, layers) = stack("kinds");
        symlink("loop", layers[0].join("loop")).expect("links");
        symlink("etc", layers[0].join("link")).expect("links");
        fs::create_dir(layers[0].join("etc/passwd")).expect("makes");
        fs::write(layers[0].join("file"), "").expect("writes");
        let view = View::of_layers(&layers).expect("opens");
        assert_eq!(place(&view, "/link/../etc"), (PlaceKind::Directory, Owner::Root));
        assert_eq!(place(&view, "/absent/x"), (PlaceKind::Missing, Owner::Root));
        assert_eq!(place(&view, "/absent/../file"), (PlaceKind::File, Owner::Root));
        assert_eq!(place(&view, "/file/x"), (PlaceKind::Missing, Owner::Root));
        assert!(matches!(view.place(Path::new("/loop")), Err(Error::Step { .. })));
        assert!(matches!(view.find_user("0"), Err(Error::UnsafePath { .. })));
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn mounts_hide_the_layers_and_links_lead_into_them() {
        let (base, layers) = stack("mounts");
        let host = base.join("host");
        fs::create_dir_all(host.join("sub")).expect("makes");
        fs::write(host.join("passwd"), "web:x:7:7::/host:\n").expect("writes");
        fs::write(layers[1].join("etc/passwd"), "web:x:1:1::/:\n").expect("writes");
        // The image's link leads into the user's mount, and the mount's own link back out of it.
        symlink("/data/deep", layers[0].join("link")).expect("links");
        symlink("/etc", host.join("back")).expect("links");
        let mut view = View::of_layers(&layers).expect("opens");
        view.mount(Path::new("/data"), &Shown::Host(host.clone(), Bind::Recursive));
        assert_eq!(place(&view, "/data/sub"), (PlaceKind::Directory, Owner::Host));
        assert_eq!(place(&view, "/data/hosts"), (PlaceKind::Missing, Owner::Host));
        assert_eq!(place(&view, "/data/sub/../.."), (PlaceKind::Directory, Owner::Root));
        assert_eq!(place(&view, "/link/hosts"), (PlaceKind::Missing, Owner::Host));
        assert_eq!(place(&view, "/data/back/hosts"), (PlaceKind::Missing, Owner::Root));
        assert_eq!(view.find_user("web").expect("the image's").uid, 1);
        view.mount(Path::new("/etc/passwd"), &Shown::Host(host.join("passwd"), Bind::Recursive));
        assert_eq!(view.find_user("web").expect("the mounted one's").uid, 7);
        // A mount over its parent hides it.
        view.mount(Path::new("/etc"), &Shown::Host(host.clone(), Bind::Plain));
        assert_eq!(view.find_user("web").expect("the directory's").home, "/host");
        view.mount(Path::new("/etc"), &Shown::Empty);
        assert!(view.find_user("web").is_err());
        assert_eq!(place(&view, "/etc/passwd"), (PlaceKind::Missing, Owner::Memory));
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn a_mount_makes_the_directories_that_lead_to_it() {
        let (base, layers) = stack("made");
        fs::write(base.join("file"), "").expect("writes");
        fs::write(layers[0].join("etc/passwd"), "web:x:1:1::/:\n").expect("writes");
        let mut view = View::of_layers(&layers).expect("opens");
        view.mount(Path::new("/var/www/index.txt"), &Shown::Host(base.join("file"), Bind::Recursive));
        assert_eq!(place(&view, "/var/www"), (PlaceKind::Directory, Owner::Root));
        assert_eq!(place(&view, "/var/www/index.txt"), (PlaceKind::File, Owner::Host));
        assert_eq!(place(&view, "/var/www/other"), (PlaceKind::Missing, Owner::Root));
        view.mount(Path::new("/var"), &Shown::Volume(base.clone()));
        assert_eq!(place(&view, "/var/www"), (PlaceKind::Missing, Owner::Volume));
        view.mount(Path::new("/etc"), &Shown::Copy);
        assert_eq!(place(&view, "/etc/passwd"), (PlaceKind::File, Owner::Memory));
        assert_eq!(view.find_user("web").expect("copied").uid, 1);
        view.mount(Path::new("/sys"), &Shown::Kernel);
        assert_eq!(place(&view, "/sys/fs/cgroup"), (PlaceKind::Unknown, Owner::Kernel));
        view.mount(Path::new("/absent"), &Shown::Host(base.join("absent"), Bind::Recursive));
        assert_eq!(place(&view, "/absent"), (PlaceKind::Missing, Owner::Root));
        fs::remove_dir_all(base).expect("removes");
    }
}
