#![no_main]

use payamak::fuzzing::{niksms_form, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("niksms_form"), |input: &[u8]| niksms_form(input));
