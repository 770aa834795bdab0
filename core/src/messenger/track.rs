//! What became of messages: delivery reports until each is final, and the messages that people send back.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use indexmap::IndexMap;
use serde::Serialize;

use super::Inner;
use super::lane::Lane;
use super::reconcile::no_row;
use crate::clock::Clock;
use crate::delivery::{DeliveryState, DeliveryStatus};
use crate::error::{Error, ErrorKind, Result};
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
    pub(super) fn require(&self) -> Result<()> {
        if self.interval.is_some_and(|interval| interval.is_zero()) {
            let detail = "0; a gateway that is asked without a pause answers no question at all";
            return Err(Error::invalid_input("track", "interval", detail));
        }
        Ok(())
    }

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

/// Delivery reports as they come, made by [`Messenger::track`](crate::Messenger::track).
#[must_use = "nothing is asked until it is polled"]
pub struct Tracking(BoxStream<'static, DeliveryReport>);

impl Tracking {
    pub(super) fn new(reports: impl Stream<Item = DeliveryReport> + Send + 'static) -> Self {
        Self(Box::pin(reports))
    }

    /// The next report; `None` when nothing is on its way any more.
    pub async fn next(&mut self) -> Option<DeliveryReport> {
        self.0.next().await
    }
}

impl Stream for Tracking {
    type Item = DeliveryReport;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<DeliveryReport>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracking").finish_non_exhaustive()
    }
}

/// A message that is followed.
struct Followed {
    report: DeliveryReport,
    /// Nobody knows which gateway has it, if any: all are asked.
    is_unclear: bool,
    /// How often the gateways, asked by trace id, did not have it. Once is not enough: it may have been on its way.
    absences: u32,
}

impl Followed {
    /// Nothing is known yet; a rejected message, or one that cannot be asked about, has nothing to ask.
    fn new(index: usize, receipt: &Receipt) -> Self {
        let error = match (receipt.outcome, receipt.message_id) {
            (SendOutcome::Rejected, _) => Some(receipt.error.clone().unwrap_or_else(|| {
                Error::invalid_input("delivery", "receipts", "that of a message that was not sent")
            })),
            (_, Some(message_id)) if !message_id.is_real() => {
                let detail = format!("{}; an id is from 1 to 2^63-1", message_id.get());
                Some(Error::invalid_input("delivery", format!("receipts[{index}].message_id"), detail))
            }
            (_, None) => receipt.trace_id.require("delivery", || format!("receipts[{index}].trace_id")).err(),
            _ => None,
        };
        let report = DeliveryReport {
            index,
            to: receipt.to.clone(),
            trace_id: receipt.trace_id,
            gateway: receipt.gateway.clone(),
            message_id: receipt.message_id,
            status: None,
            error,
            timed_out: false,
        };
        Self { report, is_unclear: receipt.outcome == SendOutcome::Unclear, absences: 0 }
    }

    /// What is never going to be answered: the receipt is at fault, or the messenger, and not the moment.
    fn is_hopeless(&self) -> bool {
        let kind = self.report.error.as_ref().map(Error::kind);
        matches!(kind, Some(ErrorKind::InvalidInput))
            || self.report.error.as_ref().is_some_and(|error| {
                error.kind() == ErrorKind::Configuration
                    && error.http_status().is_none()
                    && error.code().is_none()
            })
    }

    fn settle(&mut self, message_id: Option<MessageId>, status: &DeliveryStatus) {
        self.report.message_id = self.report.message_id.or(message_id);
        self.report.status = Some(status.clone());
        self.report.error = None;
    }
}

impl Inner {
    /// The gateways that may have a message: the one it was sent by, or all of them where nobody knows.
    fn lanes_of(&self, gateway: Option<&Arc<str>>) -> Vec<&Lane> {
        if let Some(name) = gateway {
            return self.lanes.iter().filter(|lane| lane.gateway.name() == name).collect();
        }
        let (can, cannot): (Vec<&Lane>, Vec<&Lane>) =
            self.lanes.iter().partition(|lane| lane.gateway.capabilities().look_up.is_some());
        if can.is_empty() { cannot } else { can }
    }

    /// Asks once about all of them, in requests of the gateways' size. Failures stand in the reports.
    async fn look(&self, followed: &mut [Followed]) {
        let mut by_gateway: IndexMap<Option<Arc<str>>, Vec<usize>> = IndexMap::new();
        for (place, one) in followed.iter().enumerate() {
            let gateway = one.report.gateway.clone().filter(|_| !one.is_unclear);
            by_gateway.entry(gateway).or_default().push(place);
        }
        for (name, places) in by_gateway {
            let lanes = self.lanes_of(name.as_ref());
            if lanes.is_empty() {
                let error = Error::invalid_input("delivery", "gateway", "none of this messenger's");
                fail(followed, &places, &error);
                continue;
            }
            let (with_id, without_id): (Vec<_>, Vec<_>) = places.into_iter().partition(|place| {
                name.is_some() && followed.get(*place).is_some_and(|one| one.report.message_id.is_some())
            });
            if let [lane] = lanes.as_slice() {
                ask_by_id(lane, followed, with_id).await;
            }
            ask_by_trace_id(&lanes, followed, without_id, &self.clock).await;
        }
    }

