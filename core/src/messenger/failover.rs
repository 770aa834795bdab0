//! From the first gateway to the last: what is certainly not sent goes on, what is unclear stays.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join};
use futures_util::{StreamExt as _, stream};

use super::ledger::Ledger;
use super::pace::Pace;
use super::plan::{Planned, plan};
use super::reconcile::{Findings, reconcile};
use super::retry::{Patience, RetryPolicy};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Hint, Outcome, Retry};
use crate::gateway::{Batch, Gateway, MessageKind, Outgoing};
use crate::message::{Content, Message, TraceId};

/// How long a gateway that failed for good is passed by, where there is another one.
const PASS_BY: Duration = Duration::from_secs(30);

/// One gateway of a messenger, with what the messenger knows about it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) pace: Pace,
    /// Passed by until this moment, because of this error.
    down: Mutex<Option<(Duration, Error)>>,
}

impl Lane {
    pub(super) fn new(gateway: Arc<dyn Gateway>, pace: Pace) -> Self {
        Self { gateway, pace, down: Mutex::new(None) }
    }

    fn pass_by(&self, until: Duration, error: &Error) {
        // A text or a recipient that was refused says nothing about the next one.
        let is_gateway_s =
            !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Request | ErrorKind::Canceled);
        if is_gateway_s {
            *self.down.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, error.clone()));
        }
    }

    fn is_down(&self, now: Duration) -> Option<Error> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone())
    }
}

/// The limits of a messenger.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) concurrency: usize,
    pub(super) retry: RetryPolicy,
}

/// One call of a messenger while it runs.
pub(super) struct Call {
    pub(super) messages: Vec<Message>,
    pub(super) trace_ids: Vec<TraceId>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) lanes: Arc<[Lane]>,
    pub(super) policy: Policy,
    pub(super) clock: Arc<dyn Clock>,
}

impl Call {
    pub(super) fn trace_id(&self, index: u32) -> Option<TraceId> {
        self.trace_ids.get(index as usize).copied()
    }

    fn message(&self, index: u32) -> Option<&Message> {
        self.messages.get(index as usize)
    }

