//! Attach one container to its networks, and take it off again: the way of every `run`, by netlink alone.
//!
//! Start with [`attach`] and [`detach`]. A network has a [`driver`]; there is one, [`bridge`]. Four parts do its work:
//! [`lease`] gives an address, [`link`] makes the veth pair and configures the container's end, [`firewall`] lets packets out
//! and in, [`port`] reserves the host's ports. Making a bridge or a network is not done here: a bridge that does not exist
//! is an error.
//!
//! Nothing depends on a clean end: a lease names its owner, and the next attach takes back what dead owners left. IPv4
//! only; a subnet of another family is refused.
#![forbid(unsafe_code)]

mod bridge;
mod driver;
mod error;
mod firewall;
mod forwarding;
mod lease;
mod link;
mod plan;
mod port;
mod request;
mod subnet;
#[cfg(test)]
mod tests;

use driver::Driver;
use std::os::fd::BorrowedFd;
use std::path::Path;

pub use error::{Error, Result};
pub use link::{is_up, local_address};
pub use port::{bind_ports, free_port};
pub use request::{Attach, Attached, BridgeOptions, Choice, Port};

/// Every driver: a container is taken off its networks without their definitions, which may be gone.
const DRIVERS: [&dyn Driver; 1] = [&bridge::Bridge];

/// The driver of a choice.
fn driver_of(choice: &Choice) -> &'static dyn Driver {
    match choice {
        Choice::Bridge(_) => &bridge::Bridge,
    }
}

/// Judge the attachments of one container before anything is made: each by itself, and no two alike.
pub fn check(requests: &[Attach]) -> Result<()> {
    for (at, request) in requests.iter().enumerate() {
        let invalid = |field, value: &str| {
            Err(Error::Invalid { network: request.network.clone(), field, value: value.to_owned() })
        };
        let earlier = &requests[..at];
        if earlier.iter().any(|other| other.lease_dir == request.lease_dir) {
            return invalid("second attachment", &request.network);
        }
        if earlier.iter().any(|other| other.interface == request.interface) {
            return invalid("second interface", &request.interface);
        }
        driver_of(&request.driver).check(request)?;
    }
    Ok(())
}

/// Connect `container`, whose network namespace is `netns`, to every network of `requests`, in this order.
///
/// All are judged before the first is attached. When one fails, those before it are taken back, the last one first, and
/// nothing stays. The caller is the leases' owner and lives as long as the container.
pub fn attach(container: &str, netns: BorrowedFd<'_>, requests: &[Attach]) -> Result<Vec<Attached>> {
    check(requests)?;
    let mut attached = Vec::with_capacity(requests.len());
    for (at, request) in requests.iter().enumerate() {
        match driver_of(&request.driver).attach(container, netns, request) {
            Ok(got) => attached.push(got),
            Err(error) => {
                // The first error is what the caller must see; what cannot be undone now is swept by the next attach.
                for earlier in requests[..at].iter().rev() {
                    let _ = detach(container, &earlier.lease_dir);
                }
                return Err(error);
            }
        }
    }
    Ok(attached)
}

/// Take `container`, whose processes have ended, off the network whose leases are in `lease_dir`.
///
/// Whatever its driver is: each takes back what is its own. May be repeated, and works when the container, its namespace,
/// its monitor, or the network's definition are gone. Returns the first error, after every driver had its turn.
pub fn detach(container: &str, lease_dir: &Path) -> Result<()> {
    DRIVERS.iter().map(|driver| driver.detach(container, lease_dir)).fold(Ok(()), Result::and)
}

/// [`detach`] from every network of `requests`, in the opposite order; all errors.
pub fn detach_all(container: &str, requests: &[Attach]) -> Vec<Error> {
    requests.iter().rev().filter_map(|request| detach(container, &request.lease_dir).err()).collect()
}

/// Take back what dead containers left on the network whose leases are in `lease_dir`.
///
/// [`attach`] and [`detach`] do the same on their way. Returns how many leases were swept.
pub fn sweep(lease_dir: &Path) -> Result<usize> {
    lease::sweep(lease_dir, &mut link::Host::open()?, &mut firewall::Firewall::open()?)
}
