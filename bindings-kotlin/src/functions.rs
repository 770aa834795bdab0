//! What needs no gateway: numbers, segments, keys.

use payamak::{KeyKind, Msisdn, SegmentProfile, TraceId};

use crate::error::RawError;

// A mobile number, read.
#[derive(uniffi::Record)]
pub struct RawMsisdn {
    // `09121112222`
    pub national: String,
    // `989121112222`
    pub international: String,
}

// Reads a mobile number.
#[uniffi::export]
pub fn raw_msisdn(number: String) -> Result<RawMsisdn, RawError> {
    let number = Msisdn::parse(&number)?;
    Ok(RawMsisdn { national: number.national(), international: number.international() })
}

// What a text needs on the air.
#[derive(uniffi::Record)]
pub struct RawSegments {
    // `gsm7` or `ucs2`.
    pub encoding: String,
    // Septets or UTF-16 units.
    pub units: u64,
    // Messages billed.
    pub segments: u64,
    // Room in the last one.
    pub units_left: u64,
    // What made it UCS-2.
    pub forced_ucs2: Vec<String>,
}

// Counts the segments of a text.
#[uniffi::export]
pub fn raw_segments(text: String, payam_resan: bool) -> RawSegments {
    let profile = if payam_resan { SegmentProfile::PayamResan } else { SegmentProfile::Gsm };
    let segments = payamak::segments_by(&text, profile);
    RawSegments {
        encoding: segments.encoding.as_str().to_owned(),
        units: segments.units as u64,
        segments: segments.segments as u64,
        units_left: segments.units_left as u64,
        forced_ucs2: segments.forced_ucs2.iter().map(char::to_string).collect(),
    }
}

// The trace id of a key.
#[uniffi::export]
pub fn raw_trace_id_from_key(
    key: String,
    to: String,
    kind: String,
    secret: Option<String>,
) -> Result<i64, RawError> {
    let kind: KeyKind = kind.parse()?;
    Ok(TraceId::from_key(&key, to, kind, secret.as_deref())?.get())
}
