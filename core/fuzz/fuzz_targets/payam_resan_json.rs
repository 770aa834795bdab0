#![no_main]

use payamak::fuzzing::{payam_resan_json, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write("payam_resan_json"), |input: &[u8]| payam_resan_json(input));
