//! The monitor of a container, from its launch document to its last act.

use super::children::Role;
use super::life::Life;
use super::peer::Peer;
use super::reactor::{Duties, Reactor, live};
use super::runtime::{Builtin, Runtime};
use super::start::{Started, start};
use super::timers::Timer;
use crate::client::launch::SOCKET_NAME;
use crate::document::Launch;
use crate::log::writer::LogWriter;
use crate::protocol::{Event, Failure};
use crate::record::{Ending, ExitRecord, publish, publish_over};
use libpod_network::detach_all;
use libpod_sys::io_text;
use rustix::process::{getpid, set_child_subreaper};
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What the name of a run directory ends with while it is removed.
const ENDED_SUFFIX: &str = ".ended";

/// Start the container that `document` (JSON) describes, watch it to its end, and clean up after it.
///
/// `control` is the connection of the client that wants it started; that client is told of every error. `lock` is held until
/// the container runs, or is known not to.
pub fn run(control: OwnedFd, document: &[u8], lock: Option<OwnedFd>) -> io::Result<()> {
    settle(c"libpod-monitor")?;
    let mut client = Peer::new(control);
    let launched = Launch::parse(document)
        .map_err(Failure::invalid)
        .and_then(|document| prepare(&document).map(|reactor| (document, reactor)));
    let (document, mut reactor) = match launched {
        Ok(prepared) => prepared,
        Err(failure) => return tell(&mut client, failure),
    };
    client.cleans_up = document.client_cleans_up;
    reactor.clients.add(client);
    let started = start(&Builtin, &document, &mut reactor);
    drop(lock);
    match started {
        Ok(started) => {
            watch(Container { document: &document, runtime: &Builtin, started, exit: Exit::Recorded }, reactor)
        }
        Err(failure) => reactor.fail(failure),
    }
}

/// Tell the one client that there is why it did not start.
pub(super) fn tell(client: &mut Peer, failure: Failure) -> io::Result<()> {
    client.send(&Event::Error(failure).encode());
    Ok(())
}

/// Become a process that depends on nobody, and to which orphans of the container return.
pub(super) fn settle(name: &CStr) -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir("/")?;
    set_child_subreaper(Some(getpid()))?;
    Ok(rustix::thread::set_name(name)?)
}

fn prepare(document: &Launch) -> Result<Reactor, Failure> {
    let log = LogWriter::open(&document.log).map_err(|error| match &document.log.path {
        Some(path) => Failure::step("open log", path, &error),
        None => Failure::pathless("open log", &error),
    })?;
    Reactor::new(log)
}

fn watch(mut container: Container<'_>, mut reactor: Reactor) -> io::Result<()> {
    reactor.children.watch(Role::Main, container.started.running.pid)?;
    if let Some(seconds) = container.document.timeout {
        reactor.timers.set(Timer::Limit, Duration::from_secs(seconds))?;
    }
    reactor.clients.announce(&Event::Running(container.started.record.running()));
    live(&mut reactor, &mut Life::of_container(), &mut container)
}

/// A container whose program runs, or ran.
struct Container<'a> {
    document: &'a Launch,
    runtime: &'a dyn Runtime,
    started: Started,
    exit: Exit,
}

/// Where the record of a container's end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// At its place; or the container was removed meanwhile, and nobody will look for it.
    Recorded,
    /// In the run directory, for the next command to find.
    Aside,
}

impl Duties for Container<'_> {
    fn record(&mut self, ending: Ending, complaint: Option<String>) -> ExitRecord {
        self.started.ports = Vec::new();
        let mut record = ExitRecord::now(ending, &self.started.record.started_at);
        record.error = complaint;
        if ending != Ending::Code(0) {
            record.oom_killed = self.started.running.cgroup.stats().is_ok_and(|stats| stats.oom_kills > 0);
        }
        self.exit = self.publish(&mut record);
        record
    }

    /// What fails is found again by the next command.
    fn take_down(&mut self) -> Vec<String> {
        let left = detach_all(&self.document.id, &self.document.networks);
        let mut complaints: Vec<String> = left.iter().map(ToString::to_string).collect();
        complaints.extend(self.runtime.delete(&self.started.running).err());
        if complaints.is_empty() {
            let removed = match self.exit {
                Exit::Recorded => remove_run_directory(&self.document.run_dir),
                Exit::Aside => remove_if_there(std::fs::remove_file(self.document.run_dir.join(SOCKET_NAME))),
            };
            complaints.extend(removed.err().map(|error| io_text(&error)));
        }
        complaints
    }

    /// It outlives us.
    fn run_exit_command(&mut self) {
        if let Some([program, arguments @ ..]) = self.document.exit_command.as_deref() {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // There is nobody left to tell; the next command on the container cleans up.
            let _ = command.spawn();
        }
    }
}

impl Container<'_> {
    /// Write the record of its end, at its place or where there is room.
    fn publish(&self, record: &mut ExitRecord) -> Exit {
        let error = match publish(&self.document.exit_file, record) {
            Ok(()) => return Exit::Recorded,
            // Whoever removed the container's directory has no use for the record.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Exit::Recorded,
            Err(error) => error,
        };
        self.publish_in_need(record).unwrap_or_else(|_| {
            // Should this fail as well, `pid.json` stays and says that it ran.
            let text = format!("write {}: {}", self.document.exit_file.display(), io_text(&error));
            record.error.get_or_insert(text);
            let _ = publish(&self.document.run_dir.join("exit.json"), record);
            Exit::Aside
        })
    }

    /// On a full disk the record takes the place of the bundle's `config.json`, which every start writes anew.
    fn publish_in_need(&self, record: &ExitRecord) -> io::Result<Exit> {
        if self.document.exit_file.parent() != Some(&self.document.bundle) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        publish_over(&self.document.bundle.join("config.json"), &self.document.exit_file, record)?;
        Ok(Exit::Recorded)
    }
}

/// Take the run directory away, its name first: no client finds a part of it, and the next start shares nothing with it.
fn remove_run_directory(run_dir: &Path) -> io::Result<()> {
    let mut aside = run_dir.as_os_str().to_owned();
    aside.push(ENDED_SUFFIX);
    let moved = std::fs::rename(run_dir, &aside).or_else(|error| {
        if error.kind() != io::ErrorKind::DirectoryNotEmpty {
            return Err(error);
        }
        // A monitor that was killed here has left it.
        std::fs::remove_dir_all(&aside)?;
        std::fs::rename(run_dir, &aside)
    });
    remove_if_there(moved.and_then(|()| std::fs::remove_dir_all(&aside)))
}

fn remove_if_there(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
