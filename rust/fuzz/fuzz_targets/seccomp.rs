#![no_main]
//! See `libpod_fuzz::seccomp`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::seccomp(data));
