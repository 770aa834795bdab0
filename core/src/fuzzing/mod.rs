//! What must hold of any answer a gateway can give, and of any text a person can type: the bodies of the fuzz targets in
//! `core/fuzz`, and of the short run among the unit tests. It is no part of the library that users build.

#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a harness that cannot go on fails"
)]

mod redaction;
pub mod seeds;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use bytes::Bytes;
use secrecy::SecretString;

pub use self::redaction::redaction;
pub use crate::niksms::fuzzing::{niksms_form, niksms_soap, niksms_v2, niksms_web_service};
pub use crate::payam_resan::fuzzing::payam_resan_json;

use self::redaction::holds_nothing_of;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::phone::{Msisdn, Recipient};
use crate::redact::Redactor;
use crate::text::{Encoding, SegmentProfile, Segments, segments_by};
use crate::transport::Answer;

/// A target by its name: what it does with an input.
pub type Target = fn(&[u8]);

/// Every target, by the name of its file in `core/fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Target); 8] = [
    ("payam_resan_json", payam_resan_json),
    ("niksms_form", niksms_form),
    ("niksms_v2", niksms_v2),
    ("niksms_web_service", niksms_web_service),
    ("niksms_soap", niksms_soap),
    ("msisdn", msisdn),
    ("text_pages", text_pages),
    ("redaction", redaction),
];

/// The credentials of the conformance cases, which the seeds repeat, and one full of what gets escaped.
pub(crate) const SECRETS: [&str; 3] =
    ["conformance-key", "conformance-password", "key/9f3a+71c2 &\"<\\>'%41کلید"];

/// The body of an answer, and the credentials that it must not repeat in an error.
pub(crate) struct Body {
    bytes: Bytes,
    secrets: [SecretString; 3],
}

impl Body {
    pub(crate) fn new(input: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(input), secrets: SECRETS.map(SecretString::from) }
    }

    /// Reads it as the answer of a call; what is read is handed to `check`.
    pub(crate) fn decode<T>(&self, read: impl Fn(&Answer<'_>) -> Result<T>, check: impl Fn(T)) {
        if let Ok(value) = self.read(200, read) {
            check(value);
        }
    }

    /// The same, and what depends on no operation: another HTTP status is never an answer, and the same answer always
    /// reads the same.
    pub(crate) fn decode_in_every_way<T: PartialEq + Debug>(
        &self,
        read: impl Fn(&Answer<'_>) -> Result<T>,
        check: impl Fn(T),
    ) {
        for status in [302, 400, 503] {
            assert!(self.read(status, &read).is_err(), "a failure was taken for an answer");
        }
        assert_eq!(self.read(200, &read), self.read(200, &read));
        self.decode(read, check);
    }

    fn read<T>(&self, status: u16, read: impl Fn(&Answer<'_>) -> Result<T>) -> Result<T> {
        let redactor = Redactor { carried: None, secrets: &self.secrets };
        let result = read(&Answer::canned(status, self.bytes.clone(), redactor));
        if let Err(error) = &result {
            claims_no_more_than_is_known(error, status);
            shows_nothing_private(error);
        }
        result
    }
}

/// Only a refusal that the gateway spells out proves that nothing was sent: never an answer that cannot be read.
fn claims_no_more_than_is_known(error: &Error, status: u16) {
    if error.outcome() == Outcome::NotSent {
        let is_spelled_out = error.code().is_some_and(|code| code.name != "unknown");
        let is_elsewhere = error.kind() == ErrorKind::Configuration;
        assert!(is_spelled_out || is_elsewhere || status == 400, "{error:?}");
    }
}

fn shows_nothing_private(error: &Error) {
    // Where the gateway's words are the table's they repeat nothing.
    let of_the_table = error.code().and_then(|code| code.text);
    let gateway_text = error.gateway_text().filter(|text| Some(*text) != of_the_table).unwrap_or_default();
    for kept in [gateway_text, error.body_excerpt().unwrap_or_default()] {
        for secret in SECRETS {
            holds_nothing_of(kept, secret);
        }
    }
    for shown in [error.to_string(), format!("{error:?}"), serde_json::to_string(error).unwrap()] {
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        let longest =
            shown.split(|character: char| !character.is_numeric()).map(|run| run.chars().count()).max();
        assert!(longest.unwrap_or(0) <= 5, "a number in {shown}");
    }
}

/// A body as JSON, where it is; `None` proves nothing, because what nobody asks for is read less strictly.
pub(crate) fn json(body: &[u8]) -> Option<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(match value.as_str().map(serde_json::from_str) {
        Some(Ok(inner)) => inner,
        _ => value,
    })
}

/// The rows of a list that are not null; `None` where it is no list.
pub(crate) fn rows(list: &serde_json::Value) -> Option<Vec<&serde_json::Value>> {
    list.as_array().map(|rows| rows.iter().filter(|row| !row.is_null()).collect())
}

/// An id that stands there as an integer is that integer.
pub(crate) fn is_the_same_id(written: &serde_json::Value, read: Option<i64>) {
    if let Some(number) = written.as_i64() {
        assert_eq!(read, Some(number));
    }
}

/// A text is a number or it is not; a number prints forms that are read as the same number.
pub fn msisdn(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let recipient = Recipient::from(&*text);
    match Msisdn::parse(&text) {
        Ok(number) => {
            let (national, international) = (number.national(), number.international());
            assert_eq!((national.len(), international.len()), (11, 12));
            assert_eq!(number.to_i64().to_string(), international);
            let persian: String = national
                .chars()
                .map(|digit| char::from_u32(u32::from(digit) - 48 + 0x6f0).unwrap())
                .collect();
            let abroad = [format!("+{international}"), format!("00{international}")];
            for form in abroad.iter().chain([&national, &international, &persian]) {
                assert_eq!(Msisdn::parse(form).unwrap(), number, "{form}");
            }
            assert_eq!(Recipient::from(number.to_i64()).msisdn(), Some(number));
            assert_eq!(recipient.msisdn(), Some(number));
            assert!(!format!("{number:?}{recipient:?}").contains(&national[1..]));
        }
        Err(error) => {
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::InvalidInput, Outcome::NotSent));
            assert_eq!(error.value(), Some(&*text));
            assert_eq!((recipient.msisdn(), recipient.to_string()), (None, text.to_string()));
            shows_nothing_private(&error);
        }
    }
}

