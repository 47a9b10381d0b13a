//! `create start run kill delete pause resume`.

use super::arguments::{Flag, Parsed, parse};
use super::command::{Globals, one_id};
use super::directory::START_SOCKET;
use super::foreground::{self, Foreground};
use super::outcome::{CommandError, Outcome};
use super::record::{self, Config, Found, RecordedContainer, Reserved, Status, does_not_exist};
use libpod_runtime::mounting::Mounter;
use libpod_runtime::seccomp::{self, Program};
use libpod_runtime::spec::Spec;
use libpod_runtime::start::{make_socket, start as let_go};
use libpod_runtime::{ContainerId, Created, Request, Rootfs, hooks};
use libpod_sys::io_text;
use rustix::process::Pid;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CREATE_FLAGS: &[Flag] = &[
    Flag::text("bundle").short('b'),
    Flag::text("console-socket"),
    Flag::text("pid-file"),
    Flag::text("preserve-fds"),
    Flag::switch("no-pivot").refused(),
    Flag::switch("no-new-keyring").refused(),
];

/// What `run` takes beside those of `create`.
const RUN_FLAGS: &[Flag] = &[
    Flag::switch("detach").short('d'),
    Flag::switch("keep"),
    // Nothing that is reparented is reaped here, with or without it.
    Flag::switch("no-subreaper"),
];

/// How long `delete --force` waits for a killed process to be gone.
const DELETE_PATIENCE: Duration = Duration::from_secs(10);

/// What a command line asks to create.
struct Order {
    id: ContainerId,
    bundle: PathBuf,
    rootfs: PathBuf,
    config: Config,
    seccomp: Option<Program>,
    preserve_fds: u32,
    console_socket: Option<PathBuf>,
    pid_file: Option<PathBuf>,
}

impl Order {
    fn read(parsed: &Parsed, id: ContainerId) -> Result<Self, CommandError> {
        let bundle = std::path::absolute(parsed.last("bundle").filter(|path| !path.is_empty()).unwrap_or("."))
            .map_err(|error| CommandError::new(format!("find the bundle: {}", io_text(&error))))?;
        let config = Config::read(&bundle)?;
        let root = config.spec.root.as_ref().ok_or_else(|| CommandError::new("root must be specified"))?;
        // The bundle may be named through links, its root may not.
        let rootfs = std::fs::canonicalize(&bundle)
            .map_err(|error| CommandError::new(format!("find the bundle: {}", io_text(&error))))?
            .join(&root.path);
        let seccomp = compile(&config.spec)?;
        Ok(Self {
            id,
            rootfs,
            seccomp,
            config,
            bundle,
            preserve_fds: preserved(parsed)?,
            console_socket: parsed.last("console-socket").map(PathBuf::from),
            pid_file: parsed.last("pid-file").map(PathBuf::from),
        })
    }

    fn terminal(&self) -> bool {
        self.config.spec.process.as_ref().is_some_and(|process| process.terminal)
    }

    fn request(&mut self, start_socket: Option<OwnedFd>, relayed: bool) -> Request<'_> {
        Request {
            id: &self.id,
            bundle: &self.bundle,
            rootfs: Rootfs::Dir(self.rootfs.clone()),
            changes: &[],
            stdio: foreground::stdio(self.terminal(), relayed),
            preserve_fds: self.preserve_fds,
            seccomp: self.seccomp.take(),
            start_socket,
            mounter: Mounter::probe(),
            spec: &self.config.spec,
        }
    }
}

/// Compile the specification's filter.
pub fn compile(spec: &Spec) -> Result<Option<Program>, CommandError> {
    let profile = spec.linux.seccomp.as_ref();
    profile.map(seccomp::compile).transpose().map_err(|error| CommandError::new(error.to_string()))
}

/// `--preserve-fds`, with those that socket activation hands over.
pub fn preserved(parsed: &Parsed) -> Result<u32, CommandError> {
    let given = parsed.last("preserve-fds").unwrap_or("0");
    let given: u32 =
        given.parse().map_err(|_| CommandError::new(format!("invalid value {given:?} for flag -preserve-fds")))?;
    let activated = std::env::var("LISTEN_FDS").ok().and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    // More than a process can have: the first that is not open is named when they are counted.
    Ok(given.saturating_add(activated))
}

