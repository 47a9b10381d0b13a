#![no_main]
//! See `libpod_fuzz::challenge`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::challenge(data));