/// The count of a text is consistent in itself, and a longer text never takes fewer.
pub fn text_pages(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for profile in [SegmentProfile::Gsm, SegmentProfile::PayamResan] {
        let whole = segments_by(&text, profile);
        is_consistent(&text, &whole, profile);
        let Some(last) = text.char_indices().next_back() else { continue };
        let shorter = segments_by(&text[..last.0], profile);
        // By the figures of Payam Resan's page a Latin segment holds 66 brackets, a Persian one 67.
        if profile == SegmentProfile::Gsm || whole.encoding == shorter.encoding {
            assert!(shorter.segments <= whole.segments, "{shorter:?} {whole:?}");
        }
    }
}

fn is_consistent(text: &str, counted: &Segments, profile: SegmentProfile) {
    let Segments { encoding, units, segments, units_left, forced_ucs2 } = counted;
    assert_eq!(*encoding == Encoding::Gsm7, forced_ucs2.is_empty());
    assert_eq!(*segments == 0, text.is_empty());
    let (single, each) = match (profile, encoding) {
        (_, Encoding::Ucs2) => (70, 67),
        (SegmentProfile::Gsm, Encoding::Gsm7) => (160, 153),
        (SegmentProfile::PayamResan, Encoding::Gsm7) => (140, 133),
    };
    match encoding {
        Encoding::Ucs2 => assert_eq!(*units, text.encode_utf16().count()),
        Encoding::Gsm7 => assert!((text.chars().count()..=2 * text.chars().count()).contains(units)),
    }
    if *segments <= 1 {
        assert_eq!(units + units_left, single);
    } else {
        assert!(*units > single);
        // A character of two units may leave one unit of a segment empty.
        let room = segments * each - units_left;
        assert!((*units..*units + segments).contains(&room), "{counted:?}");
        assert!(*units_left < each);
    }
    assert!(forced_ucs2.iter().all(|character| text.contains(*character)));
}
