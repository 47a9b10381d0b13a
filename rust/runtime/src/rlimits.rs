//! Resource limits of the container's process, and its place in the queue of the out-of-memory killer.
//!
//! Raising a hard limit takes `CAP_SYS_RESOURCE` in the initial user namespace. Without it the nearest limit that the kernel
//! grants is set, and the caller is told.

use crate::error::{Error, Result};
use crate::spec;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// One limit, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    resource: Resource,
    name: String,
    soft: u64,
    hard: u64,
}

/// Check the limits of a specification.
pub fn parse(limits: &[spec::Rlimit]) -> Result<Vec<Limit>> {
    let mut parsed: Vec<Limit> = Vec::with_capacity(limits.len());
    for limit in limits {
        let resource =
            resource(&limit.kind).ok_or_else(|| Error::invalid(format!("unknown rlimit `{}`", limit.kind)))?;
        if limit.soft > limit.hard {
            return Err(Error::invalid(format!(
                "{}: soft limit {} above hard limit {}",
                limit.kind, limit.soft, limit.hard
            )));
        }
        if parsed.iter().any(|other| other.resource == resource) {
            return Err(Error::invalid(format!("{} is listed twice", limit.kind)));
        }
        parsed.push(Limit { resource, name: limit.kind.clone(), soft: limit.soft, hard: limit.hard });
    }
    Ok(parsed)
}

impl Limit {
    /// Set the limit on this process; a clamped one is returned as a warning.
    pub fn apply(&self) -> Result<Option<String>> {
        let fail = |errno| Error::pathless(format!("set {}", self.name), errno);
        match setrlimit(self.resource, to_rlimit(self.soft, self.hard)) {
            Ok(()) => return Ok(None),
            Err(Errno::PERM) => {}
            Err(errno) => return Err(fail(errno)),
        }
        let ceiling = getrlimit(self.resource).maximum.unwrap_or(u64::MAX);
        let (hard, soft) = (self.hard.min(ceiling), self.soft.min(ceiling));
        setrlimit(self.resource, to_rlimit(soft, hard)).map_err(fail)?;
        let (name, wanted) = (&self.name, self.hard);
        Ok(Some(format!(
            "{name}: hard limit {wanted} set to {hard}: the kernel refuses to raise it without CAP_SYS_RESOURCE"
        )))
    }
}

/// Set the out-of-memory score adjustment of this process; one that the kernel refuses is returned as a warning.
pub fn set_oom_score(score: i32) -> Result<Option<String>> {
    let path = "/proc/self/oom_score_adj";
    match std::fs::write(path, score.to_string()) {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(Some(format!(
            "oom_score_adj {score} is not set: the kernel refuses to lower it without CAP_SYS_RESOURCE"
        ))),
        Err(error) => Err(Error::step("write", path, Errno::from_io_error(&error).unwrap_or(Errno::IO))),
    }
}

/// The limits' names end as the kernel's do.
fn resource(name: &str) -> Option<Resource> {
    Some(match name.strip_prefix("RLIMIT_")? {
        "AS" => Resource::As,
        "CORE" => Resource::Core,
        "CPU" => Resource::Cpu,
        "DATA" => Resource::Data,
        "FSIZE" => Resource::Fsize,
        "LOCKS" => Resource::Locks,
        "MEMLOCK" => Resource::Memlock,
        "MSGQUEUE" => Resource::Msgqueue,
        "NICE" => Resource::Nice,
        "NOFILE" => Resource::Nofile,
        "NPROC" => Resource::Nproc,
        "RSS" => Resource::Rss,
        "RTPRIO" => Resource::Rtprio,
        "RTTIME" => Resource::Rttime,
        "SIGPENDING" => Resource::Sigpending,
        "STACK" => Resource::Stack,
        _ => return None,
    })
}

fn to_rlimit(soft: u64, hard: u64) -> Rlimit {
    let bounded = |value: u64| (value != u64::MAX).then_some(value);
    Rlimit { current: bounded(soft), maximum: bounded(hard) }
}

/// Let the process run on every processor that its cpuset has: a caller that was bound to some would bind the container to them.
pub fn reset_affinity() {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    // Refused where a filter around us does: the processors stay those of the caller.
    let _ = sched_setaffinity(None, &all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(kind: &str, soft: u64, hard: u64) -> spec::Rlimit {
        spec::Rlimit { kind: kind.into(), soft, hard }
    }

    #[test]
    fn refuses_unknown_doubled_and_inverted_limits() {
        for limits in [
            vec![limit("RLIMIT_FOO", 1, 1)],
            vec![limit("RLIMIT_CORE", 2, 1)],
            vec![limit("RLIMIT_CORE", 0, 0), limit("RLIMIT_CORE", 0, 1)],
        ] {
            assert!(matches!(parse(&limits), Err(Error::Invalid { .. })), "{limits:?}");
        }
    }

    #[test]
    fn no_limit_is_the_kernel_s_infinity() {
        let parsed = parse(&[limit("RLIMIT_CORE", 0, u64::MAX)]).expect("valid");
        assert_eq!(to_rlimit(parsed[0].soft, parsed[0].hard), Rlimit { current: Some(0), maximum: None });
    }
}
