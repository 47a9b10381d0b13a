//! Extended attributes of a name in a directory: never of what a symbolic link points to.
//!
//! The kernel calls take paths; `/proc/self/fd/N/name` makes them relative to a descriptor (`setxattrat` is too young to rely on).

use crate::error::{Error, Result};
use crate::fs::proc_path;
use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;

/// The kernel's own limit of a name list and of a value.
const MAX_SIZE: usize = 64 * 1024;

/// Set attribute `key` of `name` in `directory`.
pub fn set(directory: BorrowedFd<'_>, name: &OsStr, key: &[u8], value: &[u8]) -> Result<()> {
    lsetxattr(proc_path(directory, name), key, value, XattrFlags::empty())
        .map_err(|errno| fail("lsetxattr", name, key, errno))
}

/// Value of attribute `key` of `name` in `directory`, or None where it has none (or the filesystem knows no attributes).
pub fn get(directory: BorrowedFd<'_>, name: &OsStr, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0; MAX_SIZE];
    match lgetxattr(proc_path(directory, name), key, value.as_mut_slice()) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(fail("lgetxattr", name, key, errno)),
    }
}

/// Names of all attributes of `name` in `directory`, in the order of their bytes.
pub fn list(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Vec<Vec<u8>>> {
    let mut names = vec![0_u8; MAX_SIZE];
    match llistxattr(proc_path(directory, name), names.as_mut_slice()) {
        Ok(length) => {
            let split = names[..length].split(|byte| *byte == 0).filter(|key| !key.is_empty());
            let mut keys: Vec<Vec<u8>> = split.map(<[u8]>::to_vec).collect();
            keys.sort();
            Ok(keys)
        }
        Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(errno) => Err(fail("llistxattr", name, b"", errno)),
    }
}

fn fail(call: &'static str, name: &OsStr, key: &[u8], errno: Errno) -> Error {
    Error::new(call, format!("{name:?}, \"{}\"", key.escape_ascii()), errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn sets_lists_and_gets_in_byte_order() {
        let path = std::env::temp_dir().join(format!("libpod-sys-xattr-{}", std::process::id()));
        std::fs::create_dir_all(path.join("sub")).unwrap();
        let directory = std::fs::File::open(&path).unwrap();
        let name = OsStr::new("sub");
        set(directory.as_fd(), name, b"user.b", b"2").unwrap();
        set(directory.as_fd(), name, b"user.a", b"").unwrap();
        assert_eq!(list(directory.as_fd(), name).unwrap(), [b"user.a".to_vec(), b"user.b".to_vec()]);
        assert_eq!(get(directory.as_fd(), name, b"user.b").unwrap().as_deref(), Some(b"2".as_slice()));
        assert_eq!(get(directory.as_fd(), name, b"user.c").unwrap(), None);
        let missing = get(directory.as_fd(), OsStr::new("none"), b"user.a").unwrap_err();
        assert_eq!(missing.errno(), Errno::NOENT);
        std::fs::remove_dir_all(path).unwrap();
    }
}
