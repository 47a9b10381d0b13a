//! A container of busybox in a scratch directory, started by the helper that was just built.
#![allow(dead_code, reason = "each test program uses its own part")]

use libpod_monitor::client::launch::{Role, launch};
use libpod_monitor::client::{Session, session::Stop};
use libpod_monitor::record::{ExitRecord, RunningNotice};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Why the tests of this program cannot run here; None where they can.
///
/// Probed by doing it: a mount namespace and a mount in it.
pub fn missing() -> Option<&'static str> {
    if !Path::new("/bin/busybox").exists() {
        return Some("/bin/busybox is not installed");
    }
    let probe = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if probe.is_ok_and(|output| output.status.success()) { None } else { Some("no right to mount") }
}

/// Skip the calling test, saying why, where containers cannot run; with `LIBPOD_TESTS_REQUIRE_ROOT` that is a failure.
#[macro_export]
macro_rules! require_containers {
    () => {
        if let Some(reason) = $crate::support::missing() {
            assert!(std::env::var_os("LIBPOD_TESTS_REQUIRE_ROOT").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            return;
        }
    };
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// One container's files; dropped, they are gone.
pub struct Container {
    pub id: String,
    pub directory: PathBuf,
    pub document: Value,
    pub spec: Value,
}

impl Container {
    /// A container that runs `script` with busybox's shell.
    pub fn new(script: &str) -> Self {
        Self::with_args(&["/bin/sh", "-c", script])
    }

    pub fn with_args(args: &[&str]) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let id = format!("monitortest{:08x}{number:04x}", std::process::id());
        let directory = std::env::temp_dir().join(&id);
        let rootfs = directory.join("rootfs");
        for name in ["bin", "proc", "dev", "tmp"] {
            std::fs::create_dir_all(rootfs.join(name)).expect("scratch directory");
        }
        std::fs::copy("/bin/busybox", rootfs.join("bin/busybox")).expect("busybox");
        for name in ["sh", "cat", "sleep", "true", "dd", "stty", "head", "yes", "seq", "kill", "readlink", "ls"] {
            std::os::unix::fs::symlink("busybox", rootfs.join("bin").join(name)).expect("link");
        }
        let spec = spec(args, &rootfs, &id);
        let document = json!({
            "version": 2, "id": id, "run_dir": directory.join("run").join(&id), "exit_file": directory.join("exit.json"),
            "bundle": directory, "rootfs": null, "root_changes": [],
            "log": {"driver": "k8s-file", "path": directory.join("ctr.log"), "max_size": null},
            "stdin_open": false, "terminal": false, "networks": [], "hosts": null, "client_cleans_up": false,
            "exit_command": null, "seccomp": "unconfined", "seccomp_cache": null, "conmon_pidfile": null, "pidfile": null,
            "timeout": null, "initial_size": null,
        });
        Self { id, directory, document, spec }
    }

    /// Write the specification and launch the monitor.
    pub fn launch(&self) -> Session {
        self.launch_with(helper())
    }

    pub fn launch_with(&self, helper: &Path) -> Session {
        let path = self.directory.join("config.json");
        std::fs::write(path, self.spec.to_string()).expect("config.json");
        launch(helper, Role::Monitor, self.document.to_string().as_bytes(), &self.id, None).expect("the helper starts")
    }

    /// Start one more process in the container; `changes` are members of the exec document.
    pub fn exec(&self, running: &RunningNotice, args: &[&str], changes: &Value) -> Session {
        let mut document = json!({
            "version": 1, "id": self.id, "run_dir": self.run_dir(), "exec_id": "e".repeat(64), "pid": running.pid,
            "start_time": running.start_time, "cgroup": format!("/libpod-tests/{}", self.id), "stdin_open": false,
            "detach": false, "seccomp": "unconfined", "seccomp_cache": null, "initial_size": null,
            "process": {
                "terminal": false, "args": args, "env": ["PATH=/bin"], "cwd": "/",
                "user": {"uid": 0, "gid": 0, "umask": 18, "additionalGids": []},
                "capabilities": {
                    "bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []
                },
                "rlimits": [], "noNewPrivileges": true,
            },
        });
        for (name, value) in changes.as_object().expect("an object") {
            let place = if name == "terminal" { &mut document["process"] } else { &mut document };
            place[name] = value.clone();
        }
        launch(helper(), Role::Exec, document.to_string().as_bytes(), &self.id, None).expect("the helper starts")
    }

    pub fn terminal(mut self) -> Self {
        self.spec["process"]["terminal"] = true.into();
        self.document["terminal"] = true.into();
        self.document["stdin_open"] = true.into();
        self
    }

    pub fn stdin_open(mut self) -> Self {
        self.document["stdin_open"] = true.into();
        self
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("ctr.log")).expect("log")
    }

    pub fn run_dir(&self) -> PathBuf {
        self.directory.join("run").join(&self.id)
    }

    pub fn exit_record(&self) -> ExitRecord {
        let text = std::fs::read(self.directory.join("exit.json")).expect("exit record");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Paths on the host that a container of this id must not leave.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        found.extend(Some(self.run_dir()).filter(|path| path.exists()));
        let hierarchies = std::fs::read_dir("/sys/fs/cgroup").expect("cgroups").flatten().map(|entry| entry.path());
        found.extend(hierarchies.map(|path| path.join("libpod-tests").join(&self.id)).filter(|path| path.exists()));
        found
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The helper that was just built.
pub fn helper() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_libpod-runtime"))
}

fn spec(args: &[&str], rootfs: &Path, id: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {"args": args, "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "root": {"path": rootfs},
        "hostname": "test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
        ],
        "linux": {
            "cgroupsPath": format!("/libpod-tests/{id}"),
            "namespaces": [
                {"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"},
            ],
        },
    })
}

pub fn uninterrupted() -> Result<(), Stop> {
    Ok(())
}

/// Ask again until `condition` holds; whether it did within half a minute.
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    const LIMIT: Duration = Duration::from_secs(30);
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > LIMIT {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Run to the end with this input; output and exit code.
pub fn finish(session: &mut Session, stdin: &[u8]) -> (i32, String, String) {
    match session.collect(stdin, usize::MAX, None, &mut uninterrupted) {
        Ok(all) => {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            (all.record.exit_code, text(all.stdout), text(all.stderr))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Wait until the monitor has let go of everything.
pub fn settle(mut session: Session) {
    let done = session.cleanup_done(Duration::from_secs(10), &mut uninterrupted).expect("no malformed frame");
    assert!(done, "the monitor ends");
}
