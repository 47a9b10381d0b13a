//! How a command ends.

/// A command that failed: the text for the log, and the exit code.
pub struct CommandError {
    pub text: String,
    pub code: u8,
}

impl CommandError {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }
}

impl From<libpod_runtime::IdError> for CommandError {
    fn from(error: libpod_runtime::IdError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<libpod_runtime::Error> for CommandError {
    fn from(error: libpod_runtime::Error) -> Self {
        Self::new(error.plain())
    }
}

pub type Outcome = Result<u8, CommandError>;
