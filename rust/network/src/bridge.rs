//! Containers on a bridge of the host: a veth pair each, an address of the bridge's subnet, masquerade to elsewhere.

use super::driver::Driver;
use super::error::{Error, Result};
use super::plan::{Owner, Plan, format_mac, host_interface};
use super::request::{Attach, Attached, BridgeOptions};
use super::{firewall, lease, link};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::Path;

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
        let owner = Owner { container, host_interface: &host_interface, ports: !request.ports.is_empty() };
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
            mac: format_mac(plan.mac),
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

/// Say that the host sends a container's packets elsewhere, which a second link with the same subnet makes it do.
fn astray(plan: &Plan<'_>, address: Ipv4Addr, link: &str) -> String {
    let BridgeOptions { bridge, subnet, .. } = plan.options;
    let network = &plan.request.network;
    format!(
        "network {network}: this host sends packets for {address} to {link}, not to {bridge}: published ports and answers do \
         not reach the container (is {subnet} on both? remove one: `ip link delete {link}`)"
    )
}
