//! Limits as the controllers of cgroup v1 take them.

use super::devices;
use super::discover::Hierarchy;
use super::file::{read_file, write_file};
use super::stats::{self, Stats};
use crate::error::{Error, Result};
use crate::spec::{BlockIo, Cpu, Memory, Resources, Throttle};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// How long freezing waits for the last process to stop.
const FREEZE_TRIES: u32 = 500;

/// Whether there is anything to write for this hierarchy's controllers.
pub(super) fn has_limits(hierarchy: &Hierarchy, resources: &Resources) -> bool {
    let wanted = [
        ("memory", resources.memory.is_some()),
        ("cpu", resources.cpu.is_some()),
        ("cpuset", resources.cpu.is_some()),
        ("pids", resources.pids.is_some()),
        ("blkio", resources.block_io.is_some()),
        ("devices", !resources.devices.is_empty()),
    ];
    wanted.iter().any(|(controller, wanted)| *wanted && hierarchy.controls(controller))
}

/// Write the limits that this hierarchy's controllers have.
pub(super) fn limit(
    directory: &OwnedFd,
    hierarchy: &Hierarchy,
    resources: &Resources,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut writer = Writer { directory, hierarchy, warnings };
    if hierarchy.controls("memory") {
        if let Some(memory) = &resources.memory {
            writer.memory(memory)?;
        }
    }
    if let Some(cpu) = &resources.cpu {
        if hierarchy.controls("cpu") {
            writer.cpu(cpu)?;
        }
        if hierarchy.controls("cpuset") {
            writer.set_some("cpuset.cpus", cpu.cpus.as_deref())?;
            writer.set_some("cpuset.mems", cpu.mems.as_deref())?;
        }
    }
    if hierarchy.controls("pids") {
        if let Some(pids) = resources.pids {
            if pids.limit != 0 {
                let limit = if pids.limit < 0 { "max".into() } else { pids.limit.to_string() };
                writer.set("pids.max", &limit)?;
            }
        }
    }
    if hierarchy.controls("blkio") {
        if let Some(block_io) = &resources.block_io {
            writer.block_io(block_io)?;
        }
    }
    if hierarchy.controls("devices") && !resources.devices.is_empty() {
        for (file, line) in devices::v1_lines(&resources.devices)? {
            writer.set(file, &line)?;
        }
    }
    Ok(())
}

struct Writer<'a> {
    directory: &'a OwnedFd,
    hierarchy: &'a Hierarchy,
    warnings: &'a mut Vec<String>,
}

impl Writer<'_> {
    fn set(&mut self, file: &str, text: &str) -> Result<()> {
        write_file(self.directory, file, text)
            .map_err(|errno| Error::step(format!("write {text:?} to"), self.hierarchy.directory().join(file), errno))
    }

    fn set_some(&mut self, file: &str, value: Option<&str>) -> Result<()> {
        value.filter(|text| !text.is_empty()).map_or(Ok(()), |text| self.set(file, text))
    }

    /// Write a limit whose file a kernel may be built without.
    fn set_if_there(&mut self, what: &str, file: &str, text: &str) -> Result<()> {
        match self.set(file, text) {
            Err(Error::Step { errno, .. }) if errno == Errno::NOENT.raw_os_error() => {
                self.warnings.push(format!("no limit on {what}: this kernel has no {file}"));
                Ok(())
            }
            other => other,
        }
    }

    fn memory(&mut self, memory: &Memory) -> Result<()> {
        let swap = "memory.memsw.limit_in_bytes";
        let limit = "memory.limit_in_bytes";
        match (memory.limit, memory.swap) {
            (Some(bytes), Some(total)) if bytes >= 0 || total >= 0 => {
                // The limit of both together can never be below that of memory alone, whichever is written first.
                if self.set(limit, &bytes.to_string()).is_err() {
                    self.set_if_there("swap", swap, &total.to_string())?;
                    self.set(limit, &bytes.to_string())?;
                } else {
                    self.set_if_there("swap", swap, &total.to_string())?;
                }
            }
            (Some(bytes), _) => self.set(limit, &bytes.to_string())?,
            (None, Some(total)) => self.set_if_there("swap", swap, &total.to_string())?,
            (None, None) => {}
        }
        if let Some(bytes) = memory.reservation {
            self.set("memory.soft_limit_in_bytes", &bytes.to_string())?;
        }
        if let Some(share) = memory.swappiness {
            self.set("memory.swappiness", &share.to_string())?;
        }
        if memory.disable_oom_killer == Some(true) {
            self.set("memory.oom_control", "1")?;
        }
        Ok(())
    }

    fn cpu(&mut self, cpu: &Cpu) -> Result<()> {
        if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
            self.set("cpu.shares", &shares.to_string())?;
        }
        if let Some(period) = cpu.period.filter(|period| *period != 0) {
            self.set("cpu.cfs_period_us", &period.to_string())?;
        }
        if let Some(quota) = cpu.quota.filter(|quota| *quota != 0) {
            self.set("cpu.cfs_quota_us", &quota.to_string())?;
        }
        if let Some(period) = cpu.realtime_period.filter(|period| *period != 0) {
            self.set_if_there("real-time scheduling", "cpu.rt_period_us", &period.to_string())?;
        }
        if let Some(runtime) = cpu.realtime_runtime.filter(|runtime| *runtime != 0) {
            self.set_if_there("real-time scheduling", "cpu.rt_runtime_us", &runtime.to_string())?;
        }
        Ok(())
    }

    fn block_io(&mut self, block_io: &BlockIo) -> Result<()> {
        if let Some(weight) = block_io.weight.filter(|weight| *weight != 0) {
            self.set_if_there("block device weight", "blkio.bfq.weight", &weight.to_string())?;
        }
        let throttles: [(&str, &[Throttle]); 4] = [
            ("blkio.throttle.read_bps_device", &block_io.throttle_read_bps_device),
            ("blkio.throttle.write_bps_device", &block_io.throttle_write_bps_device),
            ("blkio.throttle.read_iops_device", &block_io.throttle_read_iops_device),
            ("blkio.throttle.write_iops_device", &block_io.throttle_write_iops_device),
        ];
        for (file, devices) in throttles {
            for device in devices {
                self.set_if_there(
                    "block device rate",
                    file,
                    &format!("{}:{} {}", device.major, device.minor, device.rate),
                )?;
            }
        }
        Ok(())
    }
}

