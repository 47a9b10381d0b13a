//! Links, addresses and routes: the veth pair, its two ends and the loopback, by route netlink.

use super::error::{Error, Result, verdict};
use super::plan::Plan;
use libpod_sys::netlink::{APPEND, Answer, CREATE, DUMP, EXCLUSIVE, Message, Socket, attribute};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

// Source: include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, ip.h, veth.h.
const NEWLINK: u16 = 16;
const DELLINK: u16 = 17;
const GETLINK: u16 = 18;
const NEWADDR: u16 = 20;
const GETADDR: u16 = 22;
const NEWROUTE: u16 = 24;
const GETROUTE: u16 = 26;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INET_CONF: u16 = 1;
const IPV4_DEVCONF_ARP_NOTIFY: u16 = 22;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;
const AF_INET: u8 = 2;
const IFF_UP: u32 = 1;

/// The loopback is the first link of every network namespace.
const LOOPBACK: u32 = 1;
/// As netavark gives to its default routes.
const ROUTE_METRIC: u32 = 100;

/// The host's side.
pub(super) struct Host {
    socket: Socket,
}

impl Host {
    /// Speak with the calling thread's network namespace.
    pub(super) fn open() -> Result<Self> {
        Ok(Self { socket: open()? })
    }

    /// Index of a link; None where there is none of that name.
    pub(super) fn index(&self, name: &str) -> Option<u32> {
        rustix::net::netdevice::name_to_index(&self.socket, name).ok()
    }

    /// Name of the link by which the host sends packets to `address`; None if it has no route there.
    pub(super) fn route_to(&mut self, address: Ipv4Addr) -> Result<Option<String>> {
        let question = Message::new(GETROUTE, 0)
            .fixed(&[AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            .attr(RTA_DST, &address.octets());
        let step = |_| format!("look up the route to {address}");
        let answers = match verdict(self.socket.ask(question), "look up a route", step) {
            Err(Error::Kernel { errno: Errno::NETUNREACH, .. }) => return Ok(None),
            other => other?,
        };
        let out = answers.first().and_then(|answer| attribute(answer.payload.get(12..)?, RTA_OIF));
        let index = out.and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
        Ok(index.and_then(|index| rustix::net::netdevice::index_to_name(&self.socket, index).ok()))
    }

    /// Make the pair: one end on the bridge and up, the other in the container's namespace, still down.
    pub(super) fn create_pair(
        &mut self,
        plan: &Plan<'_>,
        name: &str,
        bridge: u32,
        netns: BorrowedFd<'_>,
    ) -> Result<()> {
        let peer = |message: Message| {
            let message = message.fixed(&link_header(0, 0)).text(IFLA_IFNAME, &plan.request.interface);
            let message = message.attr(IFLA_ADDRESS, &plan.mac);
            message
                .number(IFLA_NET_NS_FD, netns.as_raw_fd() as u32)
                .each(plan.options.mtu, |m, mtu| m.number(IFLA_MTU, mtu))
        };
        let pair = Message::new(NEWLINK, CREATE | EXCLUSIVE)
            .fixed(&link_header(0, IFF_UP))
            .text(IFLA_IFNAME, name)
            .number(IFLA_MASTER, bridge)
            .each(plan.options.mtu, |message, mtu| message.number(IFLA_MTU, mtu))
            .nest(IFLA_LINKINFO, |info| {
                info.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, |data| data.nest(VETH_INFO_PEER, peer))
            });
        let step = |_| {
            format!("create veth {name} on {} with {} in the container", plan.options.bridge, plan.request.interface)
        };
        match verdict(self.socket.transact(vec![pair.clone()]), "create veth", step) {
            // Left by an earlier run of this container whose namespace the kernel has not taken down yet.
            Err(Error::Kernel { errno: Errno::EXIST, .. }) if self.index(name).is_some() => {
                self.remove(name)?;
                verdict(self.socket.transact(vec![pair]), "create veth", step)
            }
            other => other,
        }
    }

    /// Remove a link, and with it its peer; one that is gone is no error.
    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        if self.index(name).is_none() {
            return Ok(());
        }
        let message = Message::new(DELLINK, 0).fixed(&link_header(0, 0)).text(IFLA_IFNAME, name);
        match verdict(self.socket.transact(vec![message]), "remove veth", |_| format!("remove veth {name}")) {
            Err(Error::Kernel { errno: Errno::NODEV, .. }) => Ok(()),
            other => other,
        }
    }
}

