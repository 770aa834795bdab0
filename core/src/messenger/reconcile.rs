//! Asking a gateway whether it has a message, and believing only what is proven.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream;

use super::call::Call;
use super::lane::Lane;
use super::retry::Patience;
use crate::delivery::DeliveryStatus;
use crate::error::{Error, ErrorKind, Retry};
use crate::gateway::{LookUp, Registration};
use crate::memory::Trace;
use crate::message::{MessageId, TraceId};

/// How long a gateway is held back that asks to slow down without saying how long.
pub(super) const SLOW_DOWN: Duration = Duration::from_secs(2);

/// The shortest time that a question gets, unless the deadline is nearer.
const SHORTEST_QUESTION: Duration = Duration::from_secs(3);

/// How often, or for how long, a gateway is tried before it is certain that it cannot be asked what an earlier run did.
const TRIES_BEFORE_SENDING: u32 = 3;
const TIME_BEFORE_SENDING: Duration = Duration::from_secs(5);

/// How often it is waited for another message to arrive, whose finding would show that asking works.
const MOST_WAITS: u32 = 4;

/// How often one question is split: enough to find two ids among a hundred that were asked about lately, and too few to
/// ask about each of a hundred by itself.
const MOST_SPLITS: u32 = 14;

/// Why a gateway is asked, which decides what its "I do not have it" is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// An earlier run may have sent it.
    BeforeSending,
    /// The request's answer was lost.
    AnswerLost,
    /// The gateway said that it took the request, and not what became of this message.
    RowMissing,
    /// The gateway refused the request, and may have taken a part of it before.
    Refused,
}

/// What asking found out, beside the messages that turned out to be there: these are decided already.
#[derive(Default)]
pub(super) struct Findings {
    /// Certainly not there: may be sent.
    pub(super) absent: Vec<u32>,
    /// Nobody can tell, and why.
    pub(super) unknown: Vec<(u32, Error)>,
}

impl Findings {
    fn append(&mut self, mut more: Self) {
        self.absent.append(&mut more.absent);
        self.unknown.append(&mut more.unknown);
    }
}

/// A message that is asked for.
struct Sought {
    index: u32,
    /// From when on "I do not have it" is believed.
    landed_by: Duration,
    /// When to ask next.
    next: Duration,
    /// The rule was broken for it once, because waiting for it would have taken too long.
    is_last_question: bool,
}

/// One question's answer: the ids, and the rows or why there are none.
type Answer = (Vec<TraceId>, Result<Vec<Registration>, Error>);

/// Asks for messages until each is known to be there or not, or the time is over.
///
/// "There" is believed at once. "Not there" is believed of an answer to a question that was asked after everything that was
/// sent must have landed, from a way of asking that is known to find things. Where the gateway has a rule of how often it
/// may be asked about an id, the first question waits for that moment, so that its answer counts.
pub(super) async fn reconcile(
    call: &Call,
    lane: &Lane,
    messages: &[u32],
    why: Why,
    patience: &mut Patience<'_>,
) -> Findings {
    let mut all = Findings::default();
    reconcile_each(call, lane, messages, why, patience, |findings| all.append(findings)).await;
    all
}

/// The same; what a round of questions found out is handed over at once, so that what is not there need not wait for what
/// is still asked for.
pub(super) async fn reconcile_each(
    call: &Call,
    lane: &Lane,
    messages: &[u32],
    why: Why,
    patience: &mut Patience<'_>,
    mut tell: impl FnMut(Findings),
) {
    let mut search = match Search::new(call, lane, messages, why, patience) {
        Ok(search) => search,
        Err(findings) => return tell(findings),
    };
    while !search.sought.is_empty() {
        let now = call.clock.now();
        let next = search.sought.values().map(|sought| sought.next).min().unwrap_or(now);
        let early = next.saturating_sub(now);
        if !early.is_zero() {
            call.clock.sleep(early).await;
        }
        search.ask(patience).await;
        tell(std::mem::take(&mut search.findings));
    }
}

struct Search<'a> {
    call: &'a Call,
    lane: &'a Lane,
    look_up: LookUp,
    why: Why,
    began: Duration,
    /// Questions are asked until then.
    until: Duration,
    refused: u32,
    /// How many rounds of questions waited for another message to arrive, and the pause of this one.
    waits: u32,
    wait: Option<Duration>,
    /// Whether the last questions were asked beside one about a message that is certainly there.
    was_tried: bool,
    sought: HashMap<TraceId, Sought>,
    findings: Findings,
}

