//! payamak for Node: the native module of the npm package.
//!
//! It converts and calls, nothing else: what crosses the border is the canonical JSON of `core/conformance/README.md`,
//! whose ids are strings, and the TypeScript in `lib/` gives it the shape that JavaScript expects. A call is never rejected
//! by native code, because such an error could carry no fields: its answer is `{"ok": …}`, `{"err": …}` or
//! `{"canceled": true}`. The answers that come by the thousand, ids and statuses, travel as numbers where they can.

#![allow(
    clippy::needless_pass_by_value,
    reason = "napi converts an argument into a value of ours and hands it over"
)]

mod bridge;
mod cancel;
mod emulator;
mod gateway;
mod messenger;
mod network;
mod statuses;
mod wire;

use napi::bindgen_prelude::create_custom_tokio_runtime;
use napi_derive::{module_init, napi};
use payamak::{KeyKind, Msisdn, SegmentProfile, TraceId, segments_by};
use serde_json::json;

/// Without a runtime of ours napi makes one of its own, with a thread a processor.
#[module_init]
fn start() {
    if let Ok(runtime) = network::runtime("payamak") {
        create_custom_tokio_runtime(runtime);
    }
}

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

/// The statuses of all known codes of `payam-resan` or `niksms`.
#[napi(catch_unwind)]
pub fn known_statuses(kind: String) -> String {
    wire::answer(statuses::of_kind(&kind))
}

/// The trace id of a key and a recipient.
#[napi(catch_unwind)]
pub fn trace_id_from_key(key: String, to: String, kind: String, secret: Option<String>) -> String {
    let trace_id =
        kind.parse::<KeyKind>().and_then(|kind| TraceId::from_key(&key, to, kind, secret.as_deref()));
    wire::answer(trace_id.and_then(wire::write))
}
