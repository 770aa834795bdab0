//! One call of a messenger while it runs, and the life of one of its requests: sent, retried, asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::failover::Lane;
use super::ledger::Ledger;
use super::plan::Planned;
use super::reconcile::{Findings, reconcile};
use super::retry::{Patience, RetryPolicy};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Outcome, Retry};
use crate::gateway::{Batch, MessageKind, Outgoing};
use crate::message::{Content, Message, TraceId};

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
    /// What the caller knows the messages as, for errors.
    pub(super) list: &'static str,
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
                    let mut by_id: HashMap<_, _> =
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
                    let detail = "the answer does not say what became of this message";
                    Error::maybe_sent(ErrorKind::Decode, "send", detail).with_gateway(name)
                }
                Err(error) if error.outcome() == Outcome::NotSent => {
                    self.ledger.comes_back(&messages);
                    // Being told to slow down is no failure of the gateway: only time limits how often it is heard.
                    let may_try = is_last || patience.has_attempts() || error.kind() == ErrorKind::RateLimit;
                    let pause = match error.retry() {
                        Retry::Backoff if may_try => patience.pause(Some(&error), Duration::ZERO),
                        _ => None,
                    };
                    let Some(pause) = pause else { return Err((messages, error)) };
                    if error.kind() == ErrorKind::RateLimit {
                        lane.pace.slow_down(pause);
                    }
                    self.clock.sleep(pause).await;
                    continue;
                }
                Err(error) => error,
            };
            let Findings { absent, unknown } = reconcile(self, lane, &messages, 2, &mut patience).await;
            self.ledger.unclear(&unknown, &failure, name);
            self.ledger.comes_back(&absent);
            if absent.is_empty() {
                return Ok(());
            }
            messages = absent;
            messages.sort_unstable();
            let pause =
                if patience.has_attempts() { patience.pause(Some(&failure), Duration::ZERO) } else { None };
            let Some(pause) = pause else { return Err((messages, failure.found_absent())) };
            self.clock.sleep(pause).await;
        }
    }
}
