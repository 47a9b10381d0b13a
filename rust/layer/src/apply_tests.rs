use super::*;
use crate::error::ErrorKind;
use crate::rebuild::rebuild;
use crate::tar::Kind;
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

#[test]
fn links_do_not_lead_out() {
    let absolute = Tar::new().symlink("a", "/").file("a/etc-new", b"x").build();
    assert_eq!(applied(&absolute)[1], "f 644 0:0 1600000000.5 etc-new [x]", "an absolute link starts at the root");
    let up = Tar::new().directory("d/", 0o755).symlink("d/up", "../../../../outside").file("d/up/new", b"x").build();
    let error = refused(&up);
    assert_eq!(error.kind(), ErrorKind::Os(rustix::io::Errno::NOENT), "there is no `outside` in the root: {error}");
    for target in ["../outside/secret", "/../outside/secret", "a/../../outside/secret"] {
        let error = refused(&Tar::new().hard_link("h", target).build());
        assert_eq!((error.kind(), error.entry().unwrap().as_bytes()), (ErrorKind::UnsafePath, b"h".as_slice()));
    }
    let through = Tar::new().symlink("s", "../outside").hard_link("h", "s/secret").build();
    assert!(matches!(refused(&through).kind(), ErrorKind::Os(_)));
    let looped = Tar::new().symlink("s", "s").file("s/x", b"").build();
    assert_eq!(refused(&looped).kind(), ErrorKind::Os(rustix::io::Errno::LOOP));
    let overwrite = Tar::new().symlink("s", "../outside/secret").file("./s", b"x").build();
    assert!(matches!(refused(&overwrite), Error::Duplicate { .. }));
}

#[test]
fn a_hard_link_to_a_symbolic_link_is_the_link() {
    let tree = applied(&Tar::new().symlink("s", "../outside/secret").hard_link("h", "s").build());
    assert_eq!(tree[0], "h 777 0:0 1600000000.5 h = s");
}

#[test]
fn whiteouts_become_marks_and_spare_what_the_layer_brings() {
    let cases: [(&str, Tar, &[&str]); 9] = [
        ("plain", Tar::new().file("d/.wh.x", b""), &["d 755 0:0 now d", "c 0 0:0 now d/x 0:0"]),
        ("owned", Tar::new().owner(5, 6).file(".wh.x", b""), &["c 0 5:6 now x 0:0"]),
        ("opaque", Tar::new().file("d/.wh..wh..opq", b""), &["d 755 0:0 now d trusted.overlay.opaque=y"]),
        ("plnk", Tar::new().file(".wh..wh.plnk", b""), &["c 0 0:0 now .wh.plnk 0:0"]),
        ("below", Tar::new().file(".wh.d", b"").file("d/.wh.x", b""), &["c 0 0:0 now d 0:0"]),
        ("file first", Tar::new().file("x", b"1").file(".wh.x", b""), &["f 644 0:0 1600000000.5 x [1]"]),
        ("file last", Tar::new().file(".wh.x", b"").file("x", b"1"), &["f 644 0:0 1600000000.5 x [1]"]),
        (
            "directory first",
            Tar::new().directory("d/", 0o755).file("d/x", b"1").file(".wh.d", b""),
            &["d 755 0:0 1600000000.5 d trusted.overlay.opaque=y", "f 644 0:0 1600000000.5 d/x [1]"],
        ),
        (
            "directory last",
            Tar::new().file(".wh.d", b"").file("d/x", b"1").directory("d/", 0o750),
            &["d 750 0:0 1600000000.5 d trusted.overlay.opaque=y", "f 644 0:0 1600000000.5 d/x [1]"],
        ),
    ];
    for (name, tar, wanted) in cases {
        assert_eq!(applied(&tar.build()), wanted, "{name}");
    }
}

