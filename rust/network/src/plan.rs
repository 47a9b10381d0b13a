//! What the driver `bridge` is asked for, as plain values: a container's request checked once, and names.
//!
//! Nothing here speaks with the kernel or looks at the disk, but for the random bytes of a hardware address.

use super::error::{Error, Result};
use super::port;
use super::request::{Attach, BridgeOptions, Choice};
use super::subnet::Subnet;
use std::net::Ipv4Addr;

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
    pub(super) fn new(request: &'a Attach) -> Result<Self> {
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
                Some(text) => parse_mac(text).ok_or_else(|| invalid("mac", text))?,
                None => random_mac()?,
            },
        })
    }
}

/// Who takes a lease.
pub(super) struct Owner<'a> {
    pub(super) container: &'a str,
    pub(super) host_interface: &'a str,
    pub(super) ports: bool,
}

/// Name of the host's end, told from the container's. The kernel takes 15 characters.
pub(super) fn host_interface(container: &str, interface: &str) -> String {
    let id: String = container.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let number: String = interface.chars().rev().take_while(char::is_ascii_digit).collect();
    let number: String = number.chars().rev().take(2).collect();
    format!("veth{id}-{number}")
}

/// A unicast address of local administration.
fn random_mac() -> Result<[u8; 6]> {
    let mut mac: [u8; 6] = libpod_sys::random::bytes()
        .map_err(|errno| Error::Kernel { step: "draw a hardware address".to_owned(), errno })?;
    mac[0] = mac[0] & 0xfe | 0x02;
    Ok(mac)
}

/// `92:d0:c6:00:29:33`, also with dashes.
fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// The way everybody prints it.
pub(super) fn format_mac(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
