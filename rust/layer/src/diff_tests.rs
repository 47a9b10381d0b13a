use super::*;
use crate::testing::{Dir, Tar, snapshot};
use crate::{ApplyOptions, ErrorKind, apply};
use std::fs;
use std::io::Cursor;

/// What overlayfs would have left in the directory `diff` after these entries.
fn upper(tar: Tar) -> Dir {
    let dir = Dir::with_diff();
    unpack(&dir, "diff", tar.build());
    dir
}

fn unpack(dir: &Dir, name: &str, tar: Vec<u8>) {
    fs::create_dir_all(dir.path(name)).unwrap();
    let target = File::open(dir.path(name)).unwrap();
    let split = File::create(dir.path(&format!("{name}.split"))).unwrap();
    apply(Box::new(Cursor::new(tar)), target.as_fd(), split, &ApplyOptions::default()).unwrap();
}

fn made(dir: &Dir) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    diff(File::open(dir.path("diff")).unwrap().as_fd(), &mut out, &DiffOptions::default())?;
    Ok(out)
}

fn names(tar: &[u8]) -> Vec<(String, Kind)> {
    let mut entries = crate::Entries::new(tar);
    let mut found = Vec::new();
    while entries.advance().unwrap() {
        let entry = entries.entry();
        found.push((entry.name.escape_ascii().to_string(), entry.kind));
    }
    found
}

#[test]
fn what_overlayfs_marked_becomes_whiteouts_in_sorted_order() {
    let dir = upper(
        Tar::new()
            .file("b/.wh.gone", b"")
            .directory("a/", 0o755)
            .file("a/.wh..wh..opq", b"")
            .file("a/x", b"1")
            .hard_link("c", "a/x")
            .symlink("a-link", "nowhere"),
    );
    let tar = made(&dir).unwrap();
    let wanted = [
        ("a/", Kind::Directory),
        ("a/.wh..wh..opq", Kind::File),
        ("a/x", Kind::File),
        ("a-link", Kind::Symlink),
        ("b/", Kind::Directory),
        ("b/.wh.gone", Kind::File),
        ("c", Kind::HardLink),
    ];
    assert_eq!(names(&tar), wanted.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(made(&dir).unwrap(), tar, "the same again");
}

#[test]
fn applying_a_diff_gives_the_directory_again() {
    let dir = upper(
        Tar::new()
            .owner(1000, 3_000_000)
            .mode(0o4711)
            .xattr("user.a", b"\0=\n")
            .file("d/suid", &[3; 70_000])
            .owner(0, 0)
            .mode(0o640)
            .fifo("d/pipe")
            .device("d/tty", 5, 1)
            .symlink(&"n".repeat(200), &"t".repeat(300))
            .file_raw(b"\xff", b"1")
            .file("d/.wh.x", b"")
            .file("e/.wh..wh..opq", b""),
    );
    unpack(&dir, "again", made(&dir).unwrap());
    // Whole seconds are kept, halves are not.
    let cut =
        |tree: Vec<String>| tree.iter().map(|line| line.replace("1600000000.5", "1600000000.0")).collect::<Vec<_>>();
    assert_eq!(snapshot(&dir.path("again")), cut(snapshot(&dir.path("diff"))));
}

#[test]
fn an_opaque_root_hides_everything_below() {
    let dir = upper(Tar::new().file(".wh..wh..opq", b"").file("x", b"1"));
    assert_eq!(names(&made(&dir).unwrap())[0], (".wh..wh..opq".to_owned(), Kind::File));
}

#[test]
fn sockets_are_left_out_and_what_depends_on_lower_layers_is_refused() {
    let dir = upper(Tar::new().directory("d/", 0o755).file("x", b"1"));
    let listener = std::os::unix::net::UnixListener::bind(dir.path("diff/socket")).unwrap();
    assert_eq!(names(&made(&dir).unwrap()).len(), 2);
    drop(listener);
    for key in [b"trusted.overlay.redirect".as_slice(), b"trusted.overlay.metacopy"] {
        let root = File::open(dir.path("diff")).unwrap();
        sys::xattr::set(root.as_fd(), OsStr::new("d"), key, b"/e").unwrap();
        let error = made(&dir).unwrap_err();
        assert_eq!((error.kind(), error.entry().unwrap().as_bytes()), (ErrorKind::Unsupported, b"d".as_slice()));
    }
}
