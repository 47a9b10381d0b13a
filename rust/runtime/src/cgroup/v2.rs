//! Limits as cgroup v2 takes them, converted from the specification's v1 terms.

use super::devices;
use super::file::{read_file, write_file};
use super::stats::{self, Stats};
use crate::error::{Error, Result};
use crate::spec::{Cpu, Memory, Resources};
use libpod_sys::device_filter::attach;
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Controllers that a container's limits need.
const CONTROLLERS: &[&str] = &["cpu", "cpuset", "io", "memory", "pids"];

/// Hand the controllers down to the cgroup at `path`, as far as each ancestor has them.
///
/// A refusal is no error here: it shows when the limit is written, and only where there is one.
pub(super) fn enable_controllers(root: &OwnedFd, path: &Path) {
    let ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
    for directory in ancestors.into_iter().rev() {
        let enabled = read_file(root, directory.join("cgroup.subtree_control")).unwrap_or_default();
        for controller in CONTROLLERS.iter().filter(|name| !enabled.split_whitespace().any(|word| word == **name)) {
            let _ = write_file(root, directory.join("cgroup.subtree_control"), &format!("+{controller}"));
        }
    }
}

/// Write the limits.
pub(super) fn limit(directory: &OwnedFd, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
    for (file, text) in lines(resources)? {
        match write_file(directory, file.as_str(), &text) {
            Ok(()) => {}
            Err(Errno::NOENT) => {
                warnings.push(format!("no limit by {file}: the controller is not handed down to this cgroup"))
            }
            Err(errno) => return Err(Error::step(format!("write {text:?} to"), file, errno)),
        }
    }
    limit_devices(directory, resources, warnings)
}

/// Put the device rules in force. A kernel, or an engine around us, that takes no such program is a warning: no capability of a
/// container makes a node by default.
pub(super) fn limit_devices(directory: &OwnedFd, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
    let Some(program) = devices::v2_program(&resources.devices)? else { return Ok(()) };
    if let Err(error) = attach(directory.as_fd(), &program) {
        warnings.push(format!("the device rules are not enforced: {error}"));
    }
    Ok(())
}

/// File and text of every limit.
fn lines(resources: &Resources) -> Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    let mut put = |file: &str, text: String| lines.push((file.to_owned(), text));
    if let Some(memory) = &resources.memory {
        memory_lines(memory, &mut put)?;
    }
    if let Some(cpu) = &resources.cpu {
        cpu_lines(cpu, &mut put);
    }
    if let Some(pids) = resources.pids.filter(|pids| pids.limit != 0) {
        put("pids.max", limit_text(pids.limit));
    }
    if let Some(block_io) = &resources.block_io {
        if let Some(weight) = block_io.weight.filter(|weight| *weight != 0) {
            // 10 to 1000 becomes 1 to 10000.
            put("io.weight", format!("default {}", 1 + (u64::from(weight) - 10) * 9999 / 990));
        }
        for (key, devices) in [
            ("rbps", &block_io.throttle_read_bps_device),
            ("wbps", &block_io.throttle_write_bps_device),
            ("riops", &block_io.throttle_read_iops_device),
            ("wiops", &block_io.throttle_write_iops_device),
        ] {
            for device in devices {
                put("io.max", format!("{}:{} {key}={}", device.major, device.minor, device.rate));
            }
        }
    }
    for (file, text) in &resources.unified {
        if file.contains('/') {
            return Err(Error::invalid(format!("unified resource `{file}` is no file name")));
        }
        put(file, text.clone());
    }
    Ok(lines)
}

