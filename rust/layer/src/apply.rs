//! Apply one layer to a directory, in one pass.
//!
//! Each byte of the source is read once: hashed, decompressed, hashed, parsed and written, while the tar's framing goes to the
//! tar-split file. Nothing is synced and nothing is published: on an error the target holds a part, and the caller discards it.
//! Memory is bounded whatever the layer holds (a few MiB of buffers; on top of it the decoder's window, which xz and zstd frames
//! may ask for, and about 100 bytes for a directory, 9 for any other entry). Start at [`apply`].

use crate::compression::Compression;
use crate::error::{Error, Name};
use crate::names::{self, Meaning, Seen};
use crate::pipeline::{self, Sums};
use crate::policy::{Policy, Style, XattrPrefix};
use crate::select::{Relation, Selection};
use crate::tar::{Entry, Kind, Parser, Step};
use crate::tarsplit;
use crate::tree::Tree;
use crate::unpack::{DEFAULT_ACL, Unpacker};
use libpod_digest::Digest;
use libpod_sys::fs::{Resolver, detach_umask};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::os::fd::BorrowedFd;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// Reading, decoding, hashing and writing overlap, each on a thread of its own: best for a single layer.
    #[default]
    Auto,
    /// One thread does it all: best where as many layers as cores are applied at once.
    Inline,
}

/// How a layer is applied.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Which attribute marks an opaque directory.
    pub xattr_prefix: XattrPrefix,
    /// Make device nodes; otherwise they are refused, or skipped where `user_namespace` is set.
    pub devices: bool,
    /// The caller is root of a user namespace: device nodes are skipped unless `devices` is set, and extended attributes that
    /// the kernel refuses are left out.
    pub user_namespace: bool,
    /// Give files the owner that the layer says; otherwise they belong to the caller.
    pub owner: bool,
    /// Who does the work.
    pub threads: Threads,
    /// How paths are resolved; only tests ask for anything but the default.
    pub resolver: Resolver,
    /// Most bytes that may come out of the decompressor.
    pub max_size: Option<u64>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            xattr_prefix: XattrPrefix::Trusted,
            devices: true,
            user_namespace: false,
            owner: true,
            threads: Threads::Auto,
            resolver: Resolver::Auto,
            max_size: None,
        }
    }
}

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Digest of the tar.
    pub diff_id: Digest,
    /// Bytes of the tar.
    pub diff_size: u64,
    /// Digest of the bytes as they came.
    pub digest: Digest,
    /// Number of bytes as they came.
    pub size: u64,
    /// How they were compressed.
    pub compression: Compression,
    /// Owners of the entries that are no whiteouts, ascending.
    pub uids: Vec<u32>,
    /// Their groups.
    pub gids: Vec<u32>,
    /// Number of tar entries.
    pub entries: u64,
}

/// Apply the layer that `source` streams to the directory `target`, as overlayfs wants it, and write its tar-split file.
///
/// `target` is a directory that nobody else uses, normally empty; its own mode, owner and time stay (but for the time that
/// new files give it). `tar_split` is written from its position on, gzip, not synced. A layer in which a name occurs twice
/// is refused, because tar-split cannot express it. On an error `target` may hold a part.
pub fn apply(
    source: Box<dyn Read + Send>,
    target: BorrowedFd<'_>,
    tar_split: File,
    options: &ApplyOptions,
) -> Result<Applied, Error> {
    let style = Style::Overlay(options.xattr_prefix);
    let split = tarsplit::Writer::new(BufWriter::with_capacity(64 * 1024, tar_split));
    run(source, target, Output::Split { split: Box::new(split), seen: Seen::default() }, style, options)
        .map(|extracted| extracted.applied)
}

/// Hard links by the names they would have been made under, and their targets' paths in the image.
pub type Unresolved = BTreeMap<Vec<u8>, Vec<u8>>;

/// What was taken out of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The layer's sums and counts, whatever was selected.
    pub applied: Applied,
    /// Hard links that were selected while their targets were not. They were not made.
    pub unresolved: Unresolved,
}

/// Apply a layer, or one path of it, to a directory that holds the lower layers already: whiteouts remove files.
///
/// With `select`, only that path and what is below it is made, under its last component. Where a name occurs twice, the last
/// entry counts. Without `options.owner`, files belong to the caller and lose setuid and setgid.
pub fn extract(
    source: Box<dyn Read + Send>,
    target: BorrowedFd<'_>,
    select: &[u8],
    options: &ApplyOptions,
) -> Result<Extracted, Error> {
    let selection = Selection::new(select)?;
    run(source, target, Output::Selected { selection, unresolved: Unresolved::new() }, Style::Remove, options)
}

