//! Starting a container: everything from the document to the running program, and everything undone where that fails.

use super::reactor::Reactor;
use super::runtime::{RunningContainer, Runtime};
use super::stdio::{ContainerEnds, Streams, pipes};
use crate::client::launch::SOCKET_NAME;
use crate::document::Launch;
use crate::protocol::{Event, Failure};
use crate::record::{PID_RECORD, PidRecord, publish};
use libpod_network::{self as network, Attached, attach, bind_ports, detach_all};
use libpod_runtime::spec::{CONFIG, CONFIG_MAX, ConsoleSize, Spec};
use libpod_sys::file::{Durability, open_regular_at, replace};
use libpod_sys::socket::address_at;
use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A container whose program runs.
pub struct Started {
    /// What the runtime has made.
    pub running: RunningContainer,
    /// What `pid.json` says.
    pub record: PidRecord,
    /// Sockets that keep its published ports from others.
    pub ports: Vec<OwnedFd>,
}

/// Takes network and run directory away again, unless the start succeeds.
struct Undo<'a> {
    document: &'a Launch,
    attached: bool,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        // What is left is found by the next attach, and by the next command on this container.
        if self.attached {
            let _ = detach_all(&self.document.id, &self.document.networks);
        }
        let _ = std::fs::remove_dir_all(&self.document.run_dir);
    }
}

/// Start the container that `document` describes, with its streams connected to `reactor`.
///
/// On error nothing is left: no process, no cgroup, no network, no run directory.
pub fn start(runtime: &dyn Runtime, document: &Launch, reactor: &mut Reactor) -> Result<Started, Failure> {
    let mut spec = read_spec(&document.bundle)?;
    set_size(&mut spec, document.initial_size);
    let (theirs, ours) = streams(document.terminal, document.stdin_open)?;
    let plan = runtime.plan(document, &spec, theirs)?;
    network::check(&document.networks)?;
    make_private(&document.run_dir)?;
    let mut undo = Undo { document, attached: false, armed: true };
    let mut ports = Vec::new();
    for network in &document.networks {
        ports.extend(bind_ports(&network.ports)?);
    }
    reactor.clients.listener = Some(listener(&document.run_dir)?);
    let mut created = plan.create()?;
    protect_from_oom();
    let mut networks = Vec::new();
    if !document.networks.is_empty() {
        networks = attach(&document.id, created.network()?.as_fd(), &document.networks)?;
        undo.attached = true;
        name_addresses(document, &networks)?;
    }
    let mut warnings: Vec<String> =
        networks.iter_mut().flat_map(|network| std::mem::take(&mut network.warnings)).collect();
    let record = PidRecord::new(created.pid(), networks, created.cgroup_path())
        .map_err(|error| Failure::pathless("read the container's start time", &error))?;
    reactor.stdio = match created.wait_prepared()? {
        Some(master) => Streams::terminal(master, document.stdin_open, document.initial_size)
            .map_err(|error| Failure::pathless("open terminal", &error))?,
        None => ours.unwrap_or_default(),
    };
    leave_records(document, &record)?;
    let running = created.go()?;
    // A new run has begun: how the last one ended is of the past. A start that fails leaves that record. Should it stay, it
    // is told from the one of this run by its start.
    let _ = std::fs::remove_file(&document.exit_file);
    warnings.extend_from_slice(&running.warnings);
    for text in warnings {
        reactor.clients.broadcast(&Event::Warning(text));
    }
    undo.armed = false;
    Ok(Started { running, record, ports })
}

fn read_spec(bundle: &Path) -> Result<Spec, Failure> {
    let path = bundle.join(CONFIG);
    let text = libpod_sys::file::read(&path, CONFIG_MAX).map_err(|error| Failure::step("read", &path, &error))?;
    libpod_json::from_slice(&text).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))
}

fn set_size(spec: &mut Spec, size: Option<[u16; 2]>) {
    if let (Some([height, width]), Some(process)) = (size, &mut spec.process) {
        process.console_size = Some(ConsoleSize { height, width });
    }
}

