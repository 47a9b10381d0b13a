//! What is to be done at a moment to come, one moment for each purpose, behind one descriptor.

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The container has used up its time.
    Limit,
    /// A terminal that no process had open is looked at again.
    Terminal,
}

/// The timers of a monitor. The descriptor is made with the first of them: most containers have none.
#[derive(Debug, Default)]
pub struct Timers {
    fd: Option<OwnedFd>,
    set: Vec<(Instant, Timer)>,
}

impl Timers {
    /// Let `timer` be due once after `delay`, and no longer when it was due before. A delay that no clock can hold is for ever.
    pub fn set(&mut self, timer: Timer, delay: Duration) -> io::Result<()> {
        self.set.retain(|(_, other)| *other != timer);
        self.set.extend(Instant::now().checked_add(delay).map(|moment| (moment, timer)));
        self.arm()
    }

    /// The timers that are due. Each is told once.
    pub fn take_due(&mut self) -> io::Result<Vec<Timer>> {
        let now = Instant::now();
        let (mut due, later): (Vec<_>, Vec<_>) = self.set.iter().partition(|(moment, _)| *moment <= now);
        due.sort_by_key(|(moment, _)| *moment);
        self.set = later;
        self.arm()?;
        Ok(due.into_iter().map(|(_, timer)| timer).collect())
    }

    /// What to wait for, while a timer is set.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().filter(|_| !self.set.is_empty()).map(AsFd::as_fd)
    }

    /// Set the descriptor to the earliest moment. To set it also takes away that it was due.
    fn arm(&mut self) -> io::Result<()> {
        let earliest = self.set.iter().map(|(moment, _)| *moment).min();
        if self.fd.is_none() && earliest.is_some() {
            self.fd = Some(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?);
        }
        let Some(fd) = &self.fd else { return Ok(()) };
        // Nothing left is the shortest time that there is: zero means never.
        let left = earliest.map_or(Duration::ZERO, |moment| {
            moment.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1))
        });
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        timerfd_settime(fd, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: never, it_value: value })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    fn is_ready(timers: &Timers, limit: Duration) -> bool {
        let Some(fd) = timers.fd() else { return false };
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&limit)).expect("poll") > 0
    }

    #[test]
    fn each_is_due_once_the_earliest_first() {
        let mut timers = Timers::default();
        assert!(timers.fd().is_none());
        timers.set(Timer::Limit, Duration::from_millis(2)).expect("set");
        timers.set(Timer::Terminal, Duration::from_millis(1)).expect("set");
        std::thread::sleep(Duration::from_millis(5));
        assert!(is_ready(&timers, Duration::ZERO));
        assert_eq!(timers.take_due().expect("due"), [Timer::Terminal, Timer::Limit]);
        assert!(timers.fd().is_none());
        assert_eq!(timers.take_due().expect("none"), []);
    }

    #[test]
    fn what_is_left_is_waited_for() {
        let mut timers = Timers::default();
        timers.set(Timer::Terminal, Duration::ZERO).expect("set");
        timers.set(Timer::Limit, Duration::from_millis(20)).expect("set");
        assert!(is_ready(&timers, Duration::from_secs(10)));
        assert_eq!(timers.take_due().expect("due"), [Timer::Terminal]);
        assert!(!is_ready(&timers, Duration::ZERO));
        assert!(is_ready(&timers, Duration::from_secs(10)));
        assert_eq!(timers.take_due().expect("due"), [Timer::Limit]);
    }

    #[test]
    fn a_timer_that_is_set_again_is_due_then() {
        let mut timers = Timers::default();
        timers.set(Timer::Limit, Duration::ZERO).expect("set");
        timers.set(Timer::Limit, Duration::from_secs(100)).expect("set");
        assert!(!is_ready(&timers, Duration::from_millis(20)));
        timers.set(Timer::Limit, Duration::MAX).expect("set");
        assert!(timers.fd().is_none(), "for ever");
    }
}
