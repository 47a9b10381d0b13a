//! One more process in a running container: started, watched, its exit code told; nothing stays behind.
//!
//! It is like a small monitor of its own, and the container's monitor knows nothing of it. While it runs,
//! `exec/<id>` in the container's run directory says who it is; a detached one leaves `exec/<id>.json` there, which goes with the
//! container.

use super::children::Role;
use super::container::{settle, tell};
use super::life::Life;
use super::peer::Peer;
use super::reactor::{Duties, Reactor, live};
use super::runtime::{Builtin, Runtime};
use super::start::{protect_from_oom, streams};
use super::stdio::Streams;
use crate::document::Exec;
use crate::log::writer::LogWriter;
use crate::protocol::{Event, Failure};
use crate::record::{Ending, ExitRecord, PidRecord, publish};
use rustix::process::Pid;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Start the process that `document` (JSON) describes, and watch it to its end. `control` is the client's connection.
pub fn run(control: OwnedFd, document: &[u8]) -> io::Result<()> {
    settle(c"libpod-exec")?;
    let mut client = Peer::new(control);
    let prepared = Exec::parse(document)
        .map_err(Failure::invalid)
        .and_then(|document| Reactor::new(LogWriter::None).map(|reactor| (document, reactor)));
    let (document, mut reactor) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return tell(&mut client, failure),
    };
    reactor.clients.add(client);
    match start(&Builtin, &document, &mut reactor) {
        Ok(record) => watch(&document, reactor, &record),
        Err(failure) => reactor.fail(failure),
    }
}

fn start(runtime: &dyn Runtime, document: &Exec, reactor: &mut Reactor) -> Result<PidRecord, Failure> {
    let (theirs, ours) = streams(document.process.terminal, document.stdin_open)?;
    let running = runtime.exec(document, &theirs)?;
    // Our copies of its ends: as long as they are open, its output never ends.
    drop(theirs);
    protect_from_oom();
    reactor.stdio = match running.terminal {
        Some(master) => Streams::terminal(master, document.stdin_open, document.initial_size)
            .map_err(|error| Failure::pathless("open terminal", &error))?,
        None => ours.unwrap_or_default(),
    };
    for text in running.warnings {
        reactor.clients.broadcast(&Event::Warning(text));
    }
    PidRecord::new(running.pid, Vec::new(), document.cgroup.clone())
        .map_err(|error| Failure::pathless("read the start time of the process", &error))
}

fn watch(document: &Exec, mut reactor: Reactor, record: &PidRecord) -> io::Result<()> {
    let directory = document.run_dir.join("exec");
    let mark = directory.join(&*document.exec_id);
    // Where the container has ended meanwhile its directory is gone, and these records with it.
    let _ = std::fs::create_dir(&directory);
    let _ = publish(&mark, record);
    let pid = Pid::from_raw(record.pid).ok_or(io::ErrorKind::InvalidData)?;
    reactor.children.watch(Role::Main, pid)?;
    reactor.clients.broadcast(&Event::Running(record.running()));
    let mut session = Session { mark, started_at: &record.started_at, keeps_record: document.detach };
    live(&mut reactor, &mut Life::of_process(), &mut session)
}

/// A process that runs, or ran, in a container.
struct Session<'a> {
    /// The file that says who it is.
    mark: PathBuf,
    started_at: &'a str,
    keeps_record: bool,
}

impl Duties for Session<'_> {
    fn record(&mut self, ending: Ending, _complaint: Option<String>) -> ExitRecord {
        let exit = ExitRecord::now(ending, self.started_at);
        if self.keeps_record {
            let _ = publish(&self.mark.with_extension("json"), &exit);
        }
        let _ = std::fs::remove_file(&self.mark);
        exit
    }

    fn take_down(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn run_exit_command(&mut self) {}
}
