#![no_main]

use payamak::fuzzing::{seeds, text_pages};

libfuzzer_sys::fuzz_target!(init: seeds::write("text_pages"), |input: &[u8]| text_pages(input));
