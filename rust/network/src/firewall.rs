//! nftables, in a table of our own: outgoing masquerade per subnet, and published ports as elements of two maps.
//!
//! ```text
//! table inet libpod {
//!   map published { host address . protocol . port : container address . port }
//!   map published-any { protocol . port : container address . port }
//!   chain publish { dnat by the first map; dnat by the second }
//!   chain prerouting { packets to this host jump publish }     chain output { the same for this host's own packets }
//!   chain masquerade-10.88.0.0/16 { what leaves the subnet, and what was published to it from within or localhost }
//! }
//! ```
//!
//! The base is made once, in one transaction with the first use, and made anew where somebody flushed it. A container's
//! ports are elements whose value is its address, so that [`Firewall::withdraw`] needs to know nothing else. Forwarding
//! is accepted by not forbidding it; where iptables forbids it, see [`forwarding`].

use super::error::{Error, Result, verdict};
use super::forwarding;
use super::port::{pairs, protocol_number};
use super::request::Port;
use super::subnet::Subnet;
use libpod_sys::netlink::{
    APPEND, Answer, BATCH_BEGIN, BATCH_END, CREATE, DUMP, Message, Socket, attribute, attributes,
};
use rustix::io::Errno;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

// Source: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h.
const SUBSYSTEM: u16 = 10 << 8;
const NEWTABLE: u16 = SUBSYSTEM;
const NEWCHAIN: u16 = SUBSYSTEM | 3;
const GETCHAIN: u16 = SUBSYSTEM | 4;
const NEWRULE: u16 = SUBSYSTEM | 6;
const DELRULE: u16 = SUBSYSTEM | 8;
const NEWSET: u16 = SUBSYSTEM | 9;
const NEWSETELEM: u16 = SUBSYSTEM | 12;
const GETSETELEM: u16 = SUBSYSTEM | 13;
const DELSETELEM: u16 = SUBSYSTEM | 14;
const INET: u8 = 1;
const IPV4: u8 = 2;

const TABLE: &str = "libpod";
const PUBLISHED: &str = "published";
const PUBLISHED_ANY: &str = "published-any";
const PUBLISH: &str = "publish";

/// Types of key and value as the `nft` tool names them, six bits each: only for its listing.
const TYPE_ADDRESS: u32 = 7;
const TYPE_PROTOCOL: u32 = 12;
const TYPE_SERVICE: u32 = 13;

/// Hook numbers and priorities as in iptables' nat table.
const PREROUTING: (u32, i32) = (0, -100);
const OUTPUT: (u32, i32) = (3, -100);
const POSTROUTING: (u32, i32) = (4, 100);

const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const DESTINATION_PORT: u32 = 2;

/// First register, and the ones four and eight bytes behind it.
const R1: u32 = 1;
const R1_4: u32 = 9;
const R1_8: u32 = 10;

const JUMP: u32 = -3i32 as u32;
const CMP_EQUAL: u32 = 0;
const CMP_NOT_EQUAL: u32 = 1;
const STATUS_DNAT: u32 = 1 << 5;
const ADDRESS_LOCAL: u32 = 2;

/// The host's firewall.
pub(super) struct Firewall {
    socket: Option<Socket>,
    /// Elements were deleted through this socket.
    deleted: bool,
}

/// Closing a netfilter socket waits until what was deleted is freed, some ten milliseconds: nobody needs to watch that.
impl Drop for Firewall {
    fn drop(&mut self) {
        if let (true, Some(socket)) = (self.deleted, self.socket.take()) {
            let _ = std::thread::Builder::new().stack_size(64 << 10).spawn(move || drop(socket));
        }
    }
}

impl Firewall {
    /// Nothing is opened before it is needed: a container without ports may not need it at its end.
    pub(super) fn open() -> Result<Self> {
        Ok(Self { socket: None, deleted: false })
    }

    fn socket(&mut self) -> Result<&mut Socket> {
        if self.socket.is_none() {
            let socket = Socket::netfilter().map_err(|source| Error::Socket { step: "open netfilter", source })?;
            self.socket = Some(socket);
        }
        Ok(self.socket.as_mut().expect("opened above"))
    }

    /// Let the subnet's containers out, and packets for published ports in: forwarding on, base chains there.
    pub(super) fn admit(&mut self, subnet: Subnet) -> Result<()> {
        switch_on("/proc/sys/net/ipv4/ip_forward")?;
        forwarding::open(self.socket()?, subnet)?;
        let chain = masquerade_chain(subnet);
        let question = Message::new(GETCHAIN, 0).fixed(&family()).text(1, TABLE).text(3, &chain);
        match verdict(self.socket()?.ask(question), "ask for chains", |_| "ask for chains".to_owned()) {
            Ok(_) => Ok(()),
            Err(Error::Kernel { errno: Errno::NOENT, .. }) => {
                self.transact(base(subnet, &chain), "make the base chains")
            }
            Err(error) => Err(error),
        }
    }

