//! Scratch directories, small stores, and crashes at chosen steps. Compiled for tests only.

use crate::name::Id;
use crate::{Addition, Container, Image, NewContainer, NewImage, Options, Store};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A directory that is removed with everything in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("libpod-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("scratch directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("remove the scratch directory");
    }
}

/// Environment variable of a test's child process: die, as by `SIGKILL`, at this step.
pub(crate) const CRASH_AT: &str = "LIBPOD_STORE_CRASH_AT";

static STEPS: AtomicU32 = AtomicU32::new(0);

/// One step of a change was done.
pub(crate) fn step() {
    let step = STEPS.fetch_add(1, Ordering::Relaxed) + 1;
    if std::env::var(CRASH_AT).is_ok_and(|at| at == step.to_string()) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

static FULL: AtomicBool = AtomicBool::new(false);

/// Until data are deleted every write of this process fails, as on a full disk.
pub(crate) fn fill_disk() {
    FULL.store(true, Ordering::Relaxed);
}

/// Fail where the disk is full.
pub(crate) fn before_writing(path: &Path) -> crate::Result<()> {
    match FULL.load(Ordering::Relaxed) {
        true => Err(crate::Error::os("write", path, rustix::io::Errno::NOSPC)),
        false => Ok(()),
    }
}

/// Data were deleted.
pub(crate) fn freed() {
    FULL.store(false, Ordering::Relaxed);
}

/// Has the disk that was full space again?
pub(crate) fn was_freed() -> bool {
    !FULL.load(Ordering::Relaxed)
}

/// The id in a record.
pub(crate) fn id_of(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

/// A tar of one file, as a layer blob.
pub(crate) fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    for (offset, text) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (136, "00000000000\0")] {
        header[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    }
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = header.to_vec();
    tar.extend_from_slice(content);
    tar.resize(tar.len().div_ceil(512) * 512 + 1024, 0);
    tar
}

/// A store below `directory`.
pub(crate) fn store(directory: &Path) -> Store {
    let options = Options { graphroot: directory.join("root"), runroot: directory.join("run"), ..Options::default() };
    Store::open(options).expect("open the store")
}

/// Stage one layer per name, each with one file of that name, and say where they go.
pub(crate) fn additions(store: &Store, names: &[&str]) -> Vec<Addition> {
    let mut parent: Option<String> = None;
    let stage = |name: &&str| {
        let blob = std::io::Cursor::new(tar_of(name, name.as_bytes()));
        let staged = store.stage_layer(Box::new(blob), libpod_layer::Threads::Inline).expect("stage");
        let id = crate::layer_id(parent.as_deref(), &staged.applied().diff_id);
        let below = parent.replace(id.clone());
        Addition { staged, id, parent: below }
    };
    names.iter().map(stage).collect()
}

/// An image record on `layer`.
pub(crate) fn new_image(letter: char, names: &[&str], layer: &str) -> NewImage {
    let digest = format!("sha256:{}", letter.to_string().repeat(64));
    NewImage {
        id: letter.to_string().repeat(64),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        layer: layer.to_owned(),
        digest: digest.clone(),
        data: vec![(digest, b"config".to_vec()), ("manifest".to_owned(), b"manifest".to_vec())],
        ..NewImage::default()
    }
}

/// An image of the given layers.
pub(crate) fn image_of(store: &Store, letter: char, names: &[&str], layers: &[&str]) -> Image {
    let mut additions = additions(store, layers);
    let top = additions.last().map(|addition| addition.id.clone()).unwrap_or_default();
    store.create_image(&new_image(letter, names, &top), &mut additions).expect("create the image")
}

/// A container of an image.
pub(crate) fn container_of(store: &Store, image: &Image, name: &str) -> Container {
    let new = NewContainer {
        names: vec![name.to_owned()],
        image: image.id.clone(),
        layer_parent: Some(image.layer.clone()),
        metadata: "{}".to_owned(),
        ..NewContainer::default()
    };
    store.create_container(&new).expect("create the container")
}

/// Change the records of a table on disk.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Vec<Value>)) {
    let mut list: Vec<Value> = serde_json::from_slice(&std::fs::read(path).expect("read")).expect("parse");
    change(&mut list);
    std::fs::write(path, serde_json::to_vec(&list).expect("write")).expect("write");
}

/// A store whose additional store holds the image `a` of two layers.
pub(crate) fn with_another(scratch: &Scratch) -> (Store, Store) {
    let other = store(&scratch.path().join("other"));
    image_of(&other, 'a', &["localhost/shared:latest"], &["one", "two"]);
    let options = Options {
        graphroot: scratch.path().join("root"),
        runroot: scratch.path().join("run"),
        additional: vec![scratch.path().join("missing"), scratch.path().join("other/root")],
        ..Options::default()
    };
    (Store::open(options).expect("open"), other)
}
