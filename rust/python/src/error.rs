//! The only place where an error of a crate becomes a Python exception.

use libpod_registry as registry;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What went wrong, in the words a caller may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each binding uses its own part")]
pub enum Kind {
    /// The named thing does not exist.
    NotFound,
    /// No such image.
    ImageNotFound,
    /// No such container.
    ContainerNotFound,
    /// No such network.
    NetworkNotFound,
    /// The name or id is taken.
    Exists,
    /// Another thing needs it.
    InUse,
    /// Malformed argument, file or document.
    Invalid,
    /// Wrong state of a container.
    State,
    /// Digest or format mismatch.
    Corrupt,
    /// Valid, not supported here.
    Unsupported,
    /// Refused.
    Denied,
    /// A path that leaves its tree.
    UnsafePath,
    /// The registry's error.
    Registry,
    /// The registry refused.
    RegistryDenied,
    /// The registry does not have it.
    RegistryNotFound,
    /// The container's command does not exist.
    CommandNotFound,
    /// The container's command cannot be executed.
    CommandNotExecutable,
    /// A failed step of a longer work, with its errno and path: a plain LibpodError.
    Step,
    /// A failed system call: raised as the builtin `OSError` of its errno.
    Os,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::NotFound => "NotFoundError",
            Self::ImageNotFound => "ImageNotFoundError",
            Self::ContainerNotFound => "ContainerNotFoundError",
            Self::NetworkNotFound => "NetworkNotFoundError",
            Self::Exists => "ExistsError",
            Self::InUse => "InUseError",
            Self::Invalid => "InvalidError",
            Self::State => "StateError",
            Self::Corrupt => "CorruptError",
            Self::Unsupported => "UnsupportedError",
            Self::Denied => "DeniedError",
            Self::UnsafePath => "UnsafePathError",
            Self::Registry => "RegistryError",
            Self::RegistryDenied => "RegistryDeniedError",
            Self::RegistryNotFound => "RegistryNotFoundError",
            Self::CommandNotFound => "CommandNotFoundError",
            Self::CommandNotExecutable => "CommandNotExecutableError",
            Self::Step | Self::Os => "LibpodError",
        }
    }
}

/// An error on its way to Python. Bindings build it with `impl From<TheirError> for Fault`.
#[derive(Debug)]
pub struct Fault {
    /// Which class is raised.
    pub kind: Kind,
    /// The chain of causes joined with ": ", outermost first.
    pub message: String,
    /// The step that failed.
    pub op: Option<String>,
    /// The file or entry.
    pub path: Option<String>,
    /// The kernel's error number; with [`Kind::Os`] it selects the subclass of `OSError`.
    pub errno: Option<i32>,
    /// The remedy.
    pub hint: Option<String>,
    /// What a registry answered.
    pub answer: Option<Box<Answer>>,
}

/// The part of a registry's error that a caller may match on.
#[derive(Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: Option<u16>,
    /// The registry's error code, such as `MANIFEST_UNKNOWN`.
    pub code: Option<String>,
}

impl Fault {
    /// An error of `kind` with a message and nothing else.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), op: None, path: None, errno: None, hint: None, answer: None }
    }

    /// The same error, naming `path`.
    #[allow(dead_code, reason = "each binding uses its own part")]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The error of a failed system call on `path`.
    pub fn os(errno: i32, message: impl Into<String>, path: Option<String>) -> Self {
        Self { errno: Some(errno), path, ..Self::new(Kind::Os, message) }
    }

    fn raise(self, py: Python<'_>) -> PyResult<PyErr> {
        if self.kind == Kind::Os {
            if let Some(errno) = self.errno {
                return Ok(PyOSError::new_err((errno, self.message, self.path)));
            }
        }
        let keywords = PyDict::new(py);
        keywords.set_item("op", self.op)?;
        keywords.set_item("path", self.path)?;
        keywords.set_item("errno", self.errno)?;
        keywords.set_item("hint", self.hint)?;
        if let Some(answer) = self.answer {
            keywords.set_item("status", answer.status)?;
            keywords.set_item("code", answer.code)?;
        }
        let class = py.import("libpod.errors")?.getattr(self.kind.class())?;
        Ok(PyErr::from_value(class.call((self.message,), Some(&keywords))?))
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        Python::attach(|py| fault.raise(py).unwrap_or_else(|error| error))
    }
}

// The registry's errors stand here and not beside its binding: they also come inside an I/O error, when a blob's stream breaks.

impl From<libpod_digest::Malformed> for Fault {
    fn from(error: libpod_digest::Malformed) -> Self {
        Self::new(Kind::Invalid, error.to_string())
    }
}

impl From<registry::Error> for Fault {
    fn from(error: registry::Error) -> Self {
        match error {
            registry::Error::Source(source) => Self::from(source),
            registry::Error::Certificates { ref path, .. } => of_registry(&error).with_path(path),
            _ => of_registry(&error),
        }
    }
}

fn of_registry(error: &registry::Error) -> Fault {
    use registry::Error as E;
    let kind = match error {
        E::Digest { .. } | E::Size { .. } | E::TooLarge { .. } => Kind::Corrupt,
        E::Redirect { .. } => Kind::Denied,
        E::Invalid { .. } | E::Malformed(_) | E::Certificates { .. } => Kind::Invalid,
        _ => match error.status() {
            Some(401 | 403) => Kind::RegistryDenied,
            Some(404) => Kind::RegistryNotFound,
            _ => Kind::Registry,
        },
    };
    let fault = Fault::new(kind, error.to_string());
    match kind {
        Kind::Registry | Kind::RegistryDenied | Kind::RegistryNotFound => Fault {
            answer: Some(Box::new(Answer { status: error.status(), code: error.code().map(str::to_owned) })),
            ..fault
        },
        _ => fault,
    }
}

/// The registry's error inside an I/O error: a blob's stream broke, and whoever read it only saw a failed read.
pub fn fault_of_stream(error: &std::io::Error) -> Option<Fault> {
    error.get_ref()?.downcast_ref().map(of_registry)
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        // A stream broke, and whoever read it only saw a failed read: its own error is inside.
        let error = match error.downcast::<libpod_layer::Error>() {
            Ok(inside) => return inside.into(),
            Err(error) => error,
        };
        if let Some(fault) = fault_of_stream(&error) {
            return fault;
        }
        match error.raw_os_error() {
            Some(errno) => Self::os(errno, libpod_sys::errno_text(errno), None),
            None => Self::new(Kind::Corrupt, error.to_string()),
        }
    }
}

/// Run `work` without the GIL. Every call that reads, writes or waits goes through here.
pub fn detached<T, E>(py: Python<'_>, work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, Fault>
where
    T: Send,
    E: Send,
    Fault: From<E>,
{
    py.detach(work).map_err(Fault::from)
}
