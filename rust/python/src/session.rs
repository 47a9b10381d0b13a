//! Conversations with monitors, and processes named by number and start time.

use crate::error::{Fault, Kind};
use crate::value::{Text, from_python, to_python};
use libpod_json::versioned;
use libpod_monitor::client::detach_keys::DetachKeys;
use libpod_monitor::client::launch::{self, Role};
use libpod_monitor::client::relay::{Ends, Outcome};
use libpod_monitor::client::session::Stop;
use libpod_monitor::client::{Error, Session as Conversation};
use libpod_monitor::clock::Moment;
use libpod_monitor::log::reader::{self, Follow, Query};
use libpod_monitor::process::HeldProcess;
use libpod_monitor::protocol::Failure;
use libpod_monitor::record::{self, ExitRecord, PidRecord, Reason, Unreadable};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::borrow::Cow;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind.as_str() {
            "command_not_found" => Kind::CommandNotFound,
            "command_not_executable" => Kind::CommandNotExecutable,
            "invalid" => Kind::Invalid,
            "unsupported" => Kind::Unsupported,
            "unsafe_path" => Kind::UnsafePath,
            "state" => Kind::State,
            "in_use" => Kind::InUse,
            "no_network" => Kind::NetworkNotFound,
            _ => Kind::Step,
        };
        let Failure { step, path, errno, message, .. } = failure;
        Self { kind, message, op: step, path, errno, hint: None, answer: None }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        const ETIMEDOUT: i32 = 110;
        let message = error.to_string();
        match error {
            Error::NotStarted(failure) => failure.into(),
            Error::Gone | Error::Malformed | Error::NotRunning { .. } => Self::new(Kind::State, message),
            Error::TooLarge { .. } | Error::DetachKeys { .. } => Self::new(Kind::Invalid, message),
            Error::Timeout => Self::os(ETIMEDOUT, message, None),
            Error::Output { errno, .. } => Self::os(errno.raw_os_error(), message, None),
            Error::Stopped(_) => Self::new(Kind::State, message),
            Error::Io { source, .. } => match source.raw_os_error() {
                Some(errno) => Self::os(errno, message, None),
                None => Self::new(Kind::Invalid, message),
            },
        }
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        let (message, path) = (error.to_string(), error.path.to_string_lossy().into_owned());
        match error.source {
            Reason::Document(versioned::Error::Newer { .. }) => Self::new(Kind::Unsupported, message).with_path(path),
            Reason::Document(versioned::Error::Malformed { .. }) => Self::new(Kind::Corrupt, message).with_path(path),
            Reason::File(source) => match source.raw_os_error() {
                Some(errno) => Self::os(errno, libpod_sys::errno_text(errno), Some(path)),
                // A FIFO, or a file without end.
                None => Self::new(Kind::Corrupt, message).with_path(path),
            },
        }
    }
}

/// Run `work` without the GIL; a signal handler of Python that raises ends it, and its exception is what the caller gets.
fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&mut dyn FnMut() -> Result<(), Stop>) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut raised = None;
    let outcome = py.detach(|| {
        work(&mut || {
            Python::attach(|py| py.check_signals()).map_err(|error| {
                raised = Some(error);
                Stop
            })
        })
    });
    match (outcome, raised) {
        (Err(Error::Stopped(_)), Some(error)) => Err(error),
        (outcome, _) => outcome.map_err(|error| Fault::from(error).into()),
    }
}

/// Exit code of a client whose terminal has hung up: 128 and the number of SIGHUP.
const HUNG_UP: i32 = 129;

fn seconds(timeout_s: Option<f64>) -> PyResult<Option<Duration>> {
    let parse = |seconds| {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| PyErr::from(Fault::new(Kind::Invalid, format!("{seconds}: invalid number of seconds"))))
    };
    timeout_s.map(parse).transpose()
}

/// A connection to the monitor of one container, or of one process in it. One thread uses it at a time.
#[pyclass(frozen, module = "libpod._core")]
pub struct Session(Mutex<Slot>);

/// Where the conversation is.
enum Slot {
    Free(Box<Conversation>),
    InUse,
    Closed,
}

impl Session {
    fn new(conversation: Conversation) -> Self {
        Self(Mutex::new(Slot::Free(Box::new(conversation))))
    }

    /// The lock is only ever held for a moment, never while the monitor is talked to.
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Box<Conversation>, Fault> {
        let mut slot = self.slot();
        match std::mem::replace(&mut *slot, Slot::InUse) {
            Slot::Free(conversation) => Ok(conversation),
            Slot::InUse => Err(Fault::new(Kind::InUse, "another thread uses the session")),
            Slot::Closed => {
                *slot = Slot::Closed;
                Err(Fault::new(Kind::State, "the session is closed"))
            }
        }
    }

