//! Send SMS through Iran's gateways, safely: every message ends in exactly one known outcome, and nothing is sent twice.
//!
//! Two levels. [`PayamResan`] and [`NikSms`] have one method an operation of the gateway, with nothing hidden. A
//! [`Messenger`] takes any number of messages, sends them through one or more gateways, and answers with a receipt each.
//!
//! ```no_run
//! use payamak::{Message, Messenger, PayamResan};
//!
//! # async fn example() -> payamak::Result<()> {
//! let gateway = PayamResan::builder().api_key("…").sender(30004040).build()?;
//! let messenger = Messenger::builder().gateway(gateway).build()?;
//!
//! let message = Message::new("0912 111 2222", "سفارش شما ارسال شد").key("order-981:shipped");
//! let report = messenger.send_each([message]).await?;
//! for receipt in report.unclear() {
//!     println!("nobody knows: {}", receipt.trace_id);
//! }
//! # Ok(()) }
//! ```
//!
//! Everything that waits needs a tokio runtime with its timer and its I/O enabled.
//!
//! Facts about a gateway's wire come from its protocol; where a doc comment names one ("the protocol page"), the cases
//! in `core/conformance` pin it down.

#![forbid(unsafe_code)]

mod clock;
mod codes;
mod decode;
mod delivery;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gateway;
mod memory;
mod message;
mod messenger;
pub mod niksms;
pub mod payam_resan;
mod phone;
mod redact;
mod request;
mod settings;
mod text;
mod transport;

pub use self::clock::Clock;
pub use self::codes::Code;
pub use self::delivery::{Delivery, DeliveryReason, DeliveryState, DeliveryStatus};
pub use self::error::{Error, ErrorKind, ErrorMeaning, Hint, Outcome, RefusedPart, Result, Retry};
pub use self::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, LookUp, MessageKind, Outgoing, Personal,
    Registration, TimeLimits,
};
pub use self::memory::Memory;
pub use self::message::{
    Destination, IncomingMessage, KeyKind, Message, MessageId, PersonalMessage, Receipt, Recipients,
    SendOutcome, SenderLine, TehranTime, TraceId,
};
pub use self::messenger::{
    AskPolicy, DeliveryReport, Messenger, MessengerBuilder, Progress, Received, Report, SendLog, Sending,
    TrackOptions, Tracking,
};
pub use self::niksms::NikSms;
pub use self::payam_resan::PayamResan;
pub use self::phone::{Msisdn, Recipient};
pub use self::text::{Encoding, SegmentProfile, Segments, segments, segments_by};

/// What stops a send; see [`Sending::cancel_on`].
pub use tokio_util::sync::CancellationToken;

/// The Rust of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