/// `create ID`
pub fn create(globals: &Globals, words: &[String]) -> Outcome {
    let (parsed, id) = one_id("create", CREATE_FLAGS, words)?;
    let mut order = Order::read(&parsed, id)?;
    check_console(order.terminal(), order.console_socket.is_some(), true)?;
    let reserved = record::reserve(globals, &order.id, &order.config, &order.bundle, &order.rootfs)?;
    let socket = make_socket(&reserved.home().path(START_SOCKET))?;
    let (console, pid_file) = (order.console_socket.take(), order.pid_file.take());
    let request = order.request(Some(socket), false);
    let failed = |failure: CommandError| {
        CommandError::new(format!("libpod-runtime create failed: unable to start container process: {}", failure.text))
    };
    let (created, _) = prepare(globals, &request, console.as_deref()).map_err(failed)?;
    publish(created.pid(), reserved, pid_file.as_deref())?;
    created.release();
    Ok(0)
}

/// `run ID`
pub fn run(globals: &Globals, words: &[String]) -> Outcome {
    let (parsed, id) = one_id("run", &[CREATE_FLAGS, RUN_FLAGS].concat(), words)?;
    let mut order = Order::read(&parsed, id)?;
    let detach = parsed.has("detach");
    check_console(order.terminal(), order.console_socket.is_some(), detach)?;
    let reserved = record::reserve(globals, &order.id, &order.config, &order.bundle, &order.rootfs)?;
    let (console, pid_file) = (order.console_socket.take(), order.pid_file.take());
    let foreground = if detach { None } else { Some(Foreground::new()?) };
    let relayed = foreground.is_some() && console.is_none();
    if let Some(process) = order.config.spec.process.as_mut().filter(|process| process.terminal && relayed) {
        process.console_size = process.console_size.or_else(foreground::own_size);
    }
    let request = order.request(None, relayed);
    let failed = |failure: CommandError| {
        CommandError::new(format!("libpod-runtime run failed: unable to start container process: {}", failure.text))
    };
    let (created, terminal) = prepare(globals, &request, console.as_deref()).map_err(failed)?;
    let container = publish(created.pid(), reserved, pid_file.as_deref())?;
    let running = match created.go() {
        Ok(running) => running,
        Err(error) => {
            remove(globals, &container, false)?;
            return Err(failed(error.into()));
        }
    };
    running.warnings.iter().for_each(|text| globals.log.warn(text));
    let Some(foreground) = foreground else { return Ok(0) };
    let code = foreground.wait(running.pidfd.as_fd(), terminal).map_err(CommandError::new)?;
    if !parsed.has("keep") {
        remove(globals, &container, true)?;
    }
    Ok(code)
}

/// Whether a terminal has somebody to go to.
pub fn check_console(terminal: bool, socket: bool, detached: bool) -> Result<(), CommandError> {
    match (terminal, socket, detached) {
        (true, false, true) => {
            Err(CommandError::new("cannot allocate tty if runc will detach without setting console socket"))
        }
        (false, true, _) => Err(CommandError::new("cannot use console socket if runc will not detach or allocate tty")),
        _ => Ok(()),
    }
}

/// Create up to the point where only *go* is missing; hand the terminal over where a socket waits for it.
fn prepare<'a>(
    globals: &Globals,
    request: &'a Request<'a>,
    console: Option<&Path>,
) -> Result<(Created<'a>, Option<OwnedFd>), CommandError> {
    if globals.log.is_debug() {
        libpod_runtime::describe(request)?.iter().for_each(|step| globals.log.debug(step));
    }
    let mut created = libpod_runtime::create(request)?;
    let terminal = created.wait_prepared()?;
    created.warnings.iter().for_each(|text| globals.log.warn(text));
    created.warnings.clear();
    match (terminal, console) {
        (Some(master), Some(socket)) => {
            foreground::hand_over(master.as_fd(), socket).map_err(CommandError::new)?;
            Ok((created, None))
        }
        (terminal, _) => Ok((created, terminal)),
    }
}

