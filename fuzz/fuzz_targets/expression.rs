#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| minsheng_fuzz::law::expression(data));
