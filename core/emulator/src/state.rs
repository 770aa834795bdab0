//! What both gateways remember: messages, incoming messages, credit, faults to come and requests that came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Moment};
use crate::fault::Plan;
use crate::niksms;
use crate::payam_resan;
use crate::replay::Replay;

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
    /// The path, without the query.
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
    pub(crate) credit: i64,
    pub(crate) record_requests: bool,
    pub(crate) keep_texts: bool,
}

/// All that a request can touch.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) replay: Replay,
    pub(crate) connections: AtomicU64,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(settings: Settings, clock: Clock, replay: Replay) -> Self {
        let state = Mutex::new(State::new(&settings));
        Self { settings, clock, replay, connections: AtomicU64::new(0), state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic of a user's thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clear(&self) {
        self.connections.store(0, Ordering::Relaxed);
        self.state().clear(&self.settings);
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) payam_resan: Ledger,
    pub(crate) niksms: Ledger,
    pub(crate) faults: Plan,
    pub(crate) requests: Vec<RequestRecord>,
    pub(crate) request_count: u64,
}

impl State {
    fn new(settings: &Settings) -> Self {
        // Both start beyond 2^53, where a float loses the last digits; NikSMS's ids have 18 digits.
        let payam_resan = Ledger::new(Gateway::PayamResan, 9_100_000_000_000_001, settings);
        let niksms = Ledger::new(Gateway::NikSms, 639_100_000_000_000_001, settings);
        Self { payam_resan, niksms, faults: Plan::default(), requests: Vec::new(), request_count: 0 }
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
        let mut all = Vec::with_capacity(self.message_count());
        for ledger in [&self.payam_resan, &self.niksms] {
            all.extend(
                ledger
                    .messages
                    .iter()
                    .zip(ledger.first_id..)
                    .map(|(message, id)| ledger.describe(message, id, now)),
            );
        }
        all.sort_by(|one, other| one.registered_at.total_cmp(&other.registered_at));
        all
    }

    pub(crate) fn message_count(&self) -> usize {
        self.payam_resan.messages.len() + self.niksms.messages.len()
    }

    pub(crate) fn registrations(&self, trace_id: i64) -> usize {
        self.payam_resan.with_trace(trace_id).count() + self.niksms.with_trace(trace_id).count()
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
        let ledger = self.ledger_mut(gateway);
        let received = Received {
            id: ledger.next_incoming_id,
            from,
            to: message.to,
            text: message.text,
            at: now,
            visited: false,
        };
        ledger.next_incoming_id += 1;
        ledger.inbox.push(received);
        Ok(ledger.next_incoming_id - 1)
    }

    /// As after the start, except that time goes on and no id is given out twice.
    pub(crate) fn clear(&mut self, settings: &Settings) {
        for ledger in [&mut self.payam_resan, &mut self.niksms] {
            ledger.clear(settings);
        }
        self.faults = Plan::default();
        self.requests = Vec::new();
        self.request_count = 0;
    }
}

/// What becomes of the messages of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    /// They are registered.
    Store,
    /// The answer is the one they would get, and nothing happens.
    Pretend,
    /// They are put aside until somebody has looked for them in vain.
    Late,
}

/// The messages of one request, understood and found to be in order.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) dialect: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) template: Option<Arc<str>>,
    /// When they are to go out; at once if none.
    pub(crate) due: Option<Moment>,
    pub(crate) entries: Vec<Entry>,
}

/// One message of a submission.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The number without the leading zero.
    pub(crate) to: u64,
    pub(crate) sender: Arc<str>,
    pub(crate) text: Arc<str>,
    pub(crate) trace_id: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CreditIsLow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AskedTooSoon;

/// What the messages of one request have in common: a million messages share it.
#[derive(Debug)]
struct Batch {
    dialect: &'static str,
    operation: &'static str,
    template: Option<Arc<str>>,
    registered_at: Moment,
    due: Moment,
}

#[derive(Debug)]
struct Message {
    batch: Arc<Batch>,
    to: u64,
    sender: Arc<str>,
    text: Option<Arc<str>>,
    trace_id: Option<i64>,
    /// The place of the message registered before this one with the same trace id.
    before: Option<usize>,
    asked_at: Option<Moment>,
    /// The status it was told to have, instead of the one time gives it.
    told: Option<i32>,
}

/// A message in a gateway's inbox.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) id: i64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) at: Moment,
    visited: bool,
}

