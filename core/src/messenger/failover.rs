//! From the first gateway to the last: what is certainly not sent goes on, what is unclear stays.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join, join_all};
use futures_util::{StreamExt as _, stream};

use super::call::Call;
use super::pace::Pace;
use super::plan::{Planned, plan};
use super::reconcile::{Findings, reconcile};
use super::retry::Patience;
use crate::error::{Error, ErrorKind, Hint};
use crate::gateway::Gateway;

/// How long a gateway that failed is passed by, where there is another one.
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
        if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Request) {
            *self.down.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, error.passed_by()));
        }
    }

    fn is_down(&self, now: Duration) -> Option<Error> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone())
    }
}

impl Call {
    /// Brings every message to its end.
    pub(super) async fn run(&self, messages: Vec<u32>) {
        let (once, rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(|index| self.is_once(*index));
        // As many at a time as travel together, so that the first is sent before the last is asked for.
        let together = self.lanes.first().map_or(1, |lane| lane.gateway.capabilities().max_recipients.max(1));
        let groups: Vec<_> = once.chunks(together).map(<[u32]>::to_vec).collect();
        let once: BoxFuture<'_, ()> =
            Box::pin(stream::iter(groups).for_each_concurrent(self.policy.concurrency, |group| async move {
                self.run_once(group).await;
            }));
        join(once, self.deliver(0, rest)).await;
    }

    /// Asks every gateway that can be asked before the first request: an earlier run may have sent by any of them.
    fn run_once(&self, messages: Vec<u32>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let lanes: Vec<_> =
                self.lanes.iter().filter(|lane| lane.gateway.capabilities().look_up.is_some()).collect();
            let questions = lanes.iter().map(|lane| async {
                let mut patience = Patience::new(&self.policy.retry, &self.clock);
                reconcile(self, lane, &messages, 1, &mut patience).await
            });
            let mut absent: HashSet<u32> = messages.iter().copied().collect();
            for (lane, Findings { absent: here, unknown }) in lanes.iter().zip(join_all(questions).await) {
                // What another gateway turned out to have is decided, and stays so.
                self.ledger.unclear(&unknown, &cannot_be_asked(lane), lane.gateway.name());
                absent.retain(|index| here.contains(index));
            }
            let absent: Vec<_> = messages.into_iter().filter(|index| absent.contains(index)).collect();
            self.ledger.comes_back(&absent);
            self.deliver(0, absent).await;
        })
    }

    /// Sends by the gateway of this place, and what it certainly did not take by the ones after it.
    fn deliver(&self, place: usize, messages: Vec<u32>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(lane) = self.lanes.get(place) else {
                self.ledger.reject_as_refused(&messages);
                return;
            };
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
                .for_each_concurrent(self.policy.concurrency.saturating_mul(4), |work| async move {
                    let left = match work {
                        Ok(request) => self.send_or_pass_by(place, lane, request).await,
                        Err(cannot_take) => cannot_take,
                    };
                    if !left.is_empty() {
                        self.deliver(place + 1, left).await;
                    }
                })
                .await;
        })
    }

    /// Sends a request by this gateway, unless it has just failed and there is another. What is left is certainly not sent.
    async fn send_or_pass_by(&self, place: usize, lane: &Lane, request: Planned) -> Vec<u32> {
        let is_last = place + 1 == self.lanes.len();
        if let Some(error) = lane.is_down(self.clock.now()).filter(|_| !is_last) {
            self.ledger.refused(&request.messages, &error);
            return request.messages;
        }
        match self.send(lane, request, is_last).await {
            Ok(()) => Vec::new(),
            Err((messages, error)) => {
                self.ledger.refused(&messages, &error);
                if !is_last {
                    lane.pass_by(self.clock.now().saturating_add(PASS_BY), &error);
                }
                messages
            }
        }
    }
}

fn cannot_be_asked(lane: &Lane) -> Error {
    let detail = "the gateway could not be asked whether an earlier run had sent this message";
    Error::maybe_sent(ErrorKind::Unavailable, "look_up", detail).with_gateway(lane.gateway.name()).with_hint(
        Hint::new(
            "Nothing was sent now. Run it again with the same key when the gateway answers.",
            "اکنون چیزی فرستاده نشد. وقتی درگاه پاسخ داد، با همان کلید دوباره اجرا کنید.",
        ),
    )
}