/// Tell the container's number to the caller, and record it: last, so that an error leaves no container.
fn publish(pid: Pid, reserved: Reserved, pid_file: Option<&Path>) -> Result<RecordedContainer, CommandError> {
    if let Some(path) = pid_file {
        record::write_pid_file(path, pid)?;
    }
    reserved.keep(pid)
}

/// `start ID`
pub fn start(globals: &Globals, words: &[String]) -> Outcome {
    let (_, id) = one_id("start", &[], words)?;
    let container = RecordedContainer::load(globals, &id)?;
    match container.status() {
        Status::Created => {}
        Status::Creating => return Err(CommandError::new("cannot start a container that is still being created")),
        Status::Stopped => return Err(CommandError::new("cannot start a container that has stopped")),
        Status::Running | Status::Paused => return Err(CommandError::new("cannot start an already running container")),
    }
    let spec = container.spec()?;
    let warnings = let_go(&container.start_socket())?;
    warnings.iter().for_each(|text| globals.log.warn(text));
    container.home.unlink(START_SOCKET)?;
    if let Err(error) = run_hooks(&container, &spec, "poststart", "running") {
        end(&container)?;
        return Err(error.into());
    }
    Ok(0)
}

fn run_hooks(container: &RecordedContainer, spec: &Spec, moment: &str, status: &str) -> libpod_runtime::Result<()> {
    let hooks = if moment == "poststart" { &spec.hooks.poststart } else { &spec.hooks.poststop };
    let record = &container.record;
    let state = hooks::State {
        oci_version: &record.oci_version,
        id: &record.id,
        status,
        pid: if status == "stopped" { 0 } else { record.pid },
        bundle: record.bundle.clone(),
        annotations: &record.annotations,
    };
    hooks::run(moment, hooks, &state, &[])
}

/// `kill ID [SIGNAL]`
pub fn kill(globals: &Globals, words: &[String]) -> Outcome {
    const FLAGS: &[Flag] = &[Flag::switch("all").short('a')];
    let (parsed, rest) = parse(FLAGS, words).map_err(CommandError::new)?;
    let (id, signal) = match rest {
        [id] => (id, "SIGTERM"),
        [id, signal] => (id, signal.as_str()),
        _ => return Err(CommandError::new("\"kill\" requires a minimum of 1 argument")),
    };
    let container = RecordedContainer::load(globals, &id.parse()?)?;
    let number = signal_number(signal).ok_or_else(|| CommandError::new(format!("unknown signal {signal:?}")))?;
    if parsed.has("all") {
        return kill_all(&container, number);
    }
    let process = container.process().ok_or_else(|| CommandError::new("container not running"))?;
    // The end of a PID namespace's first process is that of all; in a shared one the others would run on. A frozen one does not end.
    if number == 9 && (!leads_pid_namespace(container.record.pid) || container.cgroup()?.is_frozen()) {
        return kill_all(&container, number);
    }
    match process.signal(number) {
        Ok(true) => Ok(0),
        Ok(false) => Err(CommandError::new("container not running")),
        Err(error) => Err(CommandError::new(format!("send signal {number}: {}", io_text(&error)))),
    }
}

/// Whether this process is number 1 where it lives.
fn leads_pid_namespace(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().last() == Some("1"))
}

fn kill_all(container: &RecordedContainer, number: i32) -> Outcome {
    let cgroup = container.cgroup()?;
    if number == 9 {
        cgroup.kill()?;
        return Ok(0);
    }
    // Frozen meanwhile, or a process would fork past the list.
    let was_frozen = cgroup.is_frozen();
    cgroup.set_frozen(true)?;
    let outcome = cgroup.processes().map(|processes| {
        for pid in processes {
            if let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
                // One that has just ended needs no signal.
                let _ = libpod_sys::signal::send_to(pidfd.as_fd(), number);
            }
        }
    });
    if !was_frozen {
        cgroup.set_frozen(false)?;
    }
    outcome?;
    Ok(0)
}