fn memory_lines(memory: &Memory, put: &mut impl FnMut(&str, String)) -> Result<()> {
    if let Some(limit) = memory.limit.filter(|limit| *limit != 0) {
        put("memory.max", limit_text(limit));
    }
    if let Some(total) = memory.swap.filter(|total| *total != 0) {
        // The specification's swap is memory and swap together; the kernel's here is swap alone.
        let swap = match memory.limit {
            _ if total < 0 => -1,
            Some(limit) if limit > 0 && total >= limit => total - limit,
            _ => return Err(Error::invalid("memory.swap needs a memory.limit that it is not below")),
        };
        put("memory.swap.max", if swap < 0 { "max".into() } else { swap.to_string() });
    }
    if let Some(reservation) = memory.reservation.filter(|reservation| *reservation != 0) {
        put("memory.low", limit_text(reservation));
    }
    Ok(())
}

fn cpu_lines(cpu: &Cpu, put: &mut impl FnMut(&str, String)) {
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        // 2 to 262144 becomes 1 to 10000.
        put("cpu.weight", (1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142).to_string());
    }
    let quota = cpu.quota.filter(|quota| *quota != 0);
    let period = cpu.period.filter(|period| *period != 0);
    if quota.is_some() || period.is_some() {
        put("cpu.max", format!("{} {}", limit_text(quota.unwrap_or(-1)), period.unwrap_or(100_000)));
    }
    for (file, value) in [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            put(file, value.clone());
        }
    }
}

fn limit_text(limit: i64) -> String {
    if limit < 0 { "max".into() } else { limit.to_string() }
}

/// Freeze or thaw.
pub(super) fn set_frozen(directory: &OwnedFd, frozen: bool) -> Result<()> {
    write_file(directory, "cgroup.freeze", if frozen { "1" } else { "0" })
        .map_err(|errno| Error::step("write", "cgroup.freeze", errno))
}

/// Read what was used; a controller that is not there counts nothing.
pub(super) fn stats(read: impl Fn(&str) -> Option<String>) -> Result<Stats> {
    let text = |file: &str| read(file).unwrap_or_default();
    let number = |file: &str| text(file).trim().parse::<u64>().unwrap_or(0);
    let (cpu, memory, events, io) = (text("cpu.stat"), text("memory.stat"), text("memory.events"), text("io.stat"));
    let micros = |key: &str| stats::field(&cpu, key).saturating_mul(1000);
    Ok(Stats {
        cpu_usage_ns: micros("usage_usec"),
        cpu_user_ns: micros("user_usec"),
        cpu_system_ns: micros("system_usec"),
        cpu_throttled_ns: micros("throttled_usec"),
        memory_usage: number("memory.current").saturating_sub(stats::field(&memory, "inactive_file")),
        memory_limit: number("memory.max"),
        memory_peak: number("memory.peak"),
        oom_kills: stats::field(&events, "oom_kill"),
        pids: number("pids.current"),
        pids_limit: number("pids.max"),
        block_read: stats::block_io_v2(&io, "rbytes="),
        block_write: stats::block_io_v2(&io, "wbytes="),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Vec<(String, String)>> {
        lines(&serde_json::from_str(json).expect("valid"))
    }

    #[test]
    fn converts_v1_terms() {
        let lines = of(
            r#"{"memory":{"limit":100,"swap":150,"reservation":-1},"cpu":{"shares":1024,"quota":50000,"cpus":"0-1"},
                "pids":{"limit":-1},"blockIO":{"weight":1000},"unified":{"memory.high":"7"}}"#,
        )
        .expect("valid");
        let text: Vec<String> = lines.iter().map(|(file, text)| format!("{file}={text}")).collect();
        assert_eq!(
            text,
            [
                "memory.max=100",
                "memory.swap.max=50",
                "memory.low=max",
                "cpu.weight=39",
                "cpu.max=50000 100000",
                "cpuset.cpus=0-1",
                "pids.max=max",
                "io.weight=default 10000",
                "memory.high=7"
            ]
        );
    }

    #[test]
    fn refuses_swap_without_memory_and_paths_as_files() {
        for json in [r#"{"memory":{"swap":5}}"#, r#"{"memory":{"limit":9,"swap":5}}"#, r#"{"unified":{"../x":"1"}}"#] {
            assert!(matches!(of(json), Err(Error::Invalid { .. })), "{json}");
        }
    }
}
