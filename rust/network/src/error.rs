//! Why a container has no network.

use libpod_sys::netlink::Refused;
use rustix::io::Errno;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Why a container has no network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request cannot be understood.
    #[error("network {network}: invalid {field} `{value}`")]
    Invalid {
        /// The network.
        network: String,
        /// Name of the field.
        field: &'static str,
        /// What stands in it.
        value: String,
    },
    /// The network's bridge is missing.
    #[error("network {network}: no bridge {bridge}")]
    NoBridge {
        /// The network.
        network: String,
        /// Its bridge.
        bridge: String,
    },
    /// Another live container has the address.
    #[error("IPAM error: requested ip address {address} is already allocated to container ID {owner}")]
    AddressInUse {
        /// What was asked for.
        address: Ipv4Addr,
        /// Who has it.
        owner: String,
    },
    /// The address belongs to no container of this network.
    #[error("requested static ip {address} not in any subnet on network {network}")]
    ForeignAddress {
        /// What was asked for.
        address: Ipv4Addr,
        /// The network.
        network: String,
    },
    /// All addresses are leased.
    #[error("IPAM error: failed to find free IP in range: {first} - {last}")]
    NoAddress {
        /// Lowest address for containers.
        first: Ipv4Addr,
        /// Highest.
        last: Ipv4Addr,
    },
    /// A port of the host cannot be had.
    #[error("cannot listen on the {protocol} port: listen {socket} {address}: bind: {reason}")]
    Port {
        /// `TCP` or `UDP`.
        protocol: &'static str,
        /// `tcp4`, `udp6`…
        socket: String,
        /// `:8080` or `127.0.0.1:8080`.
        address: String,
        /// The kernel's words, in lower case.
        reason: String,
        /// The kernel's error number.
        errno: Errno,
    },
    /// The kernel refused a step.
    #[error("network: {step}: {}", libpod_sys::errno_text(errno.raw_os_error()))]
    Kernel {
        /// What was to be done, to what.
        step: String,
        /// Why not.
        errno: Errno,
    },
    /// A netlink socket failed.
    #[error("network: {step}")]
    Socket {
        /// What was to be done.
        step: &'static str,
        /// The failed call.
        source: libpod_sys::Error,
    },
    /// A file could not be read, written or run.
    #[error("network: {step} {}", path.display())]
    File {
        /// What was to be done.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn file(step: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self::File { step, path: path.to_path_buf(), source: source.into() }
    }

    /// The kernel's error number, where it has one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Kernel { errno, .. } | Self::Port { errno, .. } => Some(*errno),
            Self::Socket { source, .. } => Some(source.errno()),
            Self::File { source, .. } => source.raw_os_error().map(Errno::from_raw_os_error),
            _ => None,
        }
    }
}

/// Sort a netlink verdict into our errors; `steps` names the messages of the batch.
pub(super) fn verdict<T>(
    answer: libpod_sys::Result<std::result::Result<T, Refused>>,
    step: &'static str,
    name: impl FnOnce(usize) -> String,
) -> Result<T> {
    answer
        .map_err(|source| Error::Socket { step, source })?
        .map_err(|Refused { index, errno }| Error::Kernel { step: name(index), errno })
}
