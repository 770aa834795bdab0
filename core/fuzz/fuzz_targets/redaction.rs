#![no_main]

use payamak::fuzzing::{redaction, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("redaction"), |input: &[u8]| redaction(input));