    /// Let `work` talk to the monitor, without the GIL.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Conversation, &mut dyn FnMut() -> Result<(), Stop>) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let mut conversation = self.take()?;
        let outcome = interruptible(py, |interrupted| work(&mut conversation, interrupted));
        let mut slot = self.slot();
        if matches!(*slot, Slot::InUse) {
            *slot = Slot::Free(conversation);
        }
        outcome
    }
}

#[pymethods]
impl Session {
    /// Wait until the process runs; return `pid`, `start_time`, `monitor_pid`, `network`. Raises what kept it from starting.
    fn wait_running<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let running = self.with(py, |conversation, interrupted| conversation.wait_running(interrupted))?;
        document(py, &running)
    }

    /// Wait until the process ends, dropping its output; return its exit record, None after `timeout_s`.
    ///
    /// Raises: StateError where the monitor goes without a word.
    #[pyo3(signature = (timeout_s=None))]
    fn wait_end<'py>(&self, py: Python<'py>, timeout_s: Option<f64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timeout = seconds(timeout_s)?;
        let record = self.with(py, |conversation, interrupted| conversation.wait_end(timeout, interrupted))?;
        record.map(|record| document(py, &record)).transpose()
    }

    /// Wait until the monitor has given back what the container held on this host: network, cgroup, its own directory.
    ///
    /// Returns `complaints` (what could not be given back: the caller does it) and `restarts` (another client starts the
    /// container again: the caller leaves it alone); None after `timeout_s`.
    /// Raises: StateError where the monitor goes without a word.
    #[pyo3(signature = (timeout_s=None))]
    fn wait_taken_down<'py>(&self, py: Python<'py>, timeout_s: Option<f64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timeout = seconds(timeout_s)?;
        let taken = self.with(py, |conversation, interrupted| conversation.wait_taken_down(timeout, interrupted))?;
        taken.map(|taken| document(py, &taken)).transpose()
    }

    /// Wait until the monitor is gone; False after `timeout_s`.
    #[pyo3(signature = (timeout_s=None))]
    fn wait_gone(&self, py: Python<'_>, timeout_s: Option<f64>) -> PyResult<bool> {
        let timeout = seconds(timeout_s)?;
        self.with(py, |conversation, interrupted| conversation.wait_gone(timeout, interrupted))
    }

    /// Connect descriptors with the process until it ends, and return its exit record.
    ///
    /// When the user types the detach keys, or the user's terminal hangs up, it runs on, and `detached` is true in the answer;
    /// `exit_code` is 0 then, or 129 after a hang-up.
    /// tty: stdin becomes a raw terminal, is restored however this ends, and its size follows. sig_proxy: signals that reach
    /// this process go to the container. None for a descriptor leaves that stream alone. A full or closed stdout or stderr
    /// raises OSError; the process runs on.
    #[pyo3(signature = (stdin, stdout, stderr, *, tty=false, detach_keys=None, sig_proxy=false))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn relay<'py>(
        &self,
        py: Python<'py>,
        stdin: Option<RawFd>,
        stdout: Option<RawFd>,
        stderr: Option<RawFd>,
        tty: bool,
        detach_keys: Option<Text>,
        sig_proxy: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keys = detach_keys.as_ref().map_or("ctrl-p,ctrl-q", |keys| &keys.0);
        let keys = DetachKeys::parse(keys).map_err(Fault::from)?;
        let [stdin, stdout, stderr] = [borrow(&stdin)?, borrow(&stdout)?, borrow(&stderr)?];
        let ends = Ends { stdin, stdout, stderr, tty, sig_proxy };
        let outcome = self.with(py, |conversation, interrupted| conversation.relay(&ends, keys, interrupted))?;
        let answer = PyDict::new(py);
        match outcome {
            Outcome::Exited(record) => return document(py, &record),
            Outcome::Detached => answer.set_item("exit_code", 0)?,
            Outcome::HungUp => answer.set_item("exit_code", HUNG_UP)?,
            Outcome::Signalled(signal) => {
                // The default action ends us here, as it would have without the terminal to restore.
                libpod_sys::signal::raise(signal);
                py.check_signals()?;
                answer.set_item("exit_code", 128 + signal)?;
            }
        }
        answer.set_item("detached", true)?;
        Ok(answer.into_any())
    }

    /// Write `stdin` to the process, close it, and return exit code, standard output and standard error when it has ended.
    ///
    /// Raises: InvalidError where it writes more than `limit` bytes, TimeoutError after `timeout_s`; it runs on then.
    #[pyo3(signature = (stdin=b"".as_slice(), limit=usize::MAX, timeout_s=None))]
    fn collect<'py>(
        &self,
        py: Python<'py>,
        stdin: &[u8],
        limit: usize,
        timeout_s: Option<f64>,
    ) -> PyResult<(i32, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let timeout = seconds(timeout_s)?;
        let all =
            self.with(py, |conversation, interrupted| conversation.collect(stdin, limit, timeout, interrupted))?;
        Ok((all.record.exit_code, PyBytes::new(py, &all.stdout), PyBytes::new(py, &all.stderr)))
    }

    /// Say that this process cleans up after the container; where it ends without having done so, the monitor does.
    ///
    /// restart: it also starts the container again, and other clients leave the container alone.
    #[pyo3(signature = (*, restart=false))]
    fn take_cleanup(&self, py: Python<'_>, restart: bool) -> PyResult<()> {
        self.with(py, |conversation, _| conversation.take_cleanup(restart))
    }

    /// Say that it is done, and wait until the monitor is gone; False after `timeout_s`.
    #[pyo3(signature = (timeout_s=10.0))]
    fn cleanup_done(&self, py: Python<'_>, timeout_s: f64) -> PyResult<bool> {
        let timeout = seconds(Some(timeout_s))?.unwrap_or_default();
        self.with(py, |conversation, interrupted| conversation.cleanup_done(timeout, interrupted))
    }

    /// Texts for the user that have come so far.
    fn warnings(&self) -> Vec<String> {
        match &*self.slot() {
            Slot::Free(conversation) => conversation.warnings.clone(),
            Slot::InUse | Slot::Closed => Vec::new(),
        }
    }

    /// End the connection; the process runs on. A closed session stays closed.
    fn close(&self) {
        *self.slot() = Slot::Closed;
    }
}

