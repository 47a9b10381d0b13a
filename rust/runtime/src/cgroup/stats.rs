//! What a container has used, in one shape for both versions.

use serde::Serialize;

/// Usage of one container; a controller that the host lacks counts 0, no limit is 0 or the kernel's largest number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Processor time.
    pub cpu_usage_ns: u64,
    /// Of it in user mode.
    pub cpu_user_ns: u64,
    /// Of it in the kernel.
    pub cpu_system_ns: u64,
    /// Time in which the quota kept processes from running.
    pub cpu_throttled_ns: u64,
    /// Bytes of memory, without page cache that is not in use.
    pub memory_usage: u64,
    /// Limit in bytes.
    pub memory_limit: u64,
    /// Highest usage so far, in bytes.
    pub memory_peak: u64,
    /// How often the kernel has killed a process for lack of memory.
    pub oom_kills: u64,
    /// Number of tasks.
    pub pids: u64,
    /// Limit of tasks.
    pub pids_limit: u64,
    /// Bytes read from block devices.
    pub block_read: u64,
    /// Bytes written to block devices.
    pub block_write: u64,
}

/// The number after `key` in a file of `key value` lines.
pub(super) fn field(text: &str, key: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

/// Sum of the lines `major:minor Read 123`.
pub(super) fn block_io_v1(text: &str, operation: &str) -> u64 {
    let value = |line: &str| {
        let mut words = line.split(' ').skip(1);
        (words.next() == Some(operation)).then(|| words.next().and_then(|word| word.parse::<u64>().ok())).flatten()
    };
    text.lines().filter_map(value).sum()
}

/// Sum of one key over the lines `major:minor rbytes=1 wbytes=2 …`.
pub(super) fn block_io_v2(text: &str, key: &str) -> u64 {
    text.split_whitespace().filter_map(|word| word.strip_prefix(key)).filter_map(|word| word.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_three_formats() {
        assert_eq!(field("nr 3\nusage_usec 12\n", "usage_usec"), 12);
        assert_eq!(field("usage_usec_x 12\n", "usage_usec"), 0);
        assert_eq!(block_io_v1("8:0 Read 5\n8:0 Write 6\n8:1 Read 7\nTotal 18\n", "Read"), 12);
        assert_eq!(block_io_v2("8:0 rbytes=5 wbytes=6 rios=1\n8:1 rbytes=7 wbytes=0\n", "rbytes="), 12);
    }
}
