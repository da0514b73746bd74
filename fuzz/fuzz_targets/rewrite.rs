#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vdi_fuzz_targets::rewrite(data));
