#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vdi::fuzzing::values(data));
