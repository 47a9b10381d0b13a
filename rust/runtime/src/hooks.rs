//! Hooks: programs that the specification names for moments of the life cycle.
//!
//! Each gets the container's state as JSON on stdin and has to end, with status 0, within its time. The order is the
//! specification's; the first failure of a moment before *poststart* stops the start.

use crate::error::{Error, Result};
use crate::spec::Hook;
use libpod_sys::io_text;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a hook with a timeout is looked at.
const POLL: Duration = Duration::from_millis(10);
/// As much of a failed hook's stderr as goes into the error.
const STDERR_LIMIT: usize = 1024;

/// The container's state (runtime-spec runtime.md, "State").
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State<'a> {
    /// Version of the specification.
    pub oci_version: &'a str,
    /// The container's id.
    pub id: &'a str,
    /// `creating`, `created`, `running` or `stopped`.
    pub status: &'a str,
    /// First process, in the PID namespace of who runs the hook; 0, which is not written, when there is none.
    #[serde(skip_serializing_if = "is_zero")]
    pub pid: i32,
    /// Directory of the bundle, absolute.
    pub bundle: PathBuf,
    /// As in the specification.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: &'a BTreeMap<String, String>,
}

fn is_zero(pid: &i32) -> bool {
    *pid == 0
}

/// Run the hooks of one moment, in order, up to the first failure. `environment` is that of a hook without one of its own.
pub fn run(moment: &str, hooks: &[Hook], state: &State<'_>, environment: &[String]) -> Result<()> {
    for hook in hooks {
        run_one(hook, state, environment).map_err(|reason| Error::Hook {
            moment: moment.into(),
            path: hook.path.clone(),
            reason,
        })?;
    }
    Ok(())
}

fn run_one(hook: &Hook, state: &State<'_>, environment: &[String]) -> std::result::Result<(), String> {
    if !hook.path.is_absolute() {
        return Err("the path is not absolute".into());
    }
    let text = serde_json::to_vec(state).map_err(|error| error.to_string())?;
    let stderr = stderr_file().map_err(|error| io_text(&error))?;
    let mut child = spawn(hook, environment, &stderr).map_err(|error| io_text(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook that does not read its state has closed the pipe, which is its right.
        let _ = stdin.write_all(&text);
    }
    let status = wait(&mut child, hook.timeout)?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}{}", describe(status), text_of(stderr)))
}

/// A file in memory: a hook that writes a lot never waits for us to read it.
fn stderr_file() -> std::io::Result<File> {
    Ok(rustix::fs::memfd_create("hook-stderr", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

fn spawn(hook: &Hook, environment: &[String], stderr: &File) -> std::io::Result<Child> {
    let mut command = Command::new(&hook.path);
    if let [name, arguments @ ..] = hook.args.as_slice() {
        command.arg0(name).args(arguments);
    }
    let environment = if hook.env.is_empty() { environment } else { &hook.env };
    let environment = environment.iter().filter_map(|entry| entry.split_once('='));
    command.env_clear().envs(environment);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr.try_clone()?).spawn()
}

fn wait(child: &mut Child, timeout_s: Option<u64>) -> std::result::Result<ExitStatus, String> {
    let Some(timeout_s) = timeout_s else { return child.wait().map_err(|error| io_text(&error)) };
    let end = Instant::now() + Duration::from_secs(timeout_s);
    while Instant::now() < end {
        if let Some(status) = child.try_wait().map_err(|error| io_text(&error))? {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
    // Both fail only for a hook that has ended by itself in this moment.
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("did not end within {timeout_s} s"))
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("killed by signal {signal}"),
        _ => "ended for an unknown reason".into(),
    }
}

fn text_of(mut stderr: File) -> String {
    let mut text = Vec::new();
    // What cannot be read is only missing from the error.
    let _ = stderr.seek(SeekFrom::Start(0)).and_then(|_| stderr.take(STDERR_LIMIT as u64).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    if text.trim().is_empty() { String::new() } else { format!(", stderr: {}", text.trim()) }
}

/// The bundle as an absolute path, for the state.
pub fn absolute(bundle: &Path) -> PathBuf {
    std::path::absolute(bundle).unwrap_or_else(|_| bundle.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(script: &str, timeout: Option<u64>) -> Hook {
        let args = ["sh", "-c", script].map(str::to_owned).to_vec();
        Hook { path: "/bin/sh".into(), args, env: vec!["A=b".into()], timeout }
    }

    fn run_script(script: &str, timeout: Option<u64>) -> Result<()> {
        let annotations = BTreeMap::new();
        let state = State {
            oci_version: "1.0.2",
            id: "c1",
            status: "creating",
            pid: 7,
            bundle: "/b".into(),
            annotations: &annotations,
        };
        run("prestart", &[hook(script, timeout)], &state, &[])
    }

    #[test]
    fn a_hook_reads_the_state_and_its_own_environment() {
        run_script(r#"read -r s; case "$s" in *'"id":"c1","status":"creating","pid":7,"bundle":"/b"'*) [ "$A" = b ];; *) exit 3;; esac"#, None)
            .expect("state and environment are as written");
    }

    #[test]
    fn a_failure_names_moment_program_status_and_stderr() {
        let error = run_script("echo broken >&2; exit 4", None).expect_err("fails");
        assert_eq!(error.to_string(), "prestart hook /bin/sh: exit status 4, stderr: broken");
    }

    #[test]
    fn a_hook_may_say_more_than_a_pipe_holds() {
        run_script("yes | head -c 300000 >&2", Some(20)).expect("ends by itself");
    }

    #[test]
    fn a_hook_that_hangs_is_killed() {
        let error = run_script("exec sleep 100", Some(1)).expect_err("fails");
        assert!(error.to_string().ends_with("did not end within 1 s"));
    }
}
