//! What became of messages: delivery reports until each is final, and the messages that people send back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use serde::Serialize;

use super::Inner;
use super::failover::Lane;
use crate::delivery::DeliveryStatus;
use crate::error::{Error, Result, Retry};
use crate::gateway::{Accepted, Registration};
use crate::message::{IncomingMessage, MessageId, Receipt, SendOutcome, TraceId};
use crate::phone::Recipient;

/// What is known about the delivery of one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The place of its receipt in the list that was asked about.
    pub index: usize,
    /// To whom.
    pub to: Recipient,
    /// What it was sent under.
    pub trace_id: TraceId,
    /// The gateway that has it.
    pub gateway: Option<Arc<str>>,
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The status; `None` while the gateway has not said anything about it.
    pub status: Option<DeliveryStatus>,
    /// Why there is no status, or no newer one.
    pub error: Option<Error>,
    /// Tracking only: the deadline passed, and the message is still on its way.
    pub timed_out: bool,
}

impl DeliveryReport {
    /// True when asking again will not change the answer.
    pub fn is_final(&self) -> bool {
        self.status.as_ref().is_some_and(DeliveryStatus::is_final)
    }
}

/// When to look, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrackOptions {
    /// How long after the start the first look is; 15 seconds unless set.
    pub first_look: Duration,
    /// How long to leave between two looks at one message, instead of each gateway's own rule.
    pub interval: Option<Duration>,
    /// How long to track at most; a day unless set. What is on its way then is reported with `timed_out`.
    pub deadline: Duration,
}

