//! Starting a container: [`create`], [`Created::wait_prepared`], [`Created::go`].
//!
//! The caller has one thread. After `create` the child works on its mounts while the caller may attach a network; the three
//! calls only meet where one needs the other. Dropping a [`Created`] that was not let go kills
//! it and takes its cgroup away: nothing is left behind.

use crate::birth::{clone_hidden, preserved};
use crate::cgroup::Cgroup;
use crate::channel::{Channel, Message};
use crate::child::{self, Setup};
use crate::command::Command;
use crate::error::{Error, Result};
use crate::namespaces::NamespacePlan;
use crate::plan;
use crate::request::Request;
use crate::spec::IdMapping;
use crate::stage::Stage;
use crate::step::{HookContext, Step, open_for_child};
use libpod_sys::process::{Child, Namespaces, setns};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A container whose first process exists and does not yet run the user's program.
#[derive(Debug)]
pub struct Created<'a> {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    channel: Channel,
    cgroup: Cgroup,
    context: HookContext<'a>,
    new_network: bool,
    /// Messages that were read while the process was still unknown.
    early: VecDeque<Message>,
    /// What was not done as asked.
    pub warnings: Vec<String>,
}

/// A container that runs the user's program.
#[derive(Debug)]
pub struct Running {
    /// First process, a child of the caller.
    pub pid: Pid,
    /// The same, as a descriptor.
    pub pidfd: OwnedFd,
    /// Its cgroup.
    pub cgroup: Cgroup,
    /// What was not done as asked.
    pub warnings: Vec<String>,
}

/// Make the container's process in its namespaces and its cgroup.
///
/// Returns while the child sets up its mounts. On error nothing is left behind.
pub fn create<'a>(request: &'a Request<'a>) -> Result<Created<'a>> {
    let spec = request.spec;
    let process = spec.process.as_ref().ok_or_else(|| Error::invalid("the specification has no process"))?;
    if process.terminal != request.stdio.is_terminal() {
        return Err(Error::invalid("process.terminal and the standard descriptors contradict each other"));
    }
    let namespaces = NamespacePlan::new(spec)?;
    let command = Command::plan(process, request.seccomp.as_ref(), request.id, request.preserve_fds)?;
    let mut kept = preserved(request.preserve_fds)?;
    let cgroup = Cgroup::open(spec.linux.cgroups_path.as_deref(), request.id)?;
    let steps = plan::build(request, process, &namespaces, &cgroup)?;
    let mut warnings = Vec::new();
    let context = HookContext { spec, id: request.id, bundle: request.bundle };
    let sources = open_for_child(&steps, request.mounter)?;
    cgroup.create(&spec.linux.resources, &mut warnings)?;
    let listener = request.start_socket.as_ref();
    kept.extend(listener.map(AsRawFd::as_raw_fd));
    let setup =
        Setup { steps: &steps, command: &command, namespaces: &namespaces, stdio: &request.stdio, context, listener };
    let stage = |channel| Stage::new(request.mounter, channel, kept).with_sources(sources);
    let (child, channel, early) = match spawn(&setup, stage, &cgroup) {
        Ok(started) => started,
        Err(error) => {
            // The first error is the one that counts; a cgroup that will not go is found by the next removal.
            let _ = cgroup.remove();
            return Err(error);
        }
    };
    let mut created = Created {
        pid: child.pid,
        pidfd: Some(child.pidfd),
        channel,
        cgroup: cgroup.clone(),
        context,
        new_network: namespaces.new.contains(Namespaces::NET),
        early,
        warnings,
    };
    match created.map_ids(&namespaces) {
        Ok(()) => Ok(created),
        // A child that has met an error of its own says more than our failure to find it.
        Err(error) => Err(created.child_error().unwrap_or(error)),
    }
}

/// Say in words what the child would do for `request`, in order. Makes nothing.
pub fn describe(request: &Request<'_>) -> Result<Vec<String>> {
    let spec = request.spec;
    let process = spec.process.as_ref().ok_or_else(|| Error::invalid("the specification has no process"))?;
    let namespaces = NamespacePlan::new(spec)?;
    let cgroup = Cgroup::open(spec.linux.cgroups_path.as_deref(), request.id)?;
    Ok(plan::build(request, process, &namespaces, &cgroup)?.iter().map(Step::describe).collect())
}