impl<'a> Search<'a> {
    fn new(
        call: &'a Call,
        lane: &'a Lane,
        messages: &[u32],
        why: Why,
        patience: &Patience<'_>,
    ) -> Result<Self, Findings> {
        let Some(look_up) = lane.gateway.capabilities().look_up else {
            let detail = "the gateway cannot be asked by trace id";
            let error = Error::configuration("look_up", detail).with_gateway(lane.gateway.name());
            let unknown = messages.iter().map(|index| (*index, error.clone())).collect();
            return Err(Findings { absent: Vec::new(), unknown });
        };
        let began = call.clock.now();
        let ids = messages.iter().filter_map(|index| Some((call.trace_id(*index)?, *index)));
        let sought: HashMap<_, _> = ids
            .map(|(id, index)| {
                let landed_by = lane.memory.landed_by(id);
                let sought = Sought { index, landed_by, next: began, is_last_question: false };
                (id, sought)
            })
            .collect();
        let landed_by = sought.values().map(|sought| sought.landed_by).max().unwrap_or(began);
        let until = patience.ask_until(landed_by);
        let findings = Findings::default();
        let mut search = Self {
            call,
            lane,
            look_up,
            why,
            began,
            until,
            refused: 0,
            waits: 0,
            wait: None,
            was_tried: false,
            sought,
            findings,
        };
        let ids: Vec<_> = search.sought.keys().copied().collect();
        for id in ids {
            search.schedule_first(id);
        }
        Ok(search)
    }

    /// When the first question about a message is asked.
    fn schedule_first(&mut self, id: TraceId) {
        let (now, until, rule) = (self.began, self.until, self.look_up.every);
        let Some(sought) = self.sought.get_mut(&id) else { return };
        if rule.is_zero() {
            // It costs nothing to ask twice, and what has arrived is found at once.
            return;
        }
        let settled = sought.landed_by.max(now);
        let allowed = self.lane.memory.last_answer(id).map_or(now, |asked| asked.saturating_add(rule));
        sought.next = if settled > until {
            // There is no time to believe an absence; what is there may still be found.
            now
        } else if settled.max(allowed) <= until {
            settled.max(allowed)
        } else {
            // The rule allows it too late. A question that is refused tells no less than none.
            sought.is_last_question = true;
            settled
        };
    }

    /// Asks about everything that is due, in requests of the gateway's size.
    async fn ask(&mut self, patience: &mut Patience<'_>) {
        let now = self.call.clock.now();
        let mut due: Vec<TraceId> =
            self.sought.iter().filter(|(_, sought)| sought.next <= now).map(|(id, _)| *id).collect();
        due.sort_unstable();
        let witness = self.needs_witness().then(|| self.lane.memory.witness()).flatten();
        self.was_tried = witness.is_some();
        // What is asked against the rule is asked together, so that its refusal holds nothing else back.
        let is_against_the_rule =
            |id: &TraceId| self.sought.get(id).is_some_and(|sought| sought.is_last_question);
        let (against, allowed): (Vec<_>, Vec<_>) =
            due.into_iter().chain(witness).partition(is_against_the_rule);
        let most = self.look_up.most.max(1);
        let chunks = |ids: &[TraceId], splits| {
            ids.chunks(most).map(|ids| (ids.to_vec(), splits)).collect::<Vec<(Vec<TraceId>, u32)>>()
        };
        let chunks = [chunks(&against, 0), chunks(&allowed, MOST_SPLITS)].concat();
        let limit = self.question_limit(now);
        let (call, lane, rule) = (self.call, self.lane, self.look_up.every);
        let mut questions = stream::iter(chunks)
            .map(|(ids, splits)| ask_or_split(call, lane, ids, rule, limit, splits))
            .buffer_unordered(call.policy.concurrency);
        let mut answers = Vec::new();
        while let Some(some) = questions.next().await {
            answers.extend(some);
        }
        drop(questions);
        self.read(answers, now, patience);
    }

    /// A question may be cut short; it gets what is left, and a little more if that is nothing.
    fn question_limit(&self, now: Duration) -> Duration {
        let left = self.until.saturating_sub(now).max(SHORTEST_QUESTION);
        match self.why {
            Why::BeforeSending if self.refused > 0 => left.min(SHORTEST_QUESTION),
            _ => left,
        }
    }

    /// Whether something is to be asked for that is certainly there, to see whether asking finds it.
    fn needs_witness(&self) -> bool {
        self.look_up.is_inferred && !self.lane.memory.has_found()
    }