impl Default for TrackOptions {
    fn default() -> Self {
        Self {
            first_look: Duration::from_secs(15),
            interval: None,
            deadline: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl TrackOptions {
    /// The first look so long after the start.
    #[must_use]
    pub fn first_look(mut self, after: Duration) -> Self {
        self.first_look = after;
        self
    }

    /// So long between two looks at one message. Shorter than the gateway's rule, and it answers with error 20.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Track for so long at most.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// A message that somebody sent, with the gateway it came through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Received {
    /// The gateway's name.
    pub gateway: Arc<str>,
    /// The message.
    #[serde(flatten)]
    pub message: IncomingMessage,
}

/// A report with nothing known yet; a rejected message has nothing to ask about.
fn report(index: usize, receipt: &Receipt) -> DeliveryReport {
    let error = (receipt.outcome == SendOutcome::Rejected).then(|| {
        receipt.error.clone().unwrap_or_else(|| {
            Error::invalid_input("delivery", "receipts", "that of a message that was not sent")
        })
    });
    DeliveryReport {
        index,
        to: receipt.to.clone(),
        trace_id: receipt.trace_id,
        gateway: receipt.gateway.clone(),
        message_id: receipt.message_id,
        status: None,
        error,
        timed_out: false,
    }
}

impl Inner {
    fn lane(&self, name: Option<&str>) -> Result<&Lane, Error> {
        self.lanes
            .iter()
            .find(|lane| Some(&**lane.gateway.name()) == name)
            .ok_or_else(|| Error::invalid_input("delivery", "gateway", "none of this messenger's"))
    }

    /// Asks once about all of them, in requests of the gateways' size. Failures stand in the reports.
    async fn look(&self, reports: &mut [DeliveryReport]) {
        let mut by_lane: HashMap<Option<Arc<str>>, Vec<usize>> = HashMap::new();
        for (place, report) in reports.iter().enumerate() {
            by_lane.entry(report.gateway.clone()).or_default().push(place);
        }
        for (name, places) in by_lane {
            match self.lane(name.as_deref()) {
                Ok(lane) => {
                    self.find_ids(lane, reports, &places).await;
                    self.ask(lane, reports, &places).await;
                }
                Err(error) => {
                    for place in places {
                        if let Some(report) = reports.get_mut(place) {
                            report.error = Some(error.clone());
                        }
                    }
                }
            }
        }
    }

    /// A message whose id is not known yet is asked for by its trace id first.
    async fn find_ids(&self, lane: &Lane, reports: &mut [DeliveryReport], places: &[usize]) {
        let without: HashMap<TraceId, usize> = places
            .iter()
            .filter_map(|place| {
                reports.get(*place).filter(|r| r.message_id.is_none()).map(|r| (r.trace_id, *place))
            })
            .collect();
        let ids: Vec<_> = without.keys().copied().collect();
        let Some(most) = lane.gateway.capabilities().look_up else {
            return;
        };
        for chunk in ids.chunks(most.max(1)) {
            let permit = lane.pace.enter().await;
            let answer = lane.gateway.look_up(chunk).await;
            drop(permit);
            for registration in answer.into_iter().flatten() {
                if let Registration::Registered(Accepted { trace_id, message_id }) = registration {
                    let report = without.get(&trace_id).and_then(|place| reports.get_mut(*place));
                    if let Some(report) = report {
                        report.message_id = message_id;
                    }
                }
            }
        }
    }

    async fn ask(&self, lane: &Lane, reports: &mut [DeliveryReport], places: &[usize]) {
        let of_id: HashMap<MessageId, usize> =
            places.iter().filter_map(|place| Some((reports.get(*place)?.message_id?, *place))).collect();
        let mut ids: Vec<_> = of_id.keys().copied().collect();
        ids.sort_unstable();
        let answerable = lane.gateway.capabilities().deliveries;
        for chunk in ids.chunks(answerable.unwrap_or(usize::MAX).max(1)) {
            let permit = lane.pace.enter().await;
            let answer = match answerable {
                Some(_) => lane.gateway.deliveries(chunk).await,
                None => Err(Error::configuration("delivery", "the gateway cannot be asked for deliveries")
                    .with_gateway(lane.gateway.name())),
            };
            drop(permit);
            match answer {
                Ok(rows) => {
                    for (id, status) in rows {
                        if let Some(report) = of_id.get(&id).and_then(|place| reports.get_mut(*place)) {
                            report.status = Some(status);
                            report.error = None;
                        }
                    }
                }
                Err(error) => {
                    if error.retry() == Retry::Backoff {
                        lane.pace.slow_down(error.retry_after().unwrap_or(Duration::from_secs(1)));
                    }
                    for id in chunk {
                        if let Some(report) = of_id.get(id).and_then(|place| reports.get_mut(*place)) {
                            report.error = Some(error.clone());
                        }
                    }
                }
            }
        }
    }

    pub(super) async fn delivery(&self, receipts: &[Receipt]) -> Vec<DeliveryReport> {
        let mut reports: Vec<_> =
            receipts.iter().enumerate().map(|(index, receipt)| report(index, receipt)).collect();
        let (mut asked, settled): (Vec<_>, Vec<_>) =
            reports.drain(..).partition(|report| report.error.is_none());
        self.look(&mut asked).await;
        reports.extend(settled);
        reports.extend(asked);
        reports.sort_unstable_by_key(|report| report.index);
        reports
    }

    pub(super) fn track_all(
        self: Arc<Self>,
        receipts: Vec<Receipt>,
        options: TrackOptions,
    ) -> impl Stream<Item = DeliveryReport> + Send {
        async_stream::stream! {
            let ends = self.clock.now() + options.deadline;
            let mut pending = Vec::new();
            for (index, receipt) in receipts.iter().enumerate() {
                let report = report(index, receipt);
                match report.error {
                    None => pending.push(report),
                    Some(_) => yield report,
                }
            }
            drop(receipts);
            let mut wait = options.first_look;
            while !pending.is_empty() {
                let left = ends.saturating_sub(self.clock.now());
                if left.is_zero() {
                    break;
                }
                self.clock.sleep(wait.min(left)).await;
                let before: Vec<_> = pending.iter().map(|report| report.status.clone()).collect();
                self.look(&mut pending).await;
                for (report, before) in pending.iter().zip(before) {
                    // What will never be answered is said once, and is over.
                    if report.status != before || is_hopeless(report) {
                        yield report.clone();
                    }
                }
                pending.retain(|report| !report.is_final() && !is_hopeless(report));
                wait = self.interval(&pending, &options);
            }
            for report in pending {
                yield DeliveryReport { timed_out: true, ..report };
            }
        }
    }

    /// The longest interval among the gateways that are still asked, so that none of their rules is broken.
    fn interval(&self, pending: &[DeliveryReport], options: &TrackOptions) -> Duration {
        options.interval.unwrap_or_else(|| {
            let lanes = self.lanes.iter();
            let asked = lanes.filter(|lane| {
                pending.iter().any(|report| report.gateway.as_ref() == Some(lane.gateway.name()))
            });
            asked.map(|lane| lane.gateway.capabilities().poll_interval).max().unwrap_or_default()
        })
    }

    pub(super) fn receive_all(
        self: Arc<Self>,
        interval: Duration,
    ) -> impl Stream<Item = Result<Received>> + Send {
        async_stream::stream! {
            loop {
                for lane in self.lanes.iter().filter(|lane| lane.gateway.capabilities().inbox) {
                    let permit = lane.pace.enter().await;
                    let answer = lane.gateway.receive().await;
                    drop(permit);
                    match answer {
                        Ok(messages) => {
                            for message in messages {
                                yield Ok(Received { gateway: lane.gateway.name().clone(), message });
                            }
                        }
                        Err(error) => yield Err(error),
                    }
                }
                self.clock.sleep(interval).await;
            }
        }
    }
}

/// A refusal that asking again will not change.
fn is_hopeless(report: &DeliveryReport) -> bool {
    report.error.as_ref().is_some_and(|error| error.retry() == Retry::Never)
}
