#![no_main]
//! See `libpod_fuzz::tar`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::tar(data));