#[test]
fn whiteouts_without_a_name_are_refused() {
    for name in [".wh.", "d/.wh.", ".wh..", ".wh...", ".wh.d/x", "a/.wh..wh..opq/x"] {
        let error = refused(&Tar::new().file(name, b"").build());
        assert_eq!(error.kind(), ErrorKind::UnsafePath, "{name}: {error}");
    }
}

#[test]
fn rootless_marks_are_user_attributes() {
    let tar = Tar::new().directory("d/", 0o755).file("d/.wh..wh..opq", b"").build();
    let dir = Dir::with_diff();
    let options = ApplyOptions { xattr_prefix: XattrPrefix::User, ..ApplyOptions::default() };
    try_apply(&dir, &tar, &options).unwrap();
    assert_eq!(snapshot(&dir.path("diff")), ["d 755 0:0 1600000000.5 d user.overlay.opaque=y"]);
}

#[test]
fn overlay_attributes_and_labels_of_a_layer_are_not_taken() {
    let mut tar = Tar::new();
    for key in ["trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.metacopy", "security.selinux"] {
        tar = tar.xattr(key, b"/etc");
    }
    assert_eq!(applied(&tar.directory("d/", 0o755).build()), ["d 755 0:0 1600000000.5 d"]);
}

#[test]
fn capabilities_survive_owner_and_content() {
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let tar = Tar::new().owner(3, 4).mode(0o4755).xattr("security.capability", capability).file("ping", b"x").build();
    let line = &applied(&tar)[0];
    assert!(line.starts_with("f 4755 3:4 1600000000.5 ping [x] security.capability=\\x01\\x00"), "{line}");
}

#[test]
fn duplicates_cannot_be_stored_whatever_their_spelling() {
    for second in ["d/x", "./d/x", "/d//x", "d/./x/", "e/../d/x"] {
        let error = refused(&Tar::new().file("d/x", b"1").file(second, b"2").build());
        assert!(matches!(error, Error::Duplicate { .. }), "{second}: {error}");
        assert_eq!(error.entry().unwrap().as_bytes(), second.as_bytes());
    }
}

#[test]
fn entries_may_come_before_their_directory_and_replace_what_a_link_made() {
    let tar = Tar::new().file("a/b/c", b"1").directory("a/b/", 0o500).directory("a/", 0o700).build();
    assert_eq!(
        applied(&tar),
        ["d 700 0:0 1600000000.5 a", "d 500 0:0 1600000000.5 a/b", "f 644 0:0 1600000000.5 a/b/c [1]"]
    );
}

#[test]
fn the_root_entry_leaves_the_target_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::with_diff();
    fs::set_permissions(dir.path("diff"), fs::Permissions::from_mode(0o555)).unwrap();
    let tar = Tar::new().owner(7, 7).directory("./", 0o700).build();
    try_apply(&dir, &tar, &ApplyOptions::default()).unwrap();
    let meta = fs::metadata(dir.path("diff")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o555);
    assert_eq!(refused(&Tar::new().file("./", b"x").build()).kind(), ErrorKind::UnsafePath);
}

#[test]
fn devices_are_refused_or_skipped_where_not_allowed() {
    let tar = Tar::new().device("null", 1, 3).file("x", b"").build();
    let refuse = ApplyOptions { devices: false, ..ApplyOptions::default() };
    let dir = Dir::with_diff();
    let error = try_apply(&dir, &tar, &refuse).unwrap_err();
    assert_eq!((error.kind(), error.entry().unwrap().as_bytes()), (ErrorKind::Unsupported, b"null".as_slice()));
    let dir = Dir::with_diff();
    try_apply(&dir, &tar, &ApplyOptions { user_namespace: true, ..refuse }).unwrap();
    assert_eq!(snapshot(&dir.path("diff")), ["f 644 0:0 1600000000.5 x []"]);
    assert_eq!(rebuilt(&dir).unwrap(), tar);
}