    /// Whether "I do not have it" means anything for this message.
    fn is_trusted(&self, id: TraceId) -> bool {
        let is_new = || self.lane.memory.trace(id) == Trace::None;
        !self.needs_witness()
            // The first message of all cannot wait until another one has been found. One that this process may have sent
            // before is not the first.
            || (self.why == Why::BeforeSending && !self.was_tried && is_new())
    }

    /// Whether the gateway said that it took the message, now or in an earlier call.
    fn was_taken(&self, id: TraceId) -> bool {
        self.why == Why::RowMissing || self.lane.memory.trace(id) == Trace::Taken
    }

    fn read(&mut self, answers: Vec<Answer>, asked_at: Duration, patience: &mut Patience<'_>) {
        let now = self.call.clock.now();
        let mut missed = Vec::new();
        let mut failed = Vec::new();
        for (ids, answer) in answers {
            match answer {
                Ok(rows) => {
                    patience.answered();
                    let about = |row: &Registration| match row {
                        Registration::Registered { trace_id, .. }
                        | Registration::NotRegistered { trace_id, .. } => *trace_id,
                    };
                    // An id without a row was asked about too, as the gateway's rule sees it.
                    self.lane.memory.answered(ids.iter().copied(), now);
                    let silent = ids.iter().filter(|id| !rows.iter().any(|row| about(row) == **id));
                    failed.extend(silent.map(|id| (vec![*id], no_row(self.lane))));
                    for row in rows {
                        match row {
                            Registration::Registered { trace_id, message_id, status } => {
                                self.found(trace_id, message_id, &status);
                            }
                            Registration::NotRegistered { trace_id, .. } => missed.push(trace_id),
                        }
                    }
                }
                Err(error) => failed.push((ids, error)),
            }
        }
        self.wait = None;
        // When all answers are in: a message that one row has and another has not is there.
        for id in missed {
            self.missed(id, asked_at, patience);
        }
        self.failed(failed, patience);
    }

    fn found(&mut self, id: TraceId, message_id: Option<MessageId>, status: &DeliveryStatus) {
        self.lane.memory.found();
        if let Some(sought) = self.sought.remove(&id) {
            self.call.found(self.lane, sought.index, message_id, status, self.why == Why::BeforeSending);
        }
    }

    fn missed(&mut self, id: TraceId, asked_at: Duration, patience: &mut Patience<'_>) {
        let (is_trusted, was_taken) = (self.is_trusted(id), self.was_taken(id));
        let others_under_way = self.call.ledger.progress().in_flight > self.sought.len();
        let can_be_tried = !self.was_tried && self.lane.memory.witness().is_some();
        let Some(sought) = self.sought.get_mut(&id) else { return };
        if asked_at < sought.landed_by && sought.landed_by <= self.until && self.look_up.every.is_zero() {
            sought.next = sought.landed_by;
            return;
        }
        if !is_trusted && can_be_tried {
            // Another message has arrived meanwhile: whether asking finds that one is worth a second question.
            sought.next = asked_at;
            return;
        }
        let may_wait = self.wait.is_some() || self.waits < MOST_WAITS;
        if !is_trusted && others_under_way && !self.was_tried && may_wait {
            // One of them may be that other message.
            if self.wait.is_none() {
                self.wait = patience.pause(None, self.until);
                self.waits += 1;
            }
            if let Some(pause) = self.wait {
                sought.next = asked_at.saturating_add(pause);
                return;
            }
        }
        let is_settled = asked_at >= sought.landed_by;
        let Some(sought) = self.sought.remove(&id) else { return };
        let not_proven = |detail: &str| {
            let error = Error::maybe_sent(ErrorKind::Unavailable, "look_up", detail);
            error.with_gateway(self.lane.gateway.name())
        };
        if !is_settled {
            let error = not_proven(
                "the gateway does not have the message yet, and there was no time to wait until it must have arrived",
            );
            self.findings.unknown.push((sought.index, error));
        } else if !is_trusted {
            let error = not_proven(
                "the gateway says that it does not have the message, and has not been seen to find one yet: nobody has \
                 published that it can be asked this way",
            );
            self.findings.unknown.push((sought.index, error));
        } else if was_taken {
            let error =
                not_proven("the gateway says that it does not have the message, after it had taken it");
            self.findings.unknown.push((sought.index, error));
        } else {
            self.lane.memory.absent(id);
            self.findings.absent.push(sought.index);
        }
    }

