//! From the first gateway to the last: what is certainly not sent goes on, what is unclear stays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, join, join_all};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, watch};

use super::AskPolicy;
use super::call::Call;
use super::lane::Lane;
use super::plan::{Planned, plan};
use super::reconcile::{Findings, Why, reconcile_each};
use super::retry::Patience;
use crate::error::{Error, Hint};
use crate::memory::{Claim, Fate, Memory, fingerprint};
use crate::message::Receipt;

/// More than one request of any gateway carries.
const TOGETHER: usize = 1_000;

impl Call {
    /// Brings every message to its end.
    pub(super) async fn run(&self, messages: Vec<u32>) {
        let (once, rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(|index| self.is_once(*index));
        // As many at a time as travel together, so that the first is sent before the last is asked for.
        let most = |lane: &Lane| lane.gateway.capabilities().max_recipients;
        let together = self.lanes.iter().map(most).max().unwrap_or(1).max(1);
        let groups: Vec<_> = once.chunks(together).map(<[u32]>::to_vec).collect();
        let once: BoxFuture<'_, ()> =
            Box::pin(stream::iter(groups).for_each_concurrent(self.policy.concurrency, |group| async move {
                self.run_once(group).await;
            }));
        join(once, self.deliver(0, rest)).await;
    }

    /// Messages that may be sent once, whoever else wants to send them: by an earlier run, or by another call right now.
    async fn run_once(&self, messages: Vec<u32>) {
        let mut mine = Vec::with_capacity(messages.len());
        let mut theirs = Vec::new();
        for index in messages {
            match self.claim(index) {
                Some(Claim::Theirs(receipt)) => theirs.push(self.follow(index, receipt)),
                Some(claim) => mine.extend(self.take(index, claim).then_some(index)),
                None => {}
            }
        }
        join(self.ask_then_deliver(mine), join_all(theirs)).await;
    }

    fn claim(&self, index: u32) -> Option<Claim> {
        let memories: Vec<Arc<Memory>> = self.lanes.iter().map(|lane| lane.memory.clone()).collect();
        let content = fingerprint(self.message(index)?);
        Some(Memory::claim(&memories, self.trace_id(index)?, content))
    }

    /// Whether the message is this call's to send; otherwise it has been decided.
    fn take(&self, index: u32, claim: Claim) -> bool {
        match claim {
            Claim::Mine(flight) => {
                self.flights().insert(index, flight);
                return true;
            }
            Claim::Sent(place, fate) => {
                if let Some(lane) = self.lanes.get(place) {
                    match fate {
                        Fate::Accepted(message_id) => self.accept(lane, &[(index, message_id)], true),
                        Fate::NeverLeft(error) => self.never_left(lane, index, &error, true),
                    }
                }
            }
            Claim::SaysSomethingElse => self.reject(index, &self.key_reused(index)),
            Claim::Theirs(_) => {}
        }
        false
    }

    fn key_reused(&self, index: u32) -> Error {
        let has_key = self.message(index).is_some_and(|message| message.key.is_some());
        let (field, what) = if has_key { ("key", "key") } else { ("trace_id", "trace id") };
        let detail = format!("used for another message before; each {what} names one");
        Error::invalid_input("send", field, detail).in_list(self.list, index).with_hint(Hint::new(
            "If this is a new message, give it a key (or a trace id) of its own; the earlier one stands as it is.",
            "اگر این پیام تازه است، کلید (یا شناسهٔ پیگیری) خودش را به آن بدهید؛ پیام پیشین همان‌گونه که هست می‌ماند.",
        ))
    }

    /// Another call is sending the message: its receipt is this one's too. If that call is dropped, this one goes on.
    fn follow(&self, index: u32, receipt: watch::Receiver<Option<Receipt>>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut receipt = receipt;
            loop {
                let told = receipt.wait_for(Option::is_some).await.ok().and_then(|receipt| receipt.clone());
                if let Some(told) = told {
                    return self.replay(index, &told);
                }
                match self.claim(index) {
                    Some(Claim::Theirs(another)) => receipt = another,
                    Some(claim) => {
                        if self.take(index, claim) {
                            self.ask_then_deliver(vec![index]).await;
                        }
                        return;
                    }
                    None => return,
                }
            }
        })
    }

    /// Asks every gateway that can be asked before the first request: an earlier run may have sent by any of them.
    fn ask_then_deliver(&self, messages: Vec<u32>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if messages.is_empty() {
                return;
            }
            let can_be_asked = |lane: &&Lane| lane.gateway.capabilities().look_up.is_some();
            let lanes = self.lanes.iter().filter(can_be_asked);
            let lanes: Vec<_> = match self.policy.ask {
                AskPolicy::Every => lanes.collect(),
                AskPolicy::First => lanes.take(1).collect(),
            };
            // What every gateway says it does not have goes out at once, whatever they are still asked for.
            let (ready, are_ready) = mpsc::unbounded_channel();
            let absences = Arc::new(Absences {
                gateways: lanes.len(),
                counted: Mutex::default(),
                unknown: Mutex::default(),
                ready,
            });
            let mut questions = Vec::with_capacity(lanes.len());
            for lane in lanes {
                questions.push(self.ask_before_sending(lane, &messages, absences.clone()));
            }
            let asked = async move {
                join_all(questions).await;
                // Only now is it certain that no other gateway has it: what one turned out to have is decided, and stays so.
                for (place, index, cause) in absences.take_unknown() {
                    if let Some(lane) = self.lanes.get(place) {
                        self.unclear(lane, &[index], &not_asked(&cause));
                    }
                }
            };
            join(asked, self.deliver_as_ready(are_ready)).await;
        })
    }

    /// Asks one gateway whether an earlier run has sent these.
    async fn ask_before_sending(&self, lane: &Lane, messages: &[u32], absences: Arc<Absences>) {
        let mut patience = Patience::new(&self.policy.retry, lane.place, &self.budget, &self.clock);
        let tell = |findings: Findings| {
            absences.count(findings.absent);
            absences.keep_unknown(lane.place, findings.unknown);
        };
        reconcile_each(self, lane, messages, Why::BeforeSending, &mut patience, tell).await;
    }

    /// Sends what comes, and together what comes together.
    async fn deliver_as_ready(&self, are_ready: mpsc::UnboundedReceiver<u32>) {
        let groups = stream::unfold(are_ready, |mut are_ready| async move {
            let mut group = Vec::new();
            let is_open = are_ready.recv_many(&mut group, TOGETHER).await > 0;
            is_open.then_some((group, are_ready))
        });
        let deliver = |mut absent: Vec<u32>| {
            absent.sort_unstable();
            self.ledger.comes_back(&absent);
            self.deliver(0, absent)
        };
        groups.for_each_concurrent(None, deliver).await;
    }

    /// Sends by the gateway of this place, and what it certainly did not take by the ones after it.
    fn deliver(&self, place: usize, messages: Vec<u32>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(lane) = self.lanes.get(place) else {
                self.reject_as_refused(&messages);
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
        let kind = request.kind;
        let not_sent = match self.send(lane, request, is_last).await {
            Ok(()) => Vec::new(),
            Err((messages, error))
                if messages.len() > 1 && self.may_be_one_message(kind, &messages, &error) =>
            {
                self.isolate(lane, Planned { kind, messages }, error, is_last).await
            }
            Err(refused) => vec![refused],
        };
        let mut left = Vec::new();
        for (messages, error) in not_sent {
            self.ledger.refused(&messages, &error);
            left.extend(messages);
        }
        left
    }
}

