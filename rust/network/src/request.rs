//! What is asked for and what is answered, as the documents that cross from the command to the monitor.

use libpod_json::versioned::present;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    /// See [`super::bridge`].
    Bridge(BridgeOptions),
}

/// What the driver `bridge` must know of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeOptions {
    /// The bridge on the host.
    pub bridge: String,
    /// `10.88.0.0/16`.
    pub subnet: String,
    /// The bridge's address and the container's default route.
    pub gateway: String,
    /// Largest packet; the kernel's default if `None`.
    #[serde(deserialize_with = "present")]
    pub mtu: Option<u32>,
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
