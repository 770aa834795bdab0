//! Send SMS through Iran's gateways, safely: every message ends in exactly one known outcome, and nothing is sent twice.
//!
//! Two levels. [`PayamResan`] and [`NikSms`] have one method an operation of the gateway, with nothing hidden. A
//! [`Messenger`] takes any number of messages, sends them through one or more gateways, and answers with a receipt each.

#![forbid(unsafe_code)]

mod clock;
mod codes;
mod decode;
mod delivery;
mod error;
mod gateway;
mod message;
mod messenger;
pub mod niksms;
pub mod payam_resan;
mod phone;
mod settings;
mod text;
mod transport;

pub use self::clock::Clock;
pub use self::codes::Code;
pub use self::delivery::{Delivery, DeliveryReason, DeliveryState, DeliveryStatus};
pub use self::error::{Error, ErrorKind, ErrorMeaning, Hint, Outcome, Result, Retry};
pub use self::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, MessageKind, Outgoing, Personal, Registration,
};
pub use self::message::{
    Destination, IncomingMessage, Message, MessageId, PersonalMessage, Receipt, Recipients, SendOutcome,
    SenderLine, TehranTime, TraceId,
};
pub use self::messenger::{
    DeliveryReport, Messenger, MessengerBuilder, Progress, Received, Report, SendLog, Sending, TrackOptions,
};
pub use self::niksms::NikSms;
pub use self::payam_resan::PayamResan;
pub use self::phone::{Msisdn, Recipient};
pub use self::text::{Encoding, SegmentProfile, Segments, segments, segments_by};

/// The Rust of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
