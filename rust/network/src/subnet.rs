//! The subnet of a network.

use std::net::Ipv4Addr;

/// An IPv4 subnet with the addresses that containers may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) base: u32,
    pub(super) prefix: u8,
}

impl Subnet {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (address, prefix) = (u32::from(address.parse::<Ipv4Addr>().ok()?), prefix.parse::<u8>().ok()?);
        let subnet = Self { base: address, prefix };
        (1..=30).contains(&prefix).then_some(Self { base: address & subnet.mask(), prefix })
    }

    pub(super) fn mask(self) -> u32 {
        u32::MAX << (32 - self.prefix)
    }

    pub(super) fn broadcast(self) -> u32 {
        self.base | !self.mask()
    }

    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == self.base
    }
}
