//! The container's root mount: a directory bound over itself, or an overlay of many.
//!
//! Both are made inside the container's mount namespace, so the kernel takes them back with it. An overlay is put over
//! its own work directory, or its first lower one where it has none: places that nobody else needs to see.

use crate::error::{Error, Result};
use crate::mount_options::{self, Bind, MountOptions};
use crate::mounting::{Fault, Mounter, attach, kernel_message};
use crate::rootdir::{RootDir, proc_path};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags, openat, openat2, statx};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, mount,
};
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the root filesystem comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rootfs {
    /// A directory of the host.
    Dir(PathBuf),
    /// An overlay, mounted inside the container's mount namespace.
    Overlay {
        /// Read-only directories, uppermost first.
        lower: Vec<PathBuf>,
        /// Directory that takes what is written; a read-only overlay without it.
        upper: Option<PathBuf>,
        /// Directory the kernel works in; with `upper`, on the same file system.
        work: Option<PathBuf>,
        /// Further options: `metacopy=on`, `volatile`.
        options: Vec<String>,
    },
}

/// fsconfig(2) copies at most this many bytes of a value.
const VALUE_LIMIT: usize = 255;
/// mount(2) copies one page of options.
const DATA_LIMIT: usize = 4095;

/// Mount the root and open it. `beside_host`: the mounts of this namespace propagate to the host; neither the root nor what is
/// mounted below it may.
pub fn mount_root(mounter: Mounter, rootfs: &Rootfs, beside_host: bool) -> Result<RootDir> {
    if beside_host {
        make_surroundings_private(mounter, rootfs)?;
    }
    match rootfs {
        Rootfs::Dir(path) => bind_directory(mounter, path, beside_host),
        Rootfs::Overlay { lower, upper, work, options } => {
            let overlay = Overlay {
                lower,
                upper: upper.as_deref(),
                work: work.as_deref(),
                options: mount_options::parse(options)?,
            };
            overlay.mount(place_of(rootfs)?, mounter.is_classic())
        }
    }
}

/// The directory that the root is mounted over.
fn place_of(rootfs: &Rootfs) -> Result<&Path> {
    match rootfs {
        Rootfs::Dir(path) => Ok(path),
        Rootfs::Overlay { lower, work, .. } => work
            .as_deref()
            .or(lower.first().map(PathBuf::as_path))
            .ok_or_else(|| Error::invalid("an overlay root needs at least one lower directory")),
    }
}

