//! The processes whose end a monitor waits for, and the orphans that come to it.

use crate::record::Ending;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, pidfd_open, pidfd_send_signal, waitid,
    waitpid,
};
use std::io;
use std::os::fd::OwnedFd;

/// What a child is to the monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The container's first process, or the process of an exec session.
    Main,
}

/// The children that are watched.
#[derive(Debug, Default)]
pub struct Children(Vec<Child>);

#[derive(Debug)]
struct Child {
    role: Role,
    pid: Pid,
    pidfd: OwnedFd,
    ended: bool,
}

impl Children {
    /// Watch `pid`, a child of this process that nobody has reaped.
    pub fn watch(&mut self, role: Role, pid: Pid) -> io::Result<()> {
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        self.0.push(Child { role, pid, pidfd, ended: false });
        Ok(())
    }

    /// What to wait for: those that have not ended.
    pub fn interest(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.0.iter().filter(|child| !child.ended).map(|child| PollFd::new(&child.pidfd, PollFlags::IN))
    }

    /// The children that have ended since the last call, and how. They are left zombies: as long as the container's process is
    /// one, no command takes it for ended without a record.
    pub fn take_ended(&mut self) -> io::Result<Vec<(Role, Ending)>> {
        let mut found = Vec::new();
        for child in self.0.iter_mut().filter(|child| !child.ended) {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if let Some(ending) = waitid(WaitId::Pid(child.pid), options)?.and_then(|status| ending(&status)) {
                child.ended = true;
                found.push((child.role, ending));
            }
        }
        Ok(found)
    }

    /// Send `signal` to the child of this role, unless it has ended.
    pub fn signal(&self, role: Role, signal: Signal) {
        for child in self.0.iter().filter(|child| child.role == role) {
            // It may have ended just now.
            let _ = pidfd_send_signal(&child.pidfd, signal);
        }
    }

    /// Reap the child of this role, which has ended.
    pub fn reap(&mut self, role: Role) {
        for child in self.0.iter().filter(|child| child.role == role) {
            while let Err(Errno::INTR) = waitpid(Some(child.pid), WaitOptions::empty()) {}
        }
        self.0.retain(|child| child.role != role);
    }

    /// Reap every ended child that is not watched: orphans of the container come to us, the subreaper.
    pub fn reap_orphans(&self) {
        let watched = |pid: &Pid| self.0.iter().any(|child| child.pid == *pid);
        while let Some(pid) = libpod_sys::signal::ended_child().filter(|pid| !watched(pid)) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

fn ending(status: &WaitIdStatus) -> Option<Ending> {
    let code = status.exit_status().map(Ending::Code);
    code.or_else(|| status.terminating_signal().map(Ending::Signal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::poll;
    use std::process::Command;

    #[test]
    fn an_end_is_told_once_and_the_child_stays_until_it_is_reaped() {
        let mut children = Children::default();
        let mut process = Command::new("sleep").arg("60").spawn().expect("sleep");
        let pid = Pid::from_child(&process);
        children.watch(Role::Main, pid).expect("a child");
        assert_eq!(children.take_ended().expect("ours"), []);
        children.signal(Role::Main, Signal::TERM);
        let mut fds: Vec<_> = children.interest().collect();
        poll(&mut fds, None).expect("its end wakes us");
        assert_eq!(children.take_ended().expect("ours"), [(Role::Main, Ending::Signal(15))]);
        assert_eq!(children.take_ended().expect("ours"), []);
        assert_eq!(children.interest().count(), 0);
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        assert!(stat().expect("not reaped").contains(") Z "));
        children.reap(Role::Main);
        assert!(process.wait().is_err(), "it was reaped");
    }

    #[test]
    fn an_exit_code_is_told() {
        let mut children = Children::default();
        let mut process = Command::new("sh").args(["-c", "exit 7"]).spawn().expect("sh");
        children.watch(Role::Main, Pid::from_child(&process)).expect("a child");
        let mut fds: Vec<_> = children.interest().collect();
        poll(&mut fds, None).expect("its end wakes us");
        assert_eq!(children.take_ended().expect("ours"), [(Role::Main, Ending::Code(7))]);
        children.reap(Role::Main);
        assert!(process.wait().is_err(), "it was reaped");
    }
}