/// Whether the calling thread's network namespace has a link of this name, and it is up.
///
/// Asked of the kernel's routing socket: a /sys may show the links of another network namespace.
pub fn is_up(name: &str) -> Result<bool> {
    let question = Message::new(GETLINK, 0).fixed(&link_header(0, 0)).text(IFLA_IFNAME, name);
    match verdict(open()?.ask(question), "look at a link", |_| format!("look at {name}")) {
        Err(Error::Kernel { errno: Errno::NODEV, .. }) => Ok(false),
        other => Ok(other?.iter().any(|answer| {
            let flags = answer.payload.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
            flags.is_some_and(|flags| flags & IFF_UP != 0)
        })),
    }
}

/// Configure the container's end: gratuitous ARP, address, up, loopback up, default route.
pub(super) fn configure(plan: &Plan<'_>, netns: BorrowedFd<'_>, address: Ipv4Addr) -> Result<()> {
    let mut socket = inside(netns)?;
    let interface = &plan.request.interface;
    let index = rustix::net::netdevice::name_to_index(&socket, interface)
        .map_err(|errno| Error::Kernel { step: format!("find {interface} in the container"), errno })?;
    let announce = Message::new(NEWLINK, 0).fixed(&link_header(index, 0)).nest(IFLA_AF_SPEC, |spec| {
        spec.nest(AF_INET.into(), |inet| inet.nest(IFLA_INET_CONF, |conf| conf.number(IPV4_DEVCONF_ARP_NOTIFY, 1)))
    });
    let local = Message::new(NEWADDR, CREATE | EXCLUSIVE)
        .fixed(&address_header(plan.subnet.prefix, index))
        .attr(IFA_LOCAL, &address.octets())
        .attr(IFA_ADDRESS, &address.octets())
        .attr(IFA_BROADCAST, &plan.subnet.broadcast().to_be_bytes());
    // Of several networks the first one's route counts: the later ones stand behind it.
    let route = Message::new(NEWROUTE, CREATE | APPEND)
        .fixed(&[AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0, 0, 0, 0])
        .attr(RTA_GATEWAY, &plan.gateway.octets())
        .number(RTA_OIF, index)
        .number(RTA_PRIORITY, ROUTE_METRIC);
    let messages = vec![announce, local, up(index), up(LOOPBACK), route];
    let steps = |at| match at {
        0 => format!("set arp_notify of {interface}"),
        1 => format!("add address {address}/{} to {interface}", plan.subnet.prefix),
        2 => format!("bring {interface} up"),
        3 => "bring lo up".to_owned(),
        _ => format!("add default route via {} to {interface}", plan.gateway),
    };
    verdict(socket.transact(messages), "configure the container", steps)
}

/// The host's first IPv4 address that is not of the loopback: what `host.containers.internal` means without a bridge.
pub fn local_address() -> Result<Option<Ipv4Addr>> {
    let question = Message::new(GETADDR, DUMP).fixed(&[AF_INET, 0, 0, 0, 0, 0, 0, 0]);
    let answers = verdict(open()?.ask(question), "list addresses", |_| "list addresses".to_owned())?;
    let address = |answer: &Answer| {
        let octets: [u8; 4] = attribute(answer.payload.get(8..)?, IFA_LOCAL)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets)).filter(|address| !address.is_loopback())
    };
    Ok(answers.iter().find_map(address))
}

fn up(index: u32) -> Message {
    Message::new(NEWLINK, 0).fixed(&link_header(index, IFF_UP))
}

/// `struct ifinfomsg`, with `flags` as both the flags and the mask of what changes.
fn link_header(index: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// `struct ifaddrmsg`.
fn address_header(prefix: u8, index: u32) -> [u8; 8] {
    let mut header = [AF_INET, prefix, 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

fn open() -> Result<Socket> {
    Socket::route().map_err(|source| Error::Socket { step: "open netlink", source })
}

/// A socket that speaks with another namespace: opened by a short-lived thread that enters it, so that the caller never
/// leaves its own.
fn inside(netns: BorrowedFd<'_>) -> Result<Socket> {
    std::thread::scope(|scope| {
        let enter = move || {
            move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))
                .map_err(|errno| Error::Kernel { step: "enter the network namespace".to_owned(), errno })?;
            open()
        };
        let thread = std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, enter);
        let thread = thread.map_err(|error| Error::Kernel {
            step: "start a thread".to_owned(),
            errno: Errno::from_io_error(&error).unwrap_or(Errno::AGAIN),
        })?;
        thread.join().expect("the thread does not panic")
    })
}