fn run(
    source: Box<dyn Read + Send>,
    target: BorrowedFd<'_>,
    output: Output,
    style: Style,
    options: &ApplyOptions,
) -> Result<Extracted, Error> {
    // The writing thread has a umask of its own, which must not become the caller's.
    let work = || {
        let exact_modes = detach_umask().is_ok() && !has_default_acl(target);
        let tree = Tree::new(target, options.resolver)
            .map_err(|source| Error::Target { step: "use the target directory", source })?;
        let ApplyOptions { owner, devices, user_namespace, .. } = *options;
        let policy = Policy { owner, style, devices, user_namespace, exact_modes };
        let mut writer = LayerWriter::new(Unpacker::new(tree, policy), output);
        let mut sink = |bytes: &[u8]| writer.feed(bytes);
        let sums = match options.threads {
            Threads::Auto => pipeline::run_threads(source, options.max_size, &mut sink),
            Threads::Inline => pipeline::run_inline(source, options.max_size, &mut sink),
        }?;
        writer.finish(sums)
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// A default ACL of the target would pass to new files and change their modes.
fn has_default_acl(target: BorrowedFd<'_>) -> bool {
    let name = std::ffi::OsStr::new(".");
    !matches!(libpod_sys::xattr::get(target, name, DEFAULT_ACL), Ok(None))
}

/// What comes beside the files.
enum Output {
    /// The whole layer is stored: its framing goes to tar-split, which knows files by their names.
    Split { split: Box<tarsplit::Writer<BufWriter<File>>>, seen: Seen },
    /// Part of it is taken out.
    Selected { selection: Selection, unresolved: Unresolved },
}

/// The last stage: parses, writes files, and keeps the framing.
struct LayerWriter {
    parser: Parser,
    unpacker: Unpacker,
    output: Output,
    path: Vec<u8>,
    /// The entry's content goes into tar-split as it is, because no file will have just these bytes.
    raw: bool,
    /// The entry is not made.
    skip: bool,
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
    entries: u64,
}

impl LayerWriter {
    fn new(unpacker: Unpacker, output: Output) -> Self {
        Self {
            parser: Parser::new(),
            unpacker,
            output,
            path: Vec::new(),
            raw: false,
            skip: false,
            uids: BTreeSet::new(),
            gids: BTreeSet::new(),
            entries: 0,
        }
    }

    /// Take the next chunk; every chunk but the last one is a multiple of the tar block.
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let step = self.parser.step(rest)?;
            let (length, begins) = match step {
                // Only at the end of the tar, which is cut off inside a block.
                Step::More => return self.parser.finish(rest.len()),
                Step::Framing(length) => (length, false),
                Step::Entry(length) => (length, true),
                Step::Content { length, last } => {
                    self.content(&rest[..length], last)?;
                    rest = &rest[length..];
                    continue;
                }
            };
            if let Output::Split { split, .. } = &mut self.output {
                split.raw(&rest[..length])?;
            }
            rest = &rest[length..];
            if begins {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Error> {
        let entry = self.parser.entry();
        self.entries += 1;
        names::clean(&entry.name, &mut self.path)?;
        let plain = names::meaning(names::split(&self.path).1) == Meaning::Plain;
        if plain && entry.kind != Kind::Global {
            // As containers/storage records them.
            self.uids.extend(u32::try_from(entry.uid));
            self.gids.extend(u32::try_from(entry.gid));
        }
        match &mut self.output {
            Output::Split { split, seen } => {
                if !seen.insert(&self.path) {
                    return Err(Error::Duplicate { entry: Name::new(&entry.name) });
                }
                self.raw = entry.sparse.is_some() || entry.kind != Kind::File || !plain;
                self.unpacker.begin(entry, &self.path)?;
                if entry.stored == 0 || self.raw {
                    split.file(&entry.name, 0)?;
                }
            }
            Output::Selected { selection, unresolved } => {
                self.skip = !begin_selected(&mut self.unpacker, selection, unresolved, entry, &self.path)?;
            }
        }
        if entry.stored == 0 && !self.skip {
            self.unpacker.end(entry)?;
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8], last: bool) -> Result<(), Error> {
        let entry = self.parser.entry();
        if self.skip {
            return Ok(());
        }
        self.unpacker.content(entry, bytes)?;
        if last {
            self.unpacker.end(entry)?;
        }
        match &mut self.output {
            Output::Split { split, .. } if self.raw => split.raw(bytes),
            Output::Split { split, .. } => {
                split.content(bytes);
                if last { split.file(&entry.name, entry.stored) } else { Ok(()) }
            }
            Output::Selected { .. } => Ok(()),
        }
    }

    fn finish(self, sums: Sums) -> Result<Extracted, Error> {
        self.parser.finish(0)?;
        self.unpacker.finish()?;
        let unresolved = match self.output {
            Output::Split { split, .. } => {
                let buffered = split.finish()?;
                buffered
                    .into_inner()
                    .map_err(|error| Error::TarSplit { step: "writing", source: error.into_error() })?;
                Unresolved::new()
            }
            Output::Selected { unresolved, .. } => unresolved,
        };
        let (diff_id, diff_size) = sums.uncompressed;
        let (digest, size) = sums.compressed;
        let applied = Applied {
            diff_id,
            diff_size,
            digest,
            size,
            compression: sums.compression,
            uids: self.uids.into_iter().collect(),
            gids: self.gids.into_iter().collect(),
            entries: self.entries,
        };
        Ok(Extracted { applied, unresolved })
    }
}

/// Make the entry if it is selected; false where it is not.
fn begin_selected(
    unpacker: &mut Unpacker,
    selection: &Selection,
    unresolved: &mut Unresolved,
    entry: &Entry,
    path: &[u8],
) -> Result<bool, Error> {
    match selection.relation(entry, path) {
        Relation::Outside => return Ok(false),
        Relation::Hides => {
            unpacker.hide(entry, b"", selection.base())?;
            return Ok(false);
        }
        Relation::Inside => {}
    }
    let name = selection.stripped(path);
    unresolved.remove(name);
    if entry.kind != Kind::HardLink {
        unpacker.begin(entry, name)?;
        return Ok(true);
    }
    let mut target = Vec::new();
    names::clean(&entry.link, &mut target)?;
    if !selection.contains(&target) {
        unresolved.insert(name.to_vec(), target);
        return Ok(false);
    }
    let link = selection.stripped(&target).to_vec();
    if let Some(target) = unresolved.get(&link).cloned() {
        unresolved.insert(name.to_vec(), target);
        return Ok(false);
    }
    unpacker.begin(&Entry { link, ..entry.clone() }, name)?;
    Ok(true)
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
