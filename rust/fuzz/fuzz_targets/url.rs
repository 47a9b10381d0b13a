#![no_main]
//! See `libpod_fuzz::url`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::url(data));
