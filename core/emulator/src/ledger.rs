//! One gateway's books: what is registered there, what is found in them and when, and what becomes of a message in time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::{Moment, seconds};
use crate::ring::Ring;
use crate::rows::{Row, as_a_double};
use crate::state::{Gateway, IncomingMessage, RegisteredMessage, Settings};

/// What becomes of the messages of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    /// They are registered.
    Store,
    /// The answer is the one they would get, and nothing happens.
    Pretend,
    /// They are put aside until somebody has looked for them in vain.
    Late,
    /// The first half of them is registered, rounded down.
    FirstHalf,
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

/// What a message costs in memory beside its text, in bytes: itself, its place by trace id, what its request has in common
/// if it came alone, and what the collections reserve ahead.
const MESSAGE: usize = 448;

/// What it costs to know when somebody asked for something, in bytes.
const QUESTION: usize = 128;

/// What each message of a request costs in memory, in bytes. A text that several of them share counts for the first.
fn costs(entries: &[Entry], keep_texts: bool) -> Vec<usize> {
    let before = std::iter::once(None).chain(entries.iter().map(Some));
    let cost = |(entry, before): (&Entry, Option<&Entry>)| {
        let is_shared = before.is_some_and(|before| Arc::ptr_eq(&before.text, &entry.text));
        if is_shared || !keep_texts { MESSAGE } else { MESSAGE + entry.text.len() }
    };
    entries.iter().zip(before).map(cost).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CreditIsLow;

/// What a lookup asks for a message by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Id(i64),
    TraceId(i64),
}

/// One question of a lookup: what it asks by, and the place of the message it finds. A place is counted from the first
/// message ever, whether that is still there or not.
pub(crate) type Question = (Asked, Option<usize>);

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

impl Row for Received {
    fn round(&mut self) {
        self.id = as_a_double(self.id);
    }
}

/// One gateway's books. Ids are given out in sequence, so that a message's place follows from its id.
#[derive(Debug)]
pub(crate) struct Ledger {
    gateway: Gateway,
    first_id: i64,
    messages: Ring<Message>,
    /// How many messages have had to make room for later ones.
    forgotten: usize,
    last_with_trace: HashMap<i64, usize>,
    /// When each id and trace id was asked about last; kept only where the polling rule holds for unknown ones too.
    asked_at: HashMap<Asked, Moment>,
    /// The same in the order of asking, each time it was asked about.
    asked: Ring<(Asked, Moment)>,
    late: Ring<Submission>,
    phantoms: i64,
    inbox: Ring<Received>,
    next_incoming_id: i64,
    pub(crate) credit: i64,
    keep_texts: bool,
    polling_rule: Option<Moment>,
    polling_rule_for_unknown_ids: bool,
    lookup_lag: Moment,
}

/// Where the ids begin that belong to no message, so far off that no real one gets there.
const PHANTOMS: i64 = 50_000_000_000_000;

impl Ledger {
    pub(crate) fn new(gateway: Gateway, first_id: i64, settings: &Settings) -> Self {
        Self {
            gateway,
            first_id,
            messages: Ring::new(settings.message_memory),
            forgotten: 0,
            last_with_trace: HashMap::new(),
            asked_at: HashMap::new(),
            asked: Ring::new(settings.message_memory),
            late: Ring::new(settings.message_memory),
            phantoms: first_id + PHANTOMS,
            inbox: Ring::new(settings.message_memory),
            // NikSMS has an xs:int here.
            next_incoming_id: if gateway == Gateway::NikSms { 1 } else { 9_200_000_000_000_001 },
            credit: settings.credit,
            keep_texts: settings.keep_texts,
            polling_rule: settings.polling_rule,
            polling_rule_for_unknown_ids: settings.polling_rule_for_unknown_ids,
            lookup_lag: settings.lookup_lag,
        }
    }

