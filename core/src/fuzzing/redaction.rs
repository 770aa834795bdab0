//! What a gateway repeats of a request, in any encoding and between any other words, is not in what is kept of it.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use secrecy::SecretString;
use url::Url;

use crate::redact::{Carried, Redactor};

/// The ways in which a request comes back.
const ENCODINGS: [fn(&str) -> String; 20] = [
    str::to_owned,
    str::to_uppercase,
    |text| form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    |text| each_byte(text, |all, byte| write!(all, "%{byte:02x}")),
    |text| each_character(text, |all, character| write!(all, "&#{};", u32::from(character))),
    |text| each_character(text, |all, character| write!(all, "&#x{:X};", u32::from(character))),
    |text| quick_xml::escape::escape(text).into_owned(),
    |text| text.encode_utf16().fold(String::new(), |all, unit| format!("{all}\\u{unit:04x}")),
    |text| serde_json::Value::from(text).to_string(),
    |text| STANDARD.encode(text),
    |text| STANDARD_NO_PAD.encode(format!("user:{text}")),
    |text| URL_SAFE.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
    |text| each_byte(text, |all, byte| write!(all, "{byte:02X}")),
    |text| each_byte(text, |all, byte| write!(all, "{byte:02X}-")),
    |text| each_byte(text, |all, byte| write!(all, "0x{byte:02x}, ")),
    |text| each_byte(text, |all, byte| write!(all, "\\x{byte:02x}")),
    |text| each_byte(text, |all, byte| write!(all, "={byte:02X}")),
    |text| each_byte(text, |all, byte| write!(all, "{}", char::from(byte))),
    |text| each_character(text, |all, character| write!(all, "\\u{{{:x}}}", u32::from(character))),
    |text| each_character(text, |all, character| write!(all, "{character}\u{200c} - ")),
];

fn each_byte(text: &str, write: fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut all = String::new();
    text.bytes().for_each(|byte| write(&mut all, byte).unwrap());
    all
}

fn each_character(text: &str, write: fn(&mut String, char) -> std::fmt::Result) -> String {
    let mut all = String::new();
    text.chars().for_each(|character| write(&mut all, character).unwrap());
    all
}

/// The first byte chooses the encoding, the second the encoding over it and where the value stands in the request. The rest is
/// three lines: the value, what the gateway says before it, what it says after it.
pub fn redaction(input: &[u8]) {
    let [first, second, rest @ ..] = input else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.splitn(3, '\n');
    let (value, before, after) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );

    let mut quoted = ENCODINGS[usize::from(*first) % ENCODINGS.len()](value);
    let over = usize::from(*second >> 2);
    // Base64 and hexadecimal over another encoding are two languages deep: nobody echoes so.
    if over < 9 && usize::from(*first) % ENCODINGS.len() < 9 {
        quoted = ENCODINGS[over](&quoted);
    }
    let words = format!("{before}{quoted}{after}");

    let url = Url::parse("https://gateway.example/path").unwrap();
    let with_query = Url::parse_with_params("https://gateway.example/path", [("Text", value)]).unwrap();
    let json = serde_json::json!({ "Recipients": [{ "Text": value }] }).to_string();
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("message", value).finish();
    let secrets = [SecretString::from(value)];
    let (url, content_type, body, secrets) = match second & 3 {
        0 => (&url, "application/json; charset=utf-8", json.as_str(), &secrets[..0]),
        1 => (&url, "application/x-www-form-urlencoded", form.as_str(), &secrets[..0]),
        2 => (&with_query, "", "", &secrets[..0]),
        _ => (&url, "", "", &secrets[..]),
    };
    let carried = Carried { url, content_type, body: body.as_bytes() };
    let kept = Redactor { carried: Some(carried), secrets }.clean(&words);
    holds_nothing_of(&kept, value);
    assert_eq!(kept, Redactor { carried: Some(carried), secrets }.clean(&words), "cleaned twice, it differs");
}

/// Nothing that could be recognised, no number, and nothing that acts.
pub(super) fn holds_nothing_of(kept: &str, value: &str) {
    assert!(kept.chars().count() <= 200, "{kept}");
    let acts = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!kept.contains(acts), "{kept:?}");
    let value = letters(value);
    for shown in kept.split("***") {
        let digits = shown.split(char::is_alphabetic).map(|part| {
            let runs = part.split(|c: char| c.is_numeric()).map(|between| between.chars().count());
            // Far apart they are different numbers.
            if runs.max().unwrap_or(0) > 8 { 0 } else { part.chars().filter(|c| c.is_numeric()).count() }
        });
        assert!(digits.max().unwrap_or(0) < 4, "a number in {kept:?}");
        let fields = form_urlencoded::parse(shown.as_bytes());
        let percent = fields.flat_map(|(name, value)| [name.into_owned(), value.into_owned()]).collect();
        let unescaped = quick_xml::escape::unescape(shown).map(Cow::into_owned).unwrap_or_default();
        let from_json = serde_json::from_str::<String>(&format!("\"{shown}\"")).unwrap_or_default();
        for reading in [shown.to_owned(), percent, unescaped, from_json] {
            let reading = letters(&reading);
            let repeated = value.windows(4).find(|run| reading.windows(4).any(|other| other == *run));
            assert!(repeated.is_none(), "{repeated:?} of {value:?} in {kept:?}");
        }
    }
}

fn letters(text: &str) -> Vec<char> {
    let is_mark = |character: char| matches!(character, '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}');
    let letters = text.chars().filter(|character| character.is_alphanumeric() && !is_mark(*character));
    letters.flat_map(char::to_lowercase).collect()
}
