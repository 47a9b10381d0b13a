//! How long a registry may keep us: one budget for all that a request takes, and one for each transfer.
//!
//! A socket's own timeout starts anew with every byte, so a registry that drips (headers, trailers, a token) would hold its
//! client for ever. Here the thread that works says until when it may ([`within`]), and every wait on a connection is cut to
//! what is left of that. A transfer may take as long as it moves: its [`Transfer`] counts the time that it waits, and each
//! byte that comes buys a little more.
//!
//! The budget is the thread's because connections are shared by threads, and whoever waits on one does so in its own.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The slowest transfer that is waited for, in bytes a second, once the first patience is used up.
const SLOWEST: u64 = 1024;

/// The timeout of a socket is set in this many steps of a budget: setting it is a system call.
const STEPS: u32 = 8;

/// A deadline, and how long it was when it was set.
#[derive(Clone, Copy)]
struct Budget {
    end: Instant,
    whole: Duration,
}

impl Budget {
    fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}

thread_local! {
    static BUDGET: Cell<Option<Budget>> = const { Cell::new(None) };
}

/// Puts the outer budget back, also after a panic.
struct Restore(Option<Budget>);

impl Drop for Restore {
    fn drop(&mut self) {
        BUDGET.set(self.0);
    }
}

/// Do `work` in at most this time; less where the thread has less left already.
pub fn within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let outer = BUDGET.get();
    let inner = Budget { end: Instant::now() + limit, whole: limit };
    let _restore = Restore(outer);
    BUDGET.set(Some(outer.filter(|outer| outer.end < inner.end).unwrap_or(inner)));
    work()
}

/// Start this thread's budget anew, because something moved.
pub fn renew() {
    BUDGET.set(BUDGET.get().map(|budget| Budget { end: Instant::now() + budget.whole, ..budget }));
}

/// What this thread has left; None where nothing limits it.
pub fn left() -> Option<Duration> {
    BUDGET.get().map(Budget::left)
}

/// The budget was used up.
#[derive(Debug)]
pub struct Expired {
    whole: Duration,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the registry gave no complete answer in {} seconds", self.whole.as_secs_f32())
    }
}

impl std::error::Error for Expired {}

/// Is it the error of a budget that was used up?
pub fn is_expired(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Expired>() || inner.downcast_ref().is_some_and(is_expired))
}

/// Puts a [`Bounded`] around each connection, below TLS, so that a handshake is bounded too.
#[derive(Debug)]
pub struct Bounding;

impl<In: Transport> Connector<In> for Bounding {
    type Out = Bounded<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(Bounded))
    }
}

/// A connection on which nobody waits for longer than the thread's budget.
#[derive(Debug)]
pub struct Bounded<T>(T);

/// Cut the timeout of one wait to what is left.
fn cut(mut timeout: NextTimeout) -> Result<NextTimeout, ureq::Error> {
    if let Some(budget) = BUDGET.get() {
        let left = budget.left();
        if left.is_zero() {
            return Err(ureq::Error::Io(io::Error::new(io::ErrorKind::TimedOut, Expired { whole: budget.whole })));
        }
        let step = (budget.whole / STEPS).max(Duration::from_millis(1));
        let steps = left.as_nanos().div_ceil(step.as_nanos());
        let rounded = step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
        timeout.after = timeout.after.min(rounded.into());
    }
    Ok(timeout)
}

/// A wait that ended with the budget is the budget's error.
fn blame<T>(result: Result<T, ureq::Error>) -> Result<T, ureq::Error> {
    match (result, BUDGET.get()) {
        (Err(ureq::Error::Timeout(_)), Some(budget)) if budget.left().is_zero() => {
            Err(ureq::Error::Io(io::Error::new(io::ErrorKind::TimedOut, Expired { whole: budget.whole })))
        }
        (result, _) => result,
    }
}

impl<T: Transport> Transport for Bounded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        blame(self.0.transmit_output(amount, cut(timeout)?))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        blame(self.0.await_input(cut(timeout)?))
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// A body that is read as long as it moves.
pub struct Transfer<R> {
    inner: R,
    patience: Duration,
    waited: Duration,
    bytes: u64,
}

impl<R: Read> Transfer<R> {
    /// Wait for `patience` in all, and for every [`SLOWEST`] bytes a second longer.
    pub fn new(inner: R, patience: Duration) -> Self {
        Self { inner, patience, waited: Duration::ZERO, bytes: 0 }
    }
}

impl<R: Read> Read for Transfer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let earned = Duration::from_millis(self.bytes.saturating_mul(1000) / SLOWEST);
        let left = (self.patience + earned).saturating_sub(self.waited);
        let start = Instant::now();
        let result = within(left.min(self.patience), || self.inner.read(buffer));
        // Only what was waited for counts: whoever reads may be slow.
        self.waited += start.elapsed();
        self.bytes += result.as_ref().map_or(0, |count| *count as u64);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_budget_is_never_longer_than_the_outer_one() {
        assert_eq!(left(), None);
        within(Duration::from_secs(5), || {
            within(Duration::from_secs(500), || assert!(left() <= Some(Duration::from_secs(5))));
            within(Duration::from_secs(1), || assert!(left() <= Some(Duration::from_secs(1))));
            assert!(left() > Some(Duration::from_secs(4)));
        });
        assert_eq!(left(), None);
    }

    #[test]
    fn a_used_up_budget_is_an_error_that_is_told_apart() {
        let error = within(Duration::ZERO, || cut(NextTimeout::default()).expect_err("nothing is left"));
        let ureq::Error::Io(error) = error else { panic!("an I/O error") };
        assert!(is_expired(&error));
        assert!(is_expired(&io::Error::other(error)));
        assert!(!is_expired(&io::Error::from(io::ErrorKind::TimedOut)));
        assert!(cut(NextTimeout::default()).is_ok());
    }

    #[test]
    fn a_sockets_timeout_is_set_in_few_steps() {
        within(Duration::from_secs(80), || {
            let first = cut(NextTimeout::default()).expect("time is left").after;
            assert_eq!(*first, Duration::from_secs(80));
            assert_eq!(cut(NextTimeout::default()).expect("time is left").after, first);
        });
    }

    struct Dripping;

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(5));
            if left() == Some(Duration::ZERO) {
                return Err(io::Error::other(Expired { whole: Duration::ZERO }));
            }
            let count = buffer.len().min(1);
            Ok(count)
        }
    }

    #[test]
    fn a_transfer_that_drips_ends() {
        let mut transfer = Transfer::new(Dripping, Duration::from_millis(100));
        let error = io::copy(&mut transfer, &mut io::sink()).expect_err("too slow");
        assert!(is_expired(&error));
        assert!(transfer.bytes > 1);
    }
}
