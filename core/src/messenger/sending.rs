//! A send from the outside: started by awaiting it, watched through its log, stopped by a token or by dropping it.

use std::fmt;
use std::future::{IntoFuture, pending};
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use tokio_util::sync::CancellationToken;

use super::budget::{Budget, too_late};
use super::call::Call;
use super::ledger::{Ledger, Progress};
use super::prepare::Prepared;
use super::{DEADLINE_RANGE, Inner, is_deadline};
use crate::error::{Error, ErrorKind, Hint, Result};
use crate::message::{KeyKind, Message, Receipt, SendOutcome, SenderLine, TraceId};

/// A send that starts when it is awaited.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example(messenger: payamak::Messenger) -> payamak::Result<()> {
/// let sending = messenger
///     .send("سلام", ["09121112222"])
///     .key("campaign-7")
///     .deadline(Duration::from_secs(20))
///     .on_progress(|progress| println!("{progress:?}"));
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
    list: &'static str,
    /// What a key given to the whole send names.
    key_kind: KeyKind,
    deadline: Option<Duration>,
    notify: Option<Notify>,
    cancel: Option<CancellationToken>,
    /// Made once the settings are complete: by the first log, or by the start.
    ready: OnceLock<Result<Ready>>,
}

type Notify = Arc<dyn Fn(Progress) + Send + Sync>;

struct Ready {
    trace_ids: Vec<TraceId>,
    work: Vec<u32>,
    ledger: Arc<Ledger>,
}

impl Sending {
    /// `list` is what the caller knows the messages as, for errors: `messages` or `recipients`.
    pub(super) fn new(
        messenger: &Arc<Inner>,
        messages: Vec<Message>,
        list: &'static str,
        key_kind: KeyKind,
    ) -> Self {
        let deadline = messenger.deadline;
        Self {
            messenger: messenger.clone(),
            messages,
            list,
            key_kind,
            deadline,
            notify: None,
            cancel: None,
            ready: OnceLock::new(),
        }
    }

    /// Names the messages that have neither a key nor a trace id of their own: that of one recipient by the key itself, each
    /// of a list by the key and its recipient, so that the list may grow between two runs. See [`Message::key`].
    pub fn key(self, key: impl Into<Arc<str>>) -> Self {
        let (key, kind): (Arc<str>, _) = (key.into(), self.key_kind);
        self.with_each(|message| {
            let is_named = message.key.is_some() || message.trace_id.is_some();
            if is_named { message } else { message.key_of_kind(key.clone(), kind) }
        })
    }

    /// The line to send from, for the messages that name none. A template goes out from the gateway's own.
    pub fn sender(self, sender: impl Into<SenderLine>) -> Self {
        let sender = sender.into();
        self.with_each(
            |message| if message.sender.is_some() { message } else { message.sender(sender.clone()) },
        )
    }

    /// Asks for every message before it is sent; each needs a key or a trace id. See [`Message::once`].
    pub fn once(self) -> Self {
        self.with_each(Message::once)
    }

    fn with_each(mut self, change: impl Fn(Message) -> Message) -> Self {
        self.messages = self.messages.into_iter().map(change).collect();
        self.ready = OnceLock::new();
        self
    }

    /// Answers by then, with a report: what may have been sent and is not decided is `unclear`, what has not left is
    /// `rejected`, both with a [`TimeoutError`](ErrorKind::Timeout). More than nothing, and a day at most.
    ///
    /// No request starts when less is left than connecting may take (or a quarter of the deadline, where that is shorter).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Calls back whenever counts have changed. It is called from within the send: it must return at once.
    pub fn on_progress(mut self, notify: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.notify = Some(Arc::new(notify));
        self
    }

    /// Stops when this token is cancelled, with a [`CanceledError`](ErrorKind::Canceled) that carries the receipts.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// A look at the receipts from outside, during the send and after it. Take it when the messages have their keys.
    pub fn log(&self) -> SendLog {
        SendLog(
            self.ready().as_ref().map_or_else(|_| Arc::new(Ledger::empty()), |ready| ready.ledger.clone()),
        )
    }

    fn ready(&self) -> &Result<Ready> {
        self.ready.get_or_init(|| {
            let Prepared { trace_ids, work, ledger } =
                Prepared::new(&self.messages, self.list, self.messenger.key_secret.as_ref())?;
            Ok(Ready { trace_ids, work, ledger: Arc::new(ledger) })
        })
    }

    async fn run(self) -> Result<Report> {
        if self.deadline.is_some_and(|deadline| !is_deadline(deadline)) {
            return Err(Error::invalid_input("send", "deadline", DEADLINE_RANGE));
        }
        let began = self.messenger.clock.now();
        let budget = Budget::new(self.messenger.policy.retry.budget, self.deadline, &self.messenger.clock);
        self.ready();
        let Self { messenger, messages, list, deadline, notify, cancel, ready, .. } = self;
        let Some(ready) = ready.into_inner() else { return Ok(Report::default()) };
        let Ready { trace_ids, work, ledger } = ready?;
        if let Some(error) = messenger.refuse(&messages, &work) {
            return Err(error);
        }
        if let Some(notify) = notify {
            ledger.notify(notify);
        }
        let clock = messenger.clock.clone();
        let call = Call {
            messages,
            trace_ids,
            list,
            ledger: ledger.clone(),
            lanes: messenger.lanes.clone(),
            policy: messenger.policy.clone(),
            budget,
            flights: Mutex::default(),
            shared_faults: Mutex::default(),
            clock: clock.clone(),
        };
        let work = pin!(call.run(work));
        let cancelled = async {
            match &cancel {
                Some(token) => token.cancelled().await,
                None => pending().await,
            }
        };
        let late = async {
            match deadline {
                Some(deadline) => {
                    // Making ids for a long list takes time, too.
                    let spent = clock.now().saturating_sub(began);
                    clock.limit(deadline.saturating_sub(spent)).await;
                }
                None => pending().await,
            }
        };
        match select(pin!(cancelled), select(work, pin!(late))).await {
            Either::Left(_) => {
                let error = canceled();
                ledger.close(&error);
                let receipts = ledger.receipts(&error);
                let may_be_sent = receipts.iter().any(|receipt| receipt.outcome != SendOutcome::Rejected);
                let error = if may_be_sent { error.unclear() } else { error };
                Err(error.with_receipts(receipts))
            }
            Either::Right((Either::Left(_), _)) => Ok(Report { receipts: ledger.take_receipts() }),
            Either::Right((Either::Right(_), _)) => {
                ledger.close(&too_late());
                Ok(Report { receipts: ledger.take_receipts() })
            }
        }
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
        f.debug_struct("Sending").field("messages", &self.messages.len()).finish_non_exhaustive()
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
        "Send what its receipts do not call accepted again, with the same keys, or the same trace ids and once: payamak waits until what was under way must have arrived, and asks for it.",
        "آنچه رسیدش «پذیرفته» نیست را دوباره، با همان کلیدها یا شناسه‌های پیگیری و once، بفرستید: پیامک صبر می‌کند تا آنچه در راه بود رسیده باشد، و آن را می‌پرسد.",
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
