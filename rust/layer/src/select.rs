//! Take one file or tree out of a layer: which entries concern it, and under which name they are made.

use crate::error::Error;
use crate::names::{self, Meaning};
use crate::tar::{Entry, Kind};

/// A path of the image, and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    path: Vec<u8>,
    /// Bytes of every selected path that are left out: its parent and the slash.
    strip: usize,
}

/// What an entry is to a selection.
#[derive(Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is made.
    Inside,
    /// It hides all that lower layers hold of the selection.
    Hides,
    /// It has nothing to do with it.
    Outside,
}

impl Selection {
    /// Select `path` (cleaned here; the empty path is all). What is made keeps the last component of the path alone.
    pub fn new(path: &[u8]) -> Result<Self, Error> {
        let mut cleaned = Vec::new();
        names::clean(path, &mut cleaned)?;
        let parent = names::split(&cleaned).0.len();
        let strip = if parent == 0 { 0 } else { parent + 1 };
        Ok(Self { path: cleaned, strip })
    }

    /// Last component of the selected path.
    pub fn base(&self) -> &[u8] {
        &self.path[self.strip..]
    }

    /// True for the selected path and what is below it.
    pub fn contains(&self, path: &[u8]) -> bool {
        is_at_or_below(path, &self.path)
    }

    /// The name under which a selected path is made.
    pub fn stripped<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        &path[self.strip.min(path.len())..]
    }

    /// What the entry with the cleaned path `path` is to the selection.
    pub fn relation(&self, entry: &Entry, path: &[u8]) -> Relation {
        let (parent, base) = names::split(path);
        let (concerned, hides) = match names::meaning(base) {
            Meaning::Plain => (path.to_vec(), entry.kind != Kind::Directory),
            Meaning::Opaque => (parent.to_vec(), true),
            Meaning::Whiteout(hidden) if parent.is_empty() => (hidden.to_vec(), true),
            Meaning::Whiteout(hidden) => ([parent, b"/", hidden].concat(), true),
        };
        if self.contains(&concerned) {
            Relation::Inside
        } else if hides && is_at_or_below(&self.path, &concerned) {
            Relation::Hides
        } else {
            Relation::Outside
        }
    }
}

fn is_at_or_below(path: &[u8], above: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) => above.is_empty() || rest.is_empty() || rest[0] == b'/',
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(path: &str, kind: Kind) -> Relation {
        let entry = Entry { kind, ..Entry::default() };
        Selection::new(b"/usr/lib/").unwrap().relation(&entry, path.as_bytes())
    }

    #[test]
    fn entries_are_inside_above_or_elsewhere() {
        assert_eq!(relation("usr/lib", Kind::Directory), Relation::Inside);
        assert_eq!(relation("usr/lib/x", Kind::File), Relation::Inside);
        assert_eq!(relation("usr/.wh.lib", Kind::File), Relation::Inside);
        assert_eq!(relation("usr/lib/.wh..wh..opq", Kind::File), Relation::Inside);
        assert_eq!(relation("usr/lib64", Kind::File), Relation::Outside);
        assert_eq!(relation("usr", Kind::Directory), Relation::Outside);
        assert_eq!(relation("usr", Kind::Symlink), Relation::Hides);
        assert_eq!(relation(".wh.usr", Kind::File), Relation::Hides);
        assert_eq!(relation("usr/.wh..wh..opq", Kind::File), Relation::Hides);
        assert_eq!(relation("opt/.wh.usr", Kind::File), Relation::Outside);
    }

    #[test]
    fn the_last_component_stays() {
        let selection = Selection::new(b"usr/lib").unwrap();
        assert_eq!(selection.stripped(b"usr/lib/x"), b"lib/x");
        assert_eq!(selection.base(), b"lib");
        let all = Selection::new(b"/").unwrap();
        assert_eq!((all.stripped(b"usr/lib"), all.base()), (b"usr/lib".as_slice(), b"".as_slice()));
    }
}