/// Add the container's addresses to its hosts file.
fn name_addresses(document: &Launch, networks: &[Attached]) -> Result<(), Failure> {
    let Some(hosts) = &document.hosts else { return Ok(()) };
    let names = hosts.names.join(" ");
    let address = |network: &Attached| network.address.split('/').next().unwrap_or_default().to_owned();
    let lines: String = networks.iter().map(|network| format!("{}\t{names}\n", address(network))).collect();
    let flags = OFlags::WRONLY | OFlags::APPEND;
    let append = || open_regular_at(CWD, &hosts.path, flags, Mode::empty())?.write_all(lines.as_bytes());
    append().map_err(|error| Failure::step("write", &hosts.path, &error))
}

fn make_private(directory: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory).map_err(|error| Failure::step("create", directory, &error))
}

/// How many clients may have connected before they are taken. The kernel's own limit is lower on some hosts.
const QUEUE: i32 = 1024;

/// Listen for clients in the run directory; what a monitor that was killed has left there is replaced.
fn listener(run_dir: &Path) -> Result<OwnedFd, Failure> {
    let make = || -> io::Result<OwnedFd> {
        match std::fs::remove_file(run_dir.join(SOCKET_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let directory = open(run_dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        bind(&socket, &address_at(directory.as_fd(), SOCKET_NAME)?)?;
        // A client that finds the queue full waits for its turn; at the end of the container there is none.
        listen(&socket, QUEUE)?;
        Ok(socket)
    };
    make().map_err(|error| Failure::step("listen at", &run_dir.join(SOCKET_NAME), &error))
}

/// Both ends of the standard streams; ours come later where there is a terminal.
pub fn streams(terminal: bool, stdin_open: bool) -> Result<(libpod_runtime::Stdio, Option<Streams>), Failure> {
    if terminal {
        return Ok((libpod_runtime::Stdio::Terminal, None));
    }
    let (ContainerEnds { stdin, stdout, stderr }, ours) =
        pipes(stdin_open).map_err(|error| Failure::pathless("make pipes", &error))?;
    Ok((libpod_runtime::Stdio::Pipes { stdin, stdout, stderr }, Some(ours)))
}

/// Nobody has memory to gain from killing a monitor. Done after the container's process was made, so that it inherits nothing.
pub fn protect_from_oom() {
    // Without CAP_SYS_RESOURCE it stays as it is.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
}

/// Say who runs, before it does: whoever sees its effects finds its record.
fn leave_records(document: &Launch, record: &PidRecord) -> Result<(), Failure> {
    let path = document.run_dir.join(PID_RECORD);
    publish(&path, record).map_err(|error| Failure::step("write", &path, &error))?;
    for (path, pid) in [(&document.pidfile, record.pid), (&document.conmon_pidfile, record.monitor_pid)] {
        if let Some(path) = path {
            replace(path, pid.to_string().as_bytes(), Mode::from_raw_mode(0o644), Durability::Volatile)
                .map_err(|error| Failure::step("write", path, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Exec;
    use crate::log::writer::LogWriter;
    use crate::server::runtime::{Created, Executed, Plan};
    use libpod_runtime::cgroup::Cgroup;
    use rustix::process::Pid;
    use serde_json::json;
    use std::cell::RefCell;
    use std::path::PathBuf;
    use std::process::{Child, Command};

    /// A runtime whose containers are plain processes. It notes what is asked of it, and what stands in the run directory then.
    struct Plain {
        run_dir: PathBuf,
        fails_at: &'static str,
        calls: RefCell<Vec<String>>,
    }

    struct Waiting<'a> {
        runtime: &'a Plain,
        child: Option<Child>,
    }

    impl Plain {
        fn note(&self, step: &'static str) -> Result<(), Failure> {
            let entries = std::fs::read_dir(&self.run_dir).into_iter().flatten().flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            self.calls.borrow_mut().push(format!("{step}: {}", names.join(" ")));
            if self.fails_at == step { Err(Failure::invalid(step)) } else { Ok(()) }
        }
    }

    impl Runtime for Plain {
        fn plan<'a>(
            &'a self,
            _: &'a Launch,
            _: &'a Spec,
            _: libpod_runtime::Stdio,
        ) -> Result<Box<dyn Plan + 'a>, Failure> {
            self.note("plan")?;
            Ok(Box::new(self))
        }

        fn exec(&self, _: &Exec, _: &libpod_runtime::Stdio) -> Result<Executed, Failure> {
            Err(Failure::invalid("not asked for"))
        }

        fn delete(&self, _: &RunningContainer) -> Result<(), String> {
            Ok(())
        }
    }

    impl Plan for &Plain {
        fn create(&self) -> Result<Box<dyn Created + '_>, Failure> {
            self.note("create")?;
            let child = Command::new("sleep").arg("60").spawn().expect("sleep");
            Ok(Box::new(Waiting { runtime: self, child: Some(child) }))
        }
    }

    impl Created for Waiting<'_> {
        fn pid(&self) -> Pid {
            Pid::from_child(self.child.as_ref().expect("not let go"))
        }

        fn cgroup_path(&self) -> String {
            "/plain".into()
        }

        fn network(&mut self) -> Result<OwnedFd, Failure> {
            Err(Failure::invalid("not asked for"))
        }

        fn wait_prepared(&mut self) -> Result<Option<OwnedFd>, Failure> {
            self.runtime.note("wait_prepared").map(|()| None)
        }

        fn go(mut self: Box<Self>) -> Result<RunningContainer, Failure> {
            self.runtime.note("go")?;
            let cgroup = Cgroup::open(Some("/plain"), "plain")?;
            let pid = self.pid();
            // The test ends it.
            self.child = None;
            Ok(RunningContainer { pid, cgroup, warnings: Vec::new() })
        }
    }

    impl Drop for Waiting<'_> {
        fn drop(&mut self) {
            if let Some(mut child) = self.child.take() {
                child.kill().and_then(|()| child.wait()).expect("killed and reaped");
            }
        }
    }

    /// A directory with a specification, the document that names it, and a runtime that fails at this step.
    fn prepared(name: &str, fails_at: &'static str) -> (PathBuf, Launch, Plain) {
        let directory = std::env::temp_dir().join(format!("libpod-start-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("scratch directory");
        std::fs::write(
            directory.join("config.json"),
            json!({"ociVersion": "1.0.2", "root": {"path": "/"}}).to_string(),
        )
        .expect("config.json");
        std::fs::write(directory.join("exit.json"), "{}").expect("the last end");
        let document = json!({
            "version": 2, "id": "plain", "run_dir": directory.join("plain"), "exit_file": directory.join("exit.json"),
            "bundle": directory, "rootfs": null, "root_changes": [], "stdin_open": false, "terminal": false,
            "log": {"driver": "none", "path": null, "max_size": null}, "networks": [], "hosts": null,
            "client_cleans_up": false, "exit_command": null, "seccomp": "unconfined", "seccomp_cache": null,
            "conmon_pidfile": directory.join("conmon.pid"), "pidfile": directory.join("pidfile"), "timeout": null,
            "initial_size": null,
        });
        let launch = Launch::parse(document.to_string().as_bytes()).expect("a document");
        let runtime = Plain { run_dir: launch.run_dir.clone(), fails_at, calls: RefCell::default() };
        (directory, launch, runtime)
    }

    #[test]
    fn the_record_stands_before_the_program_runs() {
        let (directory, launch, runtime) = prepared("order", "");
        let mut reactor = Reactor::new(LogWriter::None).expect("reactor");
        let started = start(&runtime, &launch, &mut reactor).unwrap_or_else(|failure| panic!("{failure:?}"));
        let calls = ["plan: ", "create: attach", "wait_prepared: attach", "go: attach pid.json"];
        assert_eq!(*runtime.calls.borrow(), calls);
        let pid = started.running.pid.as_raw_nonzero().get();
        assert_eq!(started.record.pid, pid);
        assert_eq!(std::fs::read_to_string(directory.join("pidfile")).expect("file"), pid.to_string());
        assert!(!directory.join("exit.json").exists(), "how the last run ended is of the past");
        rustix::process::kill_process(started.running.pid, rustix::process::Signal::KILL).expect("killed");
        rustix::process::waitpid(Some(started.running.pid), rustix::process::WaitOptions::empty()).expect("reaped");
        std::fs::remove_dir_all(directory).expect("remove");
    }

    #[test]
    fn a_start_that_fails_anywhere_leaves_nothing_and_keeps_the_last_record() {
        for step in ["plan", "create", "wait_prepared", "go"] {
            let (directory, launch, runtime) = prepared(step, step);
            let mut reactor = Reactor::new(LogWriter::None).expect("reactor");
            let failure = start(&runtime, &launch, &mut reactor).err().expect("fails");
            assert_eq!(failure.message, step);
            assert!(!launch.run_dir.exists(), "{step}");
            assert!(directory.join("exit.json").exists(), "{step}");
            std::fs::remove_dir_all(directory).expect("remove");
        }
    }
}
