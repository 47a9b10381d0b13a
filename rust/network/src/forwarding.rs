//! Hosts that drop forwarded packets unless a rule accepts them: Docker makes a host so.
//!
//! An `accept` in our table could not overrule that drop, so two rules go where it is made, the `FORWARD` chain of
//! iptables, by iptables itself: what it has written stays readable for it. On other hosts nothing is run and nothing
//! is written. A drop by another program's own nftables chain is its owner's decision and stays.

use super::error::{Error, Result, verdict};
use super::subnet::Subnet;
use libpod_sys::netlink::{Message, Socket, attribute};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GETCHAIN: u16 = 10 << 8 | 4;
const IPV4: u8 = 2;
const CHAIN_POLICY: u16 = 5;
const DROP: u32 = 0;

const IPTABLES: [&str; 4] = ["/usr/sbin/iptables", "/sbin/iptables", "/usr/local/sbin/iptables", "/usr/bin/iptables"];

/// Let the subnet's packets through where iptables drops what it forwards.
pub(super) fn open(socket: &mut Socket, subnet: Subnet) -> Result<()> {
    if !drops(socket)? {
        return Ok(());
    }
    let Some(program) = IPTABLES.into_iter().find(|path| Path::new(path).exists()) else { return Ok(()) };
    let subnet = format!("{}/{}", Ipv4Addr::from(subnet.base), subnet.prefix);
    let states = "RELATED,ESTABLISHED,DNAT";
    let answers = ["-d", &subnet, "-m", "conntrack", "--ctstate", states, "-j", "ACCEPT"];
    let requests = ["-s", &subnet, "-j", "ACCEPT"];
    for rule in [&answers[..], &requests] {
        if !run(program, "-C", rule)?.status.success() {
            let done = run(program, "-I", rule)?;
            if !done.status.success() {
                let reason = String::from_utf8_lossy(&done.stderr).trim().to_owned();
                return Err(Error::file("run", Path::new(program), std::io::Error::other(reason)));
            }
        }
    }
    Ok(())
}

/// Whether iptables' `FORWARD` chain exists and drops by default.
fn drops(socket: &mut Socket) -> Result<bool> {
    let question = Message::new(GETCHAIN, 0).fixed(&[IPV4, 0, 0, 0]).text(1, "filter").text(3, "FORWARD");
    match verdict(socket.ask(question), "ask for chains", |_| "ask for iptables' FORWARD".to_owned()) {
        Ok(answers) => Ok(answers.iter().any(|answer| {
            let policy = answer.payload.get(4..).and_then(|payload| attribute(payload, CHAIN_POLICY));
            policy.and_then(|policy| policy.first_chunk()).is_some_and(|policy| u32::from_be_bytes(*policy) == DROP)
        })),
        Err(Error::Kernel { errno: rustix::io::Errno::NOENT, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn run(program: &str, action: &str, rule: &[&str]) -> Result<Output> {
    Command::new(program)
        .args(["-w", action, "FORWARD"])
        .args(rule)
        .args(["-m", "comment", "--comment", "libpod"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::file("run", Path::new(program), error))
}