    fn outgoing(&self, index: u32) -> Option<Outgoing<'_>> {
        let message = self.message(index)?;
        let (kind, text, parameters): (_, &str, &[String]) = match &message.content {
            Content::Text(text) => (MessageKind::Text, text, &[]),
            Content::Template { key, parameters } => (MessageKind::Template, key, parameters),
        };
        let (to, trace_id) = (message.to.msisdn()?, self.trace_id(index)?);
        Some(Outgoing { to, trace_id, kind, text, parameters, sender: message.sender.as_ref() })
    }

    /// Brings every message to its end.
    pub(super) async fn run(&self, messages: Vec<u32>) {
        let (once, rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(|index| self.is_once(*index));
        join(self.run_once(once), self.deliver(0, rest)).await;
    }

    fn is_once(&self, index: u32) -> bool {
        self.message(index).is_some_and(|message| message.key.is_some() || message.once)
    }

    /// Asks every gateway that can be asked before the first request: an earlier run may have sent by any of them.
    async fn run_once(&self, mut messages: Vec<u32>) {
        for lane in self.lanes.iter().filter(|lane| lane.gateway.capabilities().look_up.is_some()) {
            if messages.is_empty() {
                return;
            }
            let mut patience = Patience::new(&self.policy.retry, &self.clock);
            let Findings { absent, unknown } = reconcile(self, lane, &messages, 1, &mut patience).await;
            let error = Error::new(
                ErrorKind::Unavailable,
                "look_up",
                "the gateway could not be asked whether an earlier run had sent this message",
            )
            .with_gateway(lane.gateway.name())
            .unclear()
            .with_hint(Hint::new(
                "Nothing was sent now. Run it again with the same key when the gateway answers.",
                "اکنون چیزی فرستاده نشد. وقتی درگاه پاسخ داد، با همان کلید دوباره اجرا کنید.",
            ));
            self.ledger.unclear(&unknown, &error);
            messages = absent;
        }
        self.deliver(0, messages).await;
    }

    /// Sends by the gateway of this place, and what it certainly did not take by the ones after it.
    fn deliver(&self, place: usize, messages: Vec<u32>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(lane) = self.lanes.get(place) else {
                self.ledger.reject_as_refused(&messages);
                return;
            };
            let has_next = place + 1 < self.lanes.len();
            if let Some(error) = lane.is_down(self.clock.now()).filter(|_| has_next) {
                self.ledger.refused(&messages, &error);
                return self.deliver(place + 1, messages).await;
            }
            let (mut takes, mut cannot_take) = (Vec::with_capacity(messages.len()), Vec::new());
            for index in messages {
                match self.check(lane, index) {
                    Ok(()) => takes.push(index),
                    Err(error) => {
                        self.ledger.refused(&[index], &error);
                        cannot_take.push(index);
                    }
                }
            }
            let planned = plan(lane.gateway.capabilities(), &self.messages, &takes);
            drop(takes);
            let passed_on = (!cannot_take.is_empty()).then_some(Err(cannot_take));
            let work = passed_on.into_iter().chain(planned.into_iter().map(Ok));
            // More than are in flight at once, so that a request that pauses does not hold a place that another could use.
            stream::iter(work)
                .for_each_concurrent(self.policy.concurrency * 4, |work| async move {
                    let left = match work {
                        Ok(request) => self.send(lane, request).await.map_err(|(messages, error)| {
                            self.ledger.refused(&messages, &error);
                            if has_next {
                                lane.pass_by(self.clock.now() + PASS_BY, &error);
                            }
                            messages
                        }),
                        Err(cannot_take) => Err(cannot_take),
                    };
                    if let Err(messages) = left {
                        self.deliver(place + 1, messages).await;
                    }
                })
                .await;
        })
    }

    /// Whether this gateway can take this message at all.
    fn check(&self, lane: &Lane, index: u32) -> Result<(), Error> {
        let capabilities = lane.gateway.capabilities();
        let lacks = |what: &str| Error::configuration("send", what).with_gateway(lane.gateway.name());
        let Some(message) = self.message(index) else {
            return Ok(());
        };
        if matches!(message.content, Content::Template { .. }) && !capabilities.templates {
            return Err(lacks("the gateway has no templates"));
        }
        if self.is_once(index) && capabilities.look_up.is_none() {
            return Err(lacks(
                "the gateway cannot be asked by trace id, so it could send a message with a key twice",
            ));
        }
        self.outgoing(index).map_or(Ok(()), |outgoing| lane.gateway.check(&outgoing))
    }

    /// One request's life: sent, retried, asked for. What is certainly not sent comes back with the reason.
    async fn send(&self, lane: &Lane, request: Planned) -> Result<(), (Vec<u32>, Error)> {
        let Planned { kind, mut messages } = request;
        let name = lane.gateway.name();
        let mut patience = Patience::new(&self.policy.retry, &self.clock);
        loop {
            let outgoing: Vec<_> = messages.iter().filter_map(|index| self.outgoing(*index)).collect();
            let batch = Batch { kind, messages: &outgoing };
            let permit = lane.pace.enter().await;
            self.ledger.leaves(&messages, name);
            patience.count_attempt();
            let answer = lane.gateway.submit(&batch).await;
            drop(permit);
            let failure = match answer {
                Ok(accepted) => {
                    let mut by_id: std::collections::HashMap<_, _> =
                        messages.iter().filter_map(|index| Some((self.trace_id(*index)?, *index))).collect();
                    let taken: Vec<_> = accepted
                        .into_iter()
                        .filter_map(|row| Some((by_id.remove(&row.trace_id)?, row.message_id)))
                        .collect();
                    self.ledger.accept(&taken, name);
                    if by_id.is_empty() {
                        return Ok(());
                    }
                    messages = by_id.into_values().collect();
                    messages.sort_unstable();
                    Error::new(
                        ErrorKind::Decode,
                        "send",
                        "the answer does not say what became of this message",
                    )
                    .with_gateway(name)
                    .unclear()
                }
                Err(error) if error.outcome() == Outcome::NotSent => {
                    self.ledger.comes_back(&messages);
                    let pause = match error.retry() {
                        Retry::Backoff if patience.has_attempts() => {
                            patience.pause(Some(&error), Duration::ZERO)
                        }
                        _ => None,
                    };
                    let Some(pause) = pause else {
                        return Err((messages, error));
                    };
                    if error.kind() == ErrorKind::RateLimit {
                        lane.pace.slow_down(pause);
                    }
                    self.clock.sleep(pause).await;
                    continue;
                }
                Err(error) => error,
            };
            let Findings { absent, unknown } = reconcile(self, lane, &messages, 2, &mut patience).await;
            self.ledger.unclear(&unknown, &failure);
            self.ledger.comes_back(&absent);
            if absent.is_empty() {
                return Ok(());
            }
            messages = absent;
            messages.sort_unstable();
            let pause =
                if patience.has_attempts() { patience.pause(Some(&failure), Duration::ZERO) } else { None };
            let Some(pause) = pause else {
                return Err((messages, failure.found_absent()));
            };
            self.clock.sleep(pause).await;
        }
    }
}
