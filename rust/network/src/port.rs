//! Ports of the host: reserved by sockets that the container's monitor keeps open.
//!
//! The firewall sends a published port's packets to the container before they reach these sockets; what they give is the
//! kernel's own answer to "is it taken", in every program's eyes, for as long as the container lives.

use super::error::{Error, Result};
use super::request::Port;
use libpod_sys::errno_text;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// As long as Go's listeners, whose place these take.
const BACKLOG: i32 = 128;

/// A port number's protocol as the firewall knows it (`IPPROTO_…`); None for one we cannot publish.
pub(super) fn protocol_number(name: &str) -> Option<u8> {
    match name {
        "tcp" => Some(6),
        "udp" => Some(17),
        _ => None,
    }
}

/// None where a port cannot be published: unknown protocol, past 65535, port 0, not an address.
pub(super) fn check(port: &Port) -> Option<()> {
    protocol_number(&port.protocol)?;
    let last = port.range.max(1) - 1;
    port.host_port.checked_add(last)?;
    port.container_port.checked_add(last)?;
    (port.host_port != 0 && port.container_port != 0).then_some(())?;
    (port.host_ip.is_empty() || port.host_ip.parse::<IpAddr>().is_ok()).then_some(())
}

/// Each single pair of host port and container port.
pub(super) fn pairs(port: &Port) -> impl Iterator<Item = (u16, u16)> {
    let (host, container) = (port.host_port, port.container_port);
    (0..port.range.max(1)).map_while(move |at| Some((host.checked_add(at)?, container.checked_add(at)?)))
}

/// Reserve the host's ports; they are free again when the returned sockets are closed.
pub fn bind_ports(ports: &[Port]) -> Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for port in ports {
        check(port).ok_or_else(|| invalid(port))?;
        for (number, _) in pairs(port) {
            sockets.push(reserve(port, number)?);
        }
    }
    Ok(sockets)
}

fn reserve(port: &Port, number: u16) -> Result<OwnedFd> {
    let ip = port.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (tcp, v6) = (port.protocol == "tcp", ip.is_ipv6());
    open(SocketAddr::new(ip, number), tcp).map_err(|errno| {
        let shown = match ip {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => format!(":{number}"),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => format!("[::]:{number}"),
            _ => SocketAddr::new(ip, number).to_string(),
        };
        Error::Port {
            protocol: if tcp { "TCP" } else { "UDP" },
            socket: format!("{}{}", port.protocol, if v6 { 6 } else { 4 }),
            address: shown,
            reason: errno_text(errno.raw_os_error()),
            errno,
        }
    })
}

fn open(address: SocketAddr, tcp: bool) -> std::result::Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let kind = if tcp { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if tcp {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address)?;
    if tcp {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

/// How often a free range is sought before giving up.
const ATTEMPTS: usize = 64;

/// First of `count` consecutive ports of the host that are free now; nothing keeps them free.
pub fn free_port(host_ip: &str, protocol: &str, count: u16) -> Result<u16> {
    let any = |host_port| Port {
        host_ip: host_ip.to_owned(),
        host_port,
        container_port: 1,
        protocol: protocol.to_owned(),
        range: count,
    };
    let sample = Port { range: 1, ..any(1) };
    check(&sample).ok_or_else(|| invalid(&sample))?;
    let mut last = Err(invalid(&sample));
    for _ in 0..ATTEMPTS {
        let socket = reserve(&sample, 0)?;
        let name = rustix::net::getsockname(&socket).ok().and_then(|name| SocketAddr::try_from(name).ok());
        drop(socket);
        let first = name.map_or(0, |name| name.port());
        last = bind_ports(&[any(first)]).map(|_| first);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn invalid(port: &Port) -> Error {
    Error::Invalid {
        network: "host".to_owned(),
        field: "port",
        value: format!("{}:{}/{}", port.host_ip, port.host_port, port.protocol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    fn port(host_ip: &str, host_port: u16, protocol: &str) -> Port {
        Port { host_ip: host_ip.into(), host_port, container_port: 80, protocol: protocol.into(), range: 1 }
    }

    #[test]
    fn a_taken_port_is_told_in_podman_s_words() {
        let taken = TcpListener::bind("0.0.0.0:0").expect("a port");
        let number = taken.local_addr().expect("bound").port();
        let error = bind_ports(&[port("", number, "tcp")]).expect_err("taken");
        let wanted = format!("cannot listen on the TCP port: listen tcp4 :{number}: bind: address already in use");
        assert_eq!(error.to_string(), wanted);
        assert_eq!(error.errno(), Some(Errno::ADDRINUSE));
        let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let number = taken.local_addr().expect("bound").port();
        let error = bind_ports(&[port("127.0.0.1", number, "udp")]).expect_err("taken");
        let wanted =
            format!("cannot listen on the UDP port: listen udp4 127.0.0.1:{number}: bind: address already in use");
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn a_reserved_port_is_free_again_when_closed() {
        let number = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let sockets = bind_ports(&[port("127.0.0.1", number, "tcp")]).expect("free");
        assert!(TcpListener::bind(("127.0.0.1", number)).is_err(), "reserved");
        drop(sockets);
        assert!(TcpListener::bind(("127.0.0.1", number)).is_ok(), "free");
    }

    #[test]
    fn a_free_range_is_found() {
        let first = free_port("127.0.0.1", "udp", 3).expect("free");
        let found = Port { range: 3, ..port("127.0.0.1", first, "udp") };
        assert_eq!(bind_ports(&[found]).expect("free").len(), 3);
        assert!(matches!(free_port("", "sctp", 1), Err(Error::Invalid { .. })));
    }

    #[test]
    fn what_no_port_is_is_refused() {
        for bad in [port("", 0, "tcp"), port("", 80, "sctp"), port("localhost", 80, "tcp")] {
            assert!(matches!(bind_ports(&[bad]), Err(Error::Invalid { field: "port", .. })));
        }
        let past = Port { range: 3, ..port("", 65534, "tcp") };
        assert!(matches!(bind_ports(&[past]), Err(Error::Invalid { .. })));
        assert_eq!(pairs(&Port { range: 0, ..port("", 5, "tcp") }).collect::<Vec<_>>(), [(5, 80)]);
    }
}
