//! Which namespaces a container gets: new ones for `clone3`, existing ones to join.

use crate::error::{Error, Result};
use crate::spec::{Namespace, NamespaceKind, Spec};
use libpod_sys::process::{Namespaces, setns};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

/// The namespaces of one container.
#[derive(Debug)]
pub struct NamespacePlan {
    /// Made together with the process.
    pub new: Namespaces,
    /// Made by the process itself once it is in its cgroup, whose path becomes the root of the view.
    pub new_cgroup: bool,
    /// Joined, in the order in which that is possible: the user namespace last, which takes the rights over the others away.
    pub joined: Vec<Joined>,
}

/// One existing namespace.
#[derive(Debug)]
pub struct Joined {
    /// Which one.
    pub kind: Namespaces,
    /// The file it was opened by.
    pub path: PathBuf,
    /// The namespace.
    pub fd: OwnedFd,
}

/// The clone flag of a kind.
pub fn flag(kind: NamespaceKind) -> Namespaces {
    match kind {
        NamespaceKind::Pid => Namespaces::PID,
        NamespaceKind::Network => Namespaces::NET,
        NamespaceKind::Mount => Namespaces::MOUNT,
        NamespaceKind::Ipc => Namespaces::IPC,
        NamespaceKind::Uts => Namespaces::UTS,
        NamespaceKind::User => Namespaces::USER,
        NamespaceKind::Cgroup => Namespaces::CGROUP,
        NamespaceKind::Time => Namespaces::TIME,
    }
}

impl NamespacePlan {
    /// Read the specification and open the namespaces to join.
    pub fn new(spec: &Spec) -> Result<Self> {
        let mut plan = Self { new: Namespaces::NONE, new_cgroup: false, joined: Vec::new() };
        let mut seen = Namespaces::NONE;
        for Namespace { kind, path } in &spec.linux.namespaces {
            let kind = flag(*kind);
            if seen.contains(kind) {
                return Err(Error::invalid(format!("namespace {kind:?} is listed twice")));
            }
            seen |= kind;
            match path.as_ref().filter(|path| !path.as_os_str().is_empty()) {
                Some(path) => plan.joined.push(open(kind, path)?),
                None => plan.new |= kind,
            }
        }
        if !plan.new.contains(Namespaces::MOUNT) {
            return Err(Error::unsupported("a container without a mount namespace of its own", None));
        }
        if plan.new.contains(Namespaces::USER) && spec.linux.uid_mappings.is_empty() {
            return Err(Error::invalid("a new user namespace needs linux.uidMappings"));
        }
        plan.new_cgroup = plan.new.contains(Namespaces::CGROUP);
        plan.new = plan.new.without(Namespaces::CGROUP);
        plan.joined.sort_by_key(|joined| joined.kind == Namespaces::USER);
        Ok(plan)
    }

    /// The PID namespace to join, which only a child can be born into.
    pub fn joined_pid(&self) -> Option<&Joined> {
        self.joined.iter().find(|joined| joined.kind == Namespaces::PID)
    }

    /// Whether the process has to fork once more after it has joined namespaces.
    ///
    /// New ones belong to the user namespace in which they are made, so an existing one is joined before; and a namespace of the host
    /// can only be joined by a process that is not yet in a user namespace below.
    pub fn joins_before_it_makes(&self) -> bool {
        let joins = |kind| self.joined.iter().any(|joined| joined.kind == kind);
        joins(Namespaces::USER) || self.new.contains(Namespaces::USER) && self.joins_any()
    }

    /// Whether a namespace other than that of process ids is joined.
    pub fn joins_any(&self) -> bool {
        self.joined.iter().any(|joined| joined.kind != Namespaces::PID)
    }

    /// The descriptors that [`NamespacePlan::join`] takes.
    pub fn descriptors(&self) -> Vec<RawFd> {
        self.joined.iter().map(|joined| joined.fd.as_raw_fd()).collect()
    }

    /// Join all but the PID namespace.
    pub fn join(&self) -> Result<()> {
        for joined in self.joined.iter().filter(|joined| joined.kind != Namespaces::PID) {
            setns(joined.fd.as_fd(), joined.kind)
                .map_err(|error| Error::step("join namespace", &joined.path, error.errno()))?;
        }
        Ok(())
    }
}

fn open(kind: Namespaces, path: &PathBuf) -> Result<Joined> {
    let fd = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::step("open namespace", path, errno))?;
    Ok(Joined { kind, path: path.clone(), fd })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(namespaces: &str) -> Result<NamespacePlan> {
        let text = format!(r#"{{"linux":{{"namespaces":{namespaces}}}}}"#);
        NamespacePlan::new(&serde_json::from_str(&text).expect("valid"))
    }

    #[test]
    fn splits_new_from_joined() {
        let plan = plan(
            r#"[{"type":"mount"},{"type":"cgroup"},{"type":"network","path":"/proc/self/ns/net"},
                {"type":"user","path":"/proc/self/ns/user"},{"type":"pid","path":""}]"#,
        )
        .expect("valid");
        assert_eq!(plan.new, Namespaces::MOUNT | Namespaces::PID);
        assert!(plan.new_cgroup && plan.joined_pid().is_none());
        assert_eq!(plan.joined[1].kind, Namespaces::USER);
        assert!(plan.joins_before_it_makes());
    }

    #[test]
    fn refuses_doubles_and_a_shared_mount_table() {
        assert!(matches!(plan(r#"[{"type":"mount"},{"type":"mount"}]"#), Err(Error::Invalid { .. })));
        assert!(matches!(plan(r#"[{"type":"pid"}]"#), Err(Error::Unsupported { .. })));
        assert!(matches!(plan(r#"[{"type":"mount"},{"type":"user"}]"#), Err(Error::Invalid { .. })));
        assert!(matches!(plan(r#"[{"type":"mount"},{"type":"ipc","path":"/nonexistent"}]"#), Err(Error::Step { .. })));
    }
}
