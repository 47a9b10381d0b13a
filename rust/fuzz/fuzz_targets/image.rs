#![no_main]
//! See `libpod_fuzz::image`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::image(data));