    pub(crate) fn clear(&mut self, settings: &Settings) {
        let given_out = i64::try_from(self.message_count()).unwrap_or(0);
        let (phantoms, next_incoming_id) = (self.phantoms, self.next_incoming_id);
        *self = Self::new(self.gateway, self.first_id + given_out, settings);
        self.phantoms = phantoms;
        self.next_incoming_id = next_incoming_id;
    }

    pub(crate) fn messages(&self, now: Moment) -> impl Iterator<Item = RegisteredMessage> {
        let oldest = self.first_id + i64::try_from(self.forgotten).unwrap_or(0);
        self.messages.iter().zip(oldest..).map(move |(message, id)| self.describe(message, id, now))
    }

    /// How many messages were registered, those that are forgotten too.
    pub(crate) fn message_count(&self) -> usize {
        self.forgotten + self.messages.len()
    }

    fn message(&self, place: usize) -> Option<&Message> {
        self.messages.get(place.checked_sub(self.forgotten)?)
    }

    fn message_mut(&mut self, place: usize) -> Option<&mut Message> {
        self.messages.get_mut(place.checked_sub(self.forgotten)?)
    }

    /// How many messages have this trace id.
    pub(crate) fn registrations(&self, trace_id: i64) -> usize {
        self.with_trace(trace_id).count()
    }

    /// Charges and registers, or does what else is to become of the messages; gives their ids.
    pub(crate) fn submit(
        &mut self,
        now: Moment,
        mut submission: Submission,
        registration: Registration,
    ) -> Result<Vec<i64>, CreditIsLow> {
        if registration == Registration::FirstHalf {
            submission.entries.truncate(submission.entries.len() / 2);
        }
        let cost = i64::try_from(submission.entries.len()).unwrap_or(i64::MAX);
        if self.credit < cost {
            return Err(CreditIsLow);
        }
        match registration {
            Registration::Store | Registration::FirstHalf => Ok(self.register(now, submission)),
            Registration::Pretend => Ok(submission.entries.iter().map(|_| self.phantom_id()).collect()),
            Registration::Late => {
                let ids = submission.entries.iter().map(|_| self.phantom_id()).collect();
                let cost = costs(&submission.entries, true).into_iter().sum();
                self.late.push(cost, submission);
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
        let next_id = self.first_id + i64::try_from(self.message_count()).unwrap_or(0);
        let ids = (next_id..).take(entries.len()).collect();
        self.credit -= i64::try_from(entries.len()).unwrap_or(0);
        let costs = costs(&entries, self.keep_texts);
        for (entry, cost) in entries.into_iter().zip(costs) {
            let place = self.message_count();
            let before = entry.trace_id.and_then(|trace_id| self.last_with_trace.insert(trace_id, place));
            let message = Message {
                batch: Arc::clone(&batch),
                to: entry.to,
                sender: entry.sender,
                text: self.keep_texts.then_some(entry.text),
                trace_id: entry.trace_id,
                before,
                asked_at: None,
                told: None,
            };
            self.messages.add(cost, message);
            self.forget_the_oldest();
        }
        ids
    }

    fn forget_the_oldest(&mut self) {
        while let Some(message) = self.messages.pop_surplus() {
            let place = self.forgotten;
            self.forgotten += 1;
            if let Some(trace_id) = message.trace_id
                && self.last_with_trace.get(&trace_id) == Some(&place)
            {
                self.last_with_trace.remove(&trace_id);
            }
        }
    }

    /// An id of the gateway's own form that belongs to no message.
    pub(crate) fn phantom_id(&mut self) -> i64 {
        self.phantoms += 1;
        self.phantoms
    }

    /// The place of the message with this id.
    fn place(&self, id: i64) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(self.first_id)?).ok()?;
        self.message(place).map(|_| place)
    }

    /// The places of all messages with this trace id, the latest first.
    fn with_trace(&self, trace_id: i64) -> impl Iterator<Item = usize> {
        let latest = self.last_with_trace.get(&trace_id).copied();
        // What is before a message may be forgotten.
        std::iter::successors(latest, |place| {
            self.message(*place)?.before.filter(|place| *place >= self.forgotten)
        })
    }

