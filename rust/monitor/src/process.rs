//! Naming a process for good: by number and start time, held by a pidfd while something is done to it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// When `pid` started, in clock ticks since boot: field 22 of `/proc/PID/stat`.
pub fn start_time(pid: Pid) -> io::Result<u64> {
    Ok(Stat::read(pid)?.start_time)
}

/// What `/proc/PID/stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    is_zombie: bool,
    parent: i32,
    start_time: u64,
}

impl Stat {
    fn read(pid: Pid) -> io::Result<Self> {
        let mut buffer = [0; 1024];
        let mut file = File::open(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
        // The kernel writes the whole line at once.
        let count = file.read(&mut buffer)?;
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "no start time in /proc/PID/stat");
        Self::parse(&buffer[..count]).ok_or_else(malformed)
    }

    /// The name in the second field may hold spaces and parentheses: fields are counted after the last one.
    fn parse(stat: &[u8]) -> Option<Self> {
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let mut rest = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace();
        let is_zombie = matches!(rest.next()?, "Z" | "X");
        Some(Self { is_zombie, parent: rest.next()?.parse().ok()?, start_time: rest.nth(17)?.parse().ok()? })
    }

    /// Whether one of our monitors has this zombie for a child, and will reap it once its end is on record.
    fn is_watched(&self) -> bool {
        let name = std::fs::read(format!("/proc/{}/comm", self.parent));
        name.is_ok_and(|name| name.starts_with(MONITOR_PREFIX))
    }
}

/// What the names of our watching processes begin with.
const MONITOR_PREFIX: &[u8] = b"libpod-";

/// One process, held.
#[derive(Debug)]
pub struct HeldProcess {
    pid: Pid,
    start_time: u64,
    pidfd: OwnedFd,
}

impl HeldProcess {
    /// Hold the process `pid` that started at `start_time`; None where it is gone. A zombie whose monitor has yet to record its
    /// end is not gone.
    pub fn open(pid: i32, start: u64) -> io::Result<Option<Self>> {
        let Some(pid) = (pid > 0).then_some(pid).and_then(Pid::from_raw) else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(Errno::SRCH) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let held = Self { pid, start_time: start, pidfd };
        Ok(held.exists().then_some(held))
    }

    /// Whether it still runs, or is a zombie whose monitor has yet to record its end.
    pub fn exists(&self) -> bool {
        Stat::read(self.pid)
            .is_ok_and(|stat| stat.start_time == self.start_time && (!stat.is_zombie || stat.is_watched()))
    }

    /// Send `signal`; false where it ended before.
    pub fn signal(&self, signal: i32) -> io::Result<bool> {
        match libpod_sys::signal::send_to(self.pidfd.as_fd(), signal) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Errno::SRCH => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Wait until it is gone, at most `timeout`; whether it is. `interrupted` is asked now and then, and ends the wait.
    ///
    /// Its end alone is not enough: as long as it is a zombie its monitor has not written the exit record.
    pub fn wait<E: From<io::Error>>(
        &self,
        timeout: Option<Duration>,
        interrupted: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<bool, E> {
        const SLICE: Duration = Duration::from_millis(250);
        // A timeout that no clock can hold is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut pause = Duration::from_micros(200);
        let mut ended = false;
        while self.exists() {
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            if ended {
                std::thread::sleep(pause.min(left));
                pause = (pause * 2).min(Duration::from_millis(20));
            } else {
                ended = self.poll_end(left.min(SLICE))?;
            }
            interrupted()?;
        }
        Ok(true)
    }

    fn poll_end(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(count) => Ok(count > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for HeldProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn uninterrupted() -> io::Result<()> {
        Ok(())
    }

    #[test]
    fn a_name_cannot_move_the_fields() {
        let stat = b"7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 2 3";
        assert_eq!(Stat::parse(stat), Some(Stat { is_zombie: false, parent: 1, start_time: 4242 }));
        assert_eq!(Stat::parse(b"7 (a) S 1"), None);
    }

    #[test]
    fn another_start_time_is_another_process() {
        let me = rustix::process::getpid();
        let start = start_time(me).expect("own stat");
        let number = me.as_raw_nonzero().get();
        assert!(HeldProcess::open(number, start).expect("open").is_some());
        assert!(HeldProcess::open(number, start + 1).expect("open").is_none());
        assert!(HeldProcess::open(0, start).expect("open").is_none());
        assert!(HeldProcess::open(-1, start).expect("open").is_none());
    }

    #[test]
    fn a_zombie_is_waited_for_while_a_monitor_is_its_parent() {
        let own_name = format!("/proc/{}/comm", std::process::id());
        let before = std::fs::read(&own_name).expect("name");
        let mut child = Command::new("sleep").arg("30").spawn().expect("sleep");
        let pid = Pid::from_child(&child);
        let held = HeldProcess::open(pid.as_raw_nonzero().get(), start_time(pid).expect("stat"))
            .expect("open")
            .expect("alive");
        let wait = |limit_ms| held.wait(Some(Duration::from_millis(limit_ms)), &mut uninterrupted).expect("wait");
        assert!(!wait(10));
        std::fs::write(&own_name, "libpod-monitor").expect("rename");
        assert!(held.signal(9).expect("signal"));
        assert!(!wait(50), "its monitor has not recorded its end");
        std::fs::write(&own_name, &before).expect("rename");
        assert!(wait(1000), "nobody will record it");
        child.wait().expect("reaped");
        assert!(wait(0));
        assert!(!held.signal(9).expect("signal"), "it is gone");
    }
}
