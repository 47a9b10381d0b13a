//! The error of one system call, and the words for what the kernel says.
//!
//! Users of containers know the kernel's reasons as Go spells them: `no such file or directory`. A message that holds one has it
//! from [`errno_text`], [`io_text`] or [`chain`], where the message is made.

use rustix::io::Errno;
use std::fmt;
use std::io;

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
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
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
        write!(f, "{}({}): {}", self.call, self.args, errno_text(self.errno.raw_os_error()))
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        error.errno.into()
    }
}

/// The system's own words for an error number: `No such file or directory`.
pub fn strerror(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The same words as Go spells them, in lower case.
pub fn errno_text(errno: i32) -> String {
    let text = strerror(errno);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !text.starts_with("RFS") => first.to_lowercase().chain(letters).collect(),
        _ => text,
    }
}

/// An I/O error: the kernel's reason as [`errno_text`] spells it, or what another source of errors says of itself.
pub fn io_text(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), errno_text)
}

/// One text with every cause, joined with ": ", outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let text = |error: &(dyn std::error::Error + 'static)| match error.downcast_ref() {
        Some(error) => io_text(error),
        None => error.to_string(),
    };
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(text(error), |all, cause| format!("{all}: {}", text(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_call_arguments_and_reason() {
        let error = Error::new("openat2", "\"etc/passwd\", O_PATH", Errno::NOENT);
        assert_eq!(error.to_string(), "openat2(\"etc/passwd\", O_PATH): no such file or directory");
    }

    #[test]
    fn spells_the_kernels_reasons_as_go_does() {
        assert_eq!(strerror(2), "No such file or directory");
        assert_eq!(errno_text(2), "no such file or directory");
        assert_eq!(io_text(&io::Error::from_raw_os_error(13)), "permission denied");
        assert_eq!(io_text(&io::Error::other("The reader is gone")), "The reader is gone");
    }

    #[test]
    fn chains_causes_and_spells_each() {
        #[derive(Debug)]
        struct Step(io::Error);
        impl fmt::Display for Step {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("read the layer")
            }
        }
        impl std::error::Error for Step {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(chain(&Step(Errno::IO.into())), "read the layer: input/output error");
    }
}