    pub(super) async fn delivery(&self, receipts: &[Receipt]) -> Vec<DeliveryReport> {
        let (mut asked, settled): (Vec<_>, Vec<_>) = receipts
            .iter()
            .enumerate()
            .map(|(index, receipt)| Followed::new(index, receipt))
            .partition(|one| one.report.error.is_none());
        // Asked once: the first word counts.
        for one in &mut asked {
            one.absences = ABSENCES;
        }
        self.look(&mut asked).await;
        let mut reports: Vec<_> = settled.into_iter().chain(asked).map(|one| one.report).collect();
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
                let one = Followed::new(index, receipt);
                match one.report.error {
                    None => pending.push(one),
                    Some(_) => yield one.report,
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
                let before: Vec<_> =
                    pending.iter().map(|one| (one.report.status.clone(), one.report.error.clone())).collect();
                self.look(&mut pending).await;
                for (one, (status, error)) in pending.iter().zip(before) {
                    // What stands in the way is said when it is new; that it is gone shows when a status changes.
                    let is_news = one.report.error.is_some() && one.report.error != error;
                    if one.report.status != status || is_news {
                        yield one.report.clone();
                    }
                }
                pending.retain(|one| !one.report.is_final() && !one.is_hopeless());
                // Told to slow down, it looks half as often each time, until it is no longer told so.
                let limited = pending.iter().any(|one| is_limited(&one.report));
                slower = if limited { (slower * 2).min(MOST_SLOWED) } else { 1 };
                wait = self.interval(&pending, &options).saturating_mul(slower);
            }
            for one in pending {
                yield DeliveryReport { timed_out: true, ..one.report };
            }
        }
    }

    /// The longest interval among the gateways that are still asked, so that none of their rules is broken.
    fn interval(&self, pending: &[Followed], options: &TrackOptions) -> Duration {
        options.interval.unwrap_or_else(|| {
            let lanes = self.lanes.iter();
            let is_asked = |lane: &&Lane| {
                let may_have = |one: &Followed| {
                    one.is_unclear
                        || one.report.gateway.as_ref().is_none_or(|name| name == lane.gateway.name())
                };
                pending.iter().any(may_have)
            };
            let intervals = lanes.filter(is_asked).map(|lane| lane.gateway.capabilities().poll_interval);
            intervals.max().unwrap_or_default().max(SHORTEST_INTERVAL)
        })
    }

    pub(super) fn receive_all(
        self: Arc<Self>,
        interval: Duration,
    ) -> impl Stream<Item = Result<Received>> + Send {
        async_stream::stream! {
            loop {
                for place in 0..self.lanes.len() {
                    // What an earlier stream asked for and did not hand out is not asked for again: it comes from here.
                    while let Some(received) = self.next_incoming() {
                        yield received;
                    }
                    // A task of its own: a stream that is dropped while it waits leaves the answer to the next one.
                    let mut question = tokio::spawn(self.clone().take_incoming(place));
                    loop {
                        let come = pin!(self.has_incoming.notified());
                        let is_over = matches!(select(&mut question, come).await, Either::Left(_));
                        while let Some(received) = self.next_incoming() {
                            yield received;
                        }
                        if is_over {
                            break;
                        }
                    }
                }
                self.clock.sleep(interval.max(SHORTEST_INTERVAL)).await;
            }
        }
    }

    /// Asks one inbox, and puts what comes where the streams take it from.
    async fn take_incoming(self: Arc<Self>, place: usize) {
        let Some(lane) = self.lanes.get(place).filter(|lane| lane.gateway.capabilities().inbox) else {
            return;
        };
        let Ok(_turn) = lane.inbox.try_lock() else {
            // An earlier stream's question is under way: its answer is everybody's, and nobody asks a second time meanwhile.
            drop(lane.inbox.lock().await);
            return;
        };
        let permit = lane.pace.enter().await;
        let answer = lane.gateway.receive().await;
        drop(permit);
        let gateway = lane.gateway.name();
        let received = match answer {
            Ok(messages) => messages
                .into_iter()
                .map(|message| Ok(Received { gateway: gateway.clone(), message }))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).extend(received);
        self.has_incoming.notify_waiters();
    }

    fn next_incoming(&self) -> Option<Result<Received>> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// A gateway that is asked without a pause keeps a core busy, and answers nothing any more.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// How often a message has to be missing before it is reported as not found.
const ABSENCES: u32 = 2;

/// How many times longer than the interval the pause gets, at most, when a gateway keeps asking to slow down.
const MOST_SLOWED: u32 = 16;