/// Give a new cpuset its parent's processors and memory nodes: it starts with none, and takes no process then.
///
/// A parent may have none yet either: another engine, or a container that starts at the same time, has just made it.
pub(super) fn inherit_cpuset(root: &OwnedFd, path: &Path) -> rustix::io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        inherit(root, path, file)?;
    }
    Ok(())
}

/// What a cpuset has, filled from the nearest ancestor that has any.
fn inherit(root: &OwnedFd, path: &Path, file: &str) -> rustix::io::Result<String> {
    let own = read_file(root, path.join(file))?;
    match path.parent() {
        Some(parent) if own.trim().is_empty() => {
            let value = inherit(root, parent, file)?;
            write_file(root, path.join(file), value.trim())?;
            Ok(value)
        }
        _ => Ok(own),
    }
}

/// Freeze or thaw; freezing is done when the kernel says so.
pub(super) fn set_frozen(directory: &OwnedFd, frozen: bool) -> Result<()> {
    let fail = |errno| Error::step("write", "freezer.state", errno);
    let state = if frozen { "FROZEN" } else { "THAWED" };
    for attempt in 0..FREEZE_TRIES {
        write_file(directory, "freezer.state", state).map_err(fail)?;
        if read_file(directory, "freezer.state").map_err(fail)?.trim() == state {
            return Ok(());
        }
        if attempt % 50 == 49 {
            // A process in the middle of a fork keeps the cgroup from settling: let go, and try once more.
            write_file(directory, "freezer.state", "THAWED").map_err(fail)?;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    write_file(directory, "freezer.state", "THAWED").map_err(fail)?;
    Err(Error::State { what: "the container's processes cannot be frozen: one of them does not stop".into() })
}

/// Read what was used; a controller that is not there counts nothing.
pub(super) fn stats(read: impl Fn(&str, &str) -> Option<String>) -> Result<Stats> {
    let number = |controller: &str, file: &str| {
        read(controller, file).and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let memory = read("memory", "memory.stat").unwrap_or_default();
    let cpu = read("cpuacct", "cpuacct.stat").unwrap_or_default();
    let throttling = read("cpu", "cpu.stat").unwrap_or_default();
    let ticks = |key: &str| stats::field(&cpu, key).saturating_mul(10_000_000);
    Ok(Stats {
        cpu_usage_ns: number("cpuacct", "cpuacct.usage"),
        cpu_user_ns: ticks("user"),
        cpu_system_ns: ticks("system"),
        cpu_throttled_ns: stats::field(&throttling, "throttled_time"),
        memory_usage: number("memory", "memory.usage_in_bytes")
            .saturating_sub(stats::field(&memory, "total_inactive_file")),
        memory_limit: number("memory", "memory.limit_in_bytes"),
        memory_peak: number("memory", "memory.max_usage_in_bytes"),
        oom_kills: stats::field(&read("memory", "memory.oom_control").unwrap_or_default(), "oom_kill"),
        pids: number("pids", "pids.current"),
        pids_limit: number("pids", "pids.max"),
        block_read: stats::block_io_v1(
            &read("blkio", "blkio.throttle.io_service_bytes_recursive").unwrap_or_default(),
            "Read",
        ),
        block_write: stats::block_io_v1(
            &read("blkio", "blkio.throttle.io_service_bytes_recursive").unwrap_or_default(),
            "Write",
        ),
    })
}
