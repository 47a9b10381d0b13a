//! The monitor of a container, from its launch document to its last act.

use super::peer::Peer;
use super::pump::Pump;
use super::start::{Started, start};
use crate::client::launch::SOCKET_NAME;
use crate::document::Launch;
use crate::log::writer::LogWriter;
use crate::protocol::{Event, Failure};
use crate::record::{Ending, ExitRecord, TakenDown, publish, publish_over};
use libpod_network::detach_all;
use libpod_sys::io_text;
use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};
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
        .and_then(|document| prepare(&document).map(|pump| (document, pump)));
    let (document, mut pump) = match launched {
        Ok(prepared) => prepared,
        Err(failure) => return tell(&mut client, failure),
    };
    client.cleans_up = document.client_cleans_up;
    pump.peers.push(client);
    let started = start(&document, &mut pump);
    drop(lock);
    match started {
        Ok(started) => watch(&document, pump, &started),
        Err(failure) => {
            pump.broadcast(&Event::Error(failure).encode());
            pump.finish(Peer::is_behind)
        }
    }
}

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

fn prepare(document: &Launch) -> Result<Pump, Failure> {
    let log = LogWriter::open(&document.log).map_err(|error| match &document.log.path {
        Some(path) => Failure::step("open log", path, &error),
        None => Failure::pathless("open log", &error),
    })?;
    Pump::new(log)
}

fn watch(document: &Launch, mut pump: Pump, started: &Started) -> io::Result<()> {
    pump.announce(&Event::Running(started.record.running()));
    let ending = pump.run(started.pid, document.timeout.map(Duration::from_secs))?;
    pump.ports = Vec::new();
    let exit = record_exit(document, &mut pump, started, ending);
    reap(started.pid);
    let complaints = clean(document, started, exit);
    let has_complaints = !complaints.is_empty();
    // The socket's name is gone. A client that found it before that is told how the container ended: when the container's
    // record is removed at the end, no other process can tell.
    pump.catch_up();
    let restarts = pump.peers.iter().any(|peer| peer.restarts);
    pump.announce(&Event::TakenDown(TakenDown { complaints, restarts }));
    let was_cleaned_up = pump.wait_for_cleanup()?;
    if !was_cleaned_up || has_complaints {
        run_exit_command(document);
    }
    pump.catch_up();
    pump.finish(Peer::is_behind)
}

/// Where the record of a container's end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// At its place; or the container was removed meanwhile, and nobody will look for it.
    Recorded,
    /// In the run directory, for the next command to find.
    Aside,
}

/// Publish how the container ended, and tell every client.
fn record_exit(document: &Launch, pump: &mut Pump, started: &Started, ending: Ending) -> Exit {
    let mut record = ExitRecord::now(ending, &started.record.started_at);
    record.error = pump.complaint.take();
    if ending != Ending::Code(0) {
        record.oom_killed = started.cgroup.stats().is_ok_and(|stats| stats.oom_kills > 0);
    }
    let exit = match publish(&document.exit_file, &record) {
        Ok(()) => Exit::Recorded,
        // Whoever removed the container's directory has no use for the record.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Exit::Recorded,
        Err(error) => {
            let text = format!("write {}: {}", document.exit_file.display(), io_text(&error));
            publish_in_need(document, &record).unwrap_or_else(|_| {
                // Should this fail as well, `pid.json` stays and says that it ran.
                record.error.get_or_insert(text);
                let _ = publish(&document.run_dir.join("exit.json"), &record);
                Exit::Aside
            })
        }
    };
    pump.announce(&Event::Exited(record));
    exit
}

/// On a full disk the record takes the place of the bundle's `config.json`, which every start writes anew.
fn publish_in_need(document: &Launch, record: &ExitRecord) -> io::Result<Exit> {
    if document.exit_file.parent() != Some(&document.bundle) {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    publish_over(&document.bundle.join("config.json"), &document.exit_file, record)?;
    Ok(Exit::Recorded)
}

pub(super) fn reap(child: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitpid(Some(child), WaitOptions::empty()) {}
}

/// Take away what the container held on this host. What fails is found again by the next command; it is returned here.
fn clean(document: &Launch, started: &Started, exit: Exit) -> Vec<String> {
    let mut complaints = Vec::new();
    complaints.extend(detach_all(&document.id, &document.networks).iter().map(ToString::to_string));
    let removed = started.cgroup.kill().and_then(|()| started.cgroup.remove());
    complaints.extend(removed.err().map(|error| error.to_string()));
    if complaints.is_empty() {
        let removed = match exit {
            Exit::Recorded => remove_run_directory(&document.run_dir),
            Exit::Aside => remove_if_there(std::fs::remove_file(document.run_dir.join(SOCKET_NAME))),
        };
        complaints.extend(removed.err().map(|error| io_text(&error)));
    }
    complaints
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

/// Start the program that cleans up; it outlives us.
fn run_exit_command(document: &Launch) {
    if let Some([program, arguments @ ..]) = document.exit_command.as_deref() {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // There is nobody left to tell; the next command on the container cleans up.
        let _ = command.spawn();
    }
}
