//! A send from the outside: started by awaiting it, watched through its log, stopped by a token or by dropping it.

use std::collections::HashMap;
use std::fmt;
use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::call::Call;
use super::ledger::{Ledger, Progress};
use crate::error::{Error, ErrorKind, Hint, Result};
use crate::message::{Content, Message, Receipt, SendOutcome, TraceId, TraceIds};

/// A send that starts when it is awaited.
///
/// ```no_run
/// # async fn example(messenger: payamak::Messenger) -> payamak::Result<()> {
/// let sending = messenger.send("سلام", ["09121112222"]).on_progress(|progress| println!("{progress:?}"));
/// let log = sending.log();
/// let report = sending.await?;
/// # Ok(()) }
/// ```
///
/// Dropping it (or the future it has become) stops it: requests under way are cut off, none is started any more, and its
/// [`SendLog`] still says what had become of each message.
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending {
    messenger: Arc<Inner>,
    messages: Vec<Message>,
    trace_ids: Vec<TraceId>,
    list: &'static str,
    work: Vec<u32>,
    ledger: Arc<Ledger>,
    cancel: Option<CancellationToken>,
    refusal: Option<Error>,
}

impl Sending {
    /// `list` is what the caller knows the messages as, for errors: `messages` or `recipients`.
    pub(super) fn new(messenger: &Arc<Inner>, messages: Vec<Message>, list: &'static str) -> Self {
        let Prepared { trace_ids, work, ledger } = Prepared::new(&messages, list, &messenger.trace_ids);
        let refusal = messenger.refuse(&messages, &work);
        Self {
            messenger: messenger.clone(),
            messages,
            trace_ids,
            list,
            work,
            ledger: Arc::new(ledger),
            cancel: None,
            refusal,
        }
    }

    /// Calls back whenever counts have changed. It is called from within the send: it must return at once.
    pub fn on_progress(self, notify: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.ledger.notify(Arc::new(notify));
        self
    }

    /// Stops when this token is cancelled, with a [`CanceledError`](ErrorKind::Canceled) that carries the receipts.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// A look at the receipts from outside, during the send and after it.
    pub fn log(&self) -> SendLog {
        SendLog(self.ledger.clone())
    }

    async fn run(self) -> Result<Report> {
        let Self { messenger, messages, trace_ids, list, work, ledger, cancel, refusal } = self;
        if let Some(error) = refusal {
            return Err(error);
        }
        let call = Call {
            messages,
            trace_ids,
            list,
            ledger: ledger.clone(),
            lanes: messenger.lanes.clone(),
            policy: messenger.policy.clone(),
            clock: messenger.clock.clone(),
        };
        let work = std::pin::pin!(call.run(work));
        if let Some(token) = cancel {
            let cancelled = std::pin::pin!(token.cancelled());
            if let Either::Left(_) = select(cancelled, work).await {
                let error = canceled();
                return Err(error.clone().with_receipts(ledger.receipts(&error)));
            }
        } else {
            work.await;
        }
        Ok(Report { receipts: ledger.take_receipts() })
    }
}

impl IntoFuture for Sending {
    type Output = Result<Report>;
    type IntoFuture = BoxFuture<'static, Result<Report>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("progress", &self.ledger.progress()).finish_non_exhaustive()
    }
}

/// A look at a send while it runs, and after it was dropped.
#[derive(Clone)]
pub struct SendLog(Arc<Ledger>);

impl SendLog {
    /// The counts at this moment.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// The receipts at this moment, in input order: what may have left is `unclear`, what has not left is `rejected`, both
    /// with a [`CanceledError`](ErrorKind::Canceled). Empty once the send has handed its receipts out.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.0.receipts(&canceled())
    }
}

impl fmt::Debug for SendLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendLog").field(&self.progress()).finish()
    }
}

fn canceled() -> Error {
    Error::new(ErrorKind::Canceled, "send", "the send was stopped").with_hint(Hint::new(
        "Send what its receipts do not call accepted again, with the same keys or trace ids and once.",
        "آنچه رسیدش «پذیرفته» نیست را دوباره، با همان کلیدها یا شناسه‌های پیگیری و با once، بفرستید.",
    ))
}

/// The receipts of a send, in input order. It is a slice of [`Receipt`]s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    receipts: Vec<Receipt>,
}