/// How many gateways have said of each message that they do not have it.
struct Absences {
    gateways: usize,
    counted: Mutex<HashMap<u32, usize>>,
    /// Which could not say, by their place, of which messages and why.
    unknown: Mutex<Vec<(usize, u32, Error)>>,
    /// Takes the messages of which all have.
    ready: mpsc::UnboundedSender<u32>,
}

impl Absences {
    fn keep_unknown(&self, gateway: usize, messages: Vec<(u32, Error)>) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.extend(messages.into_iter().map(|(index, cause)| (gateway, index, cause)));
    }

    fn take_unknown(&self) -> Vec<(usize, u32, Error)> {
        std::mem::take(&mut *self.unknown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, messages: Vec<u32>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for index in messages {
            let count = counted.entry(index).or_default();
            *count += 1;
            if *count == self.gateways {
                // Whoever takes them is there as long as this call is.
                let _ = self.ready.send(index);
            }
        }
    }
}

/// Of a message that was not sent because a gateway could not be asked: the cause, and what to do now.
fn not_asked(cause: &Error) -> Error {
    let error = cause.of_asking_first();
    if error.hint().is_some() && error.code().is_some() {
        return error;
    }
    error.with_hint(Hint::new(
        "Run it again with the same key when the gateway answers; with ask set to first, the first gateway alone is asked.",
        "وقتی درگاه پاسخ داد، با همان کلید دوباره اجرا کنید؛ با ask برابر first فقط از درگاه نخست پرسیده می‌شود.",
    ))
}
