//! `exec`: one more process in a running container.

use super::arguments::{Flag, Parsed, parse};
use super::command::Globals;
use super::foreground::{self, Foreground};
use super::lifecycle::{check_console, compile, pidfd, preserved};
use super::outcome::{CommandError, Outcome};
use super::record::{self, RecordedContainer, Status};
use libpod_runtime::spec::{CONFIG_MAX, Process, Spec, User};
use libpod_runtime::{ContainerId, ExecRunning, ExecTarget};
use libpod_sys::io_text;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::os::fd::AsFd;
use std::path::Path;

const FLAGS: &[Flag] = &[
    Flag::text("console-socket"),
    Flag::text("cwd"),
    Flag::text("env").short('e'),
    Flag::switch("tty").short('t'),
    Flag::text("user").short('u'),
    Flag::text("additional-gids").short('g'),
    Flag::text("process").short('p'),
    Flag::switch("detach").short('d'),
    Flag::text("pid-file"),
    Flag::text("process-label"),
    Flag::text("apparmor"),
    Flag::switch("no-new-privs"),
    Flag::text("cap").short('c'),
    Flag::text("preserve-fds"),
    Flag::text("cgroup").refused(),
    Flag::switch("ignore-paused").refused(),
];

/// The exit code of an `exec` that could not.
const FAILED: u8 = 255;

/// `exec ID COMMAND [ARGUMENT]…`
pub fn exec(globals: &Globals, words: &[String]) -> Outcome {
    let failed = |failure: CommandError| CommandError { text: format!("exec failed: {}", failure.text), code: FAILED };
    let (parsed, rest) = parse(FLAGS, words).map_err(CommandError::new).map_err(failed)?;
    run(globals, &parsed, rest).map_err(failed)
}

fn run(globals: &Globals, parsed: &Parsed, rest: &[String]) -> Outcome {
    let Some((id, argv)) = rest.split_first() else {
        return Err(CommandError::new("\"exec\" requires a minimum of 1 argument"));
    };
    let id: ContainerId = id.parse()?;
    let container = RecordedContainer::load(globals, &id)?;
    if matches!(container.status(), Status::Stopped | Status::Creating) {
        return Err(CommandError::new("cannot exec in a stopped container"));
    }
    let pidfd = pidfd(&container).ok_or_else(|| CommandError::new("cannot exec in a stopped container"))?;
    let pid = Pid::from_raw(container.record.pid).ok_or_else(|| CommandError::new("the record has no process"))?;
    let spec = container.spec()?;
    let mut process = build(parsed, argv, &spec)?;
    let (detach, console) = (parsed.has("detach"), parsed.last("console-socket"));
    check_console(process.terminal, console.is_some(), detach)?;
    let (cgroup, filter) = (container.cgroup()?, compile(&spec)?);
    let target = ExecTarget {
        id: &id,
        pid,
        pidfd: pidfd.as_fd(),
        cgroup: Some(&cgroup),
        seccomp: filter.as_ref(),
        preserve_fds: preserved(parsed)?,
        personality: libpod_runtime::personality(&spec)?,
    };
    let waiting = if detach { None } else { Some(Foreground::new()?) };
    let relayed = waiting.is_some() && console.is_none();
    let stdio = foreground::stdio(process.terminal, relayed);
    if process.terminal && relayed {
        process.console_size = process.console_size.or_else(foreground::own_size);
    }
    let mut running = libpod_runtime::exec(&target, &process, &stdio)?;
    running.warnings.iter().for_each(|text| globals.log.warn(text));
    if let Err(failure) = tell(parsed, &mut running) {
        // Each fails only if the process has ended by itself.
        let _ = pidfd_send_signal(&running.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(running.pidfd.as_fd()), WaitIdOptions::EXITED);
        return Err(failure);
    }
    match waiting {
        None => Ok(0),
        Some(waiting) => waiting.wait(running.pidfd.as_fd(), running.terminal.take()).map_err(CommandError::new),
    }
}

/// Tell the caller the number of the process, and hand its terminal over if there is a socket for it.
fn tell(parsed: &Parsed, running: &mut ExecRunning) -> Result<(), CommandError> {
    if let Some(path) = parsed.last("pid-file") {
        record::write_pid_file(Path::new(path), running.pid)?;
    }
    if let (Some(master), Some(socket)) = (&running.terminal, parsed.last("console-socket")) {
        foreground::hand_over(master.as_fd(), Path::new(socket)).map_err(CommandError::new)?;
        running.terminal = None;
    }
    Ok(())
}

/// The process of `--process`, or the container's own with what the flags change.
fn build(parsed: &Parsed, argv: &[String], spec: &Spec) -> Result<Process, CommandError> {
    if let Some(path) = parsed.last("process") {
        let text = libpod_sys::file::read(Path::new(path), CONFIG_MAX)
            .map_err(|error| CommandError::new(format!("read {path}: {}", io_text(&error))))?;
        return libpod_json::from_slice(&text).map_err(|error| CommandError::new(format!("{path}: {error}")));
    }
    let mut process = spec.process.clone().ok_or_else(|| CommandError::new("the container has no process to copy"))?;
    process.args = argv.to_vec();
    process.terminal = parsed.has("tty");
    process.env.extend(parsed.all("env").map(str::to_owned));
    if let Some(cwd) = parsed.last("cwd") {
        process.cwd = cwd.into();
    }
    if let Some(label) = parsed.last("process-label") {
        process.selinux_label = Some(label.into());
    }
    if let Some(profile) = parsed.last("apparmor") {
        process.apparmor_profile = Some(profile.into());
    }
    if let Some(user) = parsed.last("user") {
        process.user = parse_user(user, &process.user)?;
    }
    for gid in parsed.all("additional-gids") {
        process.user.additional_gids.push(parse_id(gid)?);
    }
    process.no_new_privileges |= parsed.has("no-new-privs");
    for name in parsed.all("cap") {
        let sets = process.capabilities.get_or_insert_default();
        for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
            set.push(name.into());
        }
    }
    Ok(process)
}

fn parse_user(text: &str, before: &User) -> Result<User, CommandError> {
    let (uid, gid) = text.split_once(':').map_or((text, None), |(uid, gid)| (uid, Some(gid)));
    let gid = gid.map(parse_id).transpose()?.unwrap_or(before.gid);
    Ok(User { uid: parse_id(uid)?, gid, ..before.clone() })
}

fn parse_id(text: &str) -> Result<u32, CommandError> {
    text.parse().map_err(|_| CommandError::new(format!("parsing {text} as a number: invalid syntax")))
}
