//! Device nodes and links in the container's `/dev`.
//!
//! Nodes are made below a descriptor of the directory. In a user namespace the kernel makes none: there the host's node is bound
//! over an empty file.

use crate::error::{Error, Result};
use crate::mount_options::{Bind, MountOptions};
use crate::mounting::{Target, mount_id};
use crate::rootdir::Missing;
use crate::spec::Device;
use crate::stage::Stage;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, chmodat, chownat, fstat, makedev, mknodat, openat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// Nodes that every container has (runtime-spec config-linux.md, "Default Devices").
const DEFAULT: &[(&str, i64, i64)] = &[
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Link text and name.
const LINKS: &[(&str, &str)] = &[
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// One node to be made, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Path inside the container.
    pub path: PathBuf,
    kind: FileType,
    major: u32,
    minor: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    /// Whether every container has it; the others are the specification's.
    is_default: bool,
}

/// The default nodes, then those of the specification; one of the same path replaces a default.
pub fn plan(devices: &[Device]) -> Result<Vec<Node>> {
    let character = |&(path, major, minor): &(&str, i64, i64)| Device {
        path: path.into(),
        kind: "c".into(),
        major,
        minor,
        ..Device::default()
    };
    let mut nodes = DEFAULT
        .iter()
        .filter(|(path, ..)| !devices.iter().any(|device| device.path == *path))
        .map(|default| Ok(Node { is_default: true, ..node(&character(default))? }))
        .collect::<Result<Vec<_>>>()?;
    for device in devices {
        nodes.push(node(device)?);
    }
    Ok(nodes)
}

fn node(device: &Device) -> Result<Node> {
    let invalid = |what: &str| Error::invalid(format!("device {}: {what}", device.path));
    let kind = match device.kind.as_str() {
        "c" | "u" => FileType::CharacterDevice,
        "b" => FileType::BlockDevice,
        "p" => FileType::Fifo,
        other => return Err(invalid(&format!("unknown type `{other}`"))),
    };
    let number = |value: i64| u32::try_from(value).map_err(|_| invalid("a device number is never negative"));
    let fifo = kind == FileType::Fifo;
    if !device.path.starts_with('/') || device.path.ends_with('/') {
        return Err(invalid("the path must be absolute and name a file"));
    }
    Ok(Node {
        path: device.path.clone().into(),
        kind,
        major: if fifo { 0 } else { number(device.major)? },
        minor: if fifo { 0 } else { number(device.minor)? },
        mode: device.file_mode.unwrap_or(0o666) & 0o7777,
        uid: device.uid.unwrap_or(0),
        gid: device.gid.unwrap_or(0),
        is_default: false,
    })
}

/// Make one node; bind the host's where the kernel refuses to make it. In a directory that is not the container's own nothing is
/// made, for it would stay on the host: the host's node is bound over what is there.
pub fn make(stage: &Stage, node: &Node, bind: bool) -> Result<()> {
    let fail = |errno| Error::step("make device", &node.path, errno);
    let root = stage.root()?;
    let directory = node.path.parent().unwrap_or(Path::new("/"));
    let own = |place: BorrowedFd<'_>| stage.is_own(place);
    let parent = match root.resolve_or_make_if(directory, Missing::Directory, &own) {
        Err(Errno::XDEV) if node.is_default => return Ok(()),
        Err(Errno::XDEV) => return Err(not_made(node)),
        other => other.map_err(fail)?,
    };
    let is_own = stage.is_own(parent.as_fd()).map_err(fail)?;
    if !is_own && node.is_default {
        return Ok(());
    }
    if !is_own || bind {
        return bind_host(stage, node);
    }
    let name = node.path.file_name().map(OsStr::to_owned).unwrap_or_default();
    let create = || mknodat(&parent, &name, node.kind, Mode::from_raw_mode(node.mode), makedev(node.major, node.minor));
    match create() {
        Err(Errno::EXIST) => {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let there = openat(&parent, &name, flags, Mode::empty()).map_err(fail)?;
            if mount_id(there.as_fd()).map_err(fail)? != mount_id(parent.as_fd()).map_err(fail)? {
                // The specification mounts something in the device's place.
                return Ok(());
            }
            // A node that an image brings has whatever number the image chose.
            unlinkat(&parent, &name, AtFlags::empty()).map_err(fail)?;
            create().map_err(fail)?;
        }
        Err(Errno::PERM) => return bind_host(stage, node),
        other => other.map_err(fail)?,
    }
    // The mask of this process has cut the mode; the node is ours, in a directory nobody else works in yet.
    chmodat(&parent, &name, Mode::from_raw_mode(node.mode), AtFlags::empty()).map_err(fail)?;
    if node.uid == 0 && node.gid == 0 {
        return Ok(());
    }
    let owner = (Some(Uid::from_raw(node.uid)), Some(Gid::from_raw(node.gid)));
    chownat(&parent, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)
}

fn bind_host(stage: &Stage, node: &Node) -> Result<()> {
    let fail = |errno| Error::step("bind device", &node.path, errno);
    let root = stage.root()?;
    let own = |place: BorrowedFd<'_>| stage.is_own(place);
    let fd = match root.resolve_or_make_if(&node.path, Missing::File, &own) {
        Err(Errno::XDEV) => return Err(not_made(node)),
        other => other.map_err(fail)?,
    };
    if FileType::from_raw_mode(fstat(&fd).map_err(fail)?.st_mode) == FileType::Directory {
        return Err(fail(Errno::ISDIR));
    }
    let source = openat(CWD, &node.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    let tree = stage.mounter.clone_tree(source, Bind::Plain).map_err(fail)?;
    let options = MountOptions { bind: Some(Bind::Plain), ..MountOptions::default() };
    stage.mounter.bind(root, tree, &Target { path: node.path.clone(), fd }, &options)
}

fn not_made(node: &Node) -> Error {
    let reason = "no device is made in a directory of the host, and nothing is there to put one over".into();
    Error::UnsafePath { path: node.path.clone(), reason }
}

/// Make the links of `/dev`; one that the image brings stays. A `/dev` that is not the container's own gets none.
pub fn make_links(stage: &Stage) -> Result<()> {
    let fail = |errno| Error::step("make links in", "/dev", errno);
    let own = |place: BorrowedFd<'_>| stage.is_own(place);
    let directory = match stage.root()?.resolve_or_make_if(Path::new("/dev"), Missing::Directory, &own) {
        Err(Errno::XDEV) => return Ok(()),
        other => other.map_err(fail)?,
    };
    if !stage.is_own(directory.as_fd()).map_err(fail)? {
        return Ok(());
    }
    for (text, name) in LINKS {
        match symlinkat(*text, &directory, *name) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Error::step("make link", Path::new("/dev").join(name), errno)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_of_the_specification_replaces_a_default() {
        let null = Device {
            path: "/dev/null".into(),
            kind: "c".into(),
            major: 1,
            minor: 3,
            file_mode: Some(0o600),
            ..Device::default()
        };
        let nodes = plan(std::slice::from_ref(&null)).expect("valid");
        assert_eq!(nodes.iter().filter(|node| node.path == Path::new("/dev/null")).count(), 1);
        assert_eq!(nodes.last().map(|node| node.mode), Some(0o600));
        assert_eq!(nodes.len(), DEFAULT.len());
    }

    #[test]
    fn refuses_types_numbers_and_paths_that_make_no_node() {
        let device =
            |path: &str, kind: &str, major| Device { path: path.into(), kind: kind.into(), major, ..Device::default() };
        for bad in
            [device("/dev/x", "z", 1), device("/dev/x", "c", -1), device("dev/x", "c", 1), device("/dev/", "c", 1)]
        {
            assert!(matches!(plan(std::slice::from_ref(&bad)), Err(Error::Invalid { .. })), "{bad:?}");
        }
        assert!(plan(&[device("/dev/fifo", "p", -1)]).is_ok());
    }
}
