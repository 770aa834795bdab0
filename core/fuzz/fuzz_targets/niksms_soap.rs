#![no_main]

use payamak::fuzzing::{niksms_soap, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("niksms_soap"), |input: &[u8]| niksms_soap(input));
