//! Attach and detach between namespaces made for the test: "the host" is one of them, so the machine is not touched.

use super::*;
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A network namespace, held by a sleeping process.
struct Namespace {
    holder: Child,
    file: File,
}

impl Namespace {
    /// None, with the reason printed, where none can be made; a failure where `LIBPOD_TEST_REQUIRE_ALL` is set.
    fn new() -> Option<Self> {
        let own = std::fs::read_link("/proc/self/ns/net").expect("proc");
        let mut holder = Command::new("unshare").args(["--net", "sleep", "60"]).stderr(Stdio::null()).spawn().ok()?;
        let path = format!("/proc/{}/ns/net", holder.id());
        let made = wait(|| std::fs::read_link(&path).is_ok_and(|link| link != own));
        if !made {
            let _ = holder.kill();
            let _ = holder.wait();
            assert!(std::env::var_os("LIBPOD_TEST_REQUIRE_ALL").is_none(), "network namespaces are needed");
            eprintln!("skipped: no network namespace can be made");
            return None;
        }
        let file = File::open(&path).expect("alive");
        Some(Self { holder, file })
    }

    /// Run `work` in a thread that lives in this namespace.
    fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network)).expect("enter");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn shell(&self, script: &str) -> String {
        let target = self.holder.id().to_string();
        let output =
            Command::new("nsenter").args(["-t", &target, "-n", "sh", "-ec", script]).output().expect("nsenter");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn end(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.end();
    }
}

/// A bridge with the subnet `<start>.0.0/16`.
fn on(bridge: &str, start: &str, mtu: Option<u32>) -> Choice {
    let (subnet, gateway) = (format!("{start}.0.0/16"), format!("{start}.0.1"));
    Choice::Bridge(BridgeOptions { bridge: bridge.into(), subnet, gateway, mtu })
}

/// A host with the default network's bridge, and a directory for its leases.
struct Host {
    space: Namespace,
    leases: PathBuf,
}

impl Host {
    fn new(name: &str) -> Option<Self> {
        let space = Namespace::new()?;
        space.shell("ip link set lo up; ip link add podman0 type bridge; ip addr add 10.88.0.1/16 dev podman0; ip link set podman0 up");
        let leases = std::env::temp_dir().join(format!("libpod-network-{name}-{}", std::process::id()));
        Some(Self { space, leases })
    }

    fn request(&self, ports: &[(&str, u16, u16, &str)]) -> Attach {
        let port = |&(host_ip, host_port, container_port, protocol): &(&str, u16, u16, &str)| Port {
            host_ip: host_ip.into(),
            host_port,
            container_port,
            protocol: protocol.into(),
            range: 1,
        };
        Attach {
            network: "podman".into(),
            driver: on("podman0", "10.88", None),
            interface: "eth0".into(),
            mac: None,
            address: None,
            ports: ports.iter().map(port).collect(),
            lease_dir: self.leases.join("podman"),
        }
    }

    fn attach(&self, container: &str, to: &Namespace, request: &Attach) -> Result<Attached> {
        let attached = self.attach_all(container, to, std::slice::from_ref(request));
        attached.map(|mut attached| attached.remove(0))
    }

    fn attach_all(&self, container: &str, to: &Namespace, requests: &[Attach]) -> Result<Vec<Attached>> {
        self.space.run(|| attach(container, to.file.as_fd(), requests))
    }

    fn detach(&self, container: &str, request: &Attach) {
        self.space.run(|| detach(container, &request.lease_dir)).expect("detach");
    }

    fn leased(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.leases.join("podman")).into_iter().flatten();
        let names = names.map(|entry| entry.expect("entry").file_name().into_string().expect("text"));
        let mut addresses: Vec<String> = names.filter(|name| name.starts_with("10.")).collect();
        addresses.sort();
        addresses
    }

    /// Links on the bridge and published elements.
    fn traces(&self) -> (usize, usize) {
        let links = self.space.shell("ip -o link show master podman0 | wc -l").trim().parse().expect("number");
        let ruleset = self.space.shell("nft list table inet libpod 2>/dev/null || true");
        (links, ruleset.matches(" : 10.88.").count())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.leases);
    }
}

