//! The errors of the runtime for Python.

use crate::error::{Fault, Kind};
use libpod_runtime::{Error, ErrorKind};

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let kind = match error.kind() {
            ErrorKind::CommandNotFound => Kind::CommandNotFound,
            ErrorKind::CommandNotExecutable => Kind::CommandNotExecutable,
            ErrorKind::Invalid => Kind::Invalid,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::UnsafePath => Kind::UnsafePath,
            ErrorKind::State | ErrorKind::Failed => Kind::State,
            ErrorKind::Os(errno) => return Self::os(errno, text, path_of(&error)),
        };
        match path_of(&error) {
            Some(path) => Self::new(kind, text).with_path(path),
            None => Self::new(kind, text),
        }
    }
}

fn path_of(error: &Error) -> Option<String> {
    match error {
        Error::Step { path, .. } => path.as_ref().map(|path| path.display().to_string()),
        Error::UnsafePath { path, .. } | Error::WorkingDirectory { path, .. } | Error::Hook { path, .. } => {
            Some(path.display().to_string())
        }
        _ => None,
    }
}
