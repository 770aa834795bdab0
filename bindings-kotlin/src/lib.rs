//! payamak for Kotlin and Swift: the library behind both.
//!
//! This is the bridge, not the API: it converts, calls and converts back. What users see is written by hand on top of the
//! code that is generated from here, in `kotlin/` and `swift/`; all names here start with `Raw` so that those two are free
//! to have the good ones.
//!
//! What is exported has plain comments: uniffi puts the doc comments of exported items into the library, some kilobytes that
//! nobody reads there.

#![allow(
    unsafe_code,
    reason = "uniffi's macros write the exported functions, and #[no_mangle] counts as unsafe"
)]
#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "an error is taken apart for the border as soon as it is made; a box would only be opened again"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "what crosses the border is made for the call, and handed over"
)]
#![allow(unreachable_pub, reason = "what uniffi exports is public, and nobody reaches it from Rust")]

mod answer;
mod convert;
mod direct;
mod error;
mod functions;
mod messenger;
mod niksms;
mod payam_resan;
mod runtime;
mod settings;

uniffi::setup_scaffolding!("payamak_bridge");

#[cfg(feature = "emulator")]
payamak_uniffi_emulator::uniffi_reexport_scaffolding!();
