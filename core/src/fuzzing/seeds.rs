//! What the fuzz targets start from: the canned answers, the numbers and the texts of the conformance cases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The inputs that the conformance cases hold for a target.
pub fn seeds(target: &str) -> BTreeSet<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/cases");
    let mut seeds = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let case: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        match target {
            "msisdn" => strings(&case["call"]["arguments"], "", &["number", "to", "recipients"], &mut seeds),
            "redaction" => {
                let mut texts = BTreeSet::new();
                strings(
                    &case["call"]["arguments"],
                    "",
                    &["text", "parameters", "to", "recipients"],
                    &mut texts,
                );
                // Each in an encoding of its own, in a place of its own.
                let quoted = texts.into_iter().filter(|text| !text.contains(&b'\n') && text.len() < 200);
                let before = seeds.len();
                seeds.extend(quoted.enumerate().map(|(index, text)| {
                    let ways = u8::try_from((before + index) % 256).unwrap_or_default();
                    [&[ways, ways.wrapping_mul(7)], &text[..], "\nمتن «\n» مجاز نیست".as_bytes()].concat()
                }));
            }
            "text_pages" => strings(&case["call"]["arguments"], "", &["text"], &mut seeds),
            _ if target == of_answers(&case) => {
                let exchange = case["exchange"].as_array().unwrap();
                seeds.extend(exchange.iter().filter_map(|exchange| body(&exchange["answer"])));
            }
            _ => {}
        }
    }
    seeds
}

/// Puts the seeds where `cargo fuzz` looks for them.
pub fn write(target: &str) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).unwrap();
    for (index, seed) in seeds(target).into_iter().enumerate() {
        fs::write(corpus.join(format!("case-{index:03}")), seed).unwrap();
    }
}

/// The target that reads the answers of a case.
fn of_answers(case: &Value) -> &'static str {
    match (case["gateway"].as_str(), case["settings"]["dialect"].as_str()) {
        (Some("payam-resan"), _) => "payam_resan_json",
        (Some("niksms"), Some("soap")) => "niksms_soap",
        (Some("niksms"), Some("v2")) => "niksms_v2",
        (Some("niksms"), Some("web-service")) => "niksms_web_service",
        (Some("niksms"), _) => "niksms_form",
        _ => "",
    }
}

fn body(answer: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| answer[key].as_str().map(|text| text.as_bytes().to_vec());
    text("text")
        .or_else(|| text("xml"))
        .or_else(|| answer.get("json").map(|json| json.to_string().into_bytes()))
}

/// Every string that stands under one of `keys`.
fn strings(value: &Value, key: &str, keys: &[&str], found: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::String(text) if keys.contains(&key) => drop(found.insert(text.as_bytes().to_vec())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, keys, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| strings(value, key, keys, found)),
        _ => {}
    }
}
