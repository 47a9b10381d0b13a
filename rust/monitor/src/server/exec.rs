//! One more process in a running container: started, watched, its exit code told; nothing stays behind.
//!
//! It is like a small monitor of its own, and the container's monitor knows nothing of it. While it runs,
//! `exec/<id>` in the container's run directory says who it is; a detached one leaves `exec/<id>.json` there, which goes with the
//! container.

use super::container::{reap, settle, tell};
use super::peer::Peer;
use super::pump::Pump;
use super::start::{chosen_filter, protect_from_oom, streams};
use super::stdio::Stdio;
use crate::document::Exec;
use crate::log::writer::LogWriter;
use crate::process::Held;
use crate::protocol::{Event, Failure};
use crate::record::{ExitRecord, PidRecord, publish};
use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::spec::{ConsoleSize, Process};
use libpod_runtime::{ExecTarget, exec};
use rustix::process::Pid;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Start the process that `document` (JSON) describes, and watch it to its end. `control` is the client's connection.
pub fn run(control: OwnedFd, document: &[u8]) -> io::Result<()> {
    settle(c"libpod-exec")?;
    let mut client = Peer::new(control);
    let prepared = Exec::parse(document)
        .map_err(Failure::invalid)
        .and_then(|document| Pump::new(LogWriter::None).map(|pump| (document, pump)));
    let (document, mut pump) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return tell(&mut client, failure),
    };
    pump.peers.push(client);
    match start(&document, &mut pump) {
        Ok(record) => watch(&document, pump, &record),
        Err(failure) => {
            pump.broadcast(&Event::Error(failure).encode());
            pump.finish(Peer::is_behind)
        }
    }
}

fn start(document: &Exec, pump: &mut Pump) -> Result<PidRecord, Failure> {
    let state = |message: &str| Failure { kind: "state".into(), ..Failure::invalid(message) };
    let held = Held::open(document.pid, document.start_time)
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
    let (theirs, ours) = streams(process.terminal, document.stdin_open)?;
    let running = exec(&target, &process, &theirs)?;
    // Our copies of its ends: as long as they are open, its output never ends.
    drop(theirs);
    protect_from_oom();
    pump.stdio = match running.terminal {
        Some(master) => Stdio::terminal(master, document.stdin_open, document.initial_size)
            .map_err(|error| Failure::pathless("open terminal", &error))?,
        None => ours.unwrap_or_default(),
    };
    for text in running.warnings {
        pump.broadcast(&Event::Warning(text).encode());
    }
    PidRecord::new(running.pid, Vec::new(), document.cgroup.clone())
        .map_err(|error| Failure::pathless("read the start time of the process", &error))
}

fn watch(document: &Exec, mut pump: Pump, record: &PidRecord) -> io::Result<()> {
    let directory = document.run_dir.join("exec");
    let mark = directory.join(&*document.exec_id);
    // Where the container has ended meanwhile its directory is gone, and these records with it.
    let _ = std::fs::create_dir(&directory);
    let _ = publish(&mark, record);
    pump.broadcast(&Event::Running(record.running()).encode());
    let child = Pid::from_raw(record.pid).ok_or(io::ErrorKind::InvalidData)?;
    let ending = pump.run(child, None)?;
    let exit = ExitRecord::now(ending, &record.started_at);
    if document.detach {
        let _ = publish(&mark.with_extension("json"), &exit);
    }
    let _ = std::fs::remove_file(&mark);
    pump.broadcast(&Event::Exited(exit).encode());
    reap(child);
    pump.finish(Peer::is_behind)
}
