#![no_main]
//! See `libpod_fuzz::apply`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::apply(data));
