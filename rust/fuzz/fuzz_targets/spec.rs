#![no_main]
//! See `libpod_fuzz::spec`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::spec(data));
