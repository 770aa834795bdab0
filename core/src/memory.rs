//! What this process remembers about the messages of one gateway: which are being sent now, which are there, which may still
//! be on their way, and when each was last asked about.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::watch;

use crate::error::Error;
use crate::message::{Message, MessageId, Receipt, SendOutcome, TraceId};

/// How many messages are remembered, the latest ones. Keys of messages sent longer ago are asked for at the gateway.
const REMEMBERED: usize = 50_000;

/// What this process remembers about the messages of one gateway.
///
/// A gateway that hands it to every messenger ([`Gateway::memory`](crate::Gateway::memory)) makes two sends of one key one
/// message, whichever messengers they go through. It holds ids, times and outcomes, no text and no number.
#[derive(Default)]
pub struct Memory(Mutex<Known>);

struct Known {
    facts: LruCache<TraceId, Facts>,
    /// Until when a request with this message may still arrive at the gateway.
    landing: HashMap<TraceId, Duration>,
    flights: HashMap<TraceId, Airborne>,
    /// A message that the gateway certainly has, to try out its way of being asked with: not the very last one, which it
    /// may not show yet.
    witness: Option<TraceId>,
    newest: Option<TraceId>,
    has_found: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            // It grows as it is filled: a bounded one would take its room at once.
            facts: LruCache::unbounded(),
            landing: HashMap::new(),
            flights: HashMap::new(),
            witness: None,
            newest: None,
            has_found: false,
        }
    }
}

#[derive(Clone, Default)]
struct Facts {
    /// What the message says, as [`fingerprint`] tells it.
    content: Option<u64>,
    fate: Option<Fate>,
    /// What this process did with it, as long as nothing more is known.
    trace: Trace,
    /// When the gateway last answered a question about it.
    answered: Option<Duration>,
}

/// Whether a request with a message has left this process, and was not proven to have failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trace {
    #[default]
    None,
    /// It may have arrived.
    MaybeSent,
    /// The gateway said that it took it. Nothing that it says later makes that undone.
    Taken,
}

/// What is known for certain about a message that was sent.
#[derive(Clone)]
pub(crate) enum Fate {
    /// The gateway has it.
    Accepted(Option<MessageId>),
    /// The gateway has it and will never send it, for this reason.
    NeverLeft(Error),
}

/// A send of one message that is under way.
struct Airborne {
    content: u64,
    receipt: watch::Receiver<Option<Receipt>>,
}

/// What a call is told that wants to send a message by its key.
pub(crate) enum Claim {
    /// Nobody else is sending it.
    Mine(Flight),
    /// Another call is: its receipt will come, or nothing if that call is dropped.
    Theirs(watch::Receiver<Option<Receipt>>),
    /// It was sent before, through the gateway of this place in the list of memories.
    Sent(usize, Fate),
    /// The key, or the trace id, was used for another text or recipient.
    SaysSomethingElse,
}

/// What a message says and to whom, in a number that differs from process to process.
pub(crate) fn fingerprint(message: &Message) -> u64 {
    static STATE: LazyLock<std::hash::RandomState> = LazyLock::new(std::hash::RandomState::new);
    STATE.hash_one((message.to.msisdn(), &message.content, &message.sender))
}

impl Known {
    /// What is known about a message, which is the latest one now.
    fn facts_of(&mut self, trace_id: TraceId) -> &mut Facts {
        if self.facts.len() >= REMEMBERED && !self.facts.contains(&trace_id) {
            self.facts.pop_lru();
        }
        self.facts.get_or_insert_mut(trace_id, Facts::default)
    }
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a message at all of these gateways at once. They are claimed in an order of their own, the same for
    /// everybody, and given back when one of them is taken: nobody waits while holding one.
    pub(crate) fn claim(memories: &[Arc<Self>], trace_id: TraceId, content: u64) -> Claim {
        if let Some(known) = Self::known_fate(memories, trace_id, content) {
            return known;
        }
        let (sender, receiver) = watch::channel(None);
        let mut flight = Flight { trace_id, content, memories: Vec::new(), receipt: sender };
        let mut in_order: Vec<_> = memories.iter().collect();
        in_order.sort_unstable_by_key(|memory| Arc::as_ptr(memory));
        in_order.dedup_by_key(|memory| Arc::as_ptr(memory));
        for memory in in_order {
            let mut known = memory.known();
            match known.flights.get(&trace_id) {
                Some(other) if other.content != content => return Claim::SaysSomethingElse,
                Some(other) => return Claim::Theirs(other.receipt.clone()),
                None => {
                    known.flights.insert(trace_id, Airborne { content, receipt: receiver.clone() });
                    drop(known);
                    flight.memories.push(memory.clone());
                }
            }
        }
        // Whoever had it may have come to an end since the first look.
        Self::known_fate(memories, trace_id, content).unwrap_or(Claim::Mine(flight))
    }