impl Report {
    /// The receipts of messages that a gateway has.
    pub fn accepted(&self) -> impl Iterator<Item = &Receipt> {
        self.with(SendOutcome::Accepted)
    }

    /// The receipts of messages that are certainly not sent.
    pub fn rejected(&self) -> impl Iterator<Item = &Receipt> {
        self.with(SendOutcome::Rejected)
    }

    /// The receipts of messages of which nobody knows.
    pub fn unclear(&self) -> impl Iterator<Item = &Receipt> {
        self.with(SendOutcome::Unclear)
    }

    fn with(&self, outcome: SendOutcome) -> impl Iterator<Item = &Receipt> {
        self.receipts.iter().filter(move |receipt| receipt.outcome == outcome)
    }

    /// The receipts.
    pub fn into_receipts(self) -> Vec<Receipt> {
        self.receipts
    }
}

impl Deref for Report {
    type Target = [Receipt];

    fn deref(&self) -> &[Receipt] {
        &self.receipts
    }
}

impl IntoIterator for Report {
    type Item = Receipt;
    type IntoIter = std::vec::IntoIter<Receipt>;

    fn into_iter(self) -> Self::IntoIter {
        self.receipts.into_iter()
    }
}

/// Messages with their ids, and the receipts of those that cannot be sent by anybody already written.
struct Prepared {
    trace_ids: Vec<TraceId>,
    work: Vec<u32>,
    ledger: Ledger,
}

impl Prepared {
    fn new(messages: &[Message], list: &str, generated: &TraceIds) -> Self {
        let mut trace_ids = Vec::with_capacity(messages.len());
        let mut receipts = Vec::with_capacity(messages.len());
        let mut work = Vec::with_capacity(messages.len());
        let mut refused = Vec::new();
        let mut duplicates: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut given: HashMap<TraceId, u32> = HashMap::new();
        for ((index, message), generated) in (0u32..).zip(messages).zip(generated.take(messages.len())) {
            let (trace_id, mut fault) = match identify(message, generated) {
                Ok(trace_id) => (trace_id, check(message).err()),
                Err(error) => (generated, Some(error)),
            };
            trace_ids.push(trace_id);
            receipts.push(Receipt {
                to: message.to.clone(),
                trace_id,
                gateway: None,
                message_id: None,
                outcome: SendOutcome::Rejected,
                error: None,
            });
            if fault.is_none() && (message.key.is_some() || message.trace_id.is_some()) {
                let first = *given.entry(trace_id).or_insert(index);
                let of_first = messages.get(first as usize).filter(|_| first != index);
                match of_first {
                    None => {}
                    Some(earlier) if message.is_once() && message.says_the_same(earlier) => {
                        duplicates.entry(first).or_default().push(index);
                        continue;
                    }
                    Some(_) => {
                        let field = if message.key.is_some() { "key" } else { "trace_id" };
                        let detail = format!("that of {list}[{first}] too, which is another message");
                        fault = Some(Error::invalid_input("send", field, detail));
                    }
                }
            }
            match fault {
                None => work.push(index),
                Some(error) => refused.push((index, error.in_list(list, index))),
            }
        }
        let ledger = Ledger::new(receipts, messages.iter().map(Message::is_once), duplicates);
        for (index, error) in refused {
            ledger.reject(index, &error);
        }
        Self { trace_ids, work, ledger }
    }
}

fn identify(message: &Message, generated: TraceId) -> Result<TraceId> {
    match (&message.key, message.trace_id) {
        (Some(_), Some(_)) => {
            Err(Error::invalid_input("send", "key", "given together with a trace_id; the key makes one"))
        }
        (Some(key), None) => TraceId::from_key(key),
        (None, Some(trace_id)) => trace_id.require("send", || "trace_id".into()).map(TraceId::new),
        (None, None) if message.once => {
            Err(Error::invalid_input("send", "once", "set without a trace_id or a key to ask for"))
        }
        (None, None) => Ok(generated),
    }
}

fn check(message: &Message) -> Result<()> {
    message.to.require("send", || "to".into())?;
    match &message.content {
        Content::Text(text) if text.is_empty() => Err(Error::invalid_input("send", "text", "empty")),
        Content::Template { key, .. } if key.is_empty() => {
            Err(Error::invalid_input("send", "template", "empty"))
        }
        _ => Ok(()),
    }
}
