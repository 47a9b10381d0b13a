//! One overlay mount on the host, said to the kernel.

use crate::containers::Rootfs;
use crate::error::{AtPath, Error, Result};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Mount data that mount(2) takes: one page, with its end.
const MAX_DATA_BYTES: usize = 4095;

/// Options that are flags of the mount and not overlay's own; the second word is the flag that they set or clear.
const FLAGS: [(&str, Option<MountFlags>); 14] = [
    ("ro", Some(MountFlags::RDONLY)),
    ("nodev", Some(MountFlags::NODEV)),
    ("nosuid", Some(MountFlags::NOSUID)),
    ("noexec", Some(MountFlags::NOEXEC)),
    ("noatime", Some(MountFlags::NOATIME)),
    ("nodiratime", Some(MountFlags::NODIRATIME)),
    ("relatime", Some(MountFlags::RELATIME)),
    ("strictatime", Some(MountFlags::STRICTATIME)),
    ("rw", None),
    ("dev", None),
    ("suid", None),
    ("exec", None),
    ("atime", None),
    ("defaults", None),
];

/// Mount what `rootfs` says at `target`; without an upper directory the mount is read-only.
pub(crate) fn mount(rootfs: &Rootfs, target: &Path) -> Result<()> {
    let (flags, options) = split_options(rootfs);
    let data = mount_data(rootfs, &options);
    if data.len() > MAX_DATA_BYTES {
        return mount_many(rootfs, flags, &options, target);
    }
    let data = CString::new(data).map_err(|_| Error::Invalid("a zero byte in a mount option".to_owned()))?;
    rustix::mount::mount("overlay", target, "overlay", flags, data.as_c_str()).at("mount overlay at", target)
}

fn split_options(rootfs: &Rootfs) -> (MountFlags, Vec<&str>) {
    let mut flags = if rootfs.upper.is_none() { MountFlags::RDONLY } else { MountFlags::empty() };
    let mut own = Vec::new();
    for option in &rootfs.options {
        match FLAGS.iter().find(|(name, _)| name == option) {
            Some((_, flag)) => flags |= flag.unwrap_or(MountFlags::empty()),
            None => own.push(option.as_str()),
        }
    }
    (flags, own)
}

fn mount_data(rootfs: &Rootfs, options: &[&str]) -> Vec<u8> {
    let mut data = b"lowerdir=".to_vec();
    for (index, lower) in rootfs.lower.iter().enumerate() {
        if index > 0 {
            data.push(b':');
        }
        data.extend_from_slice(&escape(lower));
    }
    for (key, path) in [("upperdir", &rootfs.upper), ("workdir", &rootfs.work)] {
        if let Some(path) = path {
            data.extend_from_slice(format!(",{key}=").as_bytes());
            data.extend_from_slice(&escape(path));
        }
    }
    for option in options {
        data.push(b',');
        data.extend_from_slice(option.as_bytes());
    }
    data
}

/// Overlay splits its options at commas and colons, unless a backslash stands before them.
fn escape(path: &Path) -> Vec<u8> {
    let mut escaped = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b',' | b':' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    escaped
}

/// More layers than fit into one page are named one by one, which the kernel knows since 6.8.
fn mount_many(rootfs: &Rootfs, flags: MountFlags, options: &[&str], target: &Path) -> Result<()> {
    let made = configure(&rootfs.lower, rootfs, options).and_then(|context| {
        let attributes = attributes(flags);
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        move_mount(&mount, c"", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    });
    match made {
        Err(Errno::INVAL | Errno::NOSYS) => {
            let text = format!("{}: {} layers are too many for this kernel", target.display(), rootfs.lower.len());
            Err(Error::Unsupported(text))
        }
        answer => answer.at("mount overlay at", target),
    }
}

fn configure(lower: &[PathBuf], rootfs: &Rootfs, options: &[&str]) -> rustix::io::Result<std::os::fd::OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for path in lower {
        fsconfig_set_string(&context, "lowerdir+", path)?;
    }
    for (key, path) in [("upperdir", &rootfs.upper), ("workdir", &rootfs.work)] {
        if let Some(path) = path {
            fsconfig_set_string(&context, key, path)?;
        }
    }
    for option in options {
        match option.split_once('=') {
            Some((key, value)) => fsconfig_set_string(&context, key, value)?,
            None => fsconfig_set_flag(&context, *option)?,
        }
    }
    fsconfig_create(&context)?;
    Ok(context)
}

fn attributes(flags: MountFlags) -> MountAttrFlags {
    let mut attributes = MountAttrFlags::empty();
    for (flag, attribute) in [
        (MountFlags::RDONLY, MountAttrFlags::MOUNT_ATTR_RDONLY),
        (MountFlags::NODEV, MountAttrFlags::MOUNT_ATTR_NODEV),
        (MountFlags::NOSUID, MountAttrFlags::MOUNT_ATTR_NOSUID),
        (MountFlags::NOEXEC, MountAttrFlags::MOUNT_ATTR_NOEXEC),
        (MountFlags::NOATIME, MountAttrFlags::MOUNT_ATTR_NOATIME),
        (MountFlags::NODIRATIME, MountAttrFlags::MOUNT_ATTR_NODIRATIME),
        (MountFlags::STRICTATIME, MountAttrFlags::MOUNT_ATTR_STRICTATIME),
    ] {
        if flags.contains(flag) {
            attributes |= attribute;
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_told_from_overlays_own_options() {
        let rootfs = Rootfs {
            lower: vec!["/a:b".into(), "/c,d".into()],
            options: ["nodev", "metacopy=on", "rw", "volatile"].map(str::to_owned).to_vec(),
            ..Rootfs::default()
        };
        let (flags, options) = split_options(&rootfs);
        assert_eq!(flags, MountFlags::RDONLY | MountFlags::NODEV);
        assert_eq!(mount_data(&rootfs, &options), b"lowerdir=/a\\:b:/c\\,d,metacopy=on,volatile");
    }
}
