//! The wall clock in the local time zone, which the well-kept crates leave to the C library.

use std::mem::MaybeUninit;

/// A moment of the wall clock, as the local time zone reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Year, with the century.
    pub year: i32,
    /// 1 to 12.
    pub month: i32,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 60.
    pub second: i32,
    /// Seconds east of Greenwich.
    pub offset_s: i64,
}

/// Read `seconds` since the epoch in the zone of `TZ` or `/etc/localtime`. The zone is loaded once per process.
pub fn local(seconds: i64) -> Local {
    let mut time = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: `seconds` is only read and `time` is large enough; an all-zero tm, left by a year out of range, is valid.
    let time = unsafe {
        libc::localtime_r(&raw const seconds, time.as_mut_ptr());
        time.assume_init()
    };
    Local {
        year: time.tm_year + 1900,
        month: time.tm_mon + 1,
        day: time.tm_mday,
        hour: time.tm_hour,
        minute: time.tm_min,
        second: time.tm_sec,
        offset_s: time.tm_gmtoff,
    }
}