    /// Lead the host's ports to `address` behind `bridge`, all or none; from the host's loopback too.
    ///
    /// The caller holds sockets on these ports: an element that stands in the way belongs to nobody and is replaced.
    pub(super) fn publish(&mut self, ports: &[Port], address: Ipv4Addr, bridge: &str) -> Result<()> {
        let elements: Vec<Element> = ports.iter().flat_map(|port| Element::of(port, address)).collect();
        if elements.is_empty() {
            return Ok(());
        }
        switch_on(&format!("/proc/sys/net/ipv4/conf/{bridge}/route_localnet"))?;
        let added = add(&elements);
        match self.transact(added.clone(), "publish ports") {
            Err(Error::Kernel { errno: Errno::EXIST, .. }) => {
                let wanted: Vec<&[u8]> = elements.iter().map(|element| &element.key[..]).collect();
                let stale = self.elements(|element| wanted.contains(&&element.key[..]))?;
                self.transact([delete(&stale), added].concat(), "publish ports")
            }
            other => other,
        }
    }

    /// Remove every element that leads to `address`.
    pub(super) fn withdraw(&mut self, address: Ipv4Addr) -> Result<()> {
        let elements = self.elements(|element| element.value[..4] == address.octets())?;
        if elements.is_empty() {
            return Ok(());
        }
        self.deleted = true;
        match self.transact(delete(&elements), "withdraw ports") {
            Err(Error::Kernel { errno: Errno::NOENT, .. }) => Ok(()),
            other => other,
        }
    }

    /// The published elements that `wanted` picks; none where there is no table.
    fn elements(&mut self, wanted: impl Fn(&Element) -> bool) -> Result<Vec<Element>> {
        let mut found = Vec::new();
        for map in [PUBLISHED, PUBLISHED_ANY] {
            let question = Message::new(GETSETELEM, DUMP).fixed(&family()).text(1, TABLE).text(2, map);
            let answers = match verdict(self.socket()?.ask(question), "list ports", |_| format!("list map {map}")) {
                Ok(answers) => answers,
                Err(Error::Kernel { errno: Errno::NOENT, .. }) => continue,
                Err(error) => return Err(error),
            };
            found.extend(answers.iter().flat_map(|answer| Element::read(map, answer)).filter(&wanted));
        }
        Ok(found)
    }

    /// Carry the messages out in one transaction.
    fn transact(&mut self, messages: Vec<Message>, step: &'static str) -> Result<()> {
        let mark = |kind| Message::new(kind, 0).fixed(&[0, 0, 0, 10]);
        let batch = [vec![mark(BATCH_BEGIN)], messages, vec![mark(BATCH_END)]].concat();
        verdict(self.socket()?.transact(batch), step, |at| format!("{step} (message {at})"))
    }
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Element {
    map: &'static str,
    key: Vec<u8>,
    value: [u8; 8],
}

impl Element {
    fn of(port: &Port, address: Ipv4Addr) -> Vec<Self> {
        let protocol = protocol_number(&port.protocol).unwrap_or_default();
        let host: Option<IpAddr> = port.host_ip.parse().ok();
        let (map, prefix) = match host {
            Some(IpAddr::V4(ip)) if !ip.is_unspecified() => (PUBLISHED, ip.octets().to_vec()),
            // The bridge has no IPv6: the socket alone holds such a port.
            Some(IpAddr::V6(_)) => return Vec::new(),
            _ => (PUBLISHED_ANY, Vec::new()),
        };
        let element = |(host_port, container_port): (u16, u16)| {
            let key = [&prefix[..], &[protocol, 0, 0, 0], &host_port.to_be_bytes(), &[0, 0]].concat();
            let mut value = [0; 8];
            value[..4].copy_from_slice(&address.octets());
            value[4..6].copy_from_slice(&container_port.to_be_bytes());
            Self { map, key, value }
        };
        pairs(port).map(element).collect()
    }

