//! Attach one container to its networks, and take it off again: the way of every `run`, by netlink alone.
//!
//! Start with [`attach`] and [`detach`]. A network has a [`Driver`]; there is one, [`bridge`]. Four parts do its work:
//! [`lease`] gives an address, [`link`] makes the veth pair and configures the container's end, [`firewall`] lets packets out
//! and in, [`port`] reserves the host's ports. Making a bridge or a network is not done here: a bridge that does not exist
//! is an error.
//!
//! Nothing depends on a clean end: a lease names its owner, and the next attach takes back what dead owners left. IPv4
//! only; a subnet of another family is refused.
#![forbid(unsafe_code)]

mod bridge;
mod firewall;
mod forwarding;
mod lease;
mod link;
mod plan;
mod port;
#[cfg(test)]
mod tests;

use libpod_sys::netlink::Refused;
use rustix::io::Errno;
use serde::{Deserialize, Deserializer, Serialize};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

pub use link::{is_up, local_address};
pub use plan::BridgeOptions;
pub use port::{bind_ports, free_port};

/// What a container wants of one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// Name of the network.
    pub network: String,
    /// How containers are connected to it, and what only that driver must know.
    pub driver: Choice,
    /// Name of the interface in the container.
    pub interface: String,
    /// A fixed hardware address.
    #[serde(deserialize_with = "present")]
    pub mac: Option<String>,
    /// A fixed address.
    #[serde(deserialize_with = "present")]
    pub address: Option<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Where the network's leases are kept: private, on a file system that a reboot empties.
    pub lease_dir: PathBuf,
}

/// The driver of a network, with its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// See [`bridge`].
    Bridge(BridgeOptions),
}

impl Choice {
    fn driver(&self) -> &'static dyn Driver {
        match self {
            Self::Bridge(_) => &bridge::Bridge,
        }
    }
}

/// Every driver: a container is taken off its networks without their definitions, which may be gone.
const DRIVERS: [&dyn Driver; 1] = [&bridge::Bridge];

/// One way of connecting containers to a network.
pub trait Driver: Sync {
    /// Judge a request by itself, before anything is made for any network of the container.
    fn check(&self, request: &Attach) -> Result<()>;

    /// Connect `container`, whose network namespace is `netns`. On an error nothing of it stays.
    ///
    /// The calling process owns the lease and lives as long as the container.
    fn attach(&self, container: &str, netns: BorrowedFd<'_>, request: &Attach) -> Result<Attached>;

    /// Take `container`, whose processes have ended, off the network whose leases are in `lease_dir`.
    ///
    /// Leases of other drivers are left alone. May be repeated, and works when the container, its namespace, its monitor,
    /// or the network's definition are gone.
    fn detach(&self, container: &str, lease_dir: &Path) -> Result<()>;
}

/// `range` consecutive ports of the host that lead to as many of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Address of the host; empty for all.
    pub host_ip: String,
    /// First port of the host.
    pub host_port: u16,
    /// First port of the container.
    pub container_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// How many; 0 means 1.
    pub range: u16,
}

/// What a container got of one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// Name of the network.
    pub network: String,
    /// `10.88.128.1/16`.
    pub address: String,
    /// The default route.
    pub gateway: String,
    /// Hardware address of the container's end.
    pub mac: String,
    /// The container's end.
    pub interface: String,
    /// The host's end.
    pub host_interface: String,
    /// What stands in the way of this network, in words for the user.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

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
    fn file(step: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Self {
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
fn verdict<T>(
    answer: libpod_sys::Result<std::result::Result<T, Refused>>,
    step: &'static str,
    name: impl FnOnce(usize) -> String,
) -> Result<T> {
    answer
        .map_err(|source| Error::Socket { step, source })?
        .map_err(|Refused { index, errno }| Error::Kernel { step: name(index), errno })
}

/// An IPv4 subnet with the addresses that containers may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (address, prefix) = (u32::from(address.parse::<Ipv4Addr>().ok()?), prefix.parse::<u8>().ok()?);
        let subnet = Self { base: address, prefix };
        (1..=30).contains(&prefix).then_some(Self { base: address & subnet.mask(), prefix })
    }

    fn mask(self) -> u32 {
        u32::MAX << (32 - self.prefix)
    }

    fn broadcast(self) -> u32 {
        self.base | !self.mask()
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == self.base
    }
}

/// Judge the attachments of one container before anything is made: each by itself, and no two alike.
pub fn check(requests: &[Attach]) -> Result<()> {
    for (at, request) in requests.iter().enumerate() {
        let invalid = |field, value: &str| {
            Err(Error::Invalid { network: request.network.clone(), field, value: value.to_owned() })
        };
        let earlier = &requests[..at];
        if earlier.iter().any(|other| other.lease_dir == request.lease_dir) {
            return invalid("second attachment", &request.network);
        }
        if earlier.iter().any(|other| other.interface == request.interface) {
            return invalid("second interface", &request.interface);
        }
        request.driver.driver().check(request)?;
    }
    Ok(())
}

/// Connect `container`, whose network namespace is `netns`, to every network of `requests`, in this order.
///
/// All are judged before the first is attached. When one fails, those before it are taken back, the last one first, and
/// nothing stays. The caller is the leases' owner and lives as long as the container.
pub fn attach(container: &str, netns: BorrowedFd<'_>, requests: &[Attach]) -> Result<Vec<Attached>> {
    check(requests)?;
    let mut attached = Vec::with_capacity(requests.len());
    for (at, request) in requests.iter().enumerate() {
        match request.driver.driver().attach(container, netns, request) {
            Ok(got) => attached.push(got),
            Err(error) => {
                // The first error is what the caller must see; what cannot be undone now is swept by the next attach.
                for earlier in requests[..at].iter().rev() {
                    let _ = detach(container, &earlier.lease_dir);
                }
                return Err(error);
            }
        }
    }
    Ok(attached)
}

/// Take `container`, whose processes have ended, off the network whose leases are in `lease_dir`.
///
/// Whatever its driver is: each takes back what is its own. May be repeated, and works when the container, its namespace,
/// its monitor, or the network's definition are gone. Returns the first error, after every driver had its turn.
pub fn detach(container: &str, lease_dir: &Path) -> Result<()> {
    DRIVERS.iter().map(|driver| driver.detach(container, lease_dir)).fold(Ok(()), Result::and)
}

/// [`detach`] from every network of `requests`, in the opposite order; all errors.
pub fn detach_all(container: &str, requests: &[Attach]) -> Vec<Error> {
    requests.iter().rev().filter_map(|request| detach(container, &request.lease_dir).err()).collect()
}

/// Take back what dead containers left on the network whose leases are in `lease_dir`.
///
/// [`attach`] and [`detach`] do the same on their way. Returns how many leases were swept.
pub fn sweep(lease_dir: &Path) -> Result<usize> {
    lease::sweep(lease_dir, &mut link::Host::open()?, &mut firewall::Firewall::open()?)
}

/// For `deserialize_with`: an optional member that must be there, if only as `null`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