#[test]
fn absurd_owners_and_sizes_name_the_entry() {
    for (uid, gid) in [(-1, 0), (0, -1), (1 << 32, 0), (0, 0xffff_ffff)] {
        let entry = crate::tar::Entry { name: b"x".to_vec(), uid, gid, ..Default::default() };
        let mut tar = Vec::new();
        crate::tar::Builder::header(&entry, &mut tar);
        assert_eq!(refused(&tar).entry().unwrap().as_bytes(), b"x", "{uid} {gid}");
    }
    let entry = crate::tar::Entry { name: b"x".to_vec(), size: 1 << 50, ..Default::default() };
    let mut tar = Vec::new();
    crate::tar::Builder::header(&entry, &mut tar);
    assert!(matches!(refused(&tar), Error::Limit { .. }));
    let limited = ApplyOptions { max_size: Some(1000), ..ApplyOptions::default() };
    let error = try_apply(&Dir::with_diff(), &Tar::new().file("x", b"").build(), &limited).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 1000 }));
}

#[test]
fn unknown_types_are_refused() {
    let entry = crate::tar::Entry { name: b"x".to_vec(), kind: Kind::Other(b'V'), ..Default::default() };
    let mut tar = Vec::new();
    crate::tar::Builder::header(&entry, &mut tar);
    assert_eq!(refused(&tar).kind(), ErrorKind::Unsupported);
}

#[test]
fn every_cut_of_a_compressed_layer_is_an_error() {
    let tar = Tar::new().directory("d/", 0o755).file("d/x", &[5; 3000]).symlink("l", "d").build();
    let mut gzip =
        crate::Packer::new(Vec::new(), crate::PackOptions { compression: Compression::Gzip, ..Default::default() })
            .unwrap();
    io::Write::write_all(&mut gzip, &tar).unwrap();
    let (gzip, packed) = gzip.finish().unwrap();
    for threads in [Threads::Auto, Threads::Inline] {
        let options = ApplyOptions { threads, ..ApplyOptions::default() };
        for end in (3..gzip.len()).step_by(7) {
            assert!(try_apply(&Dir::with_diff(), &gzip[..end], &options).is_err(), "cut at {end}");
        }
        let dir = Dir::with_diff();
        let applied = try_apply(&dir, &gzip, &options).unwrap();
        assert_eq!(
            (applied.digest, applied.size, applied.compression),
            (packed.digest, packed.size, Compression::Gzip)
        );
        assert_eq!(applied.diff_id, packed.diff_id);
        assert_eq!(rebuilt(&dir).unwrap(), tar);
    }
}

/// Fails after so many bytes.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the peer went away")),
            count => Ok(count),
        }
    }
}