/// Make the process. Messages come with it that it has sent before it was known.
fn spawn(
    setup: &Setup<'_>,
    stage: impl FnOnce(Channel) -> Stage,
    cgroup: &Cgroup,
) -> Result<(Child, Channel, VecDeque<Message>)> {
    let namespaces = setup.namespaces;
    let (ours, theirs) = Channel::pair()?;
    let (mut ours, mut theirs) = (Some(ours), Some(theirs));
    let unified = cgroup.unified_directory();
    let restore = enter_pid_namespace(namespaces)?;
    let relayed = namespaces.joins_before_it_makes();
    let new = if relayed { Namespaces::NONE } else { namespaces.new };
    let child = clone_hidden(new, unified.as_ref().map(AsFd::as_fd), || {
        // The child's copy of the parent's end: as long as it is open, the parent is never seen to go.
        drop(ours.take());
        match theirs.take() {
            Some(channel) => child::run(setup, stage(channel)),
            None => 1,
        }
    });
    drop(theirs);
    if let Some(own) = restore {
        setns(own.as_fd(), Namespaces::PID).map_err(|error| Error::call("return to the PID namespace", &error))?;
    }
    let child = child?.map_err(|error| Error::call("make the container's namespaces", &error))?;
    let channel = ours.ok_or_else(|| Error::invalid("the channel was used up"))?;
    if !relayed {
        return Ok((child, channel, VecDeque::new()));
    }
    let (child, early) = adopt(child, &channel)?;
    Ok((child, channel, early))
}

/// Wait for the process that `relay`, our child, forks for us; `relay` ends then.
fn adopt(relay: Child, channel: &Channel) -> Result<(Child, VecDeque<Message>)> {
    // The new process may be faster than the one that made it, and may even have failed by now.
    let mut early = VecDeque::new();
    let born = loop {
        match channel.receive() {
            Ok(Some(Message::Born(pidfd))) => break Ok(pidfd),
            Ok(Some(message)) => early.push_back(message),
            Ok(None) => break Err(Error::Died { how: "without a word".into() }),
            Err(error) => break Err(error),
        }
    };
    // It has nothing left to do, and its end is not what is waited for later.
    let _ = waitid(WaitId::PidFd(relay.pidfd.as_fd()), WaitIdOptions::EXITED);
    let pidfd = born.map_err(|error| early.drain(..).find_map(failure).unwrap_or(error))?;
    match number_of(&pidfd) {
        Ok(pid) => Ok((Child { pid, pidfd }, early)),
        Err(error) => {
            end(&pidfd);
            Err(error)
        }
    }
}

fn failure(message: Message) -> Option<Error> {
    if let Message::Failed(error) = message { Some(error) } else { None }
}

/// Kill and reap; each fails only where the process is already gone.
fn end(pidfd: &OwnedFd) {
    let _ = pidfd_send_signal(pidfd, Signal::KILL);
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}

/// The number of the process behind a pidfd, in our PID namespace.
fn number_of(pidfd: &OwnedFd) -> Result<Pid> {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::step("read", &path, rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
    })?;
    let number = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    number.and_then(Pid::from_raw).ok_or_else(|| Error::Died { how: "before it could be found".into() })
}

/// Let the next child be born into the PID namespace to join; returns this process's own, to go back to.
fn enter_pid_namespace(namespaces: &NamespacePlan) -> Result<Option<OwnedFd>> {
    let Some(joined) = namespaces.joined_pid() else { return Ok(None) };
    let path = "/proc/self/ns/pid";
    let own = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::step("open", path, errno))?;
    setns(joined.fd.as_fd(), Namespaces::PID)
        .map_err(|error| Error::step("join namespace", &joined.path, error.errno()))?;
    Ok(Some(own))
}

