//! What makes and takes away the processes of a container, as the monitor sees it.
//!
//! [`Runtime`] is the seam between a container's life, which is the monitor's, and the program that knows namespaces and mounts.
//! [`Builtin`] is libpod's own runtime, called in this process. A runtime that is driven by its command line fits the same three
//! calls of a start: its `create` makes the first process, which comes to this subreaper; its `start` lets it go; its `delete`
//! takes away what it made.

use crate::document::{Exec, Launch, OverlayRoot, Seccomp};
use crate::process::HeldProcess;
use crate::protocol::Failure;
use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::mounting::Mounter;
use libpod_runtime::seccomp::{Program, Source, program};
use libpod_runtime::spec::{Capabilities, ConsoleSize, Process, Spec};
use libpod_runtime::{ExecTarget, Request, Rootfs, Stdio};
use rustix::process::Pid;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Makes containers, and further processes in them.
pub trait Runtime {
    /// Judge what is asked for, and make nothing yet. `stdio` is the container's side of its standard streams.
    fn plan<'a>(&'a self, launch: &'a Launch, spec: &'a Spec, stdio: Stdio) -> Result<Box<dyn Plan + 'a>, Failure>;

    /// Execute one more process in a running container. Returns when it is executed, or with the reason why not.
    fn exec(&self, document: &Exec, stdio: &Stdio) -> Result<Executed, Failure>;

    /// Take away what was made for a container that has ended: what still runs in its cgroup, and the cgroup.
    fn delete(&self, container: &RunningContainer) -> Result<(), String>;
}

/// A container that can be made.
pub trait Plan {
    /// Make its first process, which mounts its root and then waits. On error nothing is left behind.
    fn create(&self) -> Result<Box<dyn Created + '_>, Failure>;
}

/// A container whose first process waits to be let go. Dropped, it goes with all that was made for it.
pub trait Created {
    /// Its first process, a child of this process.
    fn pid(&self) -> Pid;

    /// Path of its cgroup, as `linux.cgroupsPath` has it.
    fn cgroup_path(&self) -> String;

    /// Its network namespace; asked for once, before [`Created::wait_prepared`].
    fn network(&mut self) -> Result<OwnedFd, Failure>;

    /// Wait until its mounts stand; the master end of its terminal, where it has one.
    fn wait_prepared(&mut self) -> Result<Option<OwnedFd>, Failure>;

    /// Let the user's program be executed. Returns when it is, or with the reason why not.
    fn go(self: Box<Self>) -> Result<RunningContainer, Failure>;
}

/// A container that runs the user's program.
#[derive(Debug)]
pub struct RunningContainer {
    /// Its first process, a child of this process.
    pub pid: Pid,
    /// Its cgroup.
    pub cgroup: Cgroup,
    /// What was not done as asked.
    pub warnings: Vec<String>,
}

/// A further process that runs in a container.
#[derive(Debug)]
pub struct Executed {
    /// A child of this process.
    pub pid: Pid,
    /// Master end of its terminal.
    pub terminal: Option<OwnedFd>,
    /// What was not done as asked.
    pub warnings: Vec<String>,
}

/// The runtime of this program.
#[derive(Debug, Clone, Copy)]
pub struct Builtin;

impl Runtime for Builtin {
    fn plan<'a>(&'a self, launch: &'a Launch, spec: &'a Spec, stdio: Stdio) -> Result<Box<dyn Plan + 'a>, Failure> {
        Ok(Box::new(Request {
            id: &launch.id,
            bundle: &launch.bundle,
            spec,
            rootfs: rootfs(launch, spec)?,
            changes: &launch.root_changes,
            stdio,
            preserve_fds: 0,
            seccomp: container_filter(launch, spec)?,
            start_socket: None,
            mounter: Mounter::probe(),
        }))
    }

    fn exec(&self, document: &Exec, stdio: &Stdio) -> Result<Executed, Failure> {
        let state = |message: &str| Failure { kind: "state".into(), ..Failure::invalid(message) };
        let held = HeldProcess::open(document.pid, document.start_time)
            .map_err(|error| Failure::pathless("open the container's process", &error))?
            .ok_or_else(|| state("the container is not running"))?;
        let pid = Pid::from_raw(document.pid).ok_or_else(|| state("the container is not running"))?;
        let mut process = Process::from(document.process.clone());
        process.console_size = document.initial_size.map(|[height, width]| ConsoleSize { height, width });
        let cache = document.seccomp_cache.as_deref();
        let seccomp = chosen_filter(&document.seccomp, process.capabilities.as_ref(), cache)?;
        let cgroup = Cgroup::open(Some(&document.cgroup), &document.id)?;
        let target = ExecTarget {
            id: &document.id,
            pid,
            pidfd: held.as_fd(),
            cgroup: Some(&cgroup),
            seccomp: seccomp.as_ref(),
            preserve_fds: 0,
            personality: None,
        };
        let running = libpod_runtime::exec(&target, &process, stdio)?;
        Ok(Executed { pid: running.pid, terminal: running.terminal, warnings: running.warnings })
    }

    fn delete(&self, container: &RunningContainer) -> Result<(), String> {
        let cgroup = &container.cgroup;
        cgroup.kill().and_then(|()| cgroup.remove()).map_err(|error| error.to_string())
    }
}

impl Plan for Request<'_> {
    fn create(&self) -> Result<Box<dyn Created + '_>, Failure> {
        Ok(Box::new(libpod_runtime::create(self)?))
    }
}

impl Created for libpod_runtime::Created<'_> {
    fn pid(&self) -> Pid {
        libpod_runtime::Created::pid(self)
    }

    fn cgroup_path(&self) -> String {
        self.cgroup().path().to_string_lossy().into_owned()
    }

    fn network(&mut self) -> Result<OwnedFd, Failure> {
        Ok(self.netns()?)
    }

    fn wait_prepared(&mut self) -> Result<Option<OwnedFd>, Failure> {
        Ok(libpod_runtime::Created::wait_prepared(self)?)
    }

    fn go(self: Box<Self>) -> Result<RunningContainer, Failure> {
        let running = libpod_runtime::Created::go(*self)?;
        Ok(RunningContainer { pid: running.pid, cgroup: running.cgroup, warnings: running.warnings })
    }
}

/// The filter of the specification, or the one that the document names.
fn container_filter(launch: &Launch, spec: &Spec) -> Result<Option<Program>, Failure> {
    let capabilities = spec.process.as_ref().and_then(|process| process.capabilities.as_ref());
    match &spec.linux.seccomp {
        Some(profile) => {
            let bounding = capabilities.map(|sets| sets.bounding.as_slice()).unwrap_or_default();
            Ok(Some(program(Source::Spec(profile), bounding, launch.seccomp_cache.as_deref())?))
        }
        None => chosen_filter(&launch.seccomp, capabilities, launch.seccomp_cache.as_deref()),
    }
}

/// The filter that a document names.
fn chosen_filter(
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

fn rootfs(launch: &Launch, spec: &Spec) -> Result<Rootfs, Failure> {
    if let Some(OverlayRoot { lower, upper, work, options }) = launch.rootfs.clone() {
        return Ok(Rootfs::Overlay { lower, upper, work, options });
    }
    let root = spec.root.as_ref().ok_or_else(|| Failure::invalid("the specification has no root"))?;
    Ok(Rootfs::Dir(launch.bundle.join(&root.path)))
}