#[test]
fn an_error_of_the_source_is_not_taken_for_damage() {
    let tar = Tar::new().file("x", &[5; 3000]).build();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut encoder, &tar).unwrap();
        encoder.finish().unwrap()
    };
    for bytes in [&tar[..2000], &gzip[..50]] {
        for threads in [Threads::Auto, Threads::Inline] {
            let dir = Dir::with_diff();
            let target = fs::File::open(dir.path("diff")).unwrap();
            let split = fs::File::create(dir.path("split")).unwrap();
            let source = Box::new(Broken(Cursor::new(bytes.to_vec())));
            let error =
                apply(source, target.as_fd(), split, &ApplyOptions { threads, ..Default::default() }).unwrap_err();
            let Error::Source(cause) = error else { panic!("{error}") };
            assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn a_changed_or_missing_file_is_not_rebuilt() {
    let tar = Tar::new().file("x", b"abc").file("y", b"def").build();
    let changes: [fn(&Dir); 4] = [
        |dir| fs::write(dir.path("diff/y"), "dxf").unwrap(),
        |dir| fs::write(dir.path("diff/y"), "defg").unwrap(),
        |dir| fs::remove_file(dir.path("diff/y")).unwrap(),
        |dir| {
            fs::remove_file(dir.path("diff/y")).unwrap();
            std::os::unix::fs::symlink("x", dir.path("diff/y")).unwrap();
        },
    ];
    for change in changes {
        let dir = Dir::with_diff();
        try_apply(&dir, &tar, &ApplyOptions::default()).unwrap();
        change(&dir);
        let error = rebuilt(&dir).unwrap_err();
        let inner = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(inner.entry().unwrap().as_bytes(), b"y", "{inner}");
    }
}

#[test]
fn a_default_acl_does_not_change_the_modes_of_entries() {
    let acl = |owner: u8| {
        [&[2, 0, 0, 0][..], &[1, 0, owner, 0], &[0xff; 4], &[4, 0, 0, 0], &[0xff; 4], &[0x20, 0, 0, 0], &[0xff; 4]]
            .concat()
    };
    let tar = Tar::new()
        .xattr("system.posix_acl_default", &acl(6))
        .directory("d/", 0o755)
        .file("d/f", b"1")
        .directory("d/e/", 0o750)
        .fifo("d/e/p")
        .build();
    let tree = applied(&tar);
    let modes: Vec<_> = tree.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(modes, ["755", "750", "644", "644"], "{tree:?}");
    // The target itself may have one.
    let dir = Dir::with_diff();
    let root = fs::File::open(dir.path("diff")).unwrap();
    libpod_sys::xattr::set(root.as_fd(), std::ffi::OsStr::new("."), DEFAULT_ACL, &acl(7)).unwrap();
    try_apply(&dir, &Tar::new().file("implied/f", b"1").build(), &ApplyOptions::default()).unwrap();
    let tree = snapshot(&dir.path("diff"));
    assert!(tree[0].starts_with("d 755 ") && tree[1].starts_with("f 644 "), "{tree:?}");
}

/// Files around the sizes at which they are streamed, at every offset in a chunk that a tar can give them.
fn tar_of_large_files() -> (Vec<u8>, Vec<Vec<u8>>) {
    let sizes = [65_535, 65_536, 65_537, 131_072, 200_001, 1_048_576, 1_048_577, 3_333_333, 512, 65_024, 700_000];
    let mut seed = 7_u64;
    let contents: Vec<Vec<u8>> = sizes
        .iter()
        .map(|size| {
            let next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            };
            std::iter::repeat_with(next).take(*size).collect()
        })
        .collect();
    let tar = contents.iter().enumerate().fold(Tar::new(), |tar, (index, bytes)| tar.file(&format!("{index}"), bytes));
    (tar.build(), contents)
}

#[test]
fn large_files_are_whole_wherever_the_chunks_end() {
    let (tar, contents) = tar_of_large_files();
    for options in options() {
        let dir = Dir::with_diff();
        try_apply(&dir, &tar, &options).unwrap();
        for (index, content) in contents.iter().enumerate() {
            assert!(&fs::read(dir.path(&format!("diff/{index}"))).unwrap() == content, "file {index}");
        }
        assert!(rebuilt(&dir).unwrap() == tar, "the tar that comes back");
    }
}

#[test]
fn large_files_are_whole_on_a_file_system_without_uncached_writes() {
    let target = std::path::PathBuf::from(format!("/dev/shm/libpod-layer-{}", std::process::id()));
    fs::create_dir(&target).unwrap();
    let (tar, contents) = tar_of_large_files();
    let dir = Dir::new();
    let split = fs::File::create(dir.path("split")).unwrap();
    let result = apply(Box::new(Cursor::new(tar)), fs::File::open(&target).unwrap().as_fd(), split, &options()[0]);
    let read: Vec<Vec<u8>> =
        (0..contents.len()).map(|index| fs::read(target.join(index.to_string())).unwrap_or_default()).collect();
    fs::remove_dir_all(&target).unwrap();
    result.unwrap();
    assert!(read == contents);
}
