//! What can go wrong, on either side of the fork.
//!
//! A child reports its error as the JSON form of [`Error`], so the parent raises exactly what the child met. The texts for a
//! command that cannot be started are those which Podman's users know.

use libpod_sys::errno_text;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What an engine adds to the runtime's words when a program, or the directory it starts in, does not exist.
const NOT_FOUND: &str = "OCI runtime attempted to invoke a command that was not found";
/// What an engine adds when it exists and is refused.
const DENIED: &str = "OCI permission denied";

/// An error of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Error {
    /// A step of the set-up failed in the kernel.
    #[error("{step}{}: {}{}", path_text(path), errno_text(*errno), detail_text(detail))]
    Step {
        /// What was being done: `mount proc`.
        step: String,
        /// The file or directory, as the container names it where it lies inside.
        path: Option<PathBuf>,
        /// The kernel's error number.
        errno: i32,
        /// What the kernel or the system call adds.
        detail: Option<String>,
    },
    /// The program does not exist (exit code 127).
    #[error("exec: {command:?}: {reason}: {NOT_FOUND}")]
    CommandNotFound {
        /// The program, as it was asked for.
        command: String,
        /// Why: `executable file not found in $PATH`.
        reason: String,
    },
    /// The program exists and cannot be executed (exit code 126).
    #[error("exec: {command:?}: {}", refused(reason))]
    CommandNotExecutable {
        /// The program, as it was asked for.
        command: String,
        /// Why: `permission denied`.
        reason: String,
    },
    /// The working directory cannot be entered.
    #[error("chdir to cwd ({path:?}) set in config.json failed: {}: {}", errno_text(*errno), chdir_text(*errno))]
    WorkingDirectory {
        /// The directory, inside the container.
        path: PathBuf,
        /// The kernel's error number.
        errno: i32,
    },
    /// The specification is malformed, or contradicts itself.
    #[error("{what}")]
    Invalid {
        /// What is wrong.
        what: String,
    },
    /// The specification asks for what this runtime or this host does not have.
    #[error("{what} is not supported{}", reason_text(reason))]
    Unsupported {
        /// What was asked for.
        what: String,
        /// Why not.
        reason: Option<String>,
    },
    /// A path inside the container leads where it must not.
    #[error("{}: {reason}", path.display())]
    UnsafePath {
        /// The path, inside the container.
        path: PathBuf,
        /// Why it is refused.
        reason: String,
    },
    /// A hook failed.
    #[error("{moment} hook {}: {reason}", path.display())]
    Hook {
        /// `prestart`, `createRuntime`, …
        moment: String,
        /// The hook's program.
        path: PathBuf,
        /// Exit status, signal or error.
        reason: String,
    },
    /// The container's first process ended before it executed the user's program, and said nothing.
    #[error("the container's process ended during its set-up: {how}")]
    Died {
        /// Exit status or signal.
        how: String,
    },
    /// The container is in the wrong state for the operation.
    #[error("{what}")]
    State {
        /// What was wrong.
        what: String,
    },
}

/// What a caller may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No such program.
    CommandNotFound,
    /// A program that cannot be executed.
    CommandNotExecutable,
    /// Malformed specification.
    Invalid,
    /// Not available.
    Unsupported,
    /// A path that leaves its tree.
    UnsafePath,
    /// Wrong state.
    State,
    /// A failed system call.
    Os(i32),
    /// A hook, or a child that died.
    Failed,
}

impl Error {
    /// The error of `step` on `path`.
    pub fn step(step: impl Into<String>, path: impl AsRef<Path>, errno: Errno) -> Self {
        Self::Step { step: step.into(), path: Some(path.as_ref().into()), errno: errno.raw_os_error(), detail: None }
    }

    /// The error of `step`, which concerns no path.
    pub fn pathless(step: impl Into<String>, errno: Errno) -> Self {
        Self::Step { step: step.into(), path: None, errno: errno.raw_os_error(), detail: None }
    }

    /// The error of a wrapped system call in `step`.
    pub fn call(step: impl Into<String>, error: &libpod_sys::Error) -> Self {
        let detail = Some(format!("{}({})", error.call(), error.args()));
        Self::Step { step: step.into(), path: None, errno: error.errno().raw_os_error(), detail }
    }

    /// A malformed specification.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    /// Something that is not there.
    pub fn unsupported(what: impl Into<String>, reason: Option<&str>) -> Self {
        Self::Unsupported { what: what.into(), reason: reason.map(str::to_owned) }
    }

    /// Add the kernel's own words, or the call, to a failed step.
    pub fn with_detail(mut self, text: impl Into<String>) -> Self {
        if let Self::Step { detail, .. } = &mut self {
            *detail = Some(text.into());
        }
        self
    }

