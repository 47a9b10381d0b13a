#![no_main]
//! See `libpod_fuzz::launch`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| libpod_fuzz::launch(data));