fn borrow(fd: &Option<RawFd>) -> PyResult<Option<BorrowedFd<'_>>> {
    match fd {
        Some(number) if *number < 0 => Err(Fault::os(9, "Bad file descriptor", None).into()),
        Some(number) => Ok(Some(libpod_sys::fd::borrow(number))),
        None => Ok(None),
    }
}

fn document<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(value).map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
    to_python(py, &value)
}

fn start(
    py: Python<'_>,
    helper: PathBuf,
    role: Role,
    launched: &Bound<'_, PyAny>,
    lock: Option<BorrowedFd<'_>>,
) -> PyResult<Session> {
    let value = from_python(launched)?;
    let label = value.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    let text = value.to_string();
    let conversation = interruptible(py, |_| launch::launch(&helper, role, text.as_bytes(), &label, lock))?;
    Ok(Session::new(conversation))
}

/// Start the monitor of a container; `document` is the launch document.
///
/// lock: descriptor of the caller's lock on the container; the monitor shares it until the container runs.
#[pyfunction]
#[pyo3(signature = (helper, document, lock=None))]
fn launch_monitor(
    py: Python<'_>,
    helper: PathBuf,
    document: &Bound<'_, PyAny>,
    lock: Option<RawFd>,
) -> PyResult<Session> {
    start(py, helper, Role::Monitor, document, borrow(&lock)?)
}

/// Start one more process in a running container; `document` is the exec document.
#[pyfunction]
fn launch_exec(py: Python<'_>, helper: PathBuf, document: &Bound<'_, PyAny>) -> PyResult<Session> {
    start(py, helper, Role::Exec, document, None)
}

/// Connect to the monitor of a running container. Raises StateError where none listens.
///
/// output: whether the container's output is taken; a client that takes none is only told of the end, and need not hurry.
#[pyfunction]
#[pyo3(signature = (run_dir, *, output=true))]
fn attach_monitor(py: Python<'_>, run_dir: PathBuf, output: bool) -> PyResult<Session> {
    let mut conversation = interruptible(py, |_| launch::attach(&run_dir))?;
    if !output {
        conversation.take_no_output();
    }
    Ok(Session::new(conversation))
}

fn hold(pid: i32, start_time: u64) -> PyResult<Option<HeldProcess>> {
    Ok(HeldProcess::open(pid, start_time).map_err(Fault::from)?)
}