async fn ask_by_id(lane: &Lane, followed: &mut [Followed], places: Vec<usize>) {
    let of_id = grouped(places, |place| followed.get(place)?.report.message_id);
    let Some(most) = lane.gateway.capabilities().deliveries else {
        let error = cannot_be_asked(lane);
        return of_id.into_values().for_each(|places| fail(followed, &places, &error));
    };
    let ids: Vec<MessageId> = of_id.keys().copied().collect();
    for chunk in ids.chunks(most.max(1)) {
        let permit = lane.pace.enter().await;
        let answer = lane.gateway.deliveries(chunk).await;
        drop(permit);
        match answer {
            Ok(rows) => {
                for (id, status) in rows {
                    each(followed, of_id.get(&id), |one| one.settle(None, &status));
                }
            }
            Err(error) => {
                for places in chunk.iter().filter_map(|id| of_id.get(id)) {
                    fail(followed, places, &error);
                }
            }
        }
    }
}

/// What became of one message at several gateways.
enum Word {
    Here(Arc<str>, Option<MessageId>, DeliveryStatus),
    NotHere(DeliveryStatus),
    Failed(Error),
}

/// A message whose id is not known is asked for by its trace id, at every gateway that may have it; the same answer says
/// where it is. It is missing when none of them has it.
async fn ask_by_trace_id(
    lanes: &[&Lane],
    followed: &mut [Followed],
    places: Vec<usize>,
    clock: &Arc<dyn Clock>,
) {
    let of_trace = grouped(places, |place| Some(followed.get(place)?.report.trace_id));
    let ids: Vec<TraceId> = of_trace.keys().copied().collect();
    let mut words: HashMap<TraceId, Word> = HashMap::new();
    for lane in lanes {
        // What one gateway has, another need not be asked for.
        let is_open = |id: &&TraceId| !matches!(words.get(id), Some(Word::Here(..)));
        let open: Vec<TraceId> = ids.iter().filter(is_open).copied().collect();
        for (id, word) in words_of(lane, &open, clock).await {
            match (words.get(&id), &word) {
                // One gateway that could not be asked leaves the question open.
                (Some(Word::Failed(_)), Word::NotHere(_)) => {}
                _ => drop(words.insert(id, word)),
            }
        }
    }
    for (id, word) in words {
        each(followed, of_trace.get(&id), |one| match &word {
            Word::Here(gateway, message_id, status) => {
                one.absences = 0;
                one.is_unclear = false;
                one.report.gateway = Some(gateway.clone());
                one.settle(*message_id, status);
            }
            Word::NotHere(status) => {
                one.absences += 1;
                if one.absences >= ABSENCES {
                    one.settle(None, status);
                }
            }
            Word::Failed(error) => one.report.error = Some(error.clone()),
        });
    }
}

async fn words_of(lane: &Lane, ids: &[TraceId], clock: &Arc<dyn Clock>) -> Vec<(TraceId, Word)> {
    let gateway = lane.gateway.name();
    let Some(look_up) = lane.gateway.capabilities().look_up else {
        let error = cannot_be_asked(lane);
        return ids.iter().map(|id| (*id, Word::Failed(error.clone()))).collect();
    };
    let mut words = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(look_up.most.max(1)) {
        let permit = lane.pace.enter().await;
        let answer = lane.gateway.look_up(chunk).await;
        drop(permit);
        match answer {
            Ok(registrations) => {
                lane.memory.answered(chunk.iter().copied(), clock.now());
                // An id without a row is no answer.
                let silence = |id: &TraceId| (*id, Word::Failed(no_row(lane)));
                let mut of_chunk: HashMap<TraceId, Word> = chunk.iter().map(silence).collect();
                for registration in registrations {
                    match registration {
                        Registration::Registered { trace_id, message_id, status } => {
                            if status.state() != DeliveryState::NotSent {
                                lane.memory.accepted(std::iter::once((trace_id, message_id, true)));
                            }
                            of_chunk.insert(trace_id, Word::Here(gateway.clone(), message_id, status));
                        }
                        Registration::NotRegistered { trace_id, status } => {
                            if !matches!(of_chunk.get(&trace_id), Some(Word::Here(..))) {
                                of_chunk.insert(trace_id, Word::NotHere(status));
                            }
                        }
                    }
                }
                words.extend(of_chunk);
            }
            Err(error) => words.extend(chunk.iter().map(|id| (*id, Word::Failed(error.clone())))),
        }
    }
    words
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

fn each(followed: &mut [Followed], places: Option<&Vec<usize>>, mut change: impl FnMut(&mut Followed)) {
    for place in places.into_iter().flatten() {
        if let Some(one) = followed.get_mut(*place) {
            change(one);
        }
    }
}

fn fail(followed: &mut [Followed], places: &Vec<usize>, error: &Error) {
    each(followed, Some(places), |one| one.report.error = Some(error.clone()));
}

fn cannot_be_asked(lane: &Lane) -> Error {
    Error::configuration("delivery", "the gateway cannot be asked what became of this message")
        .with_gateway(lane.gateway.name())
}

fn is_limited(report: &DeliveryReport) -> bool {
    report.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::RateLimit)
}
