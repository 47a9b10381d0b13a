//! Containers on a bridge of the host: a veth pair each, an address of the bridge's subnet, masquerade to elsewhere.

use super::{Attach, Attached, Choice, Driver, Error, Result, Subnet, firewall, lease, link, port, present};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// What [`Bridge`] must know of a network.
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

/// The driver `bridge`.
pub(super) struct Bridge;

impl Driver for Bridge {
    fn check(&self, request: &Attach) -> Result<()> {
        Plan::new(request).map(|_| ())
    }

    /// An address is leased, the veth pair made with its end in the container configured and up, and the ports published in
    /// one transaction.
    fn attach(&self, container: &str, netns: BorrowedFd<'_>, request: &Attach) -> Result<Attached> {
        let plan = Plan::new(request)?;
        let host_interface = host_interface(container, &request.interface);
        let mut host = link::Host::open()?;
        let bridge = host
            .index(&plan.options.bridge)
            .ok_or_else(|| Error::NoBridge { network: request.network.clone(), bridge: plan.options.bridge.clone() })?;
        let mut firewall = firewall::Firewall::open()?;
        let owner = lease::Owner { container, host_interface: &host_interface, ports: !request.ports.is_empty() };
        let address = lease::acquire(&plan, &owner, &mut host, &mut firewall)?;
        let route = host.route_to(address);
        let mut connect = || {
            host.create_pair(&plan, &host_interface, bridge, netns)?;
            link::configure(&plan, netns, address)?;
            firewall.admit(plan.subnet)?;
            firewall.publish(&request.ports, address, &plan.options.bridge)
        };
        if let Err(error) = connect() {
            // The first error is what the caller must see; what cannot be undone now is swept by the next attach.
            let _ = host.remove(&host_interface);
            let _ = self.detach(container, &request.lease_dir);
            return Err(error);
        }
        Ok(Attached {
            network: request.network.clone(),
            address: format!("{address}/{}", plan.subnet.prefix),
            gateway: plan.options.gateway.clone(),
            mac: link::format_mac(plan.mac),
            interface: request.interface.clone(),
            host_interface,
            warnings: route?
                .filter(|link| *link != plan.options.bridge)
                .map(|link| astray(&plan, address, &link))
                .into_iter()
                .collect(),
        })
    }

    /// Its port rules are gone at once. The veth pair goes with the network namespace, which the kernel takes down by itself
    /// (asking for it would cost some thirty milliseconds of waiting), and the address is free after that.
    fn detach(&self, container: &str, lease_dir: &Path) -> Result<()> {
        lease::release(lease_dir, container, &mut link::Host::open()?, &mut firewall::Firewall::open()?)
    }
}

/// The request's texts, checked once.
pub(super) struct Plan<'a> {
    pub(super) request: &'a Attach,
    pub(super) options: &'a BridgeOptions,
    pub(super) subnet: Subnet,
    pub(super) gateway: Ipv4Addr,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) mac: [u8; 6],
}

impl<'a> Plan<'a> {
    fn new(request: &'a Attach) -> Result<Self> {
        let Choice::Bridge(options) = &request.driver;
        let invalid =
            |field, value: &str| Error::Invalid { network: request.network.clone(), field, value: value.to_owned() };
        let address = |field, text: &str| text.parse::<Ipv4Addr>().map_err(|_| invalid(field, text));
        for port in &request.ports {
            port::check(port).ok_or_else(|| invalid("port", &format!("{}/{}", port.host_port, port.protocol)))?;
        }
        Ok(Self {
            request,
            options,
            subnet: Subnet::parse(&options.subnet).ok_or_else(|| invalid("subnet", &options.subnet))?,
            gateway: address("gateway", &options.gateway)?,
            address: request.address.as_deref().map(|text| address("address", text)).transpose()?,
            mac: match request.mac.as_deref() {
                Some(text) => link::parse_mac(text).ok_or_else(|| invalid("mac", text))?,
                None => link::random_mac()?,
            },
        })
    }
}

/// Say that the host sends a container's packets elsewhere, which a second link with the same subnet makes it do.
fn astray(plan: &Plan<'_>, address: Ipv4Addr, link: &str) -> String {
    let BridgeOptions { bridge, subnet, .. } = plan.options;
    let network = &plan.request.network;
    format!(
        "network {network}: this host sends packets for {address} to {link}, not to {bridge}: published ports and answers do \
         not reach the container (is {subnet} on both? remove one: `ip link delete {link}`)"
    )
}

/// Name of the host's end, told from the container's. The kernel takes 15 characters.
fn host_interface(container: &str, interface: &str) -> String {
    let id: String = container.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let number: String = interface.chars().rev().take_while(char::is_ascii_digit).collect();
    let number: String = number.chars().rev().take(2).collect();
    format!("veth{id}-{number}")
}