/// Make the mount private, in this namespace, that the root will be mounted in.
fn make_surroundings_private(mounter: Mounter, rootfs: &Rootfs) -> Result<()> {
    let place = place_of(rootfs)?;
    let fail = |errno| Error::step("find the mount of", place, errno);
    let found = statx(CWD, place, AtFlags::empty(), StatxFlags::MNT_ID).map_err(fail)?;
    let table = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| fail(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    let number = found.stx_mnt_id.to_string();
    let row = table.lines().find(|line| line.split(' ').next() == Some(&number)).ok_or_else(|| fail(Errno::NOENT))?;
    let point = unescape(row.split(' ').nth(4).unwrap_or_default());
    let mount = openat(CWD, point.as_slice(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    mounter
        .set_propagation(mount.as_fd(), MountPropagationFlags::PRIVATE, false)
        .map_err(|errno| Error::step("make private the mount of", place, errno))
}

/// A path as mountinfo writes it: blanks and backslashes as three octal digits.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

fn bind_directory(mounter: Mounter, path: &Path, private: bool) -> Result<RootDir> {
    let fail = |errno| Error::step("mount root", path, errno);
    let place = open_unlinked(path)?;
    if mounter.is_classic() {
        let name = proc_path(place.as_fd());
        mount(&name, &name, "", MountFlags::BIND | MountFlags::REC, None).map_err(fail)?;
        let root = RootDir::open(path)?;
        make_private(mounter, root.as_fd(), private).map_err(fail)?;
        return Ok(root);
    }
    let copy = rustix::io::fcntl_dupfd_cloexec(&place, 0).map_err(fail)?;
    let tree = mounter.clone_tree(copy, Bind::Recursive).map_err(fail)?.into_fd();
    make_private(mounter, tree.as_fd(), private).map_err(fail)?;
    attach(tree.as_fd(), place.as_fd()).map_err(fail)?;
    Ok(RootDir::new(tree))
}

/// Open the directory `path`, which leads through no symbolic link: a root is where its caller says, or nowhere.
///
/// Where the kernel or a filter refuses `openat2`, only the last component is judged.
fn open_unlinked(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Err(Errno::NOSYS | Errno::PERM) => openat(CWD, path, flags | OFlags::NOFOLLOW, Mode::empty()),
        other => other,
    };
    match opened {
        Err(Errno::LOOP) => Err(Error::UnsafePath {
            path: path.into(),
            reason: "invalid rootfs: it is a symbolic link, or leads through one".into(),
        }),
        other => other.map_err(|errno| Error::step("mount root", path, errno)),
    }
}

/// A copy of a shared mount is shared: what the container mounts below must stay in it.
fn make_private(mounter: Mounter, tree: BorrowedFd<'_>, wanted: bool) -> rustix::io::Result<()> {
    if wanted { mounter.set_propagation(tree, MountPropagationFlags::PRIVATE, true) } else { Ok(()) }
}

struct Overlay<'a> {
    lower: &'a [PathBuf],
    upper: Option<&'a Path>,
    work: Option<&'a Path>,
    options: MountOptions,
}

impl Overlay<'_> {
    fn mount(&self, place: &Path, classic: bool) -> Result<RootDir> {
        let fail = |errno| Error::step("mount overlay", place, errno);
        let target =
            openat(CWD, place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
        if !classic {
            match self.make() {
                Ok(overlay) => {
                    attach(overlay.as_fd(), target.as_fd()).map_err(fail)?;
                    return Ok(RootDir::new(overlay));
                }
                // An old kernel's overlay cannot say a long list by fsconfig.
                Err(fault) if fault.errno() == Errno::NAMETOOLONG => {}
                Err(fault) => return Err(fault.at("overlay", place)),
            }
        }
        let (directory, data) = self.classic_data()?;
        if let Some(directory) = directory {
            rustix::process::chdir(&directory).map_err(|errno| Error::step("enter", &directory, errno))?;
        }
        let flags = self.options.classic_flags();
        mount("overlay", proc_path(target.as_fd()), "overlay", flags, data.as_c_str()).map_err(fail)?;
        RootDir::open(place)
    }

    /// Make the overlay detached. `ENAMETOOLONG`: only mount(2) can say it.
    fn make(&self) -> std::result::Result<OwnedFd, Fault> {
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let configure = || -> rustix::io::Result<OwnedFd> {
            fsconfig_set_string(&context, "source", "overlay")?;
            self.configure_lower(&context)?;
            for (key, path) in [("upperdir", self.upper), ("workdir", self.work)] {
                if let Some(path) = path {
                    set_path(&context, key, path)?;
                }
            }
            for word in &self.options.data {
                match word.split_once('=') {
                    Some((key, value)) => fsconfig_set_string(&context, key, value)?,
                    None => fsconfig_set_flag(&context, word.as_str())?,
                }
            }
            fsconfig_create(&context)?;
            let attributes = MountAttrFlags::from_bits_retain(self.options.attributes.set as u32);
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        };
        configure().map_err(|errno| Fault::new(errno, kernel_message(context.as_fd())))
    }

    /// All in one value where it fits, which mountinfo then shows as it always did; else one `lowerdir+` each (Linux 6.8).
    fn configure_lower(&self, context: &OwnedFd) -> rustix::io::Result<()> {
        let joined = join(self.lower.iter().map(PathBuf::as_path));
        if joined.len() <= VALUE_LIMIT {
            return set_path(context, "lowerdir", Path::new(OsStr::from_bytes(&joined)));
        }
        for (index, path) in self.lower.iter().enumerate() {
            match set_path(context, "lowerdir+", path) {
                Err(Errno::INVAL) if index == 0 => return Err(Errno::NAMETOOLONG),
                other => other?,
            }
        }
        Ok(())
    }

    /// Options for mount(2), and the directory to stand in where only relative names fit into one page.
    fn classic_data(&self) -> Result<(Option<PathBuf>, CString)> {
        let full = self.data_text(Path::new(""));
        if full.len() <= DATA_LIMIT {
            return Ok((None, to_c_string(full)?));
        }
        let common = self.lower.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
        let short = self.data_text(common);
        if short.len() > DATA_LIMIT {
            return Err(Error::unsupported(
                format!("a root of {} layers", self.lower.len()),
                Some("options exceed a page"),
            ));
        }
        Ok((Some(common.into()), to_c_string(short)?))
    }

    fn data_text(&self, base: &Path) -> Vec<u8> {
        let mut text = b"lowerdir=".to_vec();
        text.extend(join(self.lower.iter().map(|path| path.strip_prefix(base).unwrap_or(path))));
        for (key, path) in [("upperdir", self.upper), ("workdir", self.work)] {
            if let Some(path) = path {
                text.extend(format!(",{key}=").bytes());
                text.extend(escape(path));
            }
        }
        for word in &self.options.data {
            text.push(b',');
            text.extend(word.bytes());
        }
        text
    }
}

fn set_path(context: &OwnedFd, key: &str, path: &Path) -> rustix::io::Result<()> {
    if path.as_os_str().len() > VALUE_LIMIT {
        return Err(Errno::NAMETOOLONG);
    }
    fsconfig_set_string(context, key, path)
}

fn to_c_string(text: Vec<u8>) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid("a layer's path holds a zero byte"))
}

