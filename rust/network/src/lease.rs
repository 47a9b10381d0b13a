//! Addresses of a network: who has which, for how long, and what a dead owner left.
//!
//! A lease is a symbolic link in the network's directory, named after the address; its target is a
//! text that names its version, the network's driver and the owner. It is created whole or not at
//! all, and read by one call. The first word carries version and driver before the container, so that
//! a monitor of the release before, which knows neither, takes it for a lease of some other container,
//! as it should. A text that begins with another version (`v2 …`, `v2:…`) or driver is a newer
//! release's: its address is taken, and it stays as it is.
//!
//! A lease is dead when the process that took it has ended, or gave it back, *and* the host's end of
//! the veth pair is gone, which the kernel removes with the container's namespace, some milliseconds
//! after its last process: until then no other container gets the address. One lock, held only while
//! the directory is read and changed, orders attachers.
//!
//! Addresses are given in order, the next after the last one, from the middle of the subnet on: Podman counts from the
//! bottom, in a database that neither of us reads of the other, and both may share a bridge.

use super::error::{Error, Result};
use super::firewall::Firewall;
use super::link::Host;
use super::plan::{Owner, Plan};
use super::subnet::Subnet;
use libpod_sys::file::{Durability, replace};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK: &str = "lock";
/// The address given last.
const LAST: &str = "last";
/// More bytes than the text of an address.
const LAST_MAX: u64 = 64;
/// What a lease of this release begins with: its version and its driver, before the container's id.
const MARK: &str = "v1:bridge:";
/// The process number of a lease that was given back.
const NOBODY: i32 = 0;
/// The process number of a lease that a newer release wrote.
const UNKNOWN: i32 = -1;
/// A namespace that lives this long after its container is held by somebody else.
const PINNED_AFTER: Duration = Duration::from_secs(5);

/// A lease as it stands in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    address: Ipv4Addr,
    container: String,
    pid: i32,
    start_time: u64,
    ports: bool,
    /// The host's end of the veth pair.
    host_interface: String,
}

impl Lease {
    /// What a lease says, in a form of this release, of the one before, or of a newer one.
    fn read(address: Ipv4Addr, text: &str) -> Option<Self> {
        Self::parse(address, text).or_else(|| {
            let version = text.split([' ', ':']).next()?.strip_prefix('v')?;
            (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self {
                address,
                container: "a container of a newer release of libpod".into(),
                pid: UNKNOWN,
                start_time: 0,
                ports: false,
                host_interface: String::new(),
            })
        })
    }

    /// `v1:bridge:<container> <pid> <start time> <ports 0|1> <host interface>`; before there were versions, the first word was
    /// the container alone.
    fn parse(address: Ipv4Addr, text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(MARK).unwrap_or(text).split(' ');
        let lease = Self {
            address,
            container: words.next().filter(|container| !container.contains(':'))?.to_owned(),
            pid: words.next()?.parse().ok()?,
            start_time: words.next()?.parse().ok()?,
            ports: words.next()? == "1",
            host_interface: words.next()?.to_owned(),
        };
        words.next().is_none().then_some(lease)
    }

    fn text(&self) -> String {
        let Self { container, pid, start_time, ports, host_interface, .. } = self;
        format!("{MARK}{container} {pid} {start_time} {} {host_interface}", u8::from(*ports))
    }

    fn is_dead(&self, host: &Host) -> bool {
        self.pid != UNKNOWN
            && host.index(&self.host_interface).is_none()
            && (self.pid == NOBODY || start_time(self.pid) != Some(self.start_time))
    }
}

/// A network's directory, locked.
struct Leases {
    path: PathBuf,
    _lock: File,
}

impl Leases {
    /// Make the directory where it is missing, and lock it.
    fn lock(path: &Path) -> Result<Self> {
        let create = || DirBuilder::new().recursive(true).mode(0o700).create(path);
        create().map_err(|error| Error::file("create", path, error))?;
        Self::lock_existing(path)?.ok_or_else(|| Error::file("open", path, ErrorKind::NotFound))
    }

