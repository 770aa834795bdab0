//! What became of messages: delivery reports until each is final, and the messages that people send back.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use indexmap::IndexMap;
use serde::Serialize;

use super::Inner;
use super::failover::Lane;
use crate::delivery::DeliveryStatus;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::gateway::Registration;
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
                    let (with_id, without_id): (Vec<_>, Vec<_>) = places.into_iter().partition(|place| {
                        reports.get(*place).is_some_and(|report| report.message_id.is_some())
                    });
                    ask_by_id(lane, reports, with_id).await;
                    ask_by_trace_id(lane, reports, without_id).await;
                }
                Err(error) => fail(reports, &places, &error),
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
            let ends = self.clock.now().saturating_add(options.deadline);
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
            let mut slower = 1;
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
                // Told to slow down, it looks half as often each time, until it is no longer told so.
                let limited = pending.iter().any(is_limited);
                slower = if limited { (slower * 2).min(MOST_SLOWED) } else { 1 };
                wait = self.interval(&pending, &options).saturating_mul(slower);
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
                    // What an earlier stream fetched and did not hand out is not fetched again: it comes from here.
                    while let Some(received) = self.next_incoming() {
                        yield Ok(received);
                    }
                    let permit = lane.pace.enter().await;
                    let answer = lane.gateway.receive().await;
                    drop(permit);
                    match answer {
                        Ok(messages) => {
                            let gateway = lane.gateway.name();
                            let received = messages.into_iter().map(|message| Received { gateway: gateway.clone(), message });
                            self.incoming.lock().unwrap_or_else(PoisonError::into_inner).extend(received);
                        }
                        Err(error) => yield Err(error),
                    }
                }
                while let Some(received) = self.next_incoming() {
                    yield Ok(received);
                }
                self.clock.sleep(interval.max(SHORTEST_INTERVAL)).await;
            }
        }
    }

    fn next_incoming(&self) -> Option<Received> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// An inbox that is asked without a pause keeps a core busy and a gateway angry.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// How many times longer than the interval the pause gets, at most, when a gateway keeps asking to slow down.
const MOST_SLOWED: u32 = 16;

async fn ask_by_id(lane: &Lane, reports: &mut [DeliveryReport], places: Vec<usize>) {
    let of_id = grouped(places, |place| reports.get(place)?.message_id);
    let Some(most) = lane.gateway.capabilities().deliveries else {
        let error = cannot_be_asked(lane);
        return of_id.into_values().for_each(|places| fail(reports, &places, &error));
    };
    let ids: Vec<MessageId> = of_id.keys().copied().collect();
    for chunk in ids.chunks(most.max(1)) {
        let permit = lane.pace.enter().await;
        let answer = lane.gateway.deliveries(chunk).await;
        drop(permit);
        match answer {
            Ok(rows) => {
                for (id, status) in rows {
                    settle(reports, of_id.get(&id), None, &status);
                }
            }
            Err(error) => {
                for places in chunk.iter().filter_map(|id| of_id.get(id)) {
                    fail(reports, places, &error);
                }
            }
        }
    }
}

/// A message whose id is not known is asked for by its trace id; the same answer says where it is.
async fn ask_by_trace_id(lane: &Lane, reports: &mut [DeliveryReport], places: Vec<usize>) {
    let of_trace = grouped(places, |place| Some(reports.get(place)?.trace_id));
    let Some(most) = lane.gateway.capabilities().look_up else {
        let error = cannot_be_asked(lane);
        return of_trace.into_values().for_each(|places| fail(reports, &places, &error));
    };
    let ids: Vec<TraceId> = of_trace.keys().copied().collect();
    for chunk in ids.chunks(most.max(1)) {
        let permit = lane.pace.enter().await;
        let answer = lane.gateway.look_up(chunk).await;
        drop(permit);
        match answer {
            Ok(registrations) => {
                for registration in registrations {
                    let (trace_id, message_id, status) = match registration {
                        Registration::Registered { trace_id, message_id, status } => {
                            (trace_id, message_id, status)
                        }
                        Registration::NotRegistered { trace_id, status } => (trace_id, None, status),
                    };
                    settle(reports, of_trace.get(&trace_id), message_id, &status);
                }
            }
            Err(error) => chunk
                .iter()
                .filter_map(|id| of_trace.get(id))
                .for_each(|places| fail(reports, places, &error)),
        }
    }
}

/// Places by what the gateway knows their messages as: several receipts may be of one message.
fn grouped<K: Eq + Hash>(places: Vec<usize>, key: impl Fn(usize) -> Option<K>) -> IndexMap<K, Vec<usize>> {
    let mut groups: IndexMap<K, Vec<usize>> = IndexMap::new();
    for place in places {
        if let Some(key) = key(place) {
            groups.entry(key).or_default().push(place);
        }
    }
    groups
}

fn settle(
    reports: &mut [DeliveryReport],
    places: Option<&Vec<usize>>,
    message_id: Option<MessageId>,
    status: &DeliveryStatus,
) {
    for place in places.into_iter().flatten() {
        if let Some(report) = reports.get_mut(*place) {
            report.message_id = report.message_id.or(message_id);
            report.status = Some(status.clone());
            report.error = None;
        }
    }
}

fn fail(reports: &mut [DeliveryReport], places: &[usize], error: &Error) {
    for place in places {
        if let Some(report) = reports.get_mut(*place) {
            report.error = Some(error.clone());
        }
    }
}

fn cannot_be_asked(lane: &Lane) -> Error {
    Error::configuration("delivery", "the gateway cannot be asked what became of this message")
        .with_gateway(lane.gateway.name())
}

/// A refusal that asking again will not change.
fn is_hopeless(report: &DeliveryReport) -> bool {
    report.error.as_ref().is_some_and(|error| error.retry() == Retry::Never)
}

fn is_limited(report: &DeliveryReport) -> bool {
    report.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::RateLimit)
}
