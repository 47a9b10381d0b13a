//! The life of the child between `clone3` and `execve`.
//!
//! It has its own memory and one thread, so it may allocate. It reports over its [`Stage`]'s channel and never prints.

use crate::channel::Message;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::namespaces::NamespacePlan;
use crate::request::Stdio;
use crate::stage::Stage;
use crate::step::{HookContext, Step};
use libpod_sys::process::{Namespaces, place_fd, reset_signals};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::setsid;
use std::os::fd::{AsFd, OwnedFd};

/// Everything the child needs.
#[derive(Debug)]
pub struct Setup<'a> {
    /// What to do, in order.
    pub steps: &'a [Step<'a>],
    /// What to execute at the end.
    pub command: &'a Command<'a>,
    /// Its namespaces.
    pub namespaces: &'a NamespacePlan,
    /// What its standard descriptors are.
    pub stdio: &'a Stdio,
    /// For hooks.
    pub context: HookContext<'a>,
    /// Where *go* comes from, if not from the parent.
    pub listener: Option<&'a OwnedFd>,
}

/// Set up and execute; returns the exit code of a child that could not.
pub fn run(setup: &Setup<'_>, mut stage: Stage) -> i32 {
    let error = match attempt(setup, &mut stage) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    stage.fail(error);
    1
}

fn attempt(setup: &Setup<'_>, stage: &mut Stage) -> Result<std::convert::Infallible> {
    place_stdio(setup.stdio)?;
    stage.withdraw(&setup.namespaces.descriptors())?;
    reset_signals();
    setsid().map_err(|errno| Error::pathless("start a session", errno))?;
    if setup.namespaces.new.contains(Namespaces::NET) {
        stage.send(&Message::Network(own_network()?))?;
    }
    for step in setup.steps {
        step.execute(stage)?;
    }
    let mut warnings = Vec::new();
    let prepared = setup.command.prepare(stage.root()?, &mut |text| warnings.push(text));
    warnings.into_iter().for_each(|text| stage.warn(text));
    let ready = prepared?;
    stage.await_go(setup.listener)?;
    let hooks = &setup.context.spec.hooks.start_container;
    setup.context.run("startContainer", hooks, "created", rustix::process::getpid().as_raw_nonzero().get())?;
    Err(setup.command.replace(&ready))
}

fn own_network() -> Result<OwnedFd> {
    let path = "/proc/self/ns/net";
    openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| Error::step("open", path, errno))
}

/// Put the standard descriptors in their places; a terminal comes later.
pub fn place_stdio(stdio: &Stdio) -> Result<()> {
    let Stdio::Pipes { stdin, stdout, stderr } = stdio else { return Ok(()) };
    for (number, fd) in [stdin, stdout, stderr].into_iter().enumerate() {
        place_fd(fd.as_fd(), number as i32).map_err(|error| Error::call("place a standard descriptor", &error))?;
    }
    Ok(())
}