    /// Lock the directory; None where there is none.
    fn lock_existing(path: &Path) -> Result<Option<Self>> {
        let file = path.join(LOCK);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = match rustix::fs::open(&file, flags, Mode::RUSR | Mode::WUSR) {
            Ok(lock) => lock,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::file("open", &file, errno)),
        };
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(|errno| Error::file("lock", &file, errno))?;
        Ok(Some(Self { path: path.to_path_buf(), _lock: lock.into() }))
    }

    fn all(&self) -> Result<Vec<Lease>> {
        let entries = std::fs::read_dir(&self.path).map_err(|error| Error::file("read", &self.path, error))?;
        let mut leases = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| Error::file("read", &self.path, error))?.file_name();
            let Some(address) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let target = rustix::fs::readlinkat(CWD, self.entry(address), Vec::new());
            let lease = target.ok().and_then(|target| Lease::read(address, target.to_str().ok()?));
            match lease {
                Some(lease) => leases.push(lease),
                // No lease of any release: it has no owner.
                None => self.remove(address)?,
            }
        }
        Ok(leases)
    }

    fn entry(&self, address: Ipv4Addr) -> PathBuf {
        self.path.join(address.to_string())
    }

    fn remove(&self, address: Ipv4Addr) -> Result<()> {
        let path = self.entry(address);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// Mark a lease as given back, for the sweep after the kernel has removed the veth pair.
    fn give_back(&self, lease: &Lease) -> Result<()> {
        let (path, new) = (self.entry(lease.address), self.path.join("new"));
        let text = Lease { pid: NOBODY, ports: false, ..lease.clone() }.text();
        let _ = std::fs::remove_file(&new);
        rustix::fs::symlink(text, &new).map_err(|errno| Error::file("create", &new, errno))?;
        std::fs::rename(&new, &path).map_err(|error| Error::file("write", &path, error))
    }

    /// Remove the pairs of leases given back whose namespaces somebody holds after the container's end.
    fn cut_pinned(&self, leases: &[Lease], host: &mut Host) -> Result<()> {
        for lease in leases.iter().filter(|lease| lease.pid == NOBODY) {
            let age = self.entry(lease.address).symlink_metadata().and_then(|meta| meta.modified());
            if age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > PINNED_AFTER)) {
                host.remove(&lease.host_interface)?;
            }
        }
        Ok(())
    }

    /// Take back dead leases and what they published; what remains is alive.
    fn sweep(&self, host: &mut Host, firewall: &mut Firewall) -> Result<(Vec<Lease>, usize)> {
        let leases = self.all()?;
        self.cut_pinned(&leases, host)?;
        let (dead, alive): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.is_dead(host));
        for lease in &dead {
            self.give_up(lease, firewall)?;
        }
        Ok((alive, dead.len()))
    }

    fn give_up(&self, lease: &Lease, firewall: &mut Firewall) -> Result<()> {
        if lease.ports {
            firewall.withdraw(lease.address)?;
        }
        self.remove(lease.address)
    }

    fn last(&self) -> Option<Ipv4Addr> {
        let text = libpod_sys::file::read(&self.path.join(LAST), LAST_MAX).ok()?;
        std::str::from_utf8(&text).ok()?.trim().parse().ok()
    }

    fn remember(&self, address: Ipv4Addr) -> Result<()> {
        let path = self.path.join(LAST);
        let text = address.to_string();
        replace(&path, text.as_bytes(), Mode::RUSR | Mode::WUSR, Durability::Volatile)
            .map_err(|error| Error::file("write", &path, error))
    }
}

