//! Entry names: where in the tree they point, and what the `.wh.` prefix makes of them.
//!
//! A name is cleaned by its text alone, as Go's `path.Clean` does, because tar-split finds files by that form. A name that goes
//! up past its beginning is refused here; symbolic links are a matter of the file system and are contained there.

use crate::error::{Error, Name};
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Longest name after cleaning: the kernel takes no longer path.
pub const MAX_NAME: usize = 4095;

/// Longest component, as all file systems have it.
pub const MAX_COMPONENT: usize = 255;

/// Prefix of a whiteout's last component.
const WHITEOUT: &[u8] = b".wh.";

/// Last component of the marker that makes its directory opaque.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Clean `name` into `out`: relative, no `.`, `..` or empty component. The root is the empty path.
pub fn clean(name: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    out.clear();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => up(name, out)?,
            part => {
                if part.len() > MAX_COMPONENT {
                    return Err(too_long(name, "a component of the name", part.len(), MAX_COMPONENT));
                }
                if part.contains(&0) {
                    return Err(Error::UnsafePath { entry: Name::new(name), reason: "the name holds a NUL byte" });
                }
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    if out.len() > MAX_NAME {
        return Err(too_long(name, "the name", out.len(), MAX_NAME));
    }
    Ok(())
}

fn up(name: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if out.is_empty() {
        return Err(Error::UnsafePath { entry: Name::new(name), reason: "the name leaves the layer through `..`" });
    }
    out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
    Ok(())
}

fn too_long(name: &[u8], what: &'static str, got: usize, limit: usize) -> Error {
    Error::Limit { entry: Name::new(name), what, got: got as u64, limit: limit as u64 }
}

/// Split a cleaned path into its directory and last component.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// What a last component means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// A file of that name.
    Plain,
    /// The name in lower layers is hidden.
    Whiteout(&'a [u8]),
    /// All of the directory's content in lower layers is hidden.
    Opaque,
}

/// Tell whiteouts from plain names.
pub fn meaning(component: &[u8]) -> Meaning<'_> {
    if component == OPAQUE {
        return Meaning::Opaque;
    }
    component.strip_prefix(WHITEOUT).map_or(Meaning::Plain, Meaning::Whiteout)
}

/// The whiteout entry's last component for `component`.
pub fn whiteout(component: &[u8]) -> Vec<u8> {
    [WHITEOUT, component].concat()
}

/// The opaque marker's last component.
pub fn opaque() -> &'static [u8] {
    OPAQUE
}

/// A set of paths, kept as keyed 64-bit hashes: 8 bytes for a path, and nobody outside can choose two that collide.
#[derive(Default)]
pub struct Seen {
    keys: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    /// Add `path`; false where it was there.
    pub fn insert(&mut self, path: &[u8]) -> bool {
        self.hashes.insert(self.keys.hash_one(path))
    }

    /// Was it added?
    pub fn contains(&self, path: &[u8]) -> bool {
        self.hashes.contains(&self.keys.hash_one(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(name: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        clean(name, &mut out).map(|()| out)
    }

    #[test]
    fn cleaning_follows_the_text() {
        for (name, wanted) in [
            ("a", "a"),
            ("./a/", "a"),
            ("/a//b/./c", "a/b/c"),
            ("a/../b", "b"),
            ("a/b/../../c", "c"),
            ("./", ""),
            ("/", ""),
            ("a/..", ""),
            ("...", "..."),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(cleaned(name.as_bytes()).unwrap(), wanted.as_bytes(), "{name}");
        }
        assert_eq!(cleaned(b"\xff/\x01").unwrap(), b"\xff/\x01");
    }

    #[test]
    fn names_that_leave_or_lie_are_refused() {
        for name in ["..", "../a", "/../a", "a/../../b", "a/../../a/b", "./.."] {
            assert!(matches!(cleaned(name.as_bytes()), Err(Error::UnsafePath { .. })), "{name}");
        }
        assert!(matches!(cleaned(b"a\0b"), Err(Error::UnsafePath { .. })));
        assert!(cleaned(&[b'x'; 255]).is_ok());
        assert!(matches!(cleaned(&[b'x'; 256]), Err(Error::Limit { .. })));
        assert!(matches!(cleaned(&b"d/".repeat(2049)), Err(Error::Limit { .. })));
    }

    /// Names of up to 11 components, most of them of the kinds that cleaning has to do with; the same in every run.
    fn many_names() -> impl Iterator<Item = Vec<u8>> {
        let long = [b'n'; MAX_COMPONENT + 1];
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        std::iter::repeat_with(move || {
            let count = next(12);
            let parts = (0..count).map(|_| match next(60) {
                0..=14 => &b".."[..],
                15..=21 => b".",
                22..=26 => b"",
                27 => b"a\0b",
                28 => &long,
                29 => &long[1..],
                30..=34 => b"...",
                35..=39 => b"\xff\x01",
                _ => b"ab",
            });
            parts.collect::<Vec<_>>().join(&b'/')
        })
        .take(20_000)
    }

    /// The same by a list of components, which is how the rule is written.
    fn by_components(name: &[u8]) -> Option<Vec<u8>> {
        let mut kept: Vec<&[u8]> = Vec::new();
        for part in name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")) {
            if part == b".." {
                kept.pop()?;
            } else if part.contains(&0) || part.len() > MAX_COMPONENT {
                return None;
            } else {
                kept.push(part);
            }
        }
        Some(kept.join(&b'/')).filter(|cleaned| cleaned.len() <= MAX_NAME)
    }

    #[test]
    fn cleaning_keeps_its_laws_for_any_name() {
        let mut good = 0;
        for name in many_names() {
            let once = cleaned(&name).ok();
            assert_eq!(once, by_components(&name), "{}", name.escape_ascii());
            let Some(once) = once else { continue };
            good += 1;
            assert_eq!(cleaned(&once).unwrap(), once, "cleaning twice changes nothing");
            for same in [[b"./", &name[..]].concat(), [b"/", &name[..]].concat(), [&name[..], b"/."].concat()] {
                assert_eq!(cleaned(&same).unwrap(), once, "{}", same.escape_ascii());
            }
            let below = [&once[..], b"/below"].concat();
            assert_eq!(cleaned(&[&name[..], b"/below"].concat()).unwrap(), cleaned(&below).unwrap());
        }
        assert!((5_000..15_000).contains(&good), "{good} of 20,000 names are good");
    }

    #[test]
    fn only_the_exact_marker_is_opaque() {
        assert_eq!(meaning(b".wh..wh..opq"), Meaning::Opaque);
        assert_eq!(meaning(b".wh..wh.plnk"), Meaning::Whiteout(b".wh.plnk"));
        assert_eq!(meaning(b".wh.a"), Meaning::Whiteout(b"a"));
        assert_eq!(meaning(b".wh."), Meaning::Whiteout(b""));
        assert_eq!(meaning(b".wha"), Meaning::Plain);
    }
}