    /// The same error, each text and path in it cut to `length` characters of valid UTF-8.
    pub fn shortened(&self, length: usize) -> Self {
        let text = |text: &str| match text.char_indices().nth(length) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        let maybe = |given: &Option<String>| given.as_deref().map(text);
        let path = |path: &PathBuf| PathBuf::from(text(&path.to_string_lossy()));
        match self {
            Self::Step { step, path: at, errno, detail } => {
                Self::Step { step: text(step), path: at.as_ref().map(path), errno: *errno, detail: maybe(detail) }
            }
            Self::CommandNotFound { command, reason } => {
                Self::CommandNotFound { command: text(command), reason: text(reason) }
            }
            Self::CommandNotExecutable { command, reason } => {
                Self::CommandNotExecutable { command: text(command), reason: text(reason) }
            }
            Self::WorkingDirectory { path: at, errno } => Self::WorkingDirectory { path: path(at), errno: *errno },
            Self::Invalid { what } => Self::Invalid { what: text(what) },
            Self::Unsupported { what, reason } => Self::Unsupported { what: text(what), reason: maybe(reason) },
            Self::UnsafePath { path: at, reason } => Self::UnsafePath { path: path(at), reason: text(reason) },
            Self::Hook { moment, path: at, reason } => {
                Self::Hook { moment: text(moment), path: path(at), reason: text(reason) }
            }
            Self::Died { how } => Self::Died { how: text(how) },
            Self::State { what } => Self::State { what: text(what) },
        }
    }

    /// What a caller may match on.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CommandNotFound { .. } => ErrorKind::CommandNotFound,
            Self::CommandNotExecutable { .. } => ErrorKind::CommandNotExecutable,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::UnsafePath { .. } => ErrorKind::UnsafePath,
            Self::State { .. } => ErrorKind::State,
            Self::WorkingDirectory { errno, .. } if *errno == libc_enoent() => ErrorKind::CommandNotFound,
            Self::WorkingDirectory { .. } => ErrorKind::CommandNotExecutable,
            Self::Step { errno, .. } => ErrorKind::Os(*errno),
            Self::Hook { .. } | Self::Died { .. } => ErrorKind::Failed,
        }
    }

    /// The text as an OCI runtime prints it: an engine that reads it adds its own conclusion.
    pub fn plain(&self) -> String {
        let text = self.to_string();
        let end = [NOT_FOUND, DENIED].iter().find_map(|conclusion| text.strip_suffix(conclusion));
        end.map_or(text.as_str(), |text| text.trim_end_matches(": ")).to_owned()
    }

    /// The exit code of a command line that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
            ErrorKind::CommandNotFound => 127,
            ErrorKind::CommandNotExecutable => 126,
            _ => 125,
        }
    }
}

fn libc_enoent() -> i32 {
    Errno::NOENT.raw_os_error()
}

fn path_text(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default()
}

/// An engine takes only a lack of permission for one.
fn refused(reason: &str) -> String {
    let denied = libpod_sys::errno_text(rustix::io::Errno::ACCESS.raw_os_error());
    if reason == denied { format!("{reason}: {DENIED}") } else { reason.to_owned() }
}

fn chdir_text(errno: i32) -> &'static str {
    if errno == libc_enoent() { NOT_FOUND } else { DENIED }
}

fn detail_text(detail: &Option<String>) -> String {
    detail.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

fn reason_text(reason: &Option<String>) -> String {
    reason.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_step_path_errno_and_detail() {
        let error = Error::step("mount proc", "/proc", Errno::PERM).with_detail("fsmount");
        assert_eq!(error.to_string(), "mount proc /proc: operation not permitted (fsmount)");
        assert_eq!(error.kind(), ErrorKind::Os(1));
        assert_eq!(error.exit_code(), 125);
    }

    #[test]
    fn a_missing_command_reads_as_in_podman() {
        let error = Error::CommandNotFound { command: "x".into(), reason: "executable file not found in $PATH".into() };
        assert_eq!(
            error.to_string(),
            "exec: \"x\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found"
        );
        assert_eq!(error.exit_code(), 127);
        assert_eq!(error.plain(), "exec: \"x\": executable file not found in $PATH");
    }

    #[test]
    fn crosses_the_fork_unchanged() {
        let errors = [
            Error::step("open", "/a", Errno::ACCESS),
            Error::WorkingDirectory { path: "/w".into(), errno: 2 },
            Error::unsupported("AppArmor", Some("the kernel has none")),
        ];
        for error in errors {
            let text = serde_json::to_vec(&error).expect("plain data");
            assert_eq!(serde_json::from_slice::<Error>(&text).expect("round trip"), error);
        }
    }
}
