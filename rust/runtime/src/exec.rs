//! One more process in a running container.
//!
//! The caller, which has one thread, lends its child the container's PID namespace and takes its own back, so the new process is
//! both inside and a child of the caller. The child joins the other namespaces and does what a first process does from there:
//! limits, user, capabilities, filter, `execve`. Nothing of the caller is executed in the container.

use crate::birth::{clone_hidden, preserved};
use crate::cgroup::Cgroup;
use crate::channel::{Channel, Message};
use crate::child::place_stdio;
use crate::command::Command;
use crate::console;
use crate::create::await_exec;
use crate::error::{Error, Result};
use crate::mounting::Mounter;
use crate::request::Stdio;
use crate::rlimits::{reset_affinity, set_oom_score};
use crate::rootdir::RootDir;
use crate::seccomp::Program;
use crate::spec::Process;
use crate::stage::Stage;
use libpod_sys::process::{Namespaces, reset_signals, set_personality, setns};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, setsid, waitid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The container to enter.
#[derive(Debug)]
pub struct ExecTarget<'a> {
    /// The container.
    pub id: &'a str,
    /// Its first process, in the caller's PID namespace.
    pub pid: Pid,
    /// The same process, held since it was known to be the right one.
    pub pidfd: BorrowedFd<'a>,
    /// Its cgroup, which the new process joins.
    pub cgroup: Option<&'a Cgroup>,
    /// The compiled filter of the container.
    pub seccomp: Option<&'a Program>,
    /// Descriptors after the standard ones that stay open.
    pub preserve_fds: u32,
    /// The container's execution domain, as personality(2) numbers it.
    pub personality: Option<u64>,
}

/// A process that runs in the container.
#[derive(Debug)]
pub struct ExecRunning {
    /// Its number in the caller's PID namespace; a child of the caller.
    pub pid: Pid,
    /// The same, as a descriptor.
    pub pidfd: OwnedFd,
    /// Master end of its terminal.
    pub terminal: Option<OwnedFd>,
    /// What was not done as asked.
    pub warnings: Vec<String>,
}

/// Execute `process` in the container. Returns when it is executed, or with the reason why not; then nothing is left behind.
pub fn exec(target: &ExecTarget<'_>, process: &Process, stdio: &Stdio) -> Result<ExecRunning> {
    if process.terminal != stdio.is_terminal() {
        return Err(Error::invalid("process.terminal and the standard descriptors contradict each other"));
    }
    if target.cgroup.is_some_and(Cgroup::is_frozen) {
        return Err(Error::State { what: "cannot exec in a paused container".into() });
    }
    let command = Command::plan(process, target.seccomp, target.id, target.preserve_fds)?;
    let kept = preserved(target.preserve_fds)?;
    let namespaces = namespaces_of(target.pid)?;
    let (ours, theirs) = Channel::pair()?;
    let (mut ours, mut theirs) = (Some(ours), Some(theirs));
    let unified = target.cgroup.and_then(Cgroup::unified_directory);
    let own = openat(CWD, "/proc/self/ns/pid", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::step("open", "/proc/self/ns/pid", errno))?;
    join(target.pidfd, Namespaces::PID)?;
    let child = clone_hidden(Namespaces::NONE, unified.as_ref().map(AsFd::as_fd), || {
        // The child's copy of the parent's end: as long as it is open, the parent is never seen to go.
        drop(ours.take());
        theirs.take().map_or(1, |channel| {
            let stage = Stage::new(Mounter::probe(), channel, kept);
            run(target, namespaces, &command, process, stdio, stage)
        })
    });
    setns(own.as_fd(), Namespaces::PID).map_err(|error| Error::call("return to the PID namespace", &error))?;
    let child = child?.map_err(|error| Error::call("fork into the container", &error))?;
    drop(theirs);
    let channel = ours.ok_or_else(|| Error::invalid("the channel was used up"))?;
    let mut running = ExecRunning { pid: child.pid, pidfd: child.pidfd, terminal: None, warnings: Vec::new() };
    match running.let_go(&channel) {
        Ok(()) => Ok(running),
        Err(error) => {
            // Each fails only where the child has ended by itself.
            let _ = pidfd_send_signal(&running.pidfd, Signal::KILL);
            let _ = waitid(WaitId::PidFd(running.pidfd.as_fd()), WaitIdOptions::EXITED);
            Err(error)
        }
    }
}

