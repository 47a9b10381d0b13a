use super::*;
use crate::error::ErrorKind;
use crate::rebuild::rebuild;
use crate::testing::{Dir, Tar, snapshot};
use std::fs;
use std::io::{self, Cursor};
use std::os::fd::AsFd;

fn options() -> Vec<ApplyOptions> {
    let mut all = Vec::new();
    for threads in [Threads::Auto, Threads::Inline] {
        for resolver in [Resolver::Auto, Resolver::Walk] {
            all.push(ApplyOptions { threads, resolver, ..ApplyOptions::default() });
        }
    }
    all
}

fn try_apply(dir: &Dir, tar: &[u8], options: &ApplyOptions) -> Result<Applied, Error> {
    let target = fs::File::open(dir.path("diff")).unwrap();
    let split = fs::File::create(dir.path("split")).unwrap();
    apply(Box::new(Cursor::new(tar.to_vec())), target.as_fd(), split, options)
}

fn rebuilt(dir: &Dir) -> io::Result<Vec<u8>> {
    let diff = fs::File::open(dir.path("diff")).unwrap();
    let mut bytes = Vec::new();
    rebuild(vec![diff.into()], fs::File::open(dir.path("split")).unwrap()).unwrap().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Apply in every way, check that all agree and that the tar comes back, and return the tree.
fn applied(tar: &[u8]) -> Vec<String> {
    let mut trees = options().into_iter().map(|options| {
        let dir = Dir::with_diff();
        let applied = try_apply(&dir, tar, &options).unwrap();
        assert_eq!((applied.diff_id, applied.diff_size), (Digest::of(tar), tar.len() as u64));
        assert_eq!((applied.digest, applied.size), (applied.diff_id, applied.diff_size));
        assert_eq!(rebuilt(&dir).unwrap(), tar, "the tar that comes back");
        snapshot(&dir.path("diff"))
    });
    let first = trees.next().unwrap();
    assert!(trees.all(|tree| tree == first), "every way gives the same tree");
    first
}

fn refused(tar: &[u8]) -> Error {
    let mut errors = options().into_iter().map(|options| {
        let dir = Dir::with_diff();
        fs::create_dir(dir.path("outside")).unwrap();
        fs::write(dir.path("outside/secret"), "untouched").unwrap();
        let error = try_apply(&dir, tar, &options).unwrap_err();
        assert_eq!(snapshot(&dir.path("outside")).len(), 1, "nothing was made outside");
        assert_eq!(fs::read(dir.path("outside/secret")).unwrap(), b"untouched");
        error
    });
    let first = errors.next().unwrap();
    assert!(errors.all(|error| error.to_string() == first.to_string()));
    first
}

#[test]
fn every_kind_of_entry_arrives_with_mode_owner_time_and_content() {
    let tar = Tar::new()
        .directory("etc/", 0o755)
        .file("etc/passwd", b"root")
        .mode(0o4755)
        .file("etc/suid", b"s")
        .mode(0o644)
        .owner(1000, 2000)
        .mode(0o2711)
        .file("etc/owned", &[1; 70_000])
        .owner(0, 0)
        .mode(0o644)
        .symlink("etc/link", "/nowhere")
        .hard_link("etc/hard", "etc/passwd")
        .fifo("etc/pipe")
        .device("etc/null", 1, 3)
        .xattr("user.note", b"\0x")
        .file("etc/noted", b"")
        .directory("locked/", 0o555)
        .file("locked/inside", b"i")
        .directory("sticky/", 0o3777)
        .build();
    let tree = applied(&tar);
    let wanted = [
        "d 755 0:0 1600000000.5 etc",
        "h 644 0:0 1600000000.5 etc/hard = etc/passwd",
        "l 777 0:0 1600000000.5 etc/link -> /nowhere",
        "f 644 0:0 1600000000.5 etc/noted [] user.note=\\x00x",
        "c 644 0:0 1600000000.5 etc/null 1:3",
        "f 2711 1000:2000 1600000000.5 etc/owned #70000",
        "f 644 0:0 1600000000.5 etc/passwd [root]",
        "p 644 0:0 1600000000.5 etc/pipe",
        "f 4755 0:0 1600000000.5 etc/suid [s]",
        "d 555 0:0 1600000000.5 locked",
        "f 644 0:0 1600000000.5 locked/inside [i]",
        "d 3777 0:0 1600000000.5 sticky",
    ];
    assert_eq!(tree, wanted.map(str::to_owned));
}

#[test]
fn names_that_leave_the_layer_are_refused_and_named() {
    for name in ["../out", "/../out", "a/../../out", "d/../../outside/new"] {
        let error = refused(&Tar::new().file(name, b"x").build());
        assert_eq!((error.kind(), error.entry().unwrap().as_bytes()), (ErrorKind::UnsafePath, name.as_bytes()));
    }
}
