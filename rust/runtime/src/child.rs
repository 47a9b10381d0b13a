//! The life of the child between `clone3` and `execve`.
//!
//! It has its own memory and one thread, so it may allocate. It reports over its [`Stage`]'s channel and never prints.

use crate::channel::Message;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::namespaces::NamespacePlan;
use crate::request::Stdio;
use crate::rlimits::reset_affinity;
use crate::stage::Stage;
use crate::step::{HookContext, Step};
use libpod_sys::process::{Namespaces, clone3_sibling, place_fd, reset_signals};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{setsid, umask};
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

/// Set up and execute; returns the exit code of a child that could not, or that has forked once more.
pub fn run(setup: &Setup<'_>, mut stage: Stage) -> i32 {
    let begun = place_stdio(setup.stdio).and_then(|()| stage.withdraw(&setup.namespaces.descriptors()));
    match begun {
        Ok(()) if setup.namespaces.joins_before_it_makes() => relay(setup, stage),
        Ok(()) => go_on(setup, &mut stage),
        Err(error) => {
            stage.fail(error);
            1
        }
    }
}

/// Join the namespaces, and fork the container's first process into its new ones.
fn relay(setup: &Setup<'_>, mut stage: Stage) -> i32 {
    let outcome = setup.namespaces.join().and_then(|()| stage.withdraw(&[])).and_then(|()| {
        let child = clone3_sibling(setup.namespaces.new, || go_on(setup, &mut stage));
        let child = child.map_err(|error| Error::call("make the container's namespaces", &error))?;
        stage.send(&Message::Born(child.pidfd))
    });
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            stage.fail(error);
            1
        }
    }
}

fn go_on(setup: &Setup<'_>, stage: &mut Stage) -> i32 {
    let error = match attempt(setup, stage) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    stage.fail(error);
    1
}

fn attempt(setup: &Setup<'_>, stage: &mut Stage) -> Result<std::convert::Infallible> {
    reset_signals();
    setsid().map_err(|errno| Error::pathless("start a session", errno))?;
    if setup.namespaces.new.contains(Namespaces::NET) {
        stage.send(&Message::Network(own_network()?))?;
    }
    reset_affinity();
    // The places of mounts are for every user of the container, whatever the caller keeps to itself.
    umask(Mode::from_raw_mode(0o022));
    for step in setup.steps {
        step.execute(stage)?;
    }
    let mut warnings = Vec::new();
    let prepared = setup.command.prepare(stage.root()?, &mut |text| warnings.push(text));
    warnings.into_iter().for_each(|text| stage.warn(text));
    let ready = prepared?;
    stage.await_go(setup.listener)?;
    setup.command.load_filter(&ready)?;
    let hooks = &setup.context.spec.hooks.start_container;
    let environment = setup.context.spec.process.as_ref().map(|process| process.env.as_slice()).unwrap_or_default();
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    setup.context.run("startContainer", hooks, "created", pid, environment)?;
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
