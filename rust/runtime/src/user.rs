//! Users and groups of an image: its own `/etc/passwd` and `/etc/group`, read without trusting either.
//!
//! The files are opened below the root by descriptor, only when they are ordinary files, and read to a fixed size; a line that
//! does not parse is passed over, as the C library does. Names never reach the host's databases. Start at [`find`].
//!
//! Source: passwd(5), group(5); podman-run(1), "--user".

use crate::error::{Error, Result};
use crate::rootdir::{RootDir, reopen};
use rustix::fs::{FileType, OFlags, fstat};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// As much of a passwd or group file as is read; the largest in use have a few hundred KiB.
const SIZE_LIMIT: usize = 4 << 20;
/// What a uid without an entry gets.
const DEFAULT_HOME: &str = "/";

/// A resolved user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups: those that list the user's name; none where a group was asked for.
    pub groups: Vec<u32>,
    /// Home directory, `/` where the user has no entry.
    pub home: String,
    /// Name, where the user has an entry.
    pub name: Option<String>,
}

/// The two files, as bytes.
#[derive(Debug, Default)]
pub struct Databases {
    /// `/etc/passwd`, empty where the image has none.
    pub passwd: Vec<u8>,
    /// `/etc/group`, empty where the image has none.
    pub group: Vec<u8>,
}

#[derive(Debug)]
struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

#[derive(Debug)]
struct GroupEntry<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// Resolve `USER[:GROUP]`, each a name or a number; empty means uid 0.
///
/// A number without an entry stands for itself, with group 0; a name without one is an error. A colon, even one without a
/// group behind it, leaves the user's other groups away.
pub fn find(databases: &Databases, text: &str) -> Result<Found> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let mut found = find_user(databases, if user.is_empty() { "0" } else { user })?;
    if let Some(group) = group {
        found.groups = Vec::new();
        if !group.is_empty() {
            found.gid = find_group(databases, group)?;
        }
    }
    Ok(found)
}

/// Resolve one group, by name or by number.
pub fn find_group(databases: &Databases, group: &str) -> Result<u32> {
    let number = number(group)?;
    groups(&databases.group)
        .find(|entry| entry.name == group)
        .map(|entry| entry.gid)
        .or(number)
        .ok_or_else(|| Error::invalid(format!("unable to find group {group}: no matching entries in group file")))
}

/// The home directory of `uid` in `root`; `/` where it has none.
pub fn home(root: &RootDir, uid: u32) -> String {
    let text = root.resolve(Path::new("etc/passwd")).ok().and_then(|file| read_database(&file, "etc/passwd").ok());
    let text = text.unwrap_or_default();
    let home = passwd(&text).find(|entry| entry.uid == uid).map(|entry| entry.home.to_owned());
    home.filter(|home| !home.is_empty()).unwrap_or_else(|| DEFAULT_HOME.into())
}

/// Read a passwd or group file from its `O_PATH` descriptor; an error where it is no ordinary file or absurdly long.
///
/// It is opened only once its type is known: to open a device is to do something with it.
pub fn read_database(place: &OwnedFd, path: &str) -> Result<Vec<u8>> {
    let fail = |errno| Error::step("read", path, errno);
    let stat = fstat(place).map_err(fail)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Error::UnsafePath { path: path.into(), reason: "is not an ordinary file".into() });
    }
    let file = reopen(place.as_fd(), OFlags::RDONLY | OFlags::CLOEXEC).map_err(fail)?;
    let mut text = Vec::with_capacity((stat.st_size as usize).min(SIZE_LIMIT) + 1);
    let mut chunk = [0; 16384];
    loop {
        match rustix::io::read(&file, &mut chunk).map_err(fail)? {
            0 => return Ok(text),
            length if text.len() + length > SIZE_LIMIT => {
                return Err(Error::UnsafePath { path: path.into(), reason: "is larger than 4 MiB".into() });
            }
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
}

fn find_user(databases: &Databases, user: &str) -> Result<Found> {
    let number = number(user)?;
    let entry = passwd(&databases.passwd)
        .find(|entry| entry.name == user)
        .or_else(|| passwd(&databases.passwd).find(|entry| Some(entry.uid) == number));
    let Some(entry) = entry else {
        let uid = number
            .ok_or_else(|| Error::invalid(format!("unable to find user {user}: no matching entries in passwd file")))?;
        return Ok(Found { uid, gid: 0, groups: Vec::new(), home: DEFAULT_HOME.into(), name: None });
    };
    let listed = groups(&databases.group).filter(|group| group.members.split(',').any(|name| name == entry.name));
    let mut gids: Vec<u32> = Vec::new();
    for group in listed {
        if !gids.contains(&group.gid) {
            gids.push(group.gid);
        }
    }
    let home = if entry.home.is_empty() { DEFAULT_HOME } else { entry.home };
    Ok(Found { uid: entry.uid, gid: entry.gid, groups: gids, home: home.into(), name: Some(entry.name.into()) })
}

/// A decimal id, if `text` is one; an error where it is out of range.
fn number(text: &str) -> Result<Option<u32>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(id) if id <= i32::MAX as u32 => Ok(Some(id)),
        _ => Err(Error::invalid(format!("uids and gids must be in range 0-{}", i32::MAX))),
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| !line.starts_with('#'))
}

fn passwd(text: &[u8]) -> impl Iterator<Item = PasswdEntry<'_>> {
    lines(text).filter_map(|line| {
        let fields: Vec<&str> = line.splitn(7, ':').collect();
        let [name, _, uid, gid, rest @ ..] = fields.as_slice() else { return None };
        let home = rest.get(1).copied().unwrap_or("");
        Some(PasswdEntry { name, uid: uid.trim().parse().ok()?, gid: gid.trim().parse().ok()?, home })
    })
}

fn groups(text: &[u8]) -> impl Iterator<Item = GroupEntry<'_>> {
    lines(text).filter_map(|line| {
        let mut fields = line.splitn(4, ':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
        Some(GroupEntry { name, gid: gid.trim().parse().ok()?, members: fields.next().unwrap_or("").trim() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databases() -> Databases {
        Databases {
            passwd: b"root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:34:web:/var/www:/bin/sh\n7:x:70:71::/seven:\n\xff:x:1:1::/:\n"
                .to_vec(),
            group: b"root:x:0:\nweb:x:34:\nlog:x:40:root,web\nlog2:x:40:web\nssl:x:50:web\n".to_vec(),
        }
    }

    #[test]
    fn resolves_names_numbers_and_groups() {
        let databases = databases();
        let found = |text| find(&databases, text).expect(text);
        assert_eq!((found("").uid, found("").home.as_str(), found("").groups), (0, "/root", vec![40]));
        let web = found("web");
        assert_eq!((web.uid, web.gid, web.groups.clone(), web.home.as_str()), (33, 34, vec![40, 50], "/var/www"));
        assert_eq!(found("33"), web);
        let grouped = found("web:ssl");
        assert_eq!((grouped.gid, grouped.groups), (50, vec![]));
        assert_eq!((found("web:").gid, found("web:").groups), (34, vec![]));
        let bare = found("1234:5");
        assert_eq!((bare.uid, bare.gid, bare.home.as_str(), bare.name), (1234, 5, "/", None));
        assert_eq!(found("7").uid, 70, "a name wins over a number");
    }

    #[test]
    fn an_unknown_name_is_an_error_and_so_is_an_absurd_number() {
        for text in ["nobody", "root:nogroup", "4294967296", "2147483648"] {
            assert!(matches!(find(&databases(), text), Err(Error::Invalid { .. })), "{text}");
        }
    }
}