/// One gateway's books. Ids are given out in sequence, so that a message's place follows from its id.
#[derive(Debug)]
pub(crate) struct Ledger {
    gateway: Gateway,
    first_id: i64,
    messages: Vec<Message>,
    last_with_trace: HashMap<i64, usize>,
    late: Vec<Submission>,
    phantoms: i64,
    inbox: Vec<Received>,
    next_incoming_id: i64,
    pub(crate) credit: i64,
    keep_texts: bool,
}

/// Where the ids begin that belong to no message, so far off that no real one gets there.
const PHANTOMS: i64 = 50_000_000_000_000;

impl Ledger {
    fn new(gateway: Gateway, first_id: i64, settings: &Settings) -> Self {
        Self {
            gateway,
            first_id,
            messages: Vec::new(),
            last_with_trace: HashMap::new(),
            late: Vec::new(),
            phantoms: first_id + PHANTOMS,
            inbox: Vec::new(),
            // NikSMS has an xs:int here.
            next_incoming_id: if gateway == Gateway::NikSms { 1 } else { 9_200_000_000_000_001 },
            credit: settings.credit,
            keep_texts: settings.keep_texts,
        }
    }

    fn clear(&mut self, settings: &Settings) {
        let given_out = i64::try_from(self.messages.len()).unwrap_or(0);
        let (phantoms, next_incoming_id) = (self.phantoms, self.next_incoming_id);
        *self = Self::new(self.gateway, self.first_id + given_out, settings);
        self.phantoms = phantoms;
        self.next_incoming_id = next_incoming_id;
    }

    /// Charges and registers, or does what else is to become of the messages; gives their ids.
    pub(crate) fn submit(
        &mut self,
        now: Moment,
        submission: Submission,
        registration: Registration,
    ) -> Result<Vec<i64>, CreditIsLow> {
        let cost = i64::try_from(submission.entries.len()).unwrap_or(i64::MAX);
        if self.credit < cost {
            return Err(CreditIsLow);
        }
        match registration {
            Registration::Store => Ok(self.register(now, submission)),
            Registration::Pretend => Ok(submission.entries.iter().map(|_| self.phantom_id()).collect()),
            Registration::Late => {
                let ids = submission.entries.iter().map(|_| self.phantom_id()).collect();
                self.late.push(submission);
                Ok(ids)
            }
        }
    }

    fn register(&mut self, now: Moment, submission: Submission) -> Vec<i64> {
        let Submission { dialect, operation, template, due, entries } = submission;
        let batch = Arc::new(Batch {
            dialect,
            operation,
            template,
            registered_at: now,
            due: due.unwrap_or(now).max(now),
        });
        let next_id = self.first_id + i64::try_from(self.messages.len()).unwrap_or(0);
        let ids = (next_id..).take(entries.len()).collect();
        self.credit -= i64::try_from(entries.len()).unwrap_or(0);
        self.messages.reserve(entries.len());
        for entry in entries {
            let place = self.messages.len();
            let before = entry.trace_id.and_then(|trace_id| self.last_with_trace.insert(trace_id, place));
            self.messages.push(Message {
                batch: Arc::clone(&batch),
                to: entry.to,
                sender: entry.sender,
                text: self.keep_texts.then_some(entry.text),
                trace_id: entry.trace_id,
                before,
                asked_at: None,
                told: None,
            });
        }
        ids
    }

    /// An id of the gateway's own form that belongs to no message.
    pub(crate) fn phantom_id(&mut self) -> i64 {
        self.phantoms += 1;
        self.phantoms
    }

