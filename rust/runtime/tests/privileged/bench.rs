//! The work bench: a root filesystem of busybox, a specification to change, and a run that returns what came out.

use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::mounting::Mounter;
use libpod_runtime::seccomp::Program;
use libpod_runtime::spec::Spec;
use libpod_runtime::{Error, Request, RootChange, Rootfs, Running, Stdio};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const BUSYBOX: &str = "/bin/busybox";
const APPLETS: &[&str] = &[
    "cat", "chmod", "echo", "env", "grep", "head", "hostname", "id", "kill", "ls", "mkdir", "mount", "nproc", "ps",
    "pwd", "readlink", "rm", "sh", "sleep", "stat", "test", "touch", "true", "tty", "umount",
];

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// One container of a test, with a directory of its own.
pub struct Bench {
    pub id: String,
    pub directory: PathBuf,
    pub spec: Value,
    pub mounter: Mounter,
    pub overlay: Option<Rootfs>,
    pub changes: Vec<RootChange>,
    pub seccomp: Option<Program>,
}

/// What a finished process left.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Standard output of a process that ended well.
    pub fn text(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.out.trim_end()
    }
}

/// Whether containers can be made here at all.
pub fn probe() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root".into());
    }
    if !Path::new(BUSYBOX).exists() {
        return Err("needs a static busybox".into());
    }
    Bench::new().run(&["true"]).map(drop).map_err(|error| format!("needs namespaces and mounts: {error}"))
}

/// Mounts, cgroups and child processes that a test may have left.
pub fn leftovers() -> Vec<String> {
    let mut found = Vec::new();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("reads");
    found.extend(
        mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .filter(|place| place.contains("libpod-rt-"))
            .map(str::to_owned),
    );
    for hierarchy in fs::read_dir("/sys/fs/cgroup").expect("reads").flatten() {
        let below = fs::read_dir(hierarchy.path()).into_iter().flatten().flatten();
        found.extend(below.map(|entry| entry.path().display().to_string()).filter(|path| path.contains("libpod-rt-")));
    }
    let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    found.extend(children.split_whitespace().map(|pid| format!("child {pid}")));
    found
}

impl Bench {
    /// A container with every namespace but the user's, as Podman makes it.
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("libpod-rt-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(&id);
        let bin = directory.join("rootfs/bin");
        fs::create_dir_all(&bin).expect("makes");
        fs::copy(BUSYBOX, bin.join("busybox")).expect("copies");
        for applet in APPLETS {
            symlink("busybox", bin.join(applet)).expect("links");
        }
        let spec = base_spec(&id);
        Self { id, directory, spec, mounter: Mounter::probe(), overlay: None, changes: Vec::new(), seccomp: None }
    }

    /// A path in the root filesystem, as the host names it.
    pub fn root(&self, path: &str) -> PathBuf {
        self.directory.join("rootfs").join(path)
    }

    /// Replace a member of the specification, `/process/user`.
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        self.spec.pointer_mut(parent).expect(pointer)[name] = value;
        self
    }

    /// Add a mount.
    pub fn mount(mut self, value: Value) -> Self {
        self.spec["mounts"].as_array_mut().expect("a list").push(value);
        self
    }

    /// The specification as it stands.
    pub fn parsed(&self) -> Spec {
        serde_json::from_value(self.spec.clone()).expect("a specification")
    }

    /// What asks the runtime for this container.
    pub fn request<'a>(&'a self, spec: &'a Spec, stdio: Stdio) -> Request<'a> {
        Request {
            id: &self.id,
            bundle: &self.directory,
            spec,
            rootfs: self.overlay.clone().unwrap_or(Rootfs::Dir(self.directory.join("rootfs"))),
            changes: &self.changes,
            stdio,
            preserve_fds: 0,
            seccomp: self.seccomp.clone(),
            start_socket: None,
            mounter: self.mounter,
        }
    }

    /// Run a command to its end.
    pub fn run(&self, argv: &[&str]) -> Result<Outcome, Error> {
        let (outcome, cgroup) = self.run_with(argv, |_| {})?;
        cgroup.remove().expect("an empty cgroup goes");
        Ok(outcome)
    }

    /// Run a shell command to its end, which must be a good one.
    pub fn sh(&self, script: &str) -> String {
        self.run(&["sh", "-c", script]).expect(script).text().to_owned()
    }

    /// Run a command, and `during` while it runs.
    pub fn run_with(&self, argv: &[&str], during: impl FnOnce(&Running)) -> Result<(Outcome, Cgroup), Error> {
        let mut spec = self.spec.clone();
        spec["process"]["args"] = json!(argv);
        let spec: Spec = serde_json::from_value(spec).expect("a specification");
        let (stdio, ends) = pipes();
        let request = self.request(&spec, stdio);
        let mut created = libpod_runtime::create(&request)?;
        created.wait_prepared()?;
        let running = created.go()?;
        let end = EndOnPanic(&running.cgroup);
        during(&running);
        drop(end);
        drop(request);
        let outcome = finish(running.pidfd, ends, running.warnings);
        Ok((outcome, running.cgroup))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Ends the processes of a container whose test has failed, or the next ones would find them.
struct EndOnPanic<'a>(&'a Cgroup);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.kill();
            let _ = self.0.remove();
        }
    }
}

/// Pipes for a process, and their other ends.
pub fn pipes() -> (Stdio, [OwnedFd; 2]) {
    let (out, stdout) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let (err, stderr) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let stdin = File::open("/dev/null").expect("opens").into();
    (Stdio::Pipes { stdin, stdout, stderr }, [out, err])
}

/// Read both ends, then wait for the process.
pub fn finish(pidfd: OwnedFd, [out, err]: [OwnedFd; 2], warnings: Vec<String>) -> Outcome {
    let read = |fd: OwnedFd| {
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text).expect("utf-8");
        text
    };
    let (out, err) = (read(out), read(err));
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).expect("waits").expect("ended");
    let code = status.exit_status().unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
    Outcome { code, out, err, warnings }
}

fn base_spec(id: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "env": ["PATH=/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_DAC_OVERRIDE"],
                "effective": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_DAC_OVERRIDE"],
                "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_DAC_OVERRIDE"],
            },
        },
        "root": {"path": "rootfs"},
        "hostname": "inside",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "hooks": {},
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "maskedPaths": ["/proc/kcore", "/proc/timer_list", "/proc/acpi", "/sys/firmware", "/nonexistent"],
            "readonlyPaths": ["/proc/sys", "/proc/bus", "/nonexistent"],
            "sysctl": {},
        },
    })
}
