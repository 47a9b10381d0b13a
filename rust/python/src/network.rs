//! Networks for Python: attach and detach one container, free ports, what the slow side asks of the host.

use crate::blob::duplicate;
use crate::error::{Fault, Kind, detached};
use crate::value::{from_python, to_python};
use libpod_network::{self as network, Attach};
use libpod_sys::chain;
use pyo3::prelude::*;
use serde::Serialize;
use std::os::fd::{AsFd, RawFd};
use std::path::PathBuf;

impl From<network::Error> for Fault {
    fn from(error: network::Error) -> Self {
        let kind = match &error {
            network::Error::Invalid { .. } | network::Error::ForeignAddress { .. } => Kind::Invalid,
            network::Error::NoBridge { .. } => Kind::NetworkNotFound,
            network::Error::AddressInUse { .. } | network::Error::NoAddress { .. } => Kind::InUse,
            network::Error::Port { .. } => Kind::InUse,
            network::Error::Kernel { .. } | network::Error::Socket { .. } | network::Error::File { .. } => Kind::Denied,
        };
        let errno = error.errno().map(|errno| errno.raw_os_error());
        Self { errno, op: Some("network".to_owned()), ..Self::new(kind, chain(&error)) }
    }
}

fn request(document: &Bound<'_, PyAny>) -> PyResult<Attach> {
    let value = from_python(document)?;
    Ok(libpod_json::from_value(value)
        .map_err(|error| Fault::new(Kind::Invalid, format!("network request: {error}")))?)
}

fn document<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(value).map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
    to_python(py, &value)
}

/// Connect the network namespace behind `netns` to one network; the caller's process owns the lease.
#[pyfunction]
fn network_attach<'py>(
    py: Python<'py>,
    container: &str,
    netns: RawFd,
    request: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let request = self::request(request)?;
    let netns = duplicate(netns)?;
    let attached = detached(py, || network::attach(container, netns.as_fd(), &[request]))?;
    document(py, &attached[0])
}

/// Take a container whose processes have ended off the network with these leases; may be repeated.
#[pyfunction]
fn network_detach(py: Python<'_>, container: &str, lease_dir: PathBuf) -> PyResult<()> {
    Ok(detached(py, || network::detach(container, &lease_dir))?)
}

/// Whether the calling process's network namespace has a link of this name, and it is up.
#[pyfunction]
fn link_is_up(name: &str) -> PyResult<bool> {
    Ok(network::is_up(name).map_err(Fault::from)?)
}

/// Take back what dead containers left; the number of swept leases.
#[pyfunction]
fn network_sweep(py: Python<'_>, lease_dir: PathBuf) -> PyResult<usize> {
    Ok(detached(py, || network::sweep(&lease_dir))?)
}

/// First of `count` consecutive ports of the host that are free now.
#[pyfunction]
fn free_port(host_ip: &str, protocol: &str, count: u16) -> PyResult<u16> {
    Ok(network::free_port(host_ip, protocol, count).map_err(Fault::from)?)
}

/// The host's first IPv4 address that is not of the loopback.
#[pyfunction]
fn local_address() -> PyResult<Option<String>> {
    Ok(network::local_address().map_err(Fault::from)?.map(|address| address.to_string()))
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(network_attach, module)?)?;
    module.add_function(wrap_pyfunction!(network_detach, module)?)?;
    module.add_function(wrap_pyfunction!(link_is_up, module)?)?;
    module.add_function(wrap_pyfunction!(network_sweep, module)?)?;
    module.add_function(wrap_pyfunction!(free_port, module)?)?;
    module.add_function(wrap_pyfunction!(local_address, module)?)?;
    Ok(())
}
