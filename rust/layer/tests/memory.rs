//! A layer's size does not show in the memory that applying it takes. A process of its own: the high-water mark is the process's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use libpod_layer::tar::{Builder, Entry, Kind};
use libpod_layer::{ApplyOptions, Compression, PackOptions, Packer, Threads, apply, rebuild};
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::os::fd::AsFd;

/// The promise: 64 MiB.
const LIMIT_KIB: u64 = 64 * 1024;

const FILE_BYTES: u64 = 128 << 20;
const SMALL_FILES: u32 = 3000;

fn high_water_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A large file, and many small ones in directories of their own.
fn layer() -> Vec<u8> {
    let options = PackOptions { compression: Compression::Gzip, level: Some(1), threads: Some(2) };
    let mut packer = Packer::new(Vec::new(), options).unwrap();
    let mut header = Vec::new();
    Builder::header(&Entry { name: b"large".to_vec(), mode: 0o644, size: FILE_BYTES, ..Entry::default() }, &mut header);
    packer.write_all(&header).unwrap();
    for _ in 0..FILE_BYTES >> 20 {
        packer.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    for number in 0..SMALL_FILES {
        header.clear();
        let kind = Kind::Directory;
        Builder::header(
            &Entry { name: format!("d{number}/").into_bytes(), kind, mode: 0o755, ..Entry::default() },
            &mut header,
        );
        Builder::header(
            &Entry { name: format!("d{number}/f").into_bytes(), mode: 0o644, ..Entry::default() },
            &mut header,
        );
        packer.write_all(&header).unwrap();
    }
    packer.write_all(Builder::end()).unwrap();
    packer.finish().unwrap().0
}

#[test]
fn no_layer_takes_more_than_64_mib() {
    let gzip = layer();
    // Making the layer took more than is in use now: begin from here.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = high_water_kib();
    for threads in [Threads::Auto, Threads::Inline] {
        let base = std::env::temp_dir().join(format!("libpod-memory-{}-{threads:?}", std::process::id()));
        fs::create_dir_all(base.join("diff")).unwrap();
        let target = File::open(base.join("diff")).unwrap();
        let split = File::create(base.join("split")).unwrap();
        let options = ApplyOptions { threads, ..ApplyOptions::default() };
        let applied = apply(Box::new(Cursor::new(gzip.clone())), target.as_fd(), split, &options).unwrap();
        assert_eq!(applied.entries, 1 + 2 * u64::from(SMALL_FILES));
        let mut rebuilt = rebuild(vec![target.into()], File::open(base.join("split")).unwrap()).unwrap();
        assert_eq!(io::copy(&mut rebuilt, &mut io::sink()).unwrap(), applied.diff_size);
        fs::remove_dir_all(base).unwrap();
    }
    let grown = high_water_kib() - before;
    assert!(grown < LIMIT_KIB, "{grown} KiB more than before");
}
