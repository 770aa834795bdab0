//! A gateway without a network, which does what a test tells it: for time that nobody waits for, and for everything that a
//! gateway could do. It keeps its own books, which are the truth.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::{
    Accepted, Batch, Capabilities, Clock, Code, Delivery, DeliveryState, DeliveryStatus, Error, ErrorKind,
    Gateway, LookUp, Memory, MessageId, Personal, RefusedPart, Registration, Result, Retry, TimeLimits,
    TraceId,
};

/// What the gateway does with a request that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Takes it and says so.
    Take,
    /// Takes it and says so, without a row.
    TakeWithoutRows,
    /// The connection breaks; the request lands so much later, or never.
    Break(Option<Duration>),
    /// No answer within the time limit; the request lands so long after it left, or never.
    Hang(Option<Duration>),
    /// Takes it, and a proxy answers 403 instead.
    TakeBehindProxy,
    /// Refuses it for good.
    Refuse(ErrorKind),
    /// Refuses it and has taken the first half.
    TakeHalfAndRefuse,
    /// No connection is made, which takes so long to find out.
    Unreachable(Duration),
}

/// What the gateway does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Truth,
    /// The truth, a second later.
    SlowTruth,
    /// Nothing about any message.
    Silence,
    /// The connection breaks.
    Break,
    /// "Not found", beside the id of the message.
    Contradiction,
    /// "Not found", whatever it has: a replica that is behind.
    NotFound,
    /// The credentials are wrong.
    WrongKey,
    /// No connection is made, which takes so long to find out.
    Unreachable(Duration),
    /// No answer, ever: the client has to give up.
    Hang,
}

/// What a gateway of this name does next.
pub(crate) trait Script: Send + Sync {
    fn submit(&self, gateway: &str) -> Does;

    fn look_up(&self, _gateway: &str) -> Says {
        Says::Truth
    }
}

impl<S: Script> Script for Arc<S> {
    fn submit(&self, gateway: &str) -> Does {
        (**self).submit(gateway)
    }

    fn look_up(&self, gateway: &str) -> Says {
        (**self).look_up(gateway)
    }
}

impl<F: Fn(&str) -> Does + Send + Sync> Script for F {
    fn submit(&self, gateway: &str) -> Does {
        self(gateway)
    }
}

#[derive(Default)]
struct Books {
    /// When each message arrives, however often it does.
    landings: HashMap<TraceId, Vec<Duration>>,
    asked: HashMap<TraceId, Duration>,
    states: HashMap<TraceId, DeliveryState>,
    submits: usize,
    questions: usize,
    refused_text: Option<String>,
}

pub(crate) struct Fake {
    name: Arc<str>,
    capabilities: Capabilities,
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    script: Arc<dyn Script>,
    /// How long it takes to answer a request that sends.
    takes: Duration,
    books: Mutex<Books>,
}

pub(crate) const LIMITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));

impl Fake {
    /// One that can be asked about 99 ids a question, without a rule.
    pub(crate) fn new(name: &str, clock: &Arc<dyn Clock>, script: impl Script + 'static) -> Self {
        let capabilities = Capabilities::new(99)
            .personal(Personal::new())
            .templates()
            .look_up(LookUp::new(99))
            .deliveries(99);
        Self {
            name: name.into(),
            capabilities,
            memory: Arc::default(),
            clock: clock.clone(),
            script: Arc::new(script),
            takes: Duration::ZERO,
            books: Mutex::default(),
        }
    }

    /// It refuses a second question about an id within this time, whether it has the message or not.
    pub(crate) fn with_rule(mut self, rule: Duration) -> Self {
        self.capabilities = self.capabilities.look_up(LookUp::new(99).every(rule));
        self
    }

    /// Nobody has published that it can be asked.
    pub(crate) fn inferred(mut self) -> Self {
        self.capabilities = self.capabilities.look_up(LookUp::new(1).inferred());
        self
    }

