//! Capability sets: from names to bits, and onto the calling thread.
//!
//! The order matters and is split in three: the bounding set while `CAP_SETPCAP` is still there, the others after the user
//! was changed, and what was only kept for loading a system call filter at the very end.

use crate::error::{Error, Result};
use crate::spec::Capabilities;
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// Names in the order of their numbers (linux/capability.h), without `CAP_`.
const NAMES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The five sets of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sets {
    bounding: CapabilitySet,
    effective: CapabilitySet,
    permitted: CapabilitySet,
    inheritable: CapabilitySet,
    ambient: CapabilitySet,
}

/// Every name that is known, as the specification writes it.
pub fn names() -> Vec<String> {
    names_of(CapabilitySet::from_bits_retain(u64::MAX))
}

/// The bit of one name, with or without `CAP_`, in any case.
pub fn parse(name: &str) -> Option<CapabilitySet> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let number = NAMES.iter().position(|known| *known == short)?;
    Some(CapabilitySet::from_bits_retain(1 << number))
}

impl Sets {
    /// Read the sets; names that do not exist are returned beside them.
    pub fn parse(names: &Capabilities) -> (Self, Vec<String>) {
        let mut unknown = Vec::new();
        let mut set = |names: &[String]| {
            let mut bits = CapabilitySet::empty();
            for name in names {
                match parse(name) {
                    Some(bit) => bits |= bit,
                    None if unknown.contains(name) => {}
                    None => unknown.push(name.clone()),
                }
            }
            bits
        };
        let sets = Self {
            bounding: set(&names.bounding),
            effective: set(&names.effective),
            permitted: set(&names.permitted),
            inheritable: set(&names.inheritable),
            ambient: set(&names.ambient),
        };
        (sets, unknown)
    }

    /// Drop from the bounding set what is not in it.
    pub fn limit_bounding(&self) -> Result<()> {
        for number in 0..64 {
            let bit = CapabilitySet::from_bits_retain(1 << number);
            if self.bounding.contains(bit) {
                continue;
            }
            match remove_capability_from_bounding_set(bit) {
                Ok(()) => {}
                // Past the last one that this kernel knows.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(Error::pathless("limit the bounding set", errno)),
            }
        }
        Ok(())
    }

    /// Put the sets in force, with `kept` besides in the effective and permitted ones; the names that were not there to be
    /// given are returned.
    pub fn apply(&self, kept: CapabilitySet) -> Result<Vec<String>> {
        let fail = |errno| Error::pathless("set capabilities", errno);
        let available = capabilities(None).map_err(fail)?.permitted;
        let sets = CapabilitySets {
            effective: (self.effective | kept) & available,
            permitted: (self.permitted | kept) & available,
            inheritable: self.inheritable & available,
        };
        set_capabilities(None, sets).map_err(fail)?;
        clear_ambient_capability_set().map_err(|errno| Error::pathless("clear ambient capabilities", errno))?;
        for bit in (self.ambient & sets.permitted & sets.inheritable).iter() {
            configure_capability_in_ambient_set(bit, true)
                .map_err(|errno| Error::pathless("raise ambient capabilities", errno))?;
        }
        Ok(names_of((self.permitted | self.effective) - available))
    }

    /// Whether dropping `kept` needs another call at the end.
    pub fn lacks(&self, kept: CapabilitySet) -> bool {
        !(self.permitted.contains(kept) && self.effective.contains(kept))
    }
}

/// Drop `kept` again where the sets do not hold it.
pub fn release(sets: &Sets, kept: CapabilitySet) -> rustix::io::Result<()> {
    let mut current = capabilities(None)?;
    current.effective -= kept - sets.effective;
    current.permitted -= kept - sets.permitted;
    set_capabilities(None, current)
}

/// The sets that a process without `process.capabilities` ends up with: what it has as root, nothing as a user.
pub fn inherited(uid: u32) -> Result<Sets> {
    let current = capabilities(None).map_err(|errno| Error::pathless("read capabilities", errno))?;
    let all = CapabilitySet::from_bits_retain(u64::MAX);
    let none = CapabilitySet::empty();
    let (effective, permitted) = if uid == 0 { (current.effective, current.permitted) } else { (none, none) };
    Ok(Sets { bounding: all, effective, permitted, inheritable: current.inheritable & permitted, ambient: none })
}

fn names_of(set: CapabilitySet) -> Vec<String> {
    NAMES
        .iter()
        .enumerate()
        .filter(|(number, _)| set.bits() >> number & 1 == 1)
        .map(|(_, name)| format!("CAP_{name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kernel_s_numbers() {
        for (name, bit) in [
            ("CAP_CHOWN", CapabilitySet::CHOWN),
            ("sys_admin", CapabilitySet::SYS_ADMIN),
            ("CAP_SETFCAP", CapabilitySet::SETFCAP),
            ("CAP_CHECKPOINT_RESTORE", CapabilitySet::CHECKPOINT_RESTORE),
        ] {
            assert_eq!(parse(name), Some(bit), "{name}");
        }
        assert_eq!(NAMES.len(), 41);
        assert_eq!(parse("CAP_NONE"), None);
    }

    #[test]
    fn reports_each_unknown_name_once() {
        let twice = vec!["CAP_KILL".to_owned(), "CAP_FLY".to_owned()];
        let names = Capabilities { bounding: twice.clone(), effective: twice, ..Capabilities::default() };
        let (sets, unknown) = Sets::parse(&names);
        assert_eq!(unknown, ["CAP_FLY"]);
        assert!(sets.lacks(CapabilitySet::KILL) && sets.effective == CapabilitySet::KILL);
    }

    #[test]
    fn a_user_without_named_sets_has_none() {
        let sets = inherited(1000).expect("reads");
        assert!(sets.lacks(CapabilitySet::CHOWN));
        assert_eq!(names_of(CapabilitySet::CHOWN | CapabilitySet::BPF), ["CAP_CHOWN", "CAP_BPF"]);
    }
}
