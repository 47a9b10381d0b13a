//! Starting a container: everything from the document to the running program, and everything undone where that fails.

use super::pump::Pump;
use super::stdio::{ContainerEnds, Stdio, pipes};
use crate::client::launch::SOCKET_NAME;
use crate::document::{Launch, OverlayRoot, Seccomp};
use crate::protocol::{Event, Failure};
use crate::record::{PID_RECORD, PidRecord, publish};
use libpod_network::{self as network, Attached, attach, bind_ports, detach_all};
use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::mounting::Mounter;
use libpod_runtime::seccomp::{Program, Source, program};
use libpod_runtime::spec::{CONFIG, CONFIG_MAX, Capabilities, ConsoleSize, Spec};
use libpod_runtime::{Request, Rootfs, create};
use libpod_sys::file::{Durability, open_regular_at, replace};
use libpod_sys::socket::address_at;
use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};
use rustix::process::Pid;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A container whose program runs.
pub struct Started {
    /// Its first process, our child.
    pub pid: Pid,
    /// Its cgroup.
    pub cgroup: Cgroup,
    /// What `pid.json` says.
    pub record: PidRecord,
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

/// Start the container that `document` describes, with its streams connected to `pump`.
///
/// On error nothing is left: no process, no cgroup, no network, no run directory.
pub fn start(document: &Launch, pump: &mut Pump) -> Result<Started, Failure> {
    let mut spec = read_spec(&document.bundle)?;
    set_size(&mut spec, document.initial_size);
    let seccomp = container_filter(document, &spec)?;
    network::check(&document.networks)?;
    make_private(&document.run_dir)?;
    let mut undo = Undo { document, attached: false, armed: true };
    for network in &document.networks {
        pump.ports.extend(bind_ports(&network.ports)?);
    }
    pump.listener = Some(listener(&document.run_dir)?);
    let (stdio, ours) = streams(document.terminal, document.stdin_open)?;
    let request = Request {
        id: &document.id,
        bundle: &document.bundle,
        spec: &spec,
        rootfs: rootfs(document, &spec)?,
        changes: &document.root_changes,
        stdio,
        preserve_fds: 0,
        seccomp,
        start_socket: None,
        mounter: Mounter::probe(),
    };
    let mut created = create(&request)?;
    protect_from_oom();
    let cgroup = created.cgroup().path().to_string_lossy().into_owned();
    let mut networks = Vec::new();
    if !document.networks.is_empty() {
        networks = attach(&document.id, created.netns()?.as_fd(), &document.networks)?;
        undo.attached = true;
        name_addresses(document, &networks)?;
    }
    let mut warnings: Vec<String> =
        networks.iter_mut().flat_map(|network| std::mem::take(&mut network.warnings)).collect();
    let record = PidRecord::new(created.pid(), networks, cgroup)
        .map_err(|error| Failure::pathless("read the container's start time", &error))?;
    match created.wait_prepared()? {
        Some(master) => {
            pump.stdio = Stdio::terminal(master, document.stdin_open, document.initial_size)
                .map_err(|error| Failure::pathless("open terminal", &error))?
        }
        None => pump.stdio = ours.unwrap_or_default(),
    }
    leave_records(document, &record)?;
    let running = created.go()?;
    // A new run has begun: how the last one ended is of the past. A start that fails leaves that record. Should it stay, it
    // is told from the one of this run by its start.
    let _ = std::fs::remove_file(&document.exit_file);
    warnings.extend(running.warnings);
    for text in warnings {
        pump.broadcast(&Event::Warning(text).encode());
    }
    undo.armed = false;
    Ok(Started { pid: running.pid, cgroup: running.cgroup, record })
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

/// The filter of the specification, or the one that the document names.
fn container_filter(document: &Launch, spec: &Spec) -> Result<Option<Program>, Failure> {
    let capabilities = spec.process.as_ref().and_then(|process| process.capabilities.as_ref());
    match &spec.linux.seccomp {
        Some(profile) => {
            let bounding = capabilities.map(|sets| sets.bounding.as_slice()).unwrap_or_default();
            Ok(Some(program(Source::Spec(profile), bounding, document.seccomp_cache.as_deref())?))
        }
        None => chosen_filter(&document.seccomp, capabilities, document.seccomp_cache.as_deref()),
    }
}

/// The filter that a document names.
pub fn chosen_filter(
    choice: &Seccomp,
    capabilities: Option<&Capabilities>,
    cache: Option<&Path>,
) -> Result<Option<Program>, Failure> {
    let bounding = capabilities.map(|sets| sets.bounding.as_slice()).unwrap_or_default();
    let source = match choice {
        Seccomp::Unconfined => return Ok(None),
        Seccomp::Default => Source::Default,
        Seccomp::Profile(path) => Source::File(path),
    };
    Ok(Some(program(source, bounding, cache)?))
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
pub fn streams(terminal: bool, stdin_open: bool) -> Result<(libpod_runtime::Stdio, Option<Stdio>), Failure> {
    if terminal {
        return Ok((libpod_runtime::Stdio::Terminal, None));
    }
    let (ContainerEnds { stdin, stdout, stderr }, ours) =
        pipes(stdin_open).map_err(|error| Failure::pathless("make pipes", &error))?;
    Ok((libpod_runtime::Stdio::Pipes { stdin, stdout, stderr }, Some(ours)))
}

fn rootfs(document: &Launch, spec: &Spec) -> Result<Rootfs, Failure> {
    if let Some(OverlayRoot { lower, upper, work, options }) = document.rootfs.clone() {
        return Ok(Rootfs::Overlay { lower, upper, work, options });
    }
    let root = spec.root.as_ref().ok_or_else(|| Failure::invalid("the specification has no root"))?;
    Ok(Rootfs::Dir(document.bundle.join(&root.path)))
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
