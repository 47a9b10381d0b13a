use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("libpod-sys-fs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A root with every kind of link that could lead out of it, and a secret beside it.
fn hostile(name: &str) -> Dir {
    let dir = Dir::new(name);
    let root = dir.0.join("root");
    fs::create_dir_all(root.join("etc/deep")).unwrap();
    fs::write(root.join("etc/passwd"), "inside").unwrap();
    fs::create_dir_all(dir.0.join("etc")).unwrap();
    fs::write(dir.0.join("etc/passwd"), "outside").unwrap();
    symlink("/etc", root.join("absolute")).unwrap();
    symlink("../../../etc", root.join("etc/deep/up")).unwrap();
    symlink("passwd", root.join("etc/name")).unwrap();
    symlink("loop-b", root.join("loop-a")).unwrap();
    symlink("loop-a", root.join("loop-b")).unwrap();
    symlink("/nowhere/x", root.join("dangling")).unwrap();
    symlink("loop-a", root.join("into-loop")).unwrap();
    dir
}

fn read(root: &Root<fs::File>, path: &str, flags: OFlags) -> std::result::Result<String, Errno> {
    let fd = root.open(Path::new(path), flags, Mode::empty()).map_err(|error| error.errno())?;
    Ok(std::io::read_to_string(fs::File::from(fd)).unwrap())
}

fn check_resolution(root: &Root<fs::File>) {
    let inside = Ok("inside".to_owned());
    for path in ["etc/passwd", "/etc/passwd", "absolute/passwd", "etc/deep/up/passwd", "../../etc/passwd", "etc/name"] {
        assert_eq!(read(root, path, OFlags::RDONLY), inside, "{path}");
    }
    assert_eq!(read(root, "etc/deep/../passwd", OFlags::RDONLY), inside);
    assert_eq!(read(root, "etc/./deep/.././passwd", OFlags::RDONLY), inside);
    assert_eq!(read(root, "etc/name", OFlags::RDONLY | OFlags::NOFOLLOW), Err(Errno::LOOP));
    assert_eq!(read(root, "loop-a", OFlags::RDONLY), Err(Errno::LOOP));
    assert_eq!(read(root, "into-loop", OFlags::RDONLY), Err(Errno::LOOP));
    assert_eq!(read(root, "into-loop", OFlags::PATH | OFlags::DIRECTORY), Err(Errno::LOOP));
    assert_eq!(read(root, "dangling", OFlags::RDONLY), Err(Errno::NOENT));
    assert_eq!(read(root, "etc/passwd/x", OFlags::RDONLY), Err(Errno::NOTDIR));
    assert_eq!(read(root, "etc/passwd/", OFlags::RDONLY), Err(Errno::NOTDIR));
    for path in ["", ".", "/", "..", "etc/..", "etc/deep/../.."] {
        let fd = root.open_dir(Path::new(path)).unwrap();
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_ino, rustix::fs::fstat(root.as_fd()).unwrap().st_ino, "{path}");
    }
    let new = root.open(Path::new("etc/deep/up/new"), OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY, Mode::RUSR);
    new.unwrap();
    assert!(root.open(Path::new("etc/new"), OFlags::RDONLY, Mode::empty()).is_ok(), "created inside, in etc");
}

#[test]
fn kernel_and_walk_agree_on_every_path_and_stay_inside() {
    for resolver in [Resolver::Auto, Resolver::Walk] {
        let dir = hostile(&format!("{resolver:?}"));
        let root = Root::new(fs::File::open(dir.0.join("root")).unwrap(), resolver);
        check_resolution(&root);
    }
}

#[test]
fn what_is_missing_is_made_inside_one_component_at_a_time() {
    for resolver in [Resolver::Auto, Resolver::Walk] {
        let dir = hostile(&format!("make-{resolver:?}"));
        let root = Root::new(fs::File::open(dir.0.join("root")).unwrap(), resolver);
        let made = std::cell::RefCell::new(Vec::new());
        let make = |parent: BorrowedFd<'_>, name: &OsStr, last: bool| {
            made.borrow_mut().push((name.to_owned(), last));
            rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755))
        };
        let resolve = |path: &str| root.resolve_or_make(Path::new(path), OFlags::PATH, Mode::empty(), &make).unwrap();
        resolve("dangling/../y");
        assert_eq!(made.take(), [("nowhere".into(), false), ("x".into(), false), ("y".into(), true)]);
        resolve("dangling");
        assert!(made.take().is_empty());
        assert!(dir.0.join("root/nowhere/x").is_dir() && dir.0.join("root/nowhere/y").is_dir());
        assert!(!dir.0.join("nowhere").exists());
    }
}

#[test]
fn long_and_deep_paths_resolve_without_recursion() {
    let dir = Dir::new("deep");
    let path = ["d"; 1500].join("/");
    fs::create_dir_all(dir.0.join(&path)).unwrap();
    for resolver in [Resolver::Auto, Resolver::Walk] {
        // The walk holds one descriptor for each level.
        let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        if limits.current.is_some_and(|current| current < 2000) && resolver == Resolver::Walk {
            let raised = rustix::process::Rlimit { current: limits.maximum, maximum: limits.maximum };
            rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
        }
        let root = Root::new(fs::File::open(&dir.0).unwrap(), resolver);
        root.open_dir(Path::new(&path)).unwrap();
    }
}

/// A thread that answers `openat2` with `errno`, as old kernels (ENOSYS) and container engines' filters (EPERM) do.
fn refuse_openat2(errno: i32) {
    let number = u32::try_from(libc::SYS_openat2).unwrap();
    let statement = |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k };
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number) },
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | u32::try_from(errno).unwrap()),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: u16::try_from(filter.len()).unwrap(), filter: filter.as_mut_ptr() };
    // SAFETY: plain integers; the filter concerns this thread alone.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: `program` and the filter it points to live until the call returns, and the kernel copies both.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) }, 0);
}

#[test]
fn a_refused_openat2_falls_back_to_the_walk() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        std::thread::spawn(move || {
            let dir = hostile(&format!("refused-{errno}"));
            refuse_openat2(errno);
            let root = Root::new(fs::File::open(dir.0.join("root")).unwrap(), Resolver::Auto);
            check_resolution(&root);
            assert_eq!(root.kernel.get(), Some(&false));
        })
        .join()
        .unwrap();
    }
}

#[test]
fn detached_umask_concerns_one_thread() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new("umask");
    let path = dir.0.join("file");
    std::thread::spawn(move || {
        detach_umask().unwrap();
        let mode = Mode::from_raw_mode(0o666);
        openat(rustix::fs::CWD, &path, OFlags::CREATE | OFlags::WRONLY, mode).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    })
    .join()
    .unwrap();
    let old = rustix::process::umask(Mode::from_raw_mode(0o022));
    rustix::process::umask(old);
    assert_ne!(old, Mode::empty(), "the umask of the other threads has not changed");
}
