//! One table of records: a stable and a volatile file, their lock, and what this process remembers of them.
//!
//! Start at [`Area`]. Readers take no lock: both files are only ever replaced by rename, so what is read is whole. A
//! writer holds the lock, works on a [`Writing`] copy that was loaded under it, and saves.

use crate::damage::{self, Damaged};
use crate::error::{Error, Result};
use crate::file::{self, Durability};
use crate::lockfile::{self, HeldLock, Token};
use crate::record::Record;
use libpod_sys::lock::Kind;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// In which file a record stands; it is written back to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// `layers.json`, `images.json`, `containers.json`.
    Stable = 0,
    /// `volatile-….json`: void after a reboot, not synced, unknown to containers/storage before 1.45.
    Volatile = 1,
}

const HOMES: [Home; 2] = [Home::Stable, Home::Volatile];

/// Identity of one version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Version {
    inode: u64,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

fn version(path: &Path) -> Result<Option<Version>> {
    match rustix::fs::stat(path) {
        Ok(stat) => Ok(Some(Version {
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Error::os("stat", path, errno)),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    token: Token,
    files: [Option<Version>; 2],
}

/// The records of both files, stable ones first, in the order of the files.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    files: [Vec<T>; 2],
    damaged: [Vec<Damaged>; 2],
}

impl<T: Record> Table<T> {
    /// All records.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.files.iter().flatten()
    }

    /// Records that are left aside.
    pub(crate) fn damaged(&self) -> impl Iterator<Item = &Damaged> {
        self.damaged.iter().flatten()
    }

    /// One file's text. Damaged records stand at its end, as they were.
    fn text(&self, home: Home) -> serde_json::Result<Vec<u8>> {
        let (records, damaged) = (&self.files[home as usize], &self.damaged[home as usize]);
        if damaged.is_empty() {
            return serde_json::to_vec(records);
        }
        let mut all = records.iter().map(serde_json::to_value).collect::<serde_json::Result<Vec<_>>>()?;
        all.extend(damaged.iter().map(|damaged| damaged.record.clone()));
        serde_json::to_vec(&all)
    }

    /// The record with exactly this id.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.iter().find(|record| record.id() == id)
    }

    /// The record with this name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&T> {
        self.iter().find(|record| record.names().iter().any(|other| other == name))
    }

    /// The record whose id alone starts with `prefix`.
    pub(crate) fn by_prefix(&self, what: &'static str, prefix: &str) -> Result<Option<&T>> {
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut found = self.iter().filter(|record| record.id().starts_with(prefix));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(Error::Ambiguous { what, prefix: prefix.to_owned() }),
            (only, _) => Ok(only),
        }
    }
}

/// Where a table lives, and its last version that this process read.
#[derive(Debug)]
pub(crate) struct Area<T> {
    files: [PathBuf; 2],
    lock: PathBuf,
    cache: Mutex<Option<(Stamp, Arc<Table<T>>)>>,
}

impl<T: Record> Area<T> {
    /// The table `<directory>/<name>.json` with its volatile twin and its lock file.
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        Self {
            files: [directory.join(format!("{name}.json")), directory.join(format!("volatile-{name}.json"))],
            lock: directory.join(format!("{name}.lock")),
            cache: Mutex::new(None),
        }
    }

    /// The current records. Waits for nobody.
    pub(crate) fn read(&self) -> Result<Arc<Table<T>>> {
        let stamp = self.stamp(lockfile::peek(&self.lock)?)?;
        self.load(stamp)
    }

    /// Path of the lock file.
    pub(crate) fn lock_path(&self) -> &Path {
        &self.lock
    }

    /// Records that were left aside when this process last read the table. Reads nothing.
    pub(crate) fn known_damage(&self) -> Vec<Damaged> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.as_ref().map(|(_, table)| table.damaged().cloned().collect()).unwrap_or_default()
    }

    /// Where the stable records stand.
    pub(crate) fn path(&self) -> &Path {
        &self.files[Home::Stable as usize]
    }

    /// Lock for reading: nobody changes the table while the result lives.
    pub(crate) fn lock_shared(&self) -> Result<HeldLock> {
        lockfile::acquire(&self.lock, Kind::Shared)
    }

    /// Lock for writing and load what is there now.
    pub(crate) fn write(&self) -> Result<Writing<'_, T>> {
        let held = lockfile::acquire(&self.lock, Kind::Exclusive)?;
        let stamp = self.stamp(held.token()?)?;
        let table = Arc::unwrap_or_clone(self.load(stamp)?);
        Ok(Writing { area: self, held, table, changed: [false; 2] })
    }

    /// Remove the half-written tables of dead processes. `names` are those in the table's directory.
    pub(crate) fn sweep_temporaries(&self, names: &[String]) -> Result<()> {
        let directory = self.lock.parent().unwrap_or(&self.lock);
        let ours = |name: &str| self.files.iter().any(|file| file::is_temporary_of(name, file));
        if names.iter().any(|name| ours(name)) {
            // Tables are written under the lock only: what is there while we hold it belongs to nobody.
            let _held = lockfile::acquire(&self.lock, Kind::Exclusive)?;
            for name in file::list(directory)?.iter().filter(|name| ours(name)) {
                file::remove(&directory.join(name))?;
            }
        }
        Ok(())
    }

    fn stamp(&self, token: Token) -> Result<Stamp> {
        Ok(Stamp { token, files: [version(&self.files[0])?, version(&self.files[1])?] })
    }

    /// `stamp` was taken before the files are read: a change in between causes one reload too many, never one too few.
    fn load(&self, stamp: Stamp) -> Result<Arc<Table<T>>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = cache.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(Arc::clone(table));
        }
        let (stable, damaged) = damage::parse::<T>(&self.files[0])?;
        let (mut volatile, more_damaged) =
            if stamp.files[1].is_some() { damage::parse::<T>(&self.files[1])? } else { Default::default() };
        volatile.retain(|record| !stable.iter().any(|other| other.id() == record.id()));
        let mut table = Table { files: [stable, volatile], damaged: [damaged, more_damaged] };
        settle_names(&mut table);
        let table = Arc::new(table);
        *cache = Some((stamp, Arc::clone(&table)));
        Ok(table)
    }
}

