//! What the tests of the messenger share: clients of an emulator, and a clock that never makes anybody wait.

#![allow(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod fake;
pub(crate) mod faults;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::niksms::Dialect;
use payamak::{Clock, Gateway, Messenger, MessengerBuilder, NikSms, PayamResan, Receipt, SendOutcome};
use payamak_emulator::Emulator;

/// Sleeping moves the time to where the sleeper wanted to wake up, and an emulator's time with it.
#[derive(Debug, Default)]
pub(crate) struct VirtualClock {
    time: Arc<Mutex<Time>>,
    emulator: Option<Arc<Emulator>>,
}

#[derive(Debug, Default)]
struct Time {
    now: Duration,
    /// Those who want to know when it has passed a limit of theirs.
    limits: Vec<Waker>,
}

impl VirtualClock {
    /// A clock whose time is the emulator's too.
    pub(crate) fn of(emulator: &Arc<Emulator>) -> Arc<Self> {
        Arc::new(Self { time: Arc::default(), emulator: Some(emulator.clone()) })
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.time.lock().unwrap().now
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if let Some(emulator) = &self.emulator {
            emulator.advance(duration);
        }
        let mut time = self.time.lock().unwrap();
        time.now += duration;
        time.limits.drain(..).for_each(Waker::wake);
        Box::pin(tokio::task::yield_now())
    }

    fn limit(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let ends = self.now() + duration;
        let time = self.time.clone();
        Box::pin(poll_fn(move |context| {
            let mut time = time.lock().unwrap();
            if time.now >= ends {
                return Poll::Ready(());
            }
            time.limits.push(context.waker().clone());
            Poll::Pending
        }))
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
pub(crate) const TIMEOUT: Duration = Duration::from_millis(700);

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
        .max_recipients(30)
        .build()
        .unwrap()
}

/// A messenger without waiting. Requests that pause side by side all move its one clock, so its budget is that much longer.
pub(crate) fn messenger() -> MessengerBuilder {
    with_clock(Arc::new(VirtualClock::default()))
}

/// The same with the emulator's time: what is to land later lands when the messenger has waited for it.
pub(crate) fn messenger_in_time_of(emulator: &Arc<Emulator>) -> MessengerBuilder {
    with_clock(VirtualClock::of(emulator))
}

fn with_clock(clock: Arc<VirtualClock>) -> MessengerBuilder {
    Messenger::builder().clock(clock).jitter_seed(7).budget(Duration::from_secs(2 * 60 * 60))
}

/// Payam Resan's rule for asking about a message, known or not.
pub(crate) const POLLING_RULE: Duration = Duration::from_secs(180);

/// An emulator whose time the test moves, and which holds the polling rule.
pub(crate) fn strict_emulator() -> Arc<Emulator> {
    let builder = Emulator::builder().speed(0.0);
    let builder = builder.polling_rule(Some(POLLING_RULE)).polling_rule_for_unknown_ids(true);
    Arc::new(builder.start_blocking().unwrap())
}

/// What must hold whatever happened: registered at most once, `accepted` only when registered and with the id of that very
/// message, and nothing called `rejected` that was registered.
pub(crate) fn assert_honest(emulator: &Emulator, receipts: &[Receipt], what: &str) {
    assert_honest_but_for_ids(emulator, receipts, what);
    let registered: HashMap<Option<i64>, i64> =
        emulator.messages().into_iter().map(|message| (message.trace_id, message.id)).collect();
    for receipt in receipts.iter().filter(|receipt| receipt.outcome == SendOutcome::Accepted) {
        let id = registered.get(&Some(receipt.trace_id.get())).copied();
        assert_eq!(
            receipt.message_id.map(payamak::MessageId::get),
            id,
            "{what}: the id of another message: {receipt:?}"
        );
    }
}

/// The same, where the gateway's own answer spoils its ids and nothing in it shows that.
pub(crate) fn assert_honest_but_for_ids(emulator: &Emulator, receipts: &[Receipt], what: &str) {
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