/// A signal by number or by name, with or without `SIG`.
pub fn signal_number(text: &str) -> Option<i32> {
    const NAMES: &[&str] = &[
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let standard = NAMES.iter().position(|known| *known == name).map(|index| index as i32 + 1);
    let realtime = || {
        let (base, rest) = match name.strip_prefix("RTMIN") {
            Some(rest) => (34, rest),
            None => (64, name.strip_prefix("RTMAX")?),
        };
        let offset = if rest.is_empty() { 0 } else { rest.parse::<i32>().ok()? };
        Some(base + offset).filter(|number| (34..=64).contains(number))
    };
    standard.or_else(realtime)
}

/// `delete ID`
pub fn delete(globals: &Globals, words: &[String]) -> Outcome {
    const FLAGS: &[Flag] = &[Flag::switch("force").short('f')];
    let (parsed, id) = one_id("delete", FLAGS, words)?;
    let force = parsed.has("force");
    let container = match RecordedContainer::find(globals, &id)? {
        Found::Recorded(container) => container,
        // What a killed `create` has left.
        Found::Unrecorded(home) if force => return home.remove().map(|()| 0),
        Found::Nothing if force => return Ok(0),
        Found::Unrecorded(_) | Found::Nothing => return Err(does_not_exist()),
    };
    match container.status() {
        Status::Stopped => {}
        Status::Created => end(&container)?,
        Status::Creating if !force => {
            return Err(CommandError::new(format!(
                "container {id} is still being created: use --force if its creator has died"
            )));
        }
        _ if force => end(&container)?,
        status => return Err(CommandError::new(format!("cannot delete container {id} that is not stopped: {status}"))),
    }
    remove(globals, &container, true)?;
    Ok(0)
}

/// Kill every process of the container and wait until the first one is gone.
fn end(container: &RecordedContainer) -> Result<(), CommandError> {
    let cgroup = container.cgroup()?;
    cgroup.kill()?;
    if let Some(process) = container.process() {
        process.signal(9).map_err(|error| CommandError::new(format!("kill the container: {}", io_text(&error))))?;
    }
    let deadline = Instant::now() + DELETE_PATIENCE;
    while container.process().is_some() {
        if Instant::now() > deadline {
            return Err(CommandError::new("the container's process does not end"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Take the cgroup and the record away, and run the last hooks.
fn remove(globals: &Globals, container: &RecordedContainer, with_hooks: bool) -> Result<(), CommandError> {
    // Its specification goes with the record.
    let spec = with_hooks.then(|| container.spec());
    let cgroup = container.cgroup()?;
    if cgroup.processes().is_ok_and(|processes| !processes.is_empty()) {
        cgroup.kill()?;
    }
    cgroup.remove()?;
    container.home.remove()?;
    let ran = spec.transpose().and_then(|spec| match spec {
        Some(spec) => Ok(run_hooks(container, &spec, "poststop", "stopped")?),
        None => Ok(()),
    });
    if let Err(failure) = ran {
        globals.log.warn(&failure.text);
    }
    Ok(())
}

/// `pause ID`, `resume ID`
pub fn set_paused(globals: &Globals, words: &[String], paused: bool) -> Outcome {
    let (_, id) = one_id(if paused { "pause" } else { "resume" }, &[], words)?;
    let container = RecordedContainer::load(globals, &id)?;
    match (container.status(), paused) {
        (Status::Stopped | Status::Creating, _) => return Err(CommandError::new("container not running")),
        (Status::Paused, true) => return Err(CommandError::new("container already paused")),
        (Status::Paused, false) | (_, true) => {}
        (_, false) => return Err(CommandError::new("container not paused")),
    }
    container.cgroup()?.set_frozen(paused)?;
    Ok(0)
}

/// The descriptor of a process, for those who only borrow it.
pub fn pidfd(container: &RecordedContainer) -> Option<OwnedFd> {
    container.process().and_then(|held| borrowed(held.as_fd()))
}

fn borrowed(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(fd, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::signal_number;

    #[test]
    fn signals_by_any_name() {
        for (text, number) in
            [("KILL", 9), ("sigterm", 15), ("15", 15), ("SIGRTMIN+3", 37), ("RTMAX-14", 50), ("SYS", 31)]
        {
            assert_eq!(signal_number(text), Some(number), "{text}");
        }
        for text in ["0", "65", "FOO", "RTMIN+99", ""] {
            assert_eq!(signal_number(text), None, "{text}");
        }
    }
}