    /// The place of the message with this id.
    pub(crate) fn place(&self, id: i64) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(self.first_id)?).ok()?;
        (place < self.messages.len()).then_some(place)
    }

    /// The place of the latest message with this trace id: a trace id sent twice is two messages.
    pub(crate) fn place_by_trace(&self, trace_id: i64) -> Option<usize> {
        self.last_with_trace.get(&trace_id).copied()
    }

    fn with_trace(&self, trace_id: i64) -> impl Iterator<Item = &Message> {
        let latest = self.place_by_trace(trace_id).and_then(|place| self.messages.get(place));
        std::iter::successors(latest, |message| self.messages.get(message.before?))
    }

    /// The id, trace id and status of the message in this place.
    pub(crate) fn status(&self, place: usize, now: Moment) -> Option<(i64, Option<i64>, i32)> {
        let message = self.messages.get(place)?;
        let id = self.first_id + i64::try_from(place).ok()?;
        Some((id, message.trace_id, status(self.gateway, message, now)))
    }

    pub(crate) fn set_status(&mut self, id: i64, code: i32) -> bool {
        let message = self.place(id).and_then(|place| self.messages.get_mut(place));
        message.map(|message| message.told = Some(code)).is_some()
    }

    /// Holds the polling rule. A look that is refused does not count as one.
    pub(crate) fn ask(
        &mut self,
        now: Moment,
        rule: Option<Moment>,
        places: &[usize],
    ) -> Result<(), AskedTooSoon> {
        let Some(rule) = rule else { return Ok(()) };
        let too_soon = |place: &usize| {
            let asked_at = self.messages.get(*place).and_then(|message| message.asked_at);
            asked_at.is_some_and(|asked_at| now.saturating_sub(asked_at) < rule)
        };
        if places.iter().any(too_soon) {
            return Err(AskedTooSoon);
        }
        for place in places {
            if let Some(message) = self.messages.get_mut(*place) {
                message.asked_at = Some(now);
            }
        }
        Ok(())
    }

    /// Registers the late submissions that hold one of the trace ids just looked for in vain.
    pub(crate) fn land(&mut self, now: Moment, missed: &[i64]) {
        if self.late.is_empty() || missed.is_empty() {
            return;
        }
        let is_missed = |entry: &Entry| entry.trace_id.is_some_and(|trace_id| missed.contains(&trace_id));
        let landing: Vec<_> =
            self.late.extract_if(.., |submission| submission.entries.iter().any(is_missed)).collect();
        for submission in landing {
            self.register(now, submission);
        }
    }

    /// Hands out the incoming messages nobody has fetched, and marks them unless this is pretence.
    pub(crate) fn take_unread(
        &mut self,
        within: impl Fn(Moment) -> bool,
        registration: Registration,
    ) -> Vec<Received> {
        let unread = self.inbox.iter_mut().filter(|received| !received.visited && within(received.at));
        unread
            .map(|received| {
                received.visited = registration == Registration::Store;
                received.clone()
            })
            .collect()
    }

    pub(crate) fn mark_unread(&mut self, within: impl Fn(Moment) -> bool) {
        for received in self.inbox.iter_mut().filter(|received| within(received.at)) {
            received.visited = false;
        }
    }

    fn describe(&self, message: &Message, id: i64, now: Moment) -> RegisteredMessage {
        RegisteredMessage {
            gateway: self.gateway,
            dialect: message.batch.dialect.to_owned(),
            operation: message.batch.operation.to_owned(),
            id,
            trace_id: message.trace_id,
            to: format!("0{}", message.to),
            sender: message.sender.to_string(),
            text: message.text.as_deref().unwrap_or_default().to_owned(),
            template: message.batch.template.as_deref().map(str::to_owned),
            registered_at: seconds(message.batch.registered_at),
            status: status(self.gateway, message, now),
        }
    }
}

/// The last two digits of a recipient that do not end well: at Payam Resan, at `NikSMS`.
const ENDINGS: [(u64, i32, i32); 8] = [
    (0, 12, 10),  // on the blacklist
    (99, 5, 23),  // unreachable
    (98, 7, 9),   // blocks advertising
    (97, 15, 6),  // opted out; blocked
    (96, 14, 14), // text filtered
    (95, 9, 11),  // expired
    (94, 13, 21), // no such number
    (93, 10, 29), // unknown, and stays so
];

/// The status that time gives a message, unless it was told to have another.
fn status(gateway: Gateway, message: &Message, now: Moment) -> i32 {
    if let Some(told) = message.told {
        return told;
    }
    let ending = ENDINGS.iter().find(|(digits, _, _)| *digits == message.to % 100);
    // None is before a message is due.
    let age = now.checked_sub(message.batch.due).map(|milliseconds| milliseconds / 1000);
    match gateway {
        Gateway::PayamResan => match age {
            None | Some(0..10) => 0,
            Some(10..20) => 1,
            Some(20..40) => 3,
            Some(_) => ending.map_or(4, |(_, code, _)| *code),
        },
        Gateway::NikSms => match age {
            None => 1,
            Some(0..20) => 2,
            Some(_) => ending.map_or(3, |(_, _, code)| *code),
        },
    }
}

/// Emulated seconds, as users see them.
#[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285 thousand years")]
pub(crate) fn seconds(moment: Moment) -> f64 {
    moment as f64 / 1000.0
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