/// Colons separate lower directories and commas options: a backslash makes them part of a name.
fn escape(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b':' | b',' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text
}

fn join<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<u8> {
    let mut text = Vec::new();
    for path in paths {
        if !text.is_empty() {
            text.push(b':');
        }
        text.extend(escape(path));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(lower: &[PathBuf]) -> Overlay<'_> {
        Overlay { lower, upper: None, work: None, options: MountOptions::default() }
    }

    #[test]
    fn reads_mount_points_as_the_kernel_writes_them() {
        assert_eq!(unescape("/a\\040b\\134c"), b"/a b\\c");
        assert_eq!(unescape("/x\\04"), b"/x\\04");
    }

    #[test]
    fn a_colon_in_a_name_does_not_split_it() {
        let lower = [PathBuf::from("/a:b"), PathBuf::from("/c,d")];
        assert_eq!(overlay(&lower).data_text(Path::new("")), b"lowerdir=/a\\:b:/c\\,d");
    }

    #[test]
    fn a_long_list_is_said_relative_to_its_directory() {
        let lower: Vec<PathBuf> =
            (0..100).map(|n| format!("/var/lib/containers/storage/overlay/l/{n:026}").into()).collect();
        let (directory, data) = overlay(&lower).classic_data().expect("fits");
        assert_eq!(directory.as_deref(), Some(Path::new("/var/lib/containers/storage/overlay/l")));
        assert!(data.as_bytes().len() <= DATA_LIMIT && data.as_bytes().starts_with(b"lowerdir=0000"));
    }

    #[test]
    fn too_many_layers_are_an_error_and_not_a_cut_list() {
        let lower: Vec<PathBuf> = (0..1000).map(|n| format!("/l/{n:026}").into()).collect();
        assert!(matches!(overlay(&lower).classic_data(), Err(Error::Unsupported { .. })));
    }
}