impl Created<'_> {
    /// First process of the container, in the caller's PID namespace.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The same, as a descriptor.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_ref().expect("only taken when the container is let go").as_fd()
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// Its network namespace; valid from the start. To be asked for once, before [`Created::wait_prepared`].
    ///
    /// The child sends a new one as its first message, or says what kept it from that: it is hidden, and this process may lack
    /// the right to open it through /proc.
    pub fn netns(&mut self) -> Result<OwnedFd> {
        while self.new_network {
            match self.receive()? {
                Some(Message::Network(namespace)) => return Ok(namespace),
                Some(Message::Warning(text)) => self.warnings.push(text),
                Some(Message::Failed(error)) => return Err(error),
                Some(other) => return Err(Error::Died { how: format!("unexpected message {other:?}") }),
                None => return Err(self.how_it_died()),
            }
        }
        let path = format!("/proc/{}/ns/net", self.pid.as_raw_nonzero());
        openat(CWD, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::step("open", path, errno))
    }

    fn receive(&mut self) -> Result<Option<Message>> {
        match self.early.pop_front() {
            Some(message) => Ok(Some(message)),
            None => self.channel.receive(),
        }
    }

    /// Map the ids of a new user namespace, and tell the child.
    fn map_ids(&self, namespaces: &NamespacePlan) -> Result<()> {
        if !namespaces.new.contains(Namespaces::USER) {
            return Ok(());
        }
        let linux = &self.context.spec.linux;
        write_map(self.pid, "uid_map", &linux.uid_mappings)?;
        write_map(self.pid, "gid_map", &linux.gid_mappings)?;
        self.channel.send(&Message::Ready).map_err(|errno| Error::pathless("tell the child to go on", errno))
    }

    /// Wait until the container's mounts stand and its program is found; runs the hooks that belong before. Attach the network
    /// first: kernel parameters of its interfaces are written meanwhile.
    ///
    /// Returns the terminal's master end where there is a terminal.
    pub fn wait_prepared(&mut self) -> Result<Option<OwnedFd>> {
        loop {
            match self.receive()? {
                Some(Message::Network(_)) => {}
                Some(Message::Warning(text)) => self.warnings.push(text),
                Some(Message::Midway) => self.run_midway_hooks()?,
                Some(Message::Prepared(terminal)) => return Ok(terminal),
                Some(Message::Failed(error)) => return Err(error),
                Some(other) => return Err(Error::Died { how: format!("unexpected message {other:?}") }),
                None => return Err(self.how_it_died()),
            }
        }
    }

    fn run_midway_hooks(&self) -> Result<()> {
        let hooks = &self.context.spec.hooks;
        let pid = self.pid.as_raw_nonzero().get();
        self.context.run("prestart", &hooks.prestart, "creating", pid, &[])?;
        self.context.run("createRuntime", &hooks.create_runtime, "creating", pid, &[])?;
        self.channel.send(&Message::Midway).map_err(|errno| Error::pathless("tell the child to go on", errno))
    }

    /// Let the user's program be executed. Returns when it is, or with the reason why not. A poststart hook that fails ends it.
    pub fn go(mut self) -> Result<Running> {
        self.channel.send(&Message::Go).map_err(|errno| Error::pathless("tell the child to go on", errno))?;
        let outcome = await_exec(&self.channel, &mut self.warnings);
        outcome?;
        let hooks = &self.context.spec.hooks.poststart;
        // Dropped with an error, the container ends.
        self.context.run("poststart", hooks, "running", self.pid.as_raw_nonzero().get(), &[])?;
        Ok(self.release())
    }

    /// Give the process out of hand without letting it go: with [`Request::start_socket`] somebody else does.
    pub fn release(mut self) -> Running {
        let pidfd = self.pidfd.take().expect("only taken when the container is let go");
        let warnings = std::mem::take(&mut self.warnings);
        let cgroup = self.cgroup.clone();
        Running { pid: self.pid, pidfd, cgroup, warnings }
    }

    /// What the child has reported, if it has.
    fn child_error(&mut self) -> Option<Error> {
        loop {
            match self.receive() {
                Ok(Some(Message::Failed(error))) => return Some(error),
                Ok(Some(Message::Network(_) | Message::Warning(_))) => {}
                _ => return None,
            }
        }
    }

    fn how_it_died(&self) -> Error {
        let status = waitid(WaitId::PidFd(self.pidfd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let how = match status {
            Ok(Some(status)) => match (status.terminating_signal(), status.exit_status()) {
                (Some(signal), _) => format!("killed by signal {signal}"),
                (_, Some(code)) => format!("exit status {code}"),
                _ => "for an unknown reason".into(),
            },
            _ => "for an unknown reason".into(),
        };
        Error::Died { how }
    }
}

impl Drop for Created<'_> {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take() else { return };
        end(&pidfd);
        // Each fails only where the cgroup is already gone.
        let _ = self.cgroup.kill();
        let _ = self.cgroup.remove();
    }
}

/// Wait for the end of the channel that `execve` brings, or for the reason why it does not come.
pub(crate) fn await_exec(channel: &Channel, warnings: &mut Vec<String>) -> Result<()> {
    loop {
        match channel.receive()? {
            None => return Ok(()),
            Some(Message::Warning(text)) => warnings.push(text),
            Some(Message::Failed(error)) => return Err(error),
            Some(other) => return Err(Error::Died { how: format!("unexpected message {other:?}") }),
        }
    }
}

/// Map the ids of a new user namespace. The caller has `CAP_SETUID` and `CAP_SETGID` over the ids outside.
fn write_map(pid: Pid, file: &str, mappings: &[IdMapping]) -> Result<()> {
    let path = format!("/proc/{}/{file}", pid.as_raw_nonzero());
    let text: String =
        mappings.iter().map(|map| format!("{} {} {}\n", map.container_id, map.host_id, map.size)).collect();
    std::fs::write(&path, text).map_err(|error| {
        let errno = rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO);
        Error::step("write", path, errno)
    })
}