    fn read(map: &'static str, answer: &Answer) -> Vec<Self> {
        let list = answer.payload.get(4..).and_then(|payload| attribute(payload, 3)).unwrap_or_default();
        let element = |(_, element): (u16, &[u8])| {
            let data = |kind| attribute(attribute(element, kind)?, 1);
            Some(Self { map, key: data(1)?.to_vec(), value: data(2)?.try_into().ok()? })
        };
        attributes(list).filter_map(element).collect()
    }
}

fn add(elements: &[Element]) -> Vec<Message> {
    element_messages(elements, NEWSETELEM, CREATE, |message, element| {
        message.nest(2, |data| data.attr(1, &element.value))
    })
}

fn delete(elements: &[Element]) -> Vec<Message> {
    element_messages(elements, DELSETELEM, 0, |message, _| message)
}

/// Elements, some hundred per message: an attribute ends at 64 KiB.
fn element_messages(
    elements: &[Element],
    kind: u16,
    flags: u16,
    value: impl Fn(Message, &Element) -> Message,
) -> Vec<Message> {
    let mut messages = Vec::new();
    for map in [PUBLISHED, PUBLISHED_ANY] {
        let of_map: Vec<&Element> = elements.iter().filter(|element| element.map == map).collect();
        for some in of_map.chunks(500) {
            let list = |list: Message| {
                list.each(some, |list, element| {
                    list.nest(1, |item| value(item.nest(1, |key| key.attr(1, &element.key)), element))
                })
            };
            messages.push(Message::new(kind, flags).fixed(&family()).text(1, TABLE).text(2, map).nest(3, list));
        }
    }
    messages
}

fn masquerade_chain(subnet: Subnet) -> String {
    format!("masquerade-{}/{}", Ipv4Addr::from(subnet.base), subnet.prefix)
}

/// Everything but the elements. Rules of a chain that exists are replaced, so that doing it again changes nothing.
fn base(subnet: Subnet, chain: &str) -> Vec<Message> {
    let mut messages = vec![
        Message::new(NEWTABLE, CREATE).fixed(&family()).text(1, TABLE),
        map(PUBLISHED, 1, &[TYPE_ADDRESS, TYPE_PROTOCOL, TYPE_SERVICE]),
        map(PUBLISHED_ANY, 2, &[TYPE_PROTOCOL, TYPE_SERVICE]),
        new_chain(PUBLISH, None),
        new_chain("prerouting", Some(PREROUTING)),
        new_chain("output", Some(OUTPUT)),
        new_chain(chain, Some(POSTROUTING)),
    ];
    let flush = |chain: &str| Message::new(DELRULE, 0).fixed(&family()).text(1, TABLE).text(2, chain);
    messages.extend([PUBLISH, "prerouting", "output", chain].map(flush));
    messages.push(rule(PUBLISH, |r| {
        let r = load_port(load_protocol(payload(ipv4(r), NETWORK_HEADER, DESTINATION, 4, R1), R1_4), R1_8);
        translate(lookup(r, PUBLISHED))
    }));
    messages.push(rule(PUBLISH, |r| translate(lookup(load_port(load_protocol(ipv4(r), R1), R1_4), PUBLISHED_ANY))));
    messages.extend(["prerouting", "output"].map(|chain| rule(chain, |r| jump(to_this_host(r), PUBLISH))));
    let loopback = Subnet { base: 0x7f00_0000, prefix: 8 };
    let multicast = Subnet { base: 0xe000_0000, prefix: 4 };
    let published_from = |from: Subnet| {
        rule(chain, |r| masquerade(within(within(published(ipv4(r)), SOURCE, from, true), DESTINATION, subnet, true)))
    };
    messages.extend([loopback, subnet].map(published_from));
    messages.push(rule(chain, |r| {
        let leaving = within(within(ipv4(r), SOURCE, subnet, true), DESTINATION, subnet, false);
        masquerade(within(leaving, DESTINATION, multicast, false))
    }));
    messages
}

fn map(name: &str, id: u32, key: &[u32]) -> Message {
    let packed = |types: &[u32]| types.iter().fold(0, |packed, kind| packed << 6 | kind);
    let key_length = 4 * key.len() as u32;
    let is_map = 8;
    Message::new(NEWSET, CREATE)
        .fixed(&family())
        .text(1, TABLE)
        .text(2, name)
        .network_number(3, is_map)
        .network_number(4, packed(key))
        .network_number(5, key_length)
        .network_number(6, packed(&[TYPE_ADDRESS, TYPE_SERVICE]))
        .network_number(7, 8)
        .network_number(10, id)
}

fn new_chain(name: &str, hook: Option<(u32, i32)>) -> Message {
    let message = Message::new(NEWCHAIN, CREATE).fixed(&family()).text(1, TABLE).text(3, name);
    let Some((number, priority)) = hook else { return message };
    message
        .nest(4, |hook| hook.network_number(1, number).network_number(2, priority as u32))
        .network_number(5, 1)
        .text(7, "nat")
}

/// A rule at the end of `chain` with the expressions that `fill` appends.
fn rule(chain: &str, fill: impl FnOnce(Message) -> Message) -> Message {
    Message::new(NEWRULE, CREATE | APPEND).fixed(&family()).text(1, TABLE).text(2, chain).nest(4, fill)
}

fn expression(rule: Message, name: &str, data: impl FnOnce(Message) -> Message) -> Message {
    rule.nest(1, |element| element.text(1, name).nest(2, data))
}

fn payload(rule: Message, base: u32, offset: u32, length: u32, register: u32) -> Message {
    expression(rule, "payload", |e| {
        e.network_number(1, register).network_number(2, base).network_number(3, offset).network_number(4, length)
    })
}

fn compare(rule: Message, operation: u32, value: &[u8]) -> Message {
    expression(rule, "cmp", |e| {
        e.network_number(1, R1).network_number(2, operation).nest(3, |data| data.attr(1, value))
    })
}

fn mask(rule: Message, mask: &[u8; 4]) -> Message {
    expression(rule, "bitwise", |e| {
        let e = e.network_number(1, R1).network_number(2, R1).network_number(3, 4);
        e.nest(4, |data| data.attr(1, mask)).nest(5, |data| data.attr(1, &[0; 4]))
    })
}

fn meta(rule: Message, key: u32, register: u32) -> Message {
    expression(rule, "meta", |e| e.network_number(1, register).network_number(2, key))
}

fn ipv4(rule: Message) -> Message {
    let protocol_family = 15;
    compare(meta(rule, protocol_family, R1), CMP_EQUAL, &[IPV4])
}

fn load_protocol(rule: Message, register: u32) -> Message {
    let transport_protocol = 16;
    meta(rule, transport_protocol, register)
}

fn load_port(rule: Message, register: u32) -> Message {
    payload(rule, TRANSPORT_HEADER, DESTINATION_PORT, 2, register)
}

fn lookup(rule: Message, map: &str) -> Message {
    expression(rule, "lookup", |e| e.text(1, map).network_number(2, R1).network_number(3, R1))
}

fn translate(rule: Message) -> Message {
    let destination = 1;
    expression(rule, "nat", |e| {
        e.network_number(1, destination).network_number(2, IPV4.into()).network_number(3, R1).network_number(5, R1_4)
    })
}

fn to_this_host(rule: Message) -> Message {
    let (by_destination, address_type) = (1 << 1, 3);
    let rule = expression(rule, "fib", |e| {
        e.network_number(1, R1).network_number(2, address_type).network_number(3, by_destination)
    });
    compare(rule, CMP_EQUAL, &ADDRESS_LOCAL.to_ne_bytes())
}

fn jump(rule: Message, chain: &str) -> Message {
    let verdict_register = 0;
    expression(rule, "immediate", |e| {
        e.network_number(1, verdict_register)
            .nest(2, |data| data.nest(2, |verdict| verdict.network_number(1, JUMP).text(2, chain)))
    })
}

fn published(rule: Message) -> Message {
    let status = 2;
    let rule = expression(rule, "ct", |e| e.network_number(1, R1).network_number(2, status));
    compare(mask(rule, &STATUS_DNAT.to_ne_bytes()), CMP_NOT_EQUAL, &[0; 4])
}

/// The address at `offset` of the IPv4 header is, or is not, of `subnet`.
fn within(rule: Message, offset: u32, subnet: Subnet, inside: bool) -> Message {
    let rule = mask(payload(rule, NETWORK_HEADER, offset, 4, R1), &subnet.mask().to_be_bytes());
    compare(rule, if inside { CMP_EQUAL } else { CMP_NOT_EQUAL }, &subnet.base.to_be_bytes())
}

fn masquerade(rule: Message) -> Message {
    expression(rule, "masq", |e| e)
}

/// `struct nfgenmsg` of the inet family.
fn family() -> [u8; 4] {
    [INET, 0, 0, 0]
}

/// Write 1 to a switch of the kernel that does not stand there already.
fn switch_on(path: &str) -> Result<()> {
    let path = Path::new(path);
    let now = std::fs::read(path).map_err(|error| Error::file("read", path, error))?;
    if now.first() == Some(&b'1') {
        return Ok(());
    }
    std::fs::write(path, "1").map_err(|error| Error::file("write", path, error))
}