/// The record of a running container at `path` (pid.json); None if there is none. What the release before versions wrote has
/// `frames` 0.
///
/// Raises: CorruptError, UnsupportedError (written by a newer release), OSError.
#[pyfunction]
fn read_run_record(py: Python<'_>, path: PathBuf) -> PyResult<Option<Bound<'_, PyAny>>> {
    let record = record::read::<PidRecord>(&path).map_err(Fault::from)?;
    record.map(|record| document(py, &record)).transpose()
}

/// The record of a container's end at `path` (exit.json); None if there is none. Raises as `read_run_record`.
#[pyfunction]
fn read_exit_record(py: Python<'_>, path: PathBuf) -> PyResult<Option<Bound<'_, PyAny>>> {
    let record = record::read::<ExitRecord>(&path).map_err(Fault::from)?;
    record.map(|record| document(py, &record)).transpose()
}

/// Whether the process exists, at least as a zombie that its monitor has not recorded yet.
#[pyfunction]
fn process_alive(pid: i32, start_time: u64) -> PyResult<bool> {
    Ok(hold(pid, start_time)?.is_some())
}

/// Send a signal; False where the process has ended.
#[pyfunction]
fn signal_process(pid: i32, start_time: u64, signal: i32) -> PyResult<bool> {
    match hold(pid, start_time)? {
        Some(process) => Ok(process.signal(signal).map_err(Fault::from)?),
        None => Ok(false),
    }
}

/// Wait until the process is gone; False after `timeout_s`.
#[pyfunction]
#[pyo3(signature = (pid, start_time, timeout_s=None))]
fn wait_process(py: Python<'_>, pid: i32, start_time: u64, timeout_s: Option<f64>) -> PyResult<bool> {
    let timeout = seconds(timeout_s)?;
    let Some(process) = hold(pid, start_time)? else { return Ok(true) };
    interruptible(py, |interrupted| process.wait(timeout, &mut || interrupted().map_err(Error::from)))
}

/// Print a container's log to two descriptors (None: leave that stream out).
///
/// tail: so many lines at the end. since_ns, until_ns: nanoseconds since the epoch. follow: (pid, start_time) of the
/// container; goes on until it is gone. next_run: called then, answers the same of the next run, or None; it may wait.
/// prefix: printed before every line. is_complete: nobody writes to it any more.
///
/// Answers how many lines are no entries, where the first of them begins in bytes, and its beginning.
#[pyfunction]
#[pyo3(signature = (path, stdout, stderr, *, tail=None, since_ns=None, until_ns=None, timestamps=false, follow=None, next_run=None, prefix=None, is_complete=false))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of Python")]
fn read_log(
    py: Python<'_>,
    path: PathBuf,
    stdout: Option<RawFd>,
    stderr: Option<RawFd>,
    tail: Option<u64>,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
    timestamps: bool,
    follow: Option<(i32, u64)>,
    next_run: Option<Py<PyAny>>,
    prefix: Option<&[u8]>,
    is_complete: bool,
) -> PyResult<(u64, u64, Cow<'static, [u8]>)> {
    let moment = |nanos: Option<i64>| nanos.map(|nanos| Moment(nanos.into()));
    let query = Query { tail, since: moment(since_ns), until: moment(until_ns), timestamps, is_complete };
    let ends = [borrow(&stdout)?, borrow(&stderr)?];
    let prefix = prefix.unwrap_or_default();
    let process = match follow {
        Some((pid, start_time)) => hold(pid, start_time)?,
        None => None,
    };
    let mut raised = None;
    let mut next = || {
        let Some(next_run) = &next_run else { return Ok(None) };
        let answer = Python::attach(|py| match next_run.call0(py)?.extract::<Option<(i32, u64)>>(py)? {
            Some((pid, start_time)) => hold(pid, start_time),
            None => Ok(None),
        });
        answer.map_err(|error| {
            raised = Some(error);
            Stop
        })
    };
    let follow = process.map(|process| Follow { process, next: &mut next });
    let outcome = interruptible(py, |interrupted| reader::read_log(&path, query, prefix, ends, follow, interrupted));
    let damage = raised.map_or(outcome, Err)?;
    Ok((damage.lines, damage.offset, damage.text.into()))
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Session>()?;
    module.add_function(wrap_pyfunction!(launch_monitor, module)?)?;
    module.add_function(wrap_pyfunction!(launch_exec, module)?)?;
    module.add_function(wrap_pyfunction!(attach_monitor, module)?)?;
    module.add_function(wrap_pyfunction!(read_run_record, module)?)?;
    module.add_function(wrap_pyfunction!(read_exit_record, module)?)?;
    module.add_function(wrap_pyfunction!(process_alive, module)?)?;
    module.add_function(wrap_pyfunction!(signal_process, module)?)?;
    module.add_function(wrap_pyfunction!(wait_process, module)?)?;
    module.add_function(wrap_pyfunction!(read_log, module)?)?;
    Ok(())
}
