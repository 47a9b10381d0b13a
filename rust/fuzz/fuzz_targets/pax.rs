#![no_main]
//! See `libpod_fuzz::pax`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::pax(data));