    fn known_fate(memories: &[Arc<Self>], trace_id: TraceId, content: u64) -> Option<Claim> {
        memories.iter().enumerate().find_map(|(place, memory)| match memory.known().facts.get(&trace_id) {
            Some(Facts { content: Some(other), .. }) if *other != content => Some(Claim::SaysSomethingElse),
            Some(Facts { fate: Some(fate), .. }) => Some(Claim::Sent(place, fate.clone())),
            _ => None,
        })
    }

    /// The gateway has these: those of which it is said are remembered, so that they need no question.
    pub(crate) fn accepted(&self, messages: impl Iterator<Item = (TraceId, Option<MessageId>, bool)>) {
        let mut known = self.known();
        let mut newest = None;
        for (trace_id, message_id, remember) in messages {
            newest = Some(trace_id);
            if !known.landing.is_empty() {
                known.landing.remove(&trace_id);
            }
            if remember {
                known.facts_of(trace_id).fate = Some(Fate::Accepted(message_id));
            }
        }
        known.witness = known.newest.or(newest);
        known.newest = newest.or(known.newest);
    }

    /// The gateway has it, and it will never leave.
    pub(crate) fn never_left(&self, trace_id: TraceId, error: &Error) {
        let mut known = self.known();
        known.landing.remove(&trace_id);
        known.facts_of(trace_id).fate = Some(Fate::NeverLeft(error.clone()));
    }

    /// A request with these messages may arrive until then.
    pub(crate) fn landing(&self, trace_ids: impl Iterator<Item = TraceId>, until: Duration, now: Duration) {
        let mut known = self.known();
        if known.landing.len() > REMEMBERED {
            known.landing.retain(|_, until| *until > now);
        }
        for trace_id in trace_ids {
            let latest = known.landing.entry(trace_id).or_default();
            *latest = until.max(*latest);
            let facts = known.facts_of(trace_id);
            if facts.trace == Trace::None {
                facts.trace = Trace::MaybeSent;
            }
        }
    }

    /// The gateway said that it took these.
    pub(crate) fn taken(&self, trace_ids: impl Iterator<Item = TraceId>) {
        let mut known = self.known();
        for trace_id in trace_ids {
            known.facts_of(trace_id).trace = Trace::Taken;
        }
    }

    /// What this process did with it.
    pub(crate) fn trace(&self, trace_id: TraceId) -> Trace {
        self.known().facts.peek(&trace_id).map_or(Trace::None, |facts| facts.trace)
    }

    /// From when on the gateway's "I do not have it" is believed.
    pub(crate) fn landed_by(&self, trace_id: TraceId) -> Duration {
        self.known().landing.get(&trace_id).copied().unwrap_or_default()
    }

    /// The gateway certainly does not have it, and nothing of it is on its way.
    pub(crate) fn absent(&self, trace_id: TraceId) {
        let mut known = self.known();
        known.landing.remove(&trace_id);
        known.facts_of(trace_id).trace = Trace::None;
    }

    /// The gateway has answered a question about these, now.
    pub(crate) fn answered(&self, trace_ids: impl Iterator<Item = TraceId>, now: Duration) {
        let mut known = self.known();
        for trace_id in trace_ids {
            known.facts_of(trace_id).answered = Some(now);
        }
    }

    /// When the gateway last answered a question about it.
    pub(crate) fn last_answer(&self, trace_id: TraceId) -> Option<Duration> {
        self.known().facts.get(&trace_id).and_then(|facts| facts.answered)
    }

    /// Asking has found something: this way of asking works.
    pub(crate) fn has_found(&self) -> bool {
        self.known().has_found
    }

    pub(crate) fn found(&self) {
        self.known().has_found = true;
    }

    /// A message that the gateway certainly has.
    pub(crate) fn witness(&self) -> Option<TraceId> {
        self.known().witness
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known();
        f.debug_struct("Memory")
            .field("remembered", &known.facts.len())
            .field("in_flight", &known.flights.len())
            .finish_non_exhaustive()
    }
}

/// The right to send a message, held by one call at a time. Dropped without a receipt, whoever waits for it goes on instead.
pub(crate) struct Flight {
    trace_id: TraceId,
    content: u64,
    memories: Vec<Arc<Memory>>,
    receipt: watch::Sender<Option<Receipt>>,
}

impl Flight {
    /// Everybody who waits for it gets this receipt.
    pub(crate) fn land(self, receipt: Receipt) {
        // What was certainly not sent may be mended, and sent under its key.
        let is_spoken = receipt.outcome != SendOutcome::Rejected;
        self.receipt.send_replace(Some(receipt));
        if is_spoken {
            self.remember_content();
        }
    }

    fn remember_content(&self) {
        for memory in &self.memories {
            let mut known = memory.known();
            known.facts_of(self.trace_id).content = Some(self.content);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let was_cut_off = self.receipt.borrow().is_none();
        for memory in &self.memories {
            let mut known = memory.known();
            known.flights.remove(&self.trace_id);
            if was_cut_off && known.landing.contains_key(&self.trace_id) {
                known.facts_of(self.trace_id).content = Some(self.content);
            }
        }
    }
}
