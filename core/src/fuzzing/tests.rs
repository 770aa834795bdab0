//! The short run: every seed, every input that once broke something, and what comes of editing the seeds.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{SECRETS, TARGETS, seeds};

/// What has broken something, and must not again.
const FOUND: [(&str, &str); 10] = [
    // A number in the place of a code stood in the error's text.
    ("niksms_form", r#"{"Status":9850001234}"#),
    ("payam_resan_json", r#"{"Success":false,"ErrorCode":9121112222,"Error":null,"Result":null}"#),
    // So did a password.
    ("niksms_form", r#"{"Status":"conformance-password"}"#),
    // A NUL hid a number and a password from who looks for them, and was then left out.
    ("payam_resan_json", r#"{"Success":false,"ErrorCode":9,"Error":"091211\u000012222"}"#),
    ("payam_resan_json", r#"{"Success":false,"ErrorCode":9,"Error":"conformance\u0000-password"}"#),
    // An escape hid a credential in what is no JSON of ours, and the error's excerpt repeated it.
    ("payam_resan_json", r#"{"ApiKey":"conformance\u002dkey","#),
    ("niksms_form", r#""{\"password\":\"key\/9f3a\u002b71c2 &\\\"<\\\\>'%41\u06a9\u0644\u06cc\u062f\",""#),
    // A byte that is no text, between the letters of a credential.
    ("payam_resan_json", r#"{"Error":nuAll,"Key":%ca9f3a71}"#),
    // A list was taken for an object, its values by their places.
    ("niksms_form", r"[1]"),
    ("payam_resan_json", r"[true,null,null,[[5,7]]]"),
];

/// What may stand in any place of an answer, a number or a text.
const AWKWARD: [&str; 30] = [
    "",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "1.0",
    "1e3",
    "1e400",
    "-0.0",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "\"\"",
    "\"1\"",
    "\"-\"",
    "[]",
    "{}",
    "[null]",
    "\\u06a9",
    "\\ud800",
    "&amp;",
    "&#1603;",
    "<![CDATA[",
    "]]>",
    "\u{feff}",
    "۰۹۱۲۱۱۱۲۲۲۲",
    "😀",
    "\u{200c}",
];

/// A part of an input is replaced: with something awkward, with any bytes, or with a part of another input.
#[derive(Clone, Debug)]
struct Edit {
    at: Index,
    length: usize,
    with: With,
}

#[derive(Clone, Debug)]
enum With {
    Text(&'static str),
    Bytes(Vec<u8>),
    Part(Index, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let texts = [AWKWARD.as_slice(), &SECRETS].concat();
    let with = prop_oneof![
        4 => prop::sample::select(texts).prop_map(With::Text),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(With::Bytes),
        3 => (any::<Index>(), 1..12usize).prop_map(|(at, length)| With::Part(at, length)),
    ];
    let edit = (any::<Index>(), 0..4usize, with).prop_map(|(at, length, with)| Edit { at, length, with });
    prop::collection::vec(edit, 1..6)
}

/// An input as words and single signs, so that an edit hits a value, a name or a bracket.
fn parts(input: &[u8]) -> Vec<&[u8]> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    input.chunk_by(|a, b| is_word(a) && is_word(b)).collect()
}

fn edited(input: &[u8], other: &[u8], edits: &[Edit]) -> Vec<u8> {
    let other = parts(other);
    let mut input = input.to_vec();
    for edit in edits {
        let mut parts = parts(&input);
        let from = edit.at.index(parts.len() + 1);
        let until = (from + edit.length).min(parts.len());
        let with = match &edit.with {
            With::Text(text) => vec![text.as_bytes()],
            With::Bytes(bytes) => vec![bytes.as_slice()],
            With::Part(at, length) => {
                other.iter().copied().skip(at.index(other.len() + 1)).take(*length).collect()
            }
        };
        parts.splice(from..until, with);
        input = parts.concat();
    }
    input
}

/// All seeds, then edited ones.
fn holds(target: &str) {
    let (_, run) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let found = FOUND.iter().filter(|(name, _)| *name == target).map(|(_, input)| input.as_bytes().to_vec());
    let seeds: Vec<Vec<u8>> = seeds::seeds(target).into_iter().chain(found).collect();
    assert!(seeds.len() > 10, "{} seeds", seeds.len());
    for seed in &seeds {
        run(seed);
    }

    let settings = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(seed: Index, other: Index, edits in edits())| {
        let pick = |index: Index| &seeds[index.index(seeds.len())];
        run(&edited(pick(seed), pick(other), &edits));
    });
}

#[test]
fn every_target_can_be_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files: BTreeSet<_> =
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(files, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn payam_resan_json() {
    holds("payam_resan_json");
}

#[test]
fn niksms_form() {
    holds("niksms_form");
}

#[test]
fn niksms_v2() {
    holds("niksms_v2");
}

#[test]
fn niksms_web_service() {
    holds("niksms_web_service");
}

#[test]
fn niksms_soap() {
    holds("niksms_soap");
}

#[test]
fn msisdn() {
    holds("msisdn");
}

#[test]
fn text_pages() {
    holds("text_pages");
}

#[test]
fn redaction() {
    holds("redaction");
}
