//! Every tar of `tests/vectors` leads to what `tars.json` says: a tree and the same tar again, or an error that names the entry.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libpod_layer::{ApplyOptions, Digest, Entries, Error, ErrorKind, Resolver, Threads, apply, rebuild};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn table() -> Map<String, Value> {
    serde_json::from_slice(&fs::read(folder().join("tars.json")).unwrap()).unwrap()
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("libpod-vectors-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("diff")).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Corrupt => "Corrupt",
        ErrorKind::UnsafePath => "UnsafePath",
        ErrorKind::Unsupported => "Unsupported",
        ErrorKind::Os(_) => "Os",
    }
}

fn decode(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(|text| STANDARD.decode(text).unwrap())
}

fn check_applied(name: &str, tar: &[u8], scratch: &Scratch, files: &Map<String, Value>) {
    let diff = File::open(scratch.0.join("diff")).unwrap();
    let mut back = Vec::new();
    let split = File::open(scratch.0.join("split")).unwrap();
    rebuild(vec![diff.into()], split).unwrap().read_to_end(&mut back).unwrap();
    assert!(back == tar, "{name}: the tar that comes back differs");
    for (path, content) in files {
        let path = STANDARD.decode(path).unwrap();
        let path = scratch.0.join("diff").join(std::ffi::OsStr::from_bytes(&path));
        match content.as_str().unwrap().strip_prefix("-> ") {
            Some(target) => assert_eq!(fs::read_link(&path).unwrap(), Path::new(target), "{name}"),
            None => assert!(fs::read(&path).unwrap() == decode(content).unwrap(), "{name}: {path:?}"),
        }
    }
}

fn check(name: &str, wanted: &Value, threads: Threads, resolver: Resolver) {
    let tar = fs::read(folder().join(format!("{name}.tar"))).unwrap();
    let scratch = Scratch::new(&format!("{name}-{threads:?}-{resolver:?}"));
    let target = File::open(scratch.0.join("diff")).unwrap();
    let split = File::create(scratch.0.join("split")).unwrap();
    let options = ApplyOptions { threads, resolver, ..ApplyOptions::default() };
    let result = apply(Box::new(Cursor::new(tar.clone())), target.as_fd(), split, &options);
    match (result, wanted["error"].as_str()) {
        (Ok(applied), None) => {
            assert_eq!(applied.diff_id, Digest::of(&tar));
            check_applied(name, &tar, &scratch, wanted["files"].as_object().unwrap());
        }
        (Err(error), Some(wanted_kind)) => {
            assert_eq!(kind(&error), wanted_kind, "{name}: {error}");
            assert_eq!(
                error.entry().map(|entry| entry.as_bytes().to_vec()),
                decode(&wanted["entry"]),
                "{name}: {error}"
            );
        }
        (result, _) => panic!("{name}: {result:?}, wanted {wanted}"),
    }
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 2, "{name}: something was made outside");
}

#[test]
fn every_vector_leads_to_what_the_table_says() {
    assert!(table().len() > 60);
    for (name, wanted) in &table() {
        for threads in [Threads::Auto, Threads::Inline] {
            for resolver in [Resolver::Auto, Resolver::Walk] {
                check(name, wanted, threads, resolver);
            }
        }
    }
}

#[test]
fn reading_without_writing_never_panics_and_judges_no_name() {
    for (name, wanted) in &table() {
        let tar = fs::read(folder().join(format!("{name}.tar"))).unwrap();
        let mut entries = Entries::new(tar.as_slice());
        let result = loop {
            match entries.advance() {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if wanted["error"].as_str() != Some("Corrupt") {
            result.unwrap();
        }
    }
}

/// Any damage is an error or another tree, never a panic, and never a file outside.
#[test]
fn damaged_vectors_do_no_harm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 16).unwrap()
    };
    for name in table().keys() {
        let tar = fs::read(folder().join(format!("{name}.tar"))).unwrap();
        for round in 0..6 {
            let mut damaged = tar.clone();
            for _ in 0..=random() % 4 {
                if let Some(byte) = damaged.len().checked_sub(1).map(|last| random() % (last + 1)) {
                    damaged[byte] = u8::try_from(random() % 256).unwrap();
                }
            }
            repair_checksums(&mut damaged);
            let scratch = Scratch::new(&format!("damaged-{name}-{round}"));
            let target = File::open(scratch.0.join("diff")).unwrap();
            let split = File::create(scratch.0.join("split")).unwrap();
            let options = ApplyOptions { threads: Threads::Inline, devices: false, ..ApplyOptions::default() };
            let result = apply(Box::new(Cursor::new(damaged.clone())), target.as_fd(), split, &options);
            assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 2, "{name}: something was made outside");
            if result.is_ok() {
                let mut back = Vec::new();
                let split = File::open(scratch.0.join("split")).unwrap();
                let complete = rebuild(vec![target.into()], split).unwrap().read_to_end(&mut back);
                // A file that a later one replaced through a link cannot come back, and is noticed.
                assert!(complete.is_err() || back == damaged, "{name}: rebuilt wrong bytes");
            }
        }
    }
}

/// Make the checksums right again, or nothing behind them would be reached.
fn repair_checksums(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