    /// It takes so long to answer a request that sends.
    pub(crate) fn taking(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    /// It cannot be asked.
    pub(crate) fn without_look_up(mut self) -> Self {
        self.capabilities = Capabilities::new(99);
        self
    }

    /// It refuses requests with this text among theirs.
    pub(crate) fn refuse_text(&self, text: &str) {
        self.books.lock().unwrap().refused_text = Some(text.to_owned());
    }

    /// The state it gives for a message.
    pub(crate) fn set_state(&self, id: TraceId, state: DeliveryState) {
        self.books.lock().unwrap().states.insert(id, state);
    }

    /// Whether somebody registered it there before.
    pub(crate) fn register(&self, id: TraceId) {
        self.books.lock().unwrap().landings.entry(id).or_default().push(Duration::ZERO);
    }

    /// How often it has been sent to somebody, when everything has landed.
    pub(crate) fn sent(&self, id: TraceId) -> usize {
        self.books.lock().unwrap().landings.get(&id).map_or(0, Vec::len)
    }

    pub(crate) fn messages(&self) -> usize {
        self.books.lock().unwrap().landings.values().map(Vec::len).sum()
    }

    pub(crate) fn submits(&self) -> usize {
        self.books.lock().unwrap().submits
    }

    pub(crate) fn questions(&self) -> usize {
        self.books.lock().unwrap().questions
    }

    fn land(&self, ids: impl Iterator<Item = TraceId>, at: Duration) {
        let mut books = self.books.lock().unwrap();
        for id in ids {
            books.landings.entry(id).or_default().push(at);
        }
    }

    fn maybe_sent(kind: ErrorKind) -> Error {
        Error::maybe_sent(kind, "submit", "told to by the test")
    }

    fn refused(kind: ErrorKind, retry: Retry) -> Error {
        Error::not_sent(kind, "submit", "told to by the test", retry)
    }

    /// What the books say about these, unless one of them was asked about too lately.
    fn rows(&self, ids: &[TraceId], now: Duration, says: Says) -> Result<Vec<Registration>> {
        let rule = self.capabilities.look_up.map_or(Duration::ZERO, |look_up| look_up.every);
        let mut books = self.books.lock().unwrap();
        if ids.iter().any(|id| books.asked.get(id).is_some_and(|asked| now < *asked + rule)) {
            let meaning = payamak::payam_resan::ErrorCode::TooManyRequests;
            return Err(Error::from_code("look_up", meaning.to_code(), meaning.meaning(), None));
        }
        let mut rows = Vec::new();
        for id in ids {
            books.asked.insert(*id, now);
            let is_there =
                books.landings.get(id).is_some_and(|landings| landings.iter().any(|at| *at <= now));
            if matches!(says, Says::Contradiction | Says::Silence) {
                continue;
            }
            let state = books.states.get(id).copied().unwrap_or(DeliveryState::Queued);
            let status = |state, name| {
                let reason = (state == DeliveryState::NotSent).then_some(payamak::DeliveryReason::Limit);
                DeliveryStatus::new(Code::new(Some(1), name), Delivery::new(state, reason, false))
            };
            rows.push(if is_there && says != Says::NotFound {
                let message_id = Some(Self::number(*id));
                Registration::Registered { trace_id: *id, message_id, status: status(state, "there") }
            } else {
                Registration::NotRegistered {
                    trace_id: *id,
                    status: status(DeliveryState::NotFound, "not_found"),
                }
            });
        }
        Ok(rows)
    }

    fn number(id: TraceId) -> MessageId {
        // Any number will do that is another for another message.
        MessageId::new((id.get() >> 1).max(1))
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Gateway for Fake {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn time_limits(&self) -> TimeLimits {
        TimeLimits::new(LIMITS.0, LIMITS.1)
    }

    fn memory(&self) -> Option<&Arc<Memory>> {
        Some(&self.memory)
    }

    fn check(&self, _: &payamak::Outgoing<'_>) -> Result<()> {
        Ok(())
    }

    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>> {
        Box::pin(async move {
            // On its way there, and on the way back: what happens between is up to whoever runs the test.
            self.clock.sleep(self.takes).await;
            let ids: Vec<TraceId> = batch.messages.iter().map(|message| message.trace_id).collect();
            let now = self.clock.now();
            self.books.lock().unwrap().submits += 1;
            let refused_text = self.books.lock().unwrap().refused_text.clone();
            if refused_text
                .is_some_and(|text| batch.messages.iter().any(|message| message.text.contains(&text)))
            {
                let error = Self::refused(ErrorKind::Request, Retry::Never);
                return Err(error.with_refused_part(RefusedPart::Text));
            }
            let rows =
                |ids: &[TraceId]| ids.iter().map(|id| Accepted::new(*id, Some(Self::number(*id)))).collect();
            let does = self.script.submit(&self.name);
            match does {
                Does::Take | Does::TakeWithoutRows | Does::TakeBehindProxy => {
                    self.land(ids.iter().copied(), now);
                }
                Does::Break(Some(later)) | Does::Hang(Some(later)) => {
                    self.land(ids.iter().copied(), now + later);
                }
                Does::TakeHalfAndRefuse => self.land(ids.iter().copied().take(ids.len() / 2), now),
                _ => {}
            }
            self.clock.sleep(Duration::ZERO).await;
            match does {
                Does::Take => Ok(rows(&ids)),
                Does::TakeWithoutRows => Ok(Vec::new()),
                Does::TakeBehindProxy => Err(Self::maybe_sent(ErrorKind::Access)),
                Does::Break(_) => Err(Self::maybe_sent(ErrorKind::Connect)),
                Does::Hang(_) => {
                    self.clock.sleep(LIMITS.1).await;
                    Err(Self::maybe_sent(ErrorKind::Timeout))
                }
                Does::Refuse(kind) => Err(Self::refused(kind, Retry::Never)),
                Does::TakeHalfAndRefuse => Err(Self::refused(ErrorKind::Limit, Retry::AfterReset)),
                Does::Unreachable(after) => {
                    self.clock.sleep(after).await;
                    Err(Self::refused(ErrorKind::Connect, Retry::Backoff))
                }
            }
        })
    }

    fn look_up<'a>(&'a self, ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(async move {
            self.clock.sleep(Duration::ZERO).await;
            let now = self.clock.now();
            self.books.lock().unwrap().questions += 1;
            let says = self.script.look_up(&self.name);
            match says {
                Says::Truth | Says::Silence | Says::Contradiction | Says::NotFound => {}
                Says::SlowTruth => self.clock.sleep(Duration::from_secs(1)).await,
                Says::Break => {
                    return Err(Error::not_sent(
                        ErrorKind::Unavailable,
                        "look_up",
                        "told to",
                        Retry::Backoff,
                    ));
                }
                Says::WrongKey => {
                    return Err(Error::not_sent(
                        ErrorKind::Authentication,
                        "look_up",
                        "the key is wrong",
                        Retry::Never,
                    ));
                }
                Says::Unreachable(after) => {
                    self.clock.sleep(after).await;
                    return Err(Error::not_sent(
                        ErrorKind::Connect,
                        "look_up",
                        "no connection",
                        Retry::Backoff,
                    ));
                }
                Says::Hang => {
                    self.clock.sleep(LIMITS.1).await;
                    return Err(Error::not_sent(ErrorKind::Timeout, "look_up", "no answer", Retry::Backoff));
                }
            }
            let rows = self.rows(ids, now, says)?;
            self.clock.sleep(Duration::ZERO).await;
            Ok(rows)
        })
    }
}
