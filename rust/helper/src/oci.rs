//! The command line of an OCI runtime: what `runc` offers to engines, answered by [`libpod_runtime`].
//!
//! `create start run state kill delete exec pause resume list features`, with runc's options, messages and exit codes where engines
//! read them. What is not there says so: systemd cgroups, checkpoints, rootless cgroup guessing. Start at [`main`].
//!
//! Source: runtime-spec runtime.md, "Operations"; runc(8).

mod arguments;
mod command;
mod directory;
mod features;
mod foreground;
mod lifecycle;
mod listing;
mod log;
mod outcome;
mod process;
mod record;

use arguments::{Flag, Parsed, parse};
use command::Globals;
use directory::StateRoot;
use log::Log;
use outcome::{CommandError, Outcome};

/// Where containers are recorded when `--root` is not given.
const DEFAULT_ROOT: &str = "/run/libpod-runtime";

const GLOBAL_FLAGS: &[Flag] = &[
    Flag::text("root"),
    Flag::text("log"),
    Flag::text("log-format"),
    Flag::switch("debug"),
    Flag::switch("systemd-cgroup"),
    Flag::text("rootless"),
    // Of checkpoints alone, and without a meaning for runc itself by now.
    Flag::text("criu"),
    Flag::switch("help").short('h'),
    Flag::switch("version").short('v'),
];

const USAGE: &str = "\
Usage: libpod-runtime [--root DIR] [--log FILE] [--log-format text|json] [--debug] COMMAND

An OCI runtime with runc's command line.

Commands:
  create [-b BUNDLE] [--console-socket S] [--pid-file F] [--preserve-fds N] ID
  start ID
  run [-b BUNDLE] [-d] [--keep] [--console-socket S] [--pid-file F] [--preserve-fds N] ID
  state ID
  kill [-a] ID [SIGNAL]
  delete [-f] ID
  exec [-d] [-t] [-e NAME=VALUE]… [--cwd DIR] [-u UID[:GID]] [-p PROCESS.json] ID COMMAND [ARGUMENT]…
  pause ID
  resume ID
  list [-q] [-f table|json]
  features
";

/// Run one command; returns the exit code. `words` are the arguments after the program's name.
pub fn main(words: &[String]) -> u8 {
    let (parsed, rest) = match parse(GLOBAL_FLAGS, words) {
        Ok(parsed) => parsed,
        Err(text) => return Log::stderr().fail(&text, 1),
    };
    let log = match Log::open(parsed.last("log"), parsed.last("log-format"), parsed.has("debug")) {
        Ok(log) => log,
        Err(text) => return Log::stderr().fail(&text, 1),
    };
    let root = StateRoot::new(parsed.last("root").unwrap_or(DEFAULT_ROOT));
    let globals = Globals { root, log };
    match dispatch(&globals, &parsed, rest) {
        Ok(code) => code,
        Err(failure) => globals.log.fail(&failure.text, failure.code),
    }
}

fn dispatch(globals: &Globals, parsed: &Parsed, rest: &[String]) -> Outcome {
    if parsed.has("version") {
        log::print(&format!(
            "libpod-runtime version {}\nspec: {}\n",
            env!("CARGO_PKG_VERSION"),
            features::SPEC_VERSION
        ));
        return Ok(0);
    }
    if parsed.has("systemd-cgroup") {
        return Err(CommandError::new("systemd cgroups are not supported: use the cgroupfs cgroup manager"));
    }
    // What cannot be limited is a warning; to ignore that a cgroup cannot be made is not offered.
    if parsed.last("rootless").is_some_and(|value| !matches!(value, "auto" | "false")) {
        return Err(CommandError::new("--rootless is not supported, other than auto and false"));
    }
    let Some((command, words)) = rest.split_first() else {
        log::print(USAGE);
        return Ok(0);
    };
    if parsed.has("help") {
        log::print(USAGE);
        return Ok(0);
    }
    match command.as_str() {
        "create" => lifecycle::create(globals, words),
        "start" => lifecycle::start(globals, words),
        "run" => lifecycle::run(globals, words),
        "state" => listing::state(globals, words),
        "list" => listing::list(globals, words),
        "kill" => lifecycle::kill(globals, words),
        "delete" => lifecycle::delete(globals, words),
        "pause" => lifecycle::set_paused(globals, words, true),
        "resume" => lifecycle::set_paused(globals, words, false),
        "exec" => process::exec(globals, words),
        "features" => features::print(),
        "help" => {
            log::print(USAGE);
            Ok(0)
        }
        other => Err(CommandError { text: format!("No help topic for '{other}'"), code: 3 }),
    }
}