impl ExecRunning {
    fn let_go(&mut self, channel: &Channel) -> Result<()> {
        loop {
            match channel.receive()? {
                Some(Message::Warning(text)) => self.warnings.push(text),
                Some(Message::Prepared(terminal)) => {
                    self.terminal = terminal;
                    break;
                }
                Some(Message::Failed(error)) => return Err(error),
                Some(other) => return Err(Error::Died { how: format!("unexpected message {other:?}") }),
                None => return Err(Error::Died { how: "without a word".into() }),
            }
        }
        channel.send(&Message::Go).map_err(|errno| Error::pathless("tell the child to go on", errno))?;
        await_exec(channel, &mut self.warnings)
    }
}

/// The namespaces of `pid` that differ, or may differ, from ours.
fn namespaces_of(pid: Pid) -> Result<Namespaces> {
    let all = Namespaces::MOUNT | Namespaces::NET | Namespaces::IPC | Namespaces::UTS | Namespaces::CGROUP;
    let path = format!("/proc/{}/ns/user", pid.as_raw_nonzero());
    let theirs = rustix::fs::stat(&path).map_err(|errno| Error::step("look at", &path, errno))?;
    let ours =
        rustix::fs::stat("/proc/self/ns/user").map_err(|errno| Error::step("look at", "/proc/self/ns/user", errno))?;
    // The kernel refuses to join the user namespace that a process is in already.
    Ok(if theirs.st_ino == ours.st_ino { all } else { all | Namespaces::USER })
}

fn join(pidfd: BorrowedFd<'_>, kinds: Namespaces) -> Result<()> {
    setns(pidfd, kinds).map_err(|error| Error::call("join the container's namespaces", &error))
}

fn run(
    target: &ExecTarget<'_>,
    namespaces: Namespaces,
    command: &Command<'_>,
    process: &Process,
    stdio: &Stdio,
    mut stage: Stage,
) -> i32 {
    let error = match attempt(target, namespaces, command, process, stdio, &mut stage) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    stage.fail(error);
    1
}

fn attempt(
    target: &ExecTarget<'_>,
    namespaces: Namespaces,
    command: &Command<'_>,
    process: &Process,
    stdio: &Stdio,
    stage: &mut Stage,
) -> Result<std::convert::Infallible> {
    place_stdio(stdio)?;
    stage.withdraw(&[target.pidfd.as_raw_fd()])?;
    reset_signals();
    setsid().map_err(|errno| Error::pathless("start a session", errno))?;
    if let Some(score) = process.oom_score_adj {
        set_oom_score(score)?.into_iter().for_each(|text| stage.warn(text));
    }
    target.cgroup.map_or(Ok(()), Cgroup::join_v1)?;
    reset_affinity();
    join(target.pidfd, namespaces)?;
    stage.withdraw(&[])?;
    let root = RootDir::open(Path::new("/"))?;
    if process.terminal {
        let (master, slave) = console::open(&root, process.console_size, process.user.uid, stdio.leaves_newlines())?;
        console::control(&slave)?;
        stage.terminal = Some(master);
    }
    if let Some(domain) = target.personality {
        set_personality(domain).map_err(|error| Error::call("set personality", &error))?;
    }
    let mut warnings = Vec::new();
    let prepared = command.prepare(&root, &mut |text| warnings.push(text));
    warnings.into_iter().for_each(|text| stage.warn(text));
    let ready = prepared?;
    drop(root);
    stage.await_go(None)?;
    command.load_filter(&ready)?;
    Err(command.replace(&ready))
}
