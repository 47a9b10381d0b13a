//! Errors of a start, in the words that cross to the client.

use crate::protocol::Failure;
use libpod_network as network;
use libpod_runtime::{Error, ErrorKind, seccomp};
use libpod_sys::{chain, io_text};
use std::io;
use std::path::Path;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::CommandNotFound => "command_not_found",
            ErrorKind::CommandNotExecutable => "command_not_executable",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::UnsafePath => "unsafe_path",
            ErrorKind::State => "state",
            ErrorKind::Os(_) | ErrorKind::Failed => "step",
        };
        let message = error.to_string();
        let (step, path, errno) = match error {
            Error::Step { step, path, errno, .. } => (Some(step), path, Some(errno)),
            Error::WorkingDirectory { path, errno } => {
                (Some("enter the working directory".into()), Some(path), Some(errno))
            }
            Error::UnsafePath { path, .. } => (None, Some(path), None),
            Error::Hook { moment, path, .. } => (Some(format!("{moment} hook")), Some(path), None),
            _ => (None, None, None),
        };
        let path = path.map(|path| path.to_string_lossy().into_owned());
        Self { kind: kind.into(), step, path, errno, message }
    }
}

impl From<seccomp::Error> for Failure {
    fn from(error: seccomp::Error) -> Self {
        Self {
            kind: "invalid".into(),
            step: Some("compile seccomp profile".into()),
            path: None,
            errno: None,
            message: chain(&error),
        }
    }
}

impl From<network::Error> for Failure {
    fn from(error: network::Error) -> Self {
        let kind = match &error {
            network::Error::Invalid { .. } | network::Error::ForeignAddress { .. } => "invalid",
            network::Error::NoBridge { .. } => "no_network",
            network::Error::AddressInUse { .. } | network::Error::NoAddress { .. } | network::Error::Port { .. } => {
                "in_use"
            }
            network::Error::Kernel { .. } | network::Error::Socket { .. } | network::Error::File { .. } => "network",
        };
        let message = chain(&error);
        let errno = error.errno().map(|errno| errno.raw_os_error());
        Self { kind: kind.into(), step: Some("attach to the network".into()), path: None, errno, message }
    }
}

impl Failure {
    /// The failure of `step` on `path`.
    pub fn step(step: &str, path: &Path, error: &io::Error) -> Self {
        Self {
            kind: "step".into(),
            step: Some(step.into()),
            path: Some(path.to_string_lossy().into_owned()),
            errno: error.raw_os_error(),
            message: format!("{step} {}: {}", path.display(), io_text(error)),
        }
    }

    /// The failure of `step`, which concerns no path.
    pub fn pathless(step: &str, error: &io::Error) -> Self {
        Self {
            kind: "step".into(),
            step: Some(step.into()),
            path: None,
            errno: error.raw_os_error(),
            message: format!("{step}: {}", io_text(error)),
        }
    }

    /// A document that cannot be followed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: "invalid".into(), step: None, path: None, errno: None, message: message.into() }
    }
}
