#![no_main]

use payamak::fuzzing::{niksms_web_service, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("niksms_web_service"), |input: &[u8]| niksms_web_service(input));
