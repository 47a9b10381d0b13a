#![no_main]
//! See `libpod_fuzz::compression`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::compression(data));
