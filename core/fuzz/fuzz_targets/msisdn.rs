#![no_main]

use payamak::fuzzing::{msisdn, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("msisdn"), |input: &[u8]| msisdn(input));
