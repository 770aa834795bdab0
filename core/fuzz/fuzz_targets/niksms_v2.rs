#![no_main]

use payamak::fuzzing::{niksms_v2, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("niksms_v2"), |input: &[u8]| niksms_v2(input));
