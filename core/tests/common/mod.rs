//! What the tests of the messenger share: clients of an emulator, and a clock that never makes anybody wait.

#![allow(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod faults;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::niksms::Dialect;
use payamak::{Clock, Gateway, Messenger, MessengerBuilder, NikSms, PayamResan, Receipt, SendOutcome};
use payamak_emulator::Emulator;

/// Sleeping moves the time to where the sleeper wanted to wake up.
#[derive(Debug, Default)]
pub(crate) struct VirtualClock(Mutex<Duration>);

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        *self.0.lock().unwrap() += duration;
        Box::pin(tokio::task::yield_now())
    }
}

/// The gateways and dialects that can be asked by trace id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    PayamResan,
    Soap,
    PublicApi,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::PayamResan, Kind::Soap, Kind::PublicApi];

/// Long enough for a loopback answer on a busy machine, short enough to wait for in a test.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(400);

pub(crate) fn gateway(kind: Kind, emulator: &Emulator) -> Arc<dyn Gateway> {
    match kind {
        Kind::PayamResan => Arc::new(payam_resan(emulator)),
        Kind::Soap => Arc::new(niksms(emulator, Dialect::Soap)),
        Kind::PublicApi => Arc::new(niksms(emulator, Dialect::PublicApi)),
    }
}

pub(crate) fn payam_resan(emulator: &Emulator) -> PayamResan {
    let builder = PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040);
    builder.base_url(emulator.url()).timeout(TIMEOUT).build().unwrap()
}

pub(crate) fn niksms(emulator: &Emulator, dialect: Dialect) -> NikSms {
    NikSms::builder()
        .username(Emulator::NIKSMS_USERNAME)
        .password(Emulator::NIKSMS_PASSWORD)
        .api_key(Emulator::NIKSMS_KEY)
        .sender("50001234")
        .dialect(dialect)
        .base_url(emulator.url())
        .timeout(TIMEOUT)
        // Small requests, so that a send has many positions at which something can go wrong.
        .max_recipients(10)
        .build()
        .unwrap()
}

/// A messenger without waiting. Requests that pause side by side all move its one clock, so its budget is that much longer.
pub(crate) fn messenger() -> MessengerBuilder {
    Messenger::builder()
        .clock(Arc::new(VirtualClock::default()))
        .jitter_seed(7)
        .budget(Duration::from_secs(30 * 60))
}

/// What must hold whatever happened: registered at most once, `accepted` when registered and with the id of that very
/// message, and nothing called `rejected` that was.
pub(crate) fn assert_honest(emulator: &Emulator, receipts: &[Receipt], what: &str) {
    let mut registered: HashMap<i64, Vec<i64>> = HashMap::new();
    for message in emulator.messages() {
        if let Some(trace_id) = message.trace_id {
            registered.entry(trace_id).or_default().push(message.id);
        }
    }
    for (trace_id, ids) in &registered {
        assert_eq!(ids.len(), 1, "{what}: {trace_id} is registered {} times", ids.len());
    }
    for receipt in receipts {
        let ids = registered.get(&receipt.trace_id.get()).map(Vec::as_slice).unwrap_or_default();
        match receipt.outcome {
            SendOutcome::Accepted => {
                assert_eq!(ids.len(), 1, "{what}: accepted and lost: {receipt:?}");
                let id = receipt.message_id.map(payamak::MessageId::get);
                assert_eq!(id.as_slice(), ids, "{what}: the id of another message: {receipt:?}");
            }
            SendOutcome::Rejected => {
                assert_eq!(ids, [0; 0], "{what}: rejected and registered: {receipt:?}");
                assert!(receipt.error.is_some(), "{what}: rejected without a reason: {receipt:?}");
            }
            SendOutcome::Unclear => {
                assert!(receipt.error.is_some(), "{what}: unclear without a reason: {receipt:?}");
            }
        }
    }
}

/// The recipient of the n-th of fewer than 9,000 messages.
pub(crate) fn recipient(index: usize) -> String {
    // The emulator lets numbers that end in 00 or in 93 to 99 come to a bad end, or to none.
    format!("0912111{:04}", index / 90 * 100 + index % 90 + 1)
}

/// Messages with a text each for some and one text for others, so that every kind of request is made.
pub(crate) fn messages(count: usize) -> Vec<payamak::Message> {
    let text = |index: usize| {
        if index.is_multiple_of(3) {
            format!("کد شما: {index}")
        } else {
            "سلام، وقت بخیر".to_owned()
        }
    };
    (0..count).map(|index| payamak::Message::new(recipient(index), text(index))).collect()
}
