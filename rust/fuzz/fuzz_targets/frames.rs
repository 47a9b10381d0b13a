#![no_main]
//! See `libpod_fuzz::frames`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::frames(data));
