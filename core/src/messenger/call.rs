//! One call of a messenger while it runs, and the life of one of its requests: sent, retried, asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::AskPolicy;
use super::budget::{Budget, is_too_late};
use super::isolate::SharedFault;
use super::lane::Lane;
use super::ledger::Ledger;
use super::plan::Planned;
use super::reconcile::{Findings, SLOW_DOWN, Why, reconcile};
use super::retry::{Patience, RetryPolicy};
use crate::clock::Clock;
use crate::delivery::{DeliveryReason, DeliveryState, DeliveryStatus};
use crate::error::{Error, ErrorKind, Hint, Outcome, Retry};
use crate::gateway::{Accepted, Batch, MessageKind, Outgoing};
use crate::memory::Flight;
use crate::message::{Content, Message, MessageId, Receipt, TraceId};

/// The limits of a messenger.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) concurrency: usize,
    pub(super) ask: AskPolicy,
    pub(super) retry: RetryPolicy,
}

/// One call of a messenger while it runs.
pub(super) struct Call {
    pub(super) messages: Vec<Message>,
    pub(super) trace_ids: Vec<TraceId>,
    /// What the caller knows the messages as, for errors.
    pub(super) list: &'static str,
    pub(super) ledger: Arc<Ledger>,
    pub(super) lanes: Arc<[Lane]>,
    pub(super) policy: Policy,
    pub(super) budget: Budget,
    /// The messages with a key that this call alone may send.
    pub(super) flights: Mutex<HashMap<u32, Flight>>,
    pub(super) shared_faults: Mutex<Vec<SharedFault>>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Call {
    pub(super) fn trace_id(&self, index: u32) -> Option<TraceId> {
        self.trace_ids.get(index as usize).copied()
    }

    pub(super) fn message(&self, index: u32) -> Option<&Message> {
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

    pub(super) fn is_once(&self, index: u32) -> bool {
        self.message(index).is_some_and(Message::is_once)
    }

    /// Whether this gateway can take this message at all.
    pub(super) fn check(&self, lane: &Lane, index: u32) -> Result<(), Error> {
        let capabilities = lane.gateway.capabilities();
        let lacks = |what: &str| Error::configuration("send", what).with_gateway(lane.gateway.name());
        let Some(message) = self.message(index) else { return Ok(()) };
        if matches!(message.content, Content::Template { .. }) && !capabilities.templates {
            return Err(lacks("the gateway has no templates"));
        }
        if message.is_once() && capabilities.look_up.is_none() {
            return Err(lacks(
                "the gateway cannot be asked by trace id, so it could send a message with a key twice",
            ));
        }
        match self.outgoing(index) {
            Some(outgoing) => lane.gateway.check(&outgoing).map_err(|error| error.in_list(self.list, index)),
            None => Ok(()),
        }
    }

    /// One request's life. What is certainly not sent comes back with the reason.
    ///
    /// With another gateway to go to, a failure is tried a few times; without one, for as long as the budget lasts.
    pub(super) async fn send(
        &self,
        lane: &Lane,
        request: Planned,
        is_last: bool,
    ) -> Result<(), (Vec<u32>, Error)> {
        let Planned { kind, mut messages } = request;
        let name = lane.gateway.name();
        let mut patience = Patience::new(&self.policy.retry, lane.place, &self.budget, &self.clock);
        let arrived = self.clock.now();
        loop {
            // Held until the request has failed and its pause is over: while a gateway is dead, one request tries it.
            let turn = lane.turn_to_try().await;
            if let Some(error) = self.refuses_to_start(lane, arrived, is_last) {
                return Err((messages, error));
            }
            let outgoing: Vec<_> = messages.iter().filter_map(|index| self.outgoing(*index)).collect();
            let batch = Batch { kind, messages: &outgoing };
            let permit = lane.pace.enter().await;
            if let Some(error) = self.budget.spent(lane.place, lane.gateway.time_limits().connect) {
                return Err((messages, error));
            }
            self.ledger.leaves(&messages, name);
            patience.count_attempt();
            let request = UnderWay::new(self, lane, &messages);
            let answer = lane.gateway.submit(&batch).await;
            request.answered();
            drop(permit);
            let error = match answer {
                Ok(accepted) => {
                    self.budget.recovered(lane.place);
                    lane.recovered();
                    let mut by_id: HashMap<_, _> =
                        messages.iter().filter_map(|index| Some((self.trace_id(*index)?, *index))).collect();
                    // A row about another message, or a second one about the same, says that ids were spoiled on the way
                    // (rounded by a double, say): then none of them is believed.
                    let known = |row: &Accepted| by_id.contains_key(&row.trace_id);
                    let rows = if accepted.iter().all(known) && accepted.len() <= by_id.len() {
                        accepted
                    } else {
                        Vec::new()
                    };
                    let taken: Vec<_> = rows
                        .into_iter()
                        .filter_map(|row| Some((by_id.remove(&row.trace_id)?, row.message_id)))
                        .collect();
                    self.accept(lane, &taken, false);
                    let mut left: Vec<_> = by_id.into_values().collect();
                    left.sort_unstable();
                    self.ask_after_success(lane, &left, &mut patience).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            lane.failed(&error);
            // A refusal for good is an answer: the gateway is well, and the next message is another matter.
            if error.outcome() == Outcome::Unclear || error.retry() == Retry::Backoff {
                patience.failed(&error);
            }
            if error.outcome() == Outcome::NotSent {
                if messages.len() > 1 && matches!(error.kind(), ErrorKind::Limit | ErrorKind::Credit) {
                    messages = self.ask_after_refusal(lane, messages, &error, &mut patience).await;
                    return if messages.is_empty() {
                        Ok(())
                    } else {
                        Err(self.give_up(lane, messages, error, is_last))
                    };
                }
                self.ledger.comes_back(&messages);
                // Being told to slow down is no failure of the gateway: only time limits how often it is heard.
                let may_try = is_last || patience.has_attempts() || error.kind() == ErrorKind::RateLimit;
                // A gateway that was found dead a moment ago is tried once by whoever comes next, not for a whole budget.
                let may_try =
                    may_try && !(error.never_connected() && lane.is_down(self.clock.now()).is_some());
                let pause = match error.retry() {
                    Retry::Backoff if may_try => patience.pause_before_resend(&error),
                    _ => None,
                };
                let Some(pause) = pause else { return Err(self.give_up(lane, messages, error, is_last)) };
                if error.kind() == ErrorKind::RateLimit {
                    lane.pace.slow_down(pause);
                }
                self.clock.sleep(pause).await;
                continue;
            }
            drop(turn);
            if error.kind() == ErrorKind::RateLimit {
                lane.pace.slow_down(error.retry_after().unwrap_or(SLOW_DOWN));
            }
            messages = self.ask_after_failure(lane, messages, &error, &mut patience).await;
            if messages.is_empty() {
                return Ok(());
            }
            let pause = if patience.has_attempts() { patience.pause_before_resend(&error) } else { None };
            let Some(pause) = pause else {
                return Err(self.give_up(lane, messages, error.found_absent(), is_last));
            };
            self.clock.sleep(pause).await;
        }
    }

    /// The gateway will not have these; others, and the messages that come next, need not wait to find out the same.
    fn give_up(&self, lane: &Lane, messages: Vec<u32>, error: Error, is_last: bool) -> (Vec<u32>, Error) {
        if !is_last || error.never_connected() {
            lane.pass_by(self.clock.now(), &error);
        }
        (messages, error)
    }

    /// Why a request is not even tried.
    fn refuses_to_start(&self, lane: &Lane, arrived: Duration, is_last: bool) -> Option<Error> {
        let now = self.clock.now();
        let down = if is_last { lane.went_down_after(arrived, now) } else { lane.is_down(now) };
        down.or_else(|| self.budget.spent(lane.place, lane.gateway.time_limits().connect))
    }

    /// The gateway said that it took the request, and not what became of these. They are never sent again.
    async fn ask_after_success(&self, lane: &Lane, messages: &[u32], patience: &mut Patience<'_>) {
        if messages.is_empty() {
            return;
        }
        let name = lane.gateway.name();
        let detail = "the answer does not say what became of this message";
        let failure = Error::maybe_sent(ErrorKind::Decode, "send", detail).with_gateway(name);
        self.may_land(lane, messages, &failure);
        lane.memory.taken(messages.iter().filter_map(|index| self.trace_id(*index)));
        let Findings { absent, unknown } = reconcile(self, lane, messages, Why::RowMissing, patience).await;
        let absent = absent.into_iter().map(|index| (index, failure.clone()));
        self.leave_unclear(lane, &failure, absent.chain(unknown));
    }

    /// A limit or the credit may have run out in the middle of the request. What comes back was certainly not taken.
    async fn ask_after_refusal(
        &self,
        lane: &Lane,
        messages: Vec<u32>,
        refusal: &Error,
        patience: &mut Patience<'_>,
    ) -> Vec<u32> {
        let Findings { mut absent, unknown } = reconcile(self, lane, &messages, Why::Refused, patience).await;
        self.leave_unclear(lane, refusal, unknown.into_iter());
        absent.sort_unstable();
        self.ledger.comes_back(&absent);
        absent
    }

    /// The answer was lost. What comes back certainly has not arrived, and may be sent again.
    async fn ask_after_failure(
        &self,
        lane: &Lane,
        messages: Vec<u32>,
        failure: &Error,
        patience: &mut Patience<'_>,
    ) -> Vec<u32> {
        self.may_land(lane, &messages, failure);
        let Findings { mut absent, unknown } =
            reconcile(self, lane, &messages, Why::AnswerLost, patience).await;
        self.leave_unclear(lane, failure, unknown.into_iter());
        if !self.policy.retry.resend {
            let detail = "the gateway does not have it, and sending again is turned off";
            let error = Error::maybe_sent(ErrorKind::Unavailable, "look_up", detail);
            self.leave_unclear(lane, failure, absent.drain(..).map(|index| (index, error.clone())));
        }
        absent.sort_unstable();
        self.ledger.comes_back(&absent);
        absent
    }

    /// A request with these may still arrive for a while: a gateway that did not answer in time is slow.
    fn may_land(&self, lane: &Lane, messages: &[u32], failure: &Error) {
        let settle = self.policy.retry.settle;
        let pause = match failure.kind() {
            ErrorKind::Timeout => settle.max(lane.gateway.time_limits().request),
            _ => settle,
        };
        let now = self.clock.now();
        let ids = messages.iter().filter_map(|index| self.trace_id(*index));
        lane.memory.landing(ids, now.saturating_add(pause), now);
    }

    pub(super) fn flights(&self) -> MutexGuard<'_, HashMap<u32, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever waits for these messages hears what became of them.
    fn land(&self, messages: impl Iterator<Item = u32>) {
        let mut flights = self.flights();
        if flights.is_empty() {
            return;
        }
        for index in messages {
            if let (Some(flight), Some(receipt)) = (flights.remove(&index), self.ledger.receipt(index))
                // The deadline was this call's own: whoever waits may have more time.
                && !receipt.error.as_ref().is_some_and(is_too_late)
            {
                flight.land(receipt);
            }
        }
    }

    pub(super) fn accept(&self, lane: &Lane, messages: &[(u32, Option<MessageId>)], replayed: bool) {
        lane.memory.accepted(messages.iter().filter_map(|(index, message_id)| {
            Some((self.trace_id(*index)?, *message_id, self.is_once(*index)))
        }));
        self.ledger.accept(messages, lane.gateway.name(), replayed);
        self.land(messages.iter().map(|(index, _)| *index));
    }

    /// Asking has found a message.
    pub(super) fn found(
        &self,
        lane: &Lane,
        index: u32,
        message_id: Option<MessageId>,
        status: &DeliveryStatus,
        replayed: bool,
    ) {
        if status.state() != DeliveryState::NotSent {
            return self.accept(lane, &[(index, message_id)], replayed);
        }
        let error = never_left(status).with_gateway(lane.gateway.name());
        if let Some(trace_id) = self.trace_id(index) {
            lane.memory.never_left(trace_id, &error);
        }
        self.never_left(lane, index, &error, replayed);
    }

    pub(super) fn never_left(&self, lane: &Lane, index: u32, error: &Error, replayed: bool) {
        self.ledger.never_left(index, error, lane.gateway.name(), replayed);
        self.land(std::iter::once(index));
    }

    /// Nobody can tell: the failure, with what asking came to.
    fn leave_unclear(&self, lane: &Lane, failure: &Error, messages: impl Iterator<Item = (u32, Error)>) {
        for (index, cause) in messages {
            let is_same = cause == *failure;
            let error =
                if is_same { failure.clone().unclear() } else { failure.clone().unclear_because(&cause) };
            self.unclear(lane, &[index], &error);
        }
    }

    pub(super) fn unclear(&self, lane: &Lane, messages: &[u32], error: &Error) {
        self.ledger.unclear(messages, error, lane.gateway.name());
        self.land(messages.iter().copied());
    }

    pub(super) fn reject(&self, index: u32, error: &Error) {
        self.ledger.reject(index, error);
        self.land(std::iter::once(index));
    }

    pub(super) fn reject_as_refused(&self, messages: &[u32]) {
        self.ledger.reject_as_refused(messages);
        self.land(messages.iter().copied());
    }

    pub(super) fn replay(&self, index: u32, receipt: &Receipt) {
        self.ledger.replay(index, receipt);
    }
}

/// What stands against a message that the gateway has and will never send.
fn never_left(status: &DeliveryStatus) -> Error {
    let kind = match status.delivery.reason {
        Some(DeliveryReason::Limit) => ErrorKind::Limit,
        Some(DeliveryReason::Credit) => ErrorKind::Credit,
        Some(DeliveryReason::Account) => ErrorKind::Access,
        _ => ErrorKind::Request,
    };
    let detail = format!("the gateway has this message and never sent it ({})", status.code.name);
    Error::not_sent(kind, "send", detail, Retry::Never).with_code(status.code.clone()).with_hint(Hint::new(
        "Fix the cause, and send it under a new key: the old one names the message that the gateway keeps.",
        "علت را برطرف کنید و با کلید تازه بفرستید: کلید پیشین نام همان پیامی است که درگاه نگه داشته است.",
    ))
}

/// A request whose answer has not come. Dropped before, it is remembered: it may still arrive.
struct UnderWay<'a> {
    call: &'a Call,
    lane: &'a Lane,
    messages: &'a [u32],
    left_at: Duration,
    is_answered: bool,
}

impl<'a> UnderWay<'a> {
    fn new(call: &'a Call, lane: &'a Lane, messages: &'a [u32]) -> Self {
        Self { call, lane, messages, left_at: call.clock.now(), is_answered: false }
    }

    fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let now = self.call.clock.now();
        let until = now
            .saturating_add(self.call.policy.retry.settle)
            .max(self.left_at.saturating_add(self.lane.gateway.time_limits().request));
        let ids = self.messages.iter().filter_map(|index| self.call.trace_id(*index));
        self.lane.memory.landing(ids, until, now);
    }
}