/// Of two records with the same name the last one keeps it.
fn settle_names<T: Record>(table: &mut Table<T>) {
    let mut seen = std::collections::HashSet::new();
    for record in table.files.iter_mut().flatten().rev() {
        record.names_mut().retain(|name| seen.insert(name.clone()));
    }
}

/// A table under its write lock.
#[derive(Debug)]
pub(crate) struct Writing<'a, T> {
    area: &'a Area<T>,
    held: HeldLock,
    table: Table<T>,
    changed: [bool; 2],
}

impl<T> std::ops::Deref for Writing<'_, T> {
    type Target = Table<T>;

    fn deref(&self) -> &Table<T> {
        &self.table
    }
}

impl<T: Record> Writing<'_, T> {
    /// Append a record, in place of a damaged one with its id.
    pub(crate) fn push(&mut self, home: Home, record: T) {
        for file in &mut self.table.damaged {
            file.retain(|damaged| damaged.id.as_deref() != Some(record.id()));
        }
        self.table.files[home as usize].push(record);
        self.changed[home as usize] = true;
    }

    /// Change the record with this id, if it is there.
    pub(crate) fn update<R>(&mut self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        for home in HOMES {
            let file = &mut self.table.files[home as usize];
            if let Some(record) = file.iter_mut().find(|record| record.id() == id) {
                self.changed[home as usize] = true;
                return Some(change(record));
            }
        }
        None
    }

    /// Take the names away from every record but `owner`.
    pub(crate) fn take_names(&mut self, owner: &str, names: &[String]) {
        for home in HOMES {
            for record in &mut self.table.files[home as usize] {
                if record.id() != owner && record.names().iter().any(|name| names.contains(name)) {
                    record.names_mut().retain(|name| !names.contains(name));
                    self.changed[home as usize] = true;
                }
            }
        }
    }

    /// Drop the records with these ids.
    pub(crate) fn remove(&mut self, ids: &[String]) {
        for home in HOMES {
            let file = &mut self.table.files[home as usize];
            let before = file.len();
            file.retain(|record| !ids.iter().any(|id| id == record.id()));
            self.changed[home as usize] |= file.len() != before;
            let damaged = &mut self.table.damaged[home as usize];
            let before = damaged.len();
            damaged.retain(|record| !ids.iter().any(|id| record.id.as_ref() == Some(id)));
            self.changed[home as usize] |= damaged.len() != before;
        }
    }

    /// Publish what was changed: the token first, then each file in one step. After an error it can be called again.
    pub(crate) fn save(&mut self) -> Result<()> {
        if self.changed == [false; 2] {
            return Ok(());
        }
        let token = self.held.touch()?;
        crate::step();
        for home in HOMES {
            if !self.changed[home as usize] {
                continue;
            }
            let path = &self.area.files[home as usize];
            let durability = if home == Home::Stable { Durability::Synced } else { Durability::Volatile };
            let text = self.table.text(home).map_err(|error| Error::corrupt(path, error.to_string()))?;
            file::replace(path, &text, durability)?;
            self.changed[home as usize] = false;
        }
        let stamp = self.area.stamp(token)?;
        let mut cache = self.area.cache.lock().unwrap_or_else(PoisonError::into_inner);
        *cache = Some((stamp, Arc::new(self.table.clone())));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Image, Layer};
    use crate::testing::Scratch;

    /// A full id that begins so.
    fn long(prefix: &str) -> String {
        format!("{prefix:0<64}")
    }

    fn image(id: &str, names: &[&str]) -> Image {
        Image { id: long(id), names: names.iter().map(|&name| name.into()).collect(), ..Image::default() }
    }

    fn add(area: &Area<Image>, home: Home, record: Image) {
        let mut writing = area.write().expect("lock");
        writing.push(home, record);
        writing.save().expect("save");
    }

    #[test]
    fn a_missing_store_reads_as_empty() {
        let scratch = Scratch::new();
        let area: Area<Image> = Area::new(&scratch.path().join("none"), "images");
        assert_eq!(area.read().expect("read").iter().count(), 0);
        assert!(!scratch.path().join("none").exists(), "reading creates nothing");
    }

    #[test]
    fn records_go_back_to_the_file_they_came_from() {
        let scratch = Scratch::new();
        let area: Area<Image> = Area::new(scratch.path(), "images");
        add(&area, Home::Stable, image("aa", &[]));
        add(&area, Home::Volatile, image("bb", &[]));
        let other: Area<Image> = Area::new(scratch.path(), "images");
        let mut writing = other.write().expect("lock");
        writing.update(&long("bb"), |record| record.metadata = "changed".into()).expect("there");
        writing.save().expect("save");
        let stable = std::fs::read_to_string(scratch.path().join("images.json")).expect("stable");
        let volatile = std::fs::read_to_string(scratch.path().join("volatile-images.json")).expect("volatile");
        assert!(stable.contains("aa") && !stable.contains("bb"));
        assert!(volatile.contains("changed") && !volatile.contains("aa"));
    }

    #[test]
    fn a_change_by_somebody_else_is_seen() {
        let scratch = Scratch::new();
        let ours: Area<Image> = Area::new(scratch.path(), "images");
        let theirs: Area<Image> = Area::new(scratch.path(), "images");
        add(&ours, Home::Stable, image("aa", &[]));
        assert_eq!(ours.read().expect("read").iter().count(), 1);
        add(&theirs, Home::Stable, image("bb", &[]));
        assert_eq!(ours.read().expect("read").iter().count(), 2);
        add(&ours, Home::Stable, image("cc", &[]));
        assert_eq!(theirs.read().expect("read").iter().count(), 3);
    }

    #[test]
    fn an_unchanged_table_is_not_parsed_again() {
        let scratch = Scratch::new();
        let area: Area<Image> = Area::new(scratch.path(), "images");
        add(&area, Home::Stable, image("aa", &[]));
        assert!(Arc::ptr_eq(&area.read().expect("read"), &area.read().expect("read")));
    }

    #[test]
    fn a_malformed_table_is_an_error_and_stays_as_it_is() {
        let scratch = Scratch::new();
        let path = scratch.path().join("images.json");
        std::fs::write(&path, "[{\"id\":").expect("write");
        let area: Area<Image> = Area::new(scratch.path(), "images");
        assert!(matches!(area.read(), Err(Error::Corrupt { .. })));
        assert!(matches!(area.write(), Err(Error::Corrupt { .. })));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "[{\"id\":");
    }

    #[test]
    fn an_id_that_leads_elsewhere_makes_the_table_malformed() {
        let scratch = Scratch::new();
        let area: Area<Layer> = Area::new(scratch.path(), "layers");
        for id in ["", "..", "../overlay", "/etc", "networks", &"A".repeat(64)] {
            std::fs::write(scratch.path().join("layers.json"), format!(r#"[{{"id":"{id}"}}]"#)).expect("write");
            assert!(matches!(area.read(), Err(Error::Corrupt { .. })), "{id}");
        }
    }

    #[test]
    fn the_last_record_keeps_a_duplicate_name() {
        let scratch = Scratch::new();
        let (one, two) = (long("aa"), long("bb"));
        let text = format!(r#"[{{"id":"{one}","names":["x","y"]}},{{"id":"{two}","names":["x"]}}]"#);
        std::fs::write(scratch.path().join("images.json"), text).expect("write");
        let area: Area<Image> = Area::new(scratch.path(), "images");
        let table = area.read().expect("read");
        assert_eq!(table.by_name("x").expect("x").id, two);
        assert_eq!(table.get(&one).expect("aa").names, ["y"]);
    }

    #[test]
    fn an_ambiguous_prefix_is_an_error() {
        let scratch = Scratch::new();
        let area: Area<Image> = Area::new(scratch.path(), "images");
        add(&area, Home::Stable, image("abc1", &[]));
        add(&area, Home::Stable, image("abd2", &[]));
        let table = area.read().expect("read");
        assert!(matches!(table.by_prefix("image", "ab"), Err(Error::Ambiguous { .. })));
        assert_eq!(table.by_prefix("image", "abc").expect("one").expect("found").id, long("abc1"));
        assert!(table.by_prefix("image", "").expect("empty").is_none());
    }
}
