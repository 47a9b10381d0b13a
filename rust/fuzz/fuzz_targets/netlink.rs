#![no_main]
//! See `libpod_fuzz::netlink`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::netlink(data));
