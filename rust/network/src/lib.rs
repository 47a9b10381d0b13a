//! Attach one container to a bridge, and take it off again: the way of every `run`, by netlink alone.
//!
//! Start with [`attach`] and [`detach`]. Four parts do the work: [`lease`] gives an address, [`link`] makes the veth pair
//! and configures the container's end, [`firewall`] lets packets out and in, [`port`] reserves the host's ports. Making
//! a bridge or a network is the slow side's business: a bridge that does not exist is an error here.
//!
//! Nothing depends on a clean end: a lease names its owner, and the next attach takes back what dead owners left. IPv4
//! only; a subnet of another family is refused.
#![forbid(unsafe_code)]

mod firewall;
mod forwarding;
mod lease;
mod link;
mod port;
#[cfg(test)]
mod tests;

use libpod_sys::netlink::Refused;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

pub use link::{is_up, local_address};
pub use port::{bind_ports, free_port};

/// What a container wants of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// Name of the network.
    pub network: String,
    /// Its bridge on the host.
    pub bridge: String,
    /// `10.88.0.0/16`.
    pub subnet: String,
    /// The bridge's address and the container's default route.
    pub gateway: String,
    /// Name of the interface in the container.
    pub interface: String,
    /// A fixed hardware address.
    #[serde(default)]
    pub mac: Option<String>,
    /// A fixed address.
    #[serde(default)]
    pub address: Option<String>,
    /// Largest packet; the kernel's default where absent.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Published ports.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Where the network's leases are kept: private, on a file system that a reboot empties.
    pub lease_dir: PathBuf,
}

/// `range` consecutive ports of the host that lead to as many of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Address of the host; empty for all.
    #[serde(default)]
    pub host_ip: String,
    /// First port of the host.
    pub host_port: u16,
    /// First port of the container.
    pub container_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// How many; 0 means 1.
    #[serde(default)]
    pub range: u16,
}

/// What a container got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// The request's texts, checked once.
struct Plan<'a> {
    request: &'a Attach,
    subnet: Subnet,
    gateway: Ipv4Addr,
    address: Option<Ipv4Addr>,
    mac: [u8; 6],
}

impl<'a> Plan<'a> {
    fn new(request: &'a Attach) -> Result<Self> {
        let invalid =
            |field, value: &str| Error::Invalid { network: request.network.clone(), field, value: value.to_owned() };
        let address = |field, text: &str| text.parse::<Ipv4Addr>().map_err(|_| invalid(field, text));
        for port in &request.ports {
            port::check(port).ok_or_else(|| invalid("port", &format!("{}/{}", port.host_port, port.protocol)))?;
        }
        Ok(Self {
            request,
            subnet: Subnet::parse(&request.subnet).ok_or_else(|| invalid("subnet", &request.subnet))?,
            gateway: address("gateway", &request.gateway)?,
            address: request.address.as_deref().map(|text| address("address", text)).transpose()?,
            mac: match request.mac.as_deref() {
                Some(text) => link::parse_mac(text).ok_or_else(|| invalid("mac", text))?,
                None => link::random_mac()?,
            },
        })
    }
}

/// Connect `container`, whose network namespace is `netns`, to the network of `request`.
///
/// An address is leased, the veth pair made with its end in the container configured and up, and the ports published in
/// one transaction. On an error nothing of it stays. The caller is the lease's owner and lives as long as the container.
pub fn attach(container: &str, netns: BorrowedFd<'_>, request: &Attach) -> Result<Attached> {
    let plan = Plan::new(request)?;
    let host_interface = host_interface(container, &request.interface);
    let mut host = link::Host::open()?;
    let bridge = host
        .index(&request.bridge)
        .ok_or_else(|| Error::NoBridge { network: request.network.clone(), bridge: request.bridge.clone() })?;
    let mut firewall = firewall::Firewall::open()?;
    let owner = lease::Owner { container, host_interface: &host_interface, ports: !request.ports.is_empty() };
    let address = lease::acquire(&plan, &owner, &mut host, &mut firewall)?;
    let route = host.route_to(address);
    let mut connect = || {
        host.create_pair(&plan, &host_interface, bridge, netns)?;
        link::configure(&plan, netns, address)?;
        firewall.admit(plan.subnet)?;
        firewall.publish(&request.ports, address, &request.bridge)
    };
    if let Err(error) = connect() {
        // The first error is what the caller must see; what cannot be undone now is swept by the next attach.
        let _ = host.remove(&host_interface);
        let _ = detach(container, &request.lease_dir);
        return Err(error);
    }
    Ok(Attached {
        network: request.network.clone(),
        address: format!("{address}/{}", plan.subnet.prefix),
        gateway: request.gateway.clone(),
        mac: link::format_mac(plan.mac),
        interface: request.interface.clone(),
        host_interface,
        warnings: route?
            .filter(|link| *link != request.bridge)
            .map(|link| astray(request, address, &link))
            .into_iter()
            .collect(),
    })
}

/// Say that the host sends a container's packets elsewhere, which a second link with the same subnet makes it do.
fn astray(request: &Attach, address: Ipv4Addr, link: &str) -> String {
    let Attach { network, bridge, subnet, .. } = request;
    format!(
        "network {network}: this host sends packets for {address} to {link}, not to {bridge}: published ports and answers do \
         not reach the container (is {subnet} on both? remove one: `ip link delete {link}`)"
    )
}

/// Take `container`, whose processes have ended, off the network whose leases are in `lease_dir`.
///
/// Its port rules are gone at once. The veth pair goes with the network namespace, which the kernel takes down by itself
/// (asking for it would cost some thirty milliseconds of waiting), and the address is free after that. May be repeated,
/// and works when the container, its namespace, its monitor, or the network's definition are gone.
pub fn detach(container: &str, lease_dir: &Path) -> Result<()> {
    lease::release(lease_dir, container, &mut link::Host::open()?, &mut firewall::Firewall::open()?)
}

/// Take back what dead containers left on the network whose leases are in `lease_dir`.
///
/// [`attach`] and [`detach`] do the same on their way. Returns how many leases were swept.
pub fn sweep(lease_dir: &Path) -> Result<usize> {
    lease::sweep(lease_dir, &mut link::Host::open()?, &mut firewall::Firewall::open()?)
}

/// Name of the host's end, told from the container's. The kernel takes 15 characters.
fn host_interface(container: &str, interface: &str) -> String {
    let id: String = container.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let number: String = interface.chars().rev().take_while(char::is_ascii_digit).collect();
    let number: String = number.chars().rev().take(2).collect();
    format!("veth{id}-{number}")
}