/// Lease an address for `owner`: the one that the request names, or the next free one.
///
/// What dead containers left on this network is taken back first. A lease that this container still has, from an
/// earlier life, is given up.
pub(super) fn acquire(
    plan: &Plan<'_>,
    owner: &Owner<'_>,
    host: &mut Host,
    firewall: &mut Firewall,
) -> Result<Ipv4Addr> {
    let leases = Leases::lock(&plan.request.lease_dir)?;
    let (mut alive, _) = leases.sweep(host, firewall)?;
    if let Some(at) = alive.iter().position(|lease| lease.container == owner.container) {
        leases.give_up(&alive.swap_remove(at), firewall)?;
    }
    let address = match plan.address {
        Some(address) => {
            if let Some(old) = alive.iter().position(|lease| lease.address == address && lease.pid == NOBODY) {
                let old = alive.swap_remove(old);
                host.remove(&old.host_interface)?;
                leases.give_up(&old, firewall)?;
            }
            check_static(plan, &alive, address)?
        }
        None => next(plan.subnet, plan.gateway, leases.last(), &alive)?,
    };
    let pid = std::process::id() as i32;
    let lease = Lease {
        address,
        container: owner.container.to_owned(),
        pid,
        start_time: start_time(pid).unwrap_or_default(),
        ports: owner.ports,
        host_interface: owner.host_interface.to_owned(),
    };
    let path = leases.entry(address);
    rustix::fs::symlink(lease.text(), &path).map_err(|errno| Error::file("create", &path, errno))?;
    if plan.address.is_none() {
        leases.remember(address)?;
    }
    Ok(address)
}

/// Give the container's leases back: what they published at once, the address when the veth pair is gone. What other
/// containers left, dead without a detach, goes on the same occasion.
pub(super) fn release(lease_dir: &Path, container: &str, host: &mut Host, firewall: &mut Firewall) -> Result<()> {
    let Some(leases) = Leases::lock_existing(lease_dir)? else { return Ok(()) };
    for lease in leases.all()?.iter().filter(|lease| lease.container == container) {
        if host.index(&lease.host_interface).is_none() {
            leases.give_up(lease, firewall)?;
        } else if lease.pid != NOBODY {
            if lease.ports {
                firewall.withdraw(lease.address)?;
            }
            leases.give_back(lease)?;
        }
    }
    leases.sweep(host, firewall).map(|_| ())
}

/// Take back what dead owners left; how many leases that were.
pub(super) fn sweep(lease_dir: &Path, host: &mut Host, firewall: &mut Firewall) -> Result<usize> {
    match Leases::lock_existing(lease_dir)? {
        Some(leases) => Ok(leases.sweep(host, firewall)?.1),
        None => Ok(0),
    }
}

fn check_static(plan: &Plan<'_>, alive: &[Lease], address: Ipv4Addr) -> Result<Ipv4Addr> {
    let number = u32::from(address);
    if !plan.subnet.contains(address) || number == plan.subnet.base || number == plan.subnet.broadcast() {
        return Err(Error::ForeignAddress { address, network: plan.request.network.clone() });
    }
    let owner = if address == plan.gateway {
        Some(plan.options.bridge.clone())
    } else {
        alive.iter().find(|lease| lease.address == address).map(|lease| lease.container.clone())
    };
    owner.map_or(Ok(address), |owner| Err(Error::AddressInUse { address, owner }))
}

/// The first free address after `last`, around the upper half of the subnet; the lower half when that is full.
fn next(subnet: Subnet, gateway: Ipv4Addr, last: Option<Ipv4Addr>, alive: &[Lease]) -> Result<Ipv4Addr> {
    let (lowest, highest) = (subnet.base + 1, subnet.broadcast() - 1);
    let middle = (subnet.base + (subnet.broadcast() - subnet.base) / 2 + 2).min(highest);
    let start = match last.map(u32::from) {
        Some(last) if (lowest..highest).contains(&last) => last + 1,
        _ => middle,
    };
    let taken: std::collections::HashSet<u32> = alive.iter().map(|lease| lease.address.into()).collect();
    let mut candidates = (start..=highest).chain(middle..start).chain(lowest..=highest);
    let free = candidates.find(|number| *number != u32::from(gateway) && !taken.contains(number));
    free.map(Ipv4Addr::from).ok_or(Error::NoAddress { first: lowest.into(), last: highest.into() })
}