    /// What no answer came about is asked for again, for as long as that may help.
    fn failed(&mut self, failed: Vec<(Vec<TraceId>, Error)>, patience: &mut Patience<'_>) {
        let now = self.call.clock.now();
        if let Some((_, error)) = failed.first() {
            // That one message was asked about too lately is no trouble of the gateway's.
            if error.kind() != ErrorKind::RateLimit {
                patience.failed_to_ask();
            }
            // Each round of questions counts once, however many requests it took.
            let counts = |error: &Error| {
                error.never_connected() || error.http_status().is_some_and(|status| status < 500)
            };
            self.refused = if failed.iter().any(|(_, error)| counts(error)) { self.refused + 1 } else { 0 };
        }
        let mut pause = None;
        for (ids, error) in failed {
            let is_over = self.is_final(&error, now);
            let pause = *pause.get_or_insert_with(|| patience.pause(Some(&error), self.until));
            for id in ids {
                let Some(sought) = self.sought.get_mut(&id) else { continue };
                let rule = self.look_up.every;
                let asked = self.lane.memory.last_answer(id).map(|asked| asked.saturating_add(rule));
                let next = match asked.filter(|allowed| *allowed > now) {
                    _ if is_over || pause.is_none() => None,
                    // The rule refuses it, and not the gateway's mood.
                    Some(allowed) if error.kind() == ErrorKind::RateLimit => {
                        Some(allowed).filter(|allowed| *allowed <= self.until && !sought.is_last_question)
                    }
                    _ => pause.map(|pause| now.saturating_add(pause)),
                };
                match next {
                    Some(next) => sought.next = next,
                    None => {
                        if let Some(sought) = self.sought.remove(&id) {
                            self.findings.unknown.push((sought.index, error.clone()));
                        }
                    }
                }
            }
        }
    }

    /// Whether asking again cannot help: refused for good in the gateway's own words, or, before anything was sent, so often
    /// that the caller need not wait any longer.
    fn is_final(&self, error: &Error, now: Duration) -> bool {
        let is_refusal = error.retry() == Retry::Never;
        if is_refusal && (error.code().is_some() || error.http_status().is_none()) {
            return true;
        }
        let may_give_up = is_refusal || (self.why == Why::BeforeSending && error.never_connected());
        let has_tried = self.refused >= TRIES_BEFORE_SENDING
            || (error.never_connected() && now >= self.began.saturating_add(TIME_BEFORE_SENDING));
        may_give_up && has_tried
    }
}

pub(super) fn no_row(lane: &Lane) -> Error {
    Error::maybe_sent(
        ErrorKind::Decode,
        "look_up",
        "the gateway's answer does not say whether it has the message",
    )
    .with_gateway(lane.gateway.name())
}

/// Asks one question. One that is refused because some of its ids were asked about lately is split until these are alone, so
/// that they do not hold the others back.
async fn ask_or_split(
    call: &Call,
    lane: &Lane,
    ids: Vec<TraceId>,
    rule: Duration,
    limit: Duration,
    splits: u32,
) -> Vec<Answer> {
    let (mut splits, mut open, mut answers) = (splits, vec![ids], Vec::new());
    while let Some(mut ids) = open.pop() {
        let answer = ask(call, lane, &ids, limit).await;
        match &answer {
            Err(error) if error.kind() == ErrorKind::RateLimit => {
                let is_about_ids = error.code().is_some() && error.retry_after().is_none() && !rule.is_zero();
                if !is_about_ids {
                    // At once, before the questions that are left are told the same.
                    lane.pace.slow_down(error.retry_after().unwrap_or(SLOW_DOWN));
                } else if ids.len() > 1 && splits > 0 {
                    splits -= 1;
                    let second = ids.split_off(ids.len() / 2);
                    open.extend([second, ids]);
                    continue;
                }
            }
            _ => {}
        }
        answers.push((ids, answer));
    }
    answers
}

async fn ask(call: &Call, lane: &Lane, ids: &[TraceId], limit: Duration) -> Result<Vec<Registration>, Error> {
    let question = async {
        let _permit = lane.pace.enter().await;
        lane.gateway.look_up(ids).await
    };
    match select(std::pin::pin!(question), call.clock.limit(limit)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => {
            let error =
                Error::new(ErrorKind::Timeout, "look_up", "no answer in the time that was left for asking");
            Err(error.with_gateway(lane.gateway.name()).with_retry(Retry::Backoff))
        }
    }
}