    /// The place of the message that a lookup finds: by a trace id that was sent twice, the latest that it sees.
    pub(crate) fn find(&self, asked: Asked, now: Moment) -> Option<usize> {
        let is_seen = |place: &usize| {
            let message = self.message(*place);
            message.is_some_and(|message| now.saturating_sub(message.batch.registered_at) >= self.lookup_lag)
        };
        match asked {
            Asked::Id(id) => self.place(id).filter(is_seen),
            Asked::TraceId(trace_id) => self.with_trace(trace_id).find(is_seen),
        }
    }

    /// The id, trace id and status of the message in this place.
    pub(crate) fn status(&self, place: usize, now: Moment) -> Option<(i64, Option<i64>, i32)> {
        let message = self.message(place)?;
        let id = self.first_id + i64::try_from(place).ok()?;
        Some((id, message.trace_id, status(self.gateway, message, now)))
    }

    pub(crate) fn set_status(&mut self, id: i64, code: i32) -> bool {
        let message = self.place(id).and_then(|place| self.message_mut(place));
        message.map(|message| message.told = Some(code)).is_some()
    }

    /// Holds the polling rule. A look that is refused does not count as one, and neither does one that is pretence.
    ///
    /// A message counts, whichever of its ids found it. Where the rule holds for unknown ids too, so does the id that
    /// was asked by: a message that has been looked for in vain is not answered about as soon as it is there.
    pub(crate) fn ask(
        &mut self,
        now: Moment,
        questions: &[Question],
        registration: Registration,
    ) -> Result<(), AskedTooSoon> {
        let Some(rule) = self.polling_rule else { return Ok(()) };
        let too_soon = |(asked, found): &Question| {
            let message = found.and_then(|place| self.message(place));
            let lately = [message.and_then(|message| message.asked_at), self.asked_at.get(asked).copied()];
            lately.into_iter().flatten().any(|asked_at| now.saturating_sub(asked_at) < rule)
        };
        if questions.iter().any(too_soon) {
            return Err(AskedTooSoon);
        }
        if registration != Registration::Store {
            return Ok(());
        }
        for (asked, found) in questions {
            if let Some(message) = found.and_then(|place| self.message_mut(place)) {
                message.asked_at = Some(now);
            }
            if self.polling_rule_for_unknown_ids {
                self.asked_at.insert(*asked, now);
                self.asked.add(QUESTION, (*asked, now));
            }
        }
        while let Some((asked, moment)) = self.asked.pop_surplus() {
            if self.asked_at.get(&asked) == Some(&moment) {
                self.asked_at.remove(&asked);
            }
        }
        Ok(())
    }

    /// Registers the late submissions that hold one of the trace ids just looked for in vain.
    pub(crate) fn land(&mut self, now: Moment, questions: &[Question]) {
        let is_missed = |entry: &Entry| {
            entry.trace_id.is_some_and(|trace_id| questions.contains(&(Asked::TraceId(trace_id), None)))
        };
        if self.late.len() == 0 {
            return;
        }
        for submission in self.late.extract(|submission| submission.entries.iter().any(is_missed)) {
            self.register(now, submission);
        }
    }

    /// Puts a message into the inbox, and gives its id.
    pub(crate) fn receive(&mut self, now: Moment, from: String, message: IncomingMessage) -> i64 {
        let IncomingMessage { to, text, .. } = message;
        let id = self.next_incoming_id;
        self.next_incoming_id += 1;
        let received = Received { id, from, to, text, at: now, visited: false };
        self.inbox.push(MESSAGE + received.text.len(), received);
        id
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

    pub(crate) fn mark_unread(&mut self, within: impl Fn(Moment) -> bool, registration: Registration) {
        if registration != Registration::Store {
            return;
        }
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