fn wait(mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Serve `greeting` once over TCP in `space`, and fetch it from `from` at `to`.
fn fetch(space: &Namespace, port: u16, from: &Namespace, to: &str, greeting: &str) -> std::io::Result<String> {
    let listener = space.run(|| TcpListener::bind(("0.0.0.0", port))).expect("free in its namespace");
    let to: SocketAddr = to.parse().expect("address");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            from.run(|| {
                let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(3))?;
                stream.set_read_timeout(Some(Duration::from_secs(3)))?;
                let mut text = String::new();
                stream.read_to_string(&mut text)?;
                Ok(text)
            })
        });
        listener.set_nonblocking(true).expect("socket");
        wait(|| match listener.accept() {
            Ok((mut stream, _)) => stream.write_all(greeting.as_bytes()).is_ok(),
            Err(_) => client.is_finished(),
        });
        client.join().expect("client")
    })
}

#[test]
fn a_container_gets_address_route_and_loopback() {
    let (Some(host), Some(container)) = (Host::new("address"), Namespace::new()) else { return };
    let request = Attach {
        mac: Some("92:d0:c6:00:29:33".into()),
        driver: on("podman0", "10.88", Some(1400)),
        ..host.request(&[])
    };
    let attached = host.attach("c1", &container, &request).expect("attach");
    assert_eq!(attached.address, "10.88.128.1/16");
    assert_eq!(attached.mac, "92:d0:c6:00:29:33");
    let shown = container.shell("ip addr; ip route; cat /proc/sys/net/ipv4/conf/eth0/arp_notify");
    for wanted in [
        "inet 127.0.0.1/8 scope host lo",
        "inet 10.88.128.1/16 brd 10.88.255.255 scope global eth0",
        "link/ether 92:d0:c6:00:29:33",
        "mtu 1400",
        "default via 10.88.0.1 dev eth0 proto static metric 100",
        "10.88.0.0/16 dev eth0 proto kernel scope link src 10.88.128.1",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(shown.ends_with("1\n"), "arp_notify in {shown}");
    assert_eq!(host.traces(), (1, 0));
    drop(container);
    host.detach("c1", &request);
    assert!(wait(|| host.traces() == (0, 0)), "the kernel takes the pair down");
    host.detach("c1", &request);
    assert_eq!(host.leased(), Vec::<String>::new());
}

#[test]
fn the_host_s_own_address_is_the_first_that_is_not_loopback() {
    let Some(host) = Host::new("local") else { return };
    assert_eq!(host.space.run(local_address).expect("netlink"), Some(Ipv4Addr::new(10, 88, 0, 1)));
    host.space.shell("ip link del podman0");
    assert_eq!(host.space.run(local_address).expect("netlink"), None);
}

#[test]
fn a_published_port_answers_from_localhost_bridge_and_container() {
    let (Some(host), Some(one), Some(two)) = (Host::new("ports"), Namespace::new(), Namespace::new()) else { return };
    let request = host.request(&[("", 8080, 80, "tcp"), ("127.0.0.1", 9090, 90, "tcp"), ("", 8081, 81, "udp")]);
    host.attach("c1", &one, &request).expect("attach");
    let other = host.attach("c2", &two, &host.request(&[])).expect("attach");
    assert_eq!(other.address, "10.88.128.2/16");
    assert_eq!(fetch(&one, 80, &host.space, "127.0.0.1:8080", "local").expect("answer"), "local");
    assert_eq!(fetch(&one, 80, &host.space, "10.88.0.1:8080", "bridge").expect("answer"), "bridge");
    assert_eq!(fetch(&one, 80, &two, "10.88.0.1:8080", "neighbour").expect("answer"), "neighbour");
    assert_eq!(fetch(&one, 5000, &two, "10.88.128.1:5000", "direct").expect("answer"), "direct");
    assert_eq!(fetch(&one, 90, &host.space, "127.0.0.1:9090", "one address").expect("answer"), "one address");
    assert!(fetch(&one, 90, &two, "10.88.0.1:9090", "refused").is_err(), "published on 127.0.0.1 alone");
    let server = one.run(|| UdpSocket::bind("0.0.0.0:81")).expect("free");
    let client = host.space.run(|| UdpSocket::bind("0.0.0.0:0")).expect("free");
    client.send_to(b"datagram", "127.0.0.1:8081").expect("sent");
    server.set_read_timeout(Some(Duration::from_secs(3))).expect("socket");
    let mut buffer = [0; 32];
    assert_eq!(server.recv(&mut buffer).expect("arrives"), 8);
    host.detach("c1", &request);
    assert_eq!(host.traces().1, 0);
    assert!(fetch(&two, 80, &host.space, "127.0.0.1:8080", "gone").is_err(), "no rule is left");
}

#[test]
fn what_a_dead_container_left_is_swept_by_the_next() {
    let (Some(host), Some(mut one), Some(two)) = (Host::new("dead"), Namespace::new(), Namespace::new()) else {
        return;
    };
    let request = host.request(&[("", 8080, 80, "tcp")]);
    host.attach("c1", &one, &request).expect("attach");
    // The owner is this process: give the lease to one that has ended.
    let path = host.leases.join("podman/10.88.128.1");
    let text = std::fs::read_link(&path).expect("lease").into_os_string().into_string().expect("text");
    let words: Vec<&str> = text.split(' ').collect();
    let orphan = [words[0], words[1], "1", words[3], words[4]].join(" ");
    std::fs::remove_file(&path).expect("lease");
    std::os::unix::fs::symlink(orphan, &path).expect("lease");
    let swept = |host: &Host| host.space.run(|| sweep(&host.leases.join("podman"))).expect("sweep");
    assert_eq!(swept(&host), 0, "the container lives, though its monitor does not");
    one.end();
    assert_eq!(host.traces().1, 1, "the port outlives the container");
    // The namespace dies with the last descriptor.
    drop(one);
    assert!(wait(|| host.traces().0 == 0), "the kernel takes the pair down");
    let again = host.request(&[("", 8080, 80, "tcp")]);
    let attached = host.attach("c2", &two, &again).expect("attach");
    assert_eq!(attached.address, "10.88.128.2/16");
    assert_eq!((host.traces(), host.leased()), ((1, 1), vec!["10.88.128.2".to_owned()]));
    assert_eq!(fetch(&two, 80, &host.space, "127.0.0.1:8080", "new").expect("answer"), "new");
    host.detach("c1", &request);
    assert_eq!(host.traces(), (1, 1), "a late detach of the dead one touches nothing of the new one");
}

#[test]
fn a_lease_of_a_newer_release_stays() {
    let (Some(host), Some(container)) = (Host::new("newer"), Namespace::new()) else { return };
    let directory = host.leases.join("podman");
    std::fs::create_dir_all(&directory).expect("leases");
    std::os::unix::fs::symlink("v2 of another form", directory.join("10.88.128.1")).expect("lease");
    let request = host.request(&[]);
    let attached = host.attach("c1", &container, &request).expect("attach");
    assert_eq!(attached.address, "10.88.128.2/16", "the first is taken");
    let fixed = Attach { address: Some("10.88.128.1".into()), ..request.clone() };
    let error = host.attach("c2", &container, &fixed).expect_err("taken").to_string();
    assert!(error.contains("a newer release"), "{error}");
    host.detach("c1", &request);
    host.space.run(|| sweep(&directory)).expect("sweep");
    assert!(host.leased().contains(&"10.88.128.1".to_owned()));
}

#[test]
fn a_port_that_nobody_owns_any_more_is_taken_over() {
    let (Some(host), Some(one), Some(two)) = (Host::new("stale"), Namespace::new(), Namespace::new()) else { return };
    let request = host.request(&[("", 8080, 80, "tcp"), ("127.0.0.1", 8081, 81, "udp")]);
    host.attach("c1", &one, &request).expect("attach");
    std::fs::remove_dir_all(&host.leases).expect("the records are lost");
    let taken = Attach { address: Some("10.88.7.7".into()), ..request };
    host.attach("c2", &two, &taken).expect("attach");
    assert_eq!(host.traces(), (2, 2));
    assert_eq!(fetch(&two, 80, &host.space, "127.0.0.1:8080", "new").expect("answer"), "new");
}

#[test]
fn a_failed_attach_leaves_nothing() {
    let (Some(host), Some(container)) = (Host::new("failed"), Namespace::new()) else { return };
    container.shell("ip link add eth0 type veth peer name other");
    let request = host.request(&[("", 8080, 80, "tcp")]);
    let error = host.attach("c1", &container, &request).expect_err("the name is taken");
    assert_eq!(error.errno(), Some(Errno::EXIST), "{error}");
    assert_eq!((host.traces(), host.leased()), ((0, 0), vec![]));
    let nowhere = Attach { driver: on("podman9", "10.88", None), ..request };
    let error = host.attach("c1", &container, &nowhere).expect_err("no bridge");
    assert_eq!(error.to_string(), "network podman: no bridge podman9");
}

#[test]
fn addresses_that_cannot_be_had_are_told_in_podman_s_words() {
    let (Some(host), Some(one), Some(two)) = (Host::new("fixed"), Namespace::new(), Namespace::new()) else { return };
    let fixed = |address: &str| Attach { address: Some(address.into()), ..host.request(&[]) };
    host.attach("c1", &one, &fixed("10.88.0.5")).expect("free");
    let refused = |address: &str| host.attach("c2", &two, &fixed(address)).expect_err("refused").to_string();
    assert_eq!(
        refused("10.88.0.5"),
        "IPAM error: requested ip address 10.88.0.5 is already allocated to container ID c1"
    );
    assert_eq!(refused("10.99.0.2"), "requested static ip 10.99.0.2 not in any subnet on network podman");
    assert_eq!(refused("nonsense"), "network podman: invalid address `nonsense`");
    host.attach("c1", &one, &fixed("10.88.0.6")).expect("a second attach replaces the first");
    assert_eq!((host.traces(), host.leased()), ((1, 0), vec!["10.88.0.6".to_owned()]));
    host.detach("c1", &host.request(&[]));
    assert_eq!(host.leased(), ["10.88.0.6"], "not free while the pair is there");
    let next = host.attach("c2", &two, &host.request(&[])).expect("attach");
    assert_eq!(next.address, "10.88.128.1/16");
    let three = Namespace::new().expect("as before");
    host.attach("c3", &three, &fixed("10.88.0.6")).expect("asked for by name, it is taken from who gave it back");
    assert_eq!((host.traces(), host.leased()), ((2, 0), vec!["10.88.0.6".to_owned(), "10.88.128.1".to_owned()]));
}

#[test]
fn the_base_rules_come_back_after_a_flush_and_are_made_once() {
    let (Some(host), Some(one), Some(two)) = (Host::new("flush"), Namespace::new(), Namespace::new()) else { return };
    let list = |host: &Host| host.space.shell("nft list ruleset");
    host.attach("c1", &one, &host.request(&[])).expect("attach");
    let first = list(&host);
    for wanted in [
        "ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 ip daddr != 224.0.0.0/4 masquerade",
        "ct status dnat ip saddr 127.0.0.0/8 ip daddr 10.88.0.0/16 masquerade",
        "fib daddr type local jump publish",
        "dnat ip to ip daddr . meta l4proto . th dport map @published",
    ] {
        assert!(first.contains(wanted), "{wanted} in {first}");
    }
    host.space.shell("nft flush ruleset");
    host.attach("c2", &two, &host.request(&[])).expect("attach");
    assert_eq!(list(&host), first);
}

/// Join a host to another one: 192.0.2.1 and 192.0.2.2.
fn join(host: &Host, far: &Namespace) {
    let far_pid = far.holder.id();
    host.space.shell(&format!("ip link add wire type veth peer name wire netns {far_pid}"));
    host.space.shell("ip addr add 192.0.2.1/24 dev wire; ip link set wire up");
    far.shell("ip addr add 192.0.2.2/24 dev wire; ip link set wire up");
}

#[test]
fn a_host_that_drops_forwarded_packets_lets_containers_through() {
    let (Some(host), Some(container), Some(far)) = (Host::new("drop"), Namespace::new(), Namespace::new()) else {
        return;
    };
    join(&host, &far);
    let has_iptables = Command::new("iptables").arg("-V").output().is_ok_and(|output| output.status.success());
    assert!(has_iptables || std::env::var_os("LIBPOD_TEST_REQUIRE_ALL").is_none(), "iptables is needed");
    if has_iptables {
        host.space.shell("iptables -P FORWARD DROP");
    }
    let request = host.request(&[("", 8080, 80, "tcp")]);
    for _ in 0..2 {
        host.attach("c1", &container, &request).expect("attach");
        assert_eq!(fetch(&far, 7000, &container, "192.0.2.2:7000", "out").expect("answer"), "out");
        assert_eq!(fetch(&container, 80, &far, "192.0.2.1:8080", "in").expect("answer"), "in");
    }
    if has_iptables {
        let rules = host.space.shell("iptables -S FORWARD");
        assert_eq!(rules.matches("libpod").count(), 2, "made once: {rules}");
    }
}

#[test]
fn many_attach_at_once_and_none_gets_anothers_address() {
    let Some(host) = Host::new("many") else { return };
    let containers: Vec<_> = (0..8).filter_map(|_| Namespace::new()).collect();
    let addresses: std::collections::HashSet<String> = std::thread::scope(|scope| {
        let attach = |number: usize, container: &Namespace| {
            let request = host.request(&[("", 8000 + number as u16, 80, "tcp")]);
            host.attach(&format!("{number}x"), container, &request).expect("attach").address
        };
        let threads: Vec<_> =
            containers.iter().enumerate().map(|one| scope.spawn(move || attach(one.0, one.1))).collect();
        threads.into_iter().map(|thread| thread.join().expect("attached")).collect()
    });
    assert_eq!(addresses.len(), containers.len());
    assert_eq!(host.traces(), (8, 8));
    for (number, container) in containers.iter().enumerate() {
        let to = format!("127.0.0.1:{}", 8000 + number);
        assert_eq!(fetch(container, 80, &host.space, &to, "hello").expect("answer"), "hello");
    }
}

/// A second network beside the default one of [`Host`].
fn second(host: &Host) -> Attach {
    host.space.shell("ip link add podman1 type bridge; ip addr add 10.89.0.1/16 dev podman1; ip link set podman1 up");
    let (network, lease_dir) = ("second".into(), host.leases.join("second"));
    Attach { network, lease_dir, interface: "eth1".into(), driver: on("podman1", "10.89", None), ..host.request(&[]) }
}

#[test]
fn a_container_is_attached_to_its_networks_in_order() {
    let (Some(host), Some(container)) = (Host::new("several"), Namespace::new()) else { return };
    let requests = [host.request(&[("", 8080, 80, "tcp")]), second(&host)];
    let attached = host.attach_all("c1", &container, &requests).expect("attach");
    let got: Vec<_> = attached.iter().map(|one| (&*one.network, &*one.address, &*one.interface)).collect();
    assert_eq!(got, [("podman", "10.88.128.1/16", "eth0"), ("second", "10.89.128.1/16", "eth1")]);
    let route = container.shell("ip route get 192.0.2.1");
    assert!(route.starts_with("192.0.2.1 via 10.88.0.1 dev eth0"), "the first network's gateway counts: {route}");
    assert_eq!(fetch(&container, 80, &host.space, "127.0.0.1:8080", "first").expect("answer"), "first");
    assert_eq!(fetch(&container, 90, &host.space, "10.89.128.1:90", "second").expect("answer"), "second");
    assert_eq!(host.space.run(|| detach_all("c1", &requests)).len(), 0);
    drop(container);
    assert!(wait(|| host.space.shell("ip -o link show type veth").is_empty()), "the kernel takes the pairs down");
    assert_eq!(host.space.run(|| detach_all("c1", &requests)).len(), 0);
    assert_eq!(host.leased(), Vec::<String>::new());
}

#[test]
fn when_one_network_fails_those_before_it_are_taken_back() {
    let (Some(host), Some(container)) = (Host::new("back"), Namespace::new()) else { return };
    container.shell("ip link add eth1 type veth peer name other");
    let requests = [host.request(&[("", 8080, 80, "tcp")]), second(&host)];
    let error = host.attach_all("c1", &container, &requests).expect_err("the second interface's name is taken");
    assert_eq!(error.errno(), Some(Errno::EXIST), "{error}");
    assert_eq!(host.traces().1, 0, "no port is published");
    drop(container);
    assert!(wait(|| host.traces() == (0, 0)), "the pair goes with the namespace");
    assert_eq!(host.space.run(|| sweep(&host.leases.join("podman"))).expect("sweep"), 1, "the lease was given back");
    assert_eq!(host.leased(), Vec::<String>::new());
}

#[test]
fn all_networks_are_judged_before_the_first_is_touched() {
    let (Some(host), Some(container)) = (Host::new("judged"), Namespace::new()) else { return };
    let (first, other) = (host.request(&[]), second(&host));
    for (bad, wanted) in [
        (Attach { address: Some("x".into()), ..other.clone() }, "network second: invalid address `x`"),
        (Attach { interface: "eth0".into(), ..other.clone() }, "network second: invalid second interface `eth0`"),
        (Attach { interface: "eth1".into(), ..first.clone() }, "network podman: invalid second attachment `podman`"),
    ] {
        let error = host.attach_all("c1", &container, &[first.clone(), bad]).expect_err("refused");
        assert_eq!(error.to_string(), wanted);
        assert!(!host.leases.exists(), "nothing was made");
    }
}

#[test]
fn leases_of_other_releases_are_understood_or_left_alone() {
    let (Some(host), Some(one)) = (Host::new("releases"), Namespace::new()) else { return };
    let directory = host.leases.join("podman");
    std::fs::create_dir_all(&directory).expect("scratch");
    let lease = |address: &str, text: &str| std::os::unix::fs::symlink(text, directory.join(address)).expect("lease");
    lease("10.88.128.1", "v2:bridge:c9 some words of a newer release");
    lease("10.88.128.2", &format!("c8 1 7 0 {}", "lo"));
    lease("10.88.128.3", "c7 1 7 0 gone0");
    let got = host.attach("c1", &one, &host.request(&[])).expect("attach");
    assert_eq!(got.address, "10.88.128.3/16", "the dead one's, after those that are taken");
    assert_eq!(host.leased(), ["10.88.128.1", "10.88.128.2", "10.88.128.3"]);
    let fixed = Attach { address: Some("10.88.128.1".into()), ..host.request(&[]) };
    let error = host.attach("c2", &one, &fixed).expect_err("taken");
    assert!(matches!(error, Error::AddressInUse { .. }), "{error}");
    host.detach("c8", &host.request(&[]));
    let text = std::fs::read_link(directory.join("10.88.128.2")).expect("lease");
    assert_eq!(text.to_str(), Some("v1:bridge:c8 0 7 0 lo"), "given back, and not free while its link is there");
}
