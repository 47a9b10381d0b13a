//! The error of one system call.

use rustix::io::Errno;
use std::fmt;

/// A system call that failed, printed as strace prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    call: &'static str,
    args: String,
    errno: Errno,
}

/// Result of a wrapped system call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Record that `call(args)` failed with `errno`.
    pub fn new(call: &'static str, args: impl Into<String>, errno: Errno) -> Self {
        Self { call, args: args.into(), errno }
    }

    /// Record the calling thread's `errno` for `call(args)`.
    pub fn last(call: &'static str, args: impl Into<String>) -> Self {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        Self::new(call, args, Errno::from_raw_os_error(errno))
    }

    /// Name of the system call.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// The arguments that matter, as printed.
    pub fn args(&self) -> &str {
        &self.args
    }

    /// The error number.
    pub fn errno(&self) -> Errno {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}): {}", self.call, self.args, std::io::Error::from(self.errno))
    }
}

impl std::error::Error for Error {}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        error.errno.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_call_arguments_and_reason() {
        let error = Error::new("openat2", "\"etc/passwd\", O_PATH", Errno::NOENT);
        assert_eq!(error.to_string(), "openat2(\"etc/passwd\", O_PATH): No such file or directory (os error 2)");
    }
}