/// When a process began, in ticks since boot; None where it has ended. Source: proc(5), `/proc/pid/stat` field 22.
fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        Subnet::parse(text).expect("valid")
    }

    fn lease(address: Ipv4Addr) -> Lease {
        let (container, host_interface) = ("c".into(), "veth0".into());
        Lease { address, container, pid: 1, start_time: 0, ports: true, host_interface }
    }

    #[test]
    fn addresses_follow_one_another_from_the_middle() {
        let (net, gateway) = (subnet("10.88.0.0/16"), Ipv4Addr::new(10, 88, 0, 1));
        let first = next(net, gateway, None, &[]).expect("free");
        assert_eq!(first, Ipv4Addr::new(10, 88, 128, 1));
        assert_eq!(next(net, gateway, Some(first), &[]).expect("free"), Ipv4Addr::new(10, 88, 128, 2));
        let taken = [lease(Ipv4Addr::new(10, 88, 128, 2))];
        assert_eq!(next(net, gateway, Some(first), &taken).expect("free"), Ipv4Addr::new(10, 88, 128, 3));
        let end = Some(Ipv4Addr::new(10, 88, 255, 254));
        assert_eq!(next(net, gateway, end, &[]).expect("free"), Ipv4Addr::new(10, 88, 128, 1));
    }

    #[test]
    fn a_small_subnet_is_used_up_to_the_last_address() {
        let (net, gateway) = (subnet("10.1.1.0/29"), Ipv4Addr::new(10, 1, 1, 1));
        let mut taken = Vec::new();
        let mut last = None;
        for _ in 0..5 {
            let address = next(net, gateway, last, &taken).expect("free");
            taken.push(lease(address));
            last = Some(address);
        }
        let mut numbers: Vec<u8> = taken.iter().map(|lease| lease.address.octets()[3]).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [2, 3, 4, 5, 6]);
        let error = next(net, gateway, last, &taken).expect_err("full");
        assert_eq!(error.to_string(), "IPAM error: failed to find free IP in range: 10.1.1.1 - 10.1.1.6");
    }

    #[test]
    fn a_lease_reads_back_as_written_and_nothing_else_does() {
        let lease = lease(Ipv4Addr::LOCALHOST);
        assert_eq!(lease.text(), "v1:bridge:c 1 0 1 veth0");
        assert_eq!(Lease::parse(lease.address, &lease.text()), Some(lease.clone()));
        assert_eq!(
            Lease::parse(lease.address, "c 1 0 1 veth0"),
            Some(lease.clone()),
            "written before there were versions"
        );
        for text in
            ["", "c 1 0 1", "c 1 0 1 veth0 more", "c x 0 1 veth0", "v1:bridge:c 1 0 1", "x:c 1 0 1 veth0", ":c 1 0 1 v"]
        {
            assert_eq!(Lease::parse(lease.address, text), None, "{text}");
        }
        for text in ["v2:bridge:c 1 0 1 veth0", "v1:macvlan:c", "v10:", "v2 {}"] {
            assert_eq!(Lease::read(lease.address, text).expect("taken").pid, UNKNOWN, "{text}");
        }
    }

    #[test]
    fn a_lease_of_a_newer_release_keeps_its_address() {
        let (net, gateway) = (subnet("10.88.0.0/16"), Ipv4Addr::new(10, 88, 0, 1));
        let newer = Lease::read(Ipv4Addr::new(10, 88, 128, 1), "v2 {}").expect("taken");
        assert_eq!(newer.pid, UNKNOWN);
        assert_eq!(next(net, gateway, None, &[newer]).expect("free"), Ipv4Addr::new(10, 88, 128, 2));
        for text in ["", "v", "vx y", "version 2", "c 1 0 1"] {
            assert_eq!(Lease::read(gateway, text), None, "{text}");
        }
        let named = Lease::read(gateway, "v2 7 9 1 veth0").expect("a lease of today");
        assert_eq!((named.container.as_str(), named.pid), ("v2", 7));
    }

    #[test]
    fn a_process_has_a_start_time_until_it_ends() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().expect("sleep");
        let pid = child.id() as i32;
        assert!(start_time(pid).is_some_and(|ticks| ticks > 0));
        child.kill().expect("ours");
        assert!((0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            start_time(pid).is_none()
        }));
        child.wait().expect("ours");
    }
}
