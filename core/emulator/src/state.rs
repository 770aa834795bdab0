//! What both gateways remember: messages, incoming messages, credit, faults to come and requests that came.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::admission::Admission;
use crate::clock::{Clock, Moment};
use crate::dialect;
use crate::fault::Plan;
use crate::ledger::Ledger;
use crate::niksms;
use crate::payam_resan;
use crate::refusals::Refusals;
use crate::replay::Replay;
use crate::ring::Ring;
use crate::waiting::{Deferred, Waiting};

/// One of the two gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gateway {
    /// Payam Resan, API V3.
    #[serde(rename = "payam-resan")]
    PayamResan,
    /// `NikSMS`, in all its dialects.
    #[serde(rename = "niksms")]
    NikSms,
}

/// A message as a gateway registered it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredMessage {
    /// The gateway that registered it.
    pub gateway: Gateway,
    /// The dialect it came by: `v3`, or `soap`, `public-api`, `v2`, `web-service`.
    pub dialect: String,
    /// The operation it came by, named as in the URL or the `SOAPAction`.
    pub operation: String,
    /// The gateway's id. In JSON it is an integer beyond 2^53.
    pub id: i64,
    /// The client's own id, if it gave one.
    pub trace_id: Option<i64>,
    /// The recipient, as `09…`.
    pub to: String,
    /// The sender line.
    pub sender: String,
    /// The text as the phone shows it: of a template, the final one. Empty if texts are not kept.
    pub text: String,
    /// The template's key, if it came by one.
    pub template: Option<String>,
    /// When it was registered, in emulated seconds since the start.
    pub registered_at: f64,
    /// The gateway's status code now.
    pub status: i32,
}

/// A message from a phone to one of the demo account's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncomingMessage {
    /// The phone that sent it.
    pub from: String,
    /// The sender line it was sent to. It also tells the gateway.
    pub to: String,
    /// The text.
    pub text: String,
}

impl IncomingMessage {
    /// A message from a phone to a line.
    pub fn new(from: impl Into<String>, to: impl Into<String>, text: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), text: text.into() }
    }
}

/// A request that came to a gateway. It holds no query and no body, so no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query: the first 1,024 characters.
    pub path: String,
    /// The operation, named as in the URL or the `SOAPAction`; none if the path leads to none.
    pub operation: Option<String>,
}

/// Fixed at the start.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) payam_resan_key: String,
    pub(crate) niksms_username: String,
    pub(crate) niksms_password: String,
    pub(crate) niksms_key: String,
    pub(crate) v2_delivery_path: String,
    pub(crate) polling_rule: Option<Moment>,
    pub(crate) polling_rule_for_unknown_ids: bool,
    pub(crate) lookup_lag: Moment,
    pub(crate) credit: i64,
    pub(crate) record_requests: bool,
    pub(crate) keep_texts: bool,
    pub(crate) max_requests: usize,
    /// In bytes, as for `max_body`.
    pub(crate) message_memory: usize,
    pub(crate) max_body: usize,
    pub(crate) max_connections: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

/// All that a request can touch.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) admission: Admission,
    pub(crate) clock: Clock,
    pub(crate) replay: Replay,
    pub(crate) connections: AtomicU64,
    /// One for each connection that may be served beside those that are.
    pub(crate) free_connections: Arc<Semaphore>,
    /// Locked before the state, never while it is.
    waiting: Mutex<Waiting>,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(settings: Settings, admission: Admission, clock: Clock, replay: Replay) -> Self {
        let state = Mutex::new(State::new(&settings));
        let waiting = Mutex::new(Waiting::new(settings.message_memory));
        let free_connections = Arc::new(Semaphore::new(settings.max_connections));
        let connections = AtomicU64::new(0);
        Self { settings, admission, clock, replay, connections, free_connections, waiting, state }
    }

    /// The state, after everything has been carried out that is due by now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut waiting = self.waiting();
        while let Some((due, deferred)) = waiting.pop(self.clock.now()) {
            dialect::carry_out(self, due, &deferred);
        }
        drop(waiting);
        self.state_so_far()
    }

    /// The state as it is, for what is being carried out because it is due.
    pub(crate) fn state_so_far(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic of a user's thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request until its moment comes. From then on no look at the state goes without it.
    pub(crate) fn put_off(&self, due: Moment, deferred: Deferred) {
        self.waiting().push(due, deferred);
    }

    pub(crate) fn clear(&self) {
        self.connections.store(0, Ordering::Relaxed);
        let mut waiting = self.waiting();
        *waiting = Waiting::new(self.settings.message_memory);
        self.state_so_far().clear(&self.settings);
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) payam_resan: Ledger,
    pub(crate) niksms: Ledger,
    pub(crate) faults: Plan,
    pub(crate) refusals: Refusals,
    pub(crate) requests: Ring<RequestRecord>,
    pub(crate) request_count: u64,
}

