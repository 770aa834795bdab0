//! payamak for Node: the native module of the npm package.
//!
//! It converts and calls, nothing else: what crosses the border is the canonical JSON of `core/conformance/README.md`,
//! whose ids are strings, and the TypeScript in `lib/` gives it the shape that JavaScript expects. A promise is never
//! rejected by native code, because such an error could carry no fields: it resolves with `{"ok": …}`, `{"err": …}` or
//! `{"canceled": true}`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "napi converts an argument into a value of ours and hands it over"
)]

mod cancel;
mod emulator;
mod gateway;
mod messenger;
mod wire;

use napi_derive::napi;
use payamak::{Msisdn, SegmentProfile, TraceId, segments_by};
use serde_json::json;

/// The version of the library.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The two forms of a mobile number.
#[napi(catch_unwind)]
pub fn msisdn(number: String) -> String {
    let forms =
        |number: Msisdn| json!({ "national": number.national(), "international": number.international() });
    wire::answer(Msisdn::parse(&number).map(forms).and_then(wire::write))
}

/// What a text needs on the air, by the figures of `gsm` or `payam-resan`.
#[napi(catch_unwind)]
pub fn segments(text: String, profile: String) -> String {
    let profile = match profile.as_str() {
        "gsm" => SegmentProfile::Gsm,
        "payam-resan" => SegmentProfile::PayamResan,
        _ => {
            let error = payamak::Error::invalid_input("segments", "profile", "neither gsm nor payam-resan");
            return wire::failure(&error);
        }
    };
    wire::answer(wire::write(segments_by(&text, profile)))
}

/// The trace id of a key.
#[napi(catch_unwind)]
pub fn trace_id_from_key(key: String) -> String {
    wire::answer(TraceId::from_key(&key).and_then(wire::write))
}