impl State {
    fn new(settings: &Settings) -> Self {
        // Both start beyond 2^53, where a float loses the last digits; NikSMS's ids have 18 digits.
        let payam_resan = Ledger::new(Gateway::PayamResan, 9_100_000_000_000_001, settings);
        let niksms = Ledger::new(Gateway::NikSms, 639_100_000_000_000_001, settings);
        Self {
            payam_resan,
            niksms,
            faults: Plan::default(),
            refusals: Refusals::default(),
            requests: Ring::new(settings.max_requests),
            request_count: 0,
        }
    }

    pub(crate) fn ledger(&self, gateway: Gateway) -> &Ledger {
        match gateway {
            Gateway::PayamResan => &self.payam_resan,
            Gateway::NikSms => &self.niksms,
        }
    }

    pub(crate) fn ledger_mut(&mut self, gateway: Gateway) -> &mut Ledger {
        match gateway {
            Gateway::PayamResan => &mut self.payam_resan,
            Gateway::NikSms => &mut self.niksms,
        }
    }

    /// In the order of registering; in one millisecond, Payam Resan's first.
    pub(crate) fn messages(&self, now: Moment) -> Vec<RegisteredMessage> {
        let mut all = Vec::new();
        for ledger in [&self.payam_resan, &self.niksms] {
            all.extend(ledger.messages(now));
        }
        all.sort_by(|one, other| one.registered_at.total_cmp(&other.registered_at));
        all
    }

    pub(crate) fn message_count(&self) -> usize {
        self.payam_resan.message_count() + self.niksms.message_count()
    }

    pub(crate) fn registrations(&self, trace_id: i64) -> usize {
        self.payam_resan.registrations(trace_id) + self.niksms.registrations(trace_id)
    }

    /// Puts an incoming message where its line belongs, and gives its id.
    pub(crate) fn receive(&mut self, now: Moment, message: IncomingMessage) -> Result<i64, &'static str> {
        let gateway = if payam_resan::LINES.iter().any(|line| line.to_string() == message.to) {
            Gateway::PayamResan
        } else if niksms::LINES.contains(&message.to.as_str()) {
            Gateway::NikSms
        } else {
            return Err("no demo account has this line: use 30004040, 50004041 or 50001234");
        };
        let from =
            phone_digits(&message.from).ok_or("the sender's number has to be digits, after a + at most")?;
        Ok(self.ledger_mut(gateway).receive(now, from, message))
    }

    /// As after the start, except that time goes on and no id is given out twice.
    pub(crate) fn clear(&mut self, settings: &Settings) {
        for ledger in [&mut self.payam_resan, &mut self.niksms] {
            ledger.clear(settings);
        }
        self.faults = Plan::default();
        self.refusals = Refusals::default();
        self.requests = Ring::new(settings.max_requests);
        self.request_count = 0;
    }
}

/// A mobile number as `98…`, another one as it stands.
fn phone_digits(written: &str) -> Option<String> {
    let digits = written.strip_prefix('+').unwrap_or(written);
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (digits.len(), digits.strip_prefix('0')) {
        (11, Some(national)) => Some(format!("98{national}")),
        (10, None) if digits.starts_with('9') => Some(format!("98{digits}")),
        _ => Some(digits.to_owned()),
    }
}
