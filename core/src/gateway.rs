//! What a messenger needs of a gateway: one request at a time, and whether it can be asked afterwards.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::delivery::DeliveryStatus;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::message::{IncomingMessage, MessageId, SenderLine, TraceId};
use crate::phone::Msisdn;

/// One gateway behind a [`Messenger`](crate::Messenger): a single protocol, no retry of a send, no fail-over.
///
/// `PayamResan` and `NikSms` implement it; so can a gateway outside this crate.
pub trait Gateway: Debug + Send + Sync {
    /// What it is called in receipts and errors; unique within a messenger.
    fn name(&self) -> &Arc<str>;

    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Refuses a message that no request of this gateway could carry, before anything is sent, so that it does not take the
    /// other messages of its request down.
    fn check(&self, message: &Outgoing<'_>) -> Result<()>;

    /// Sends the messages of one request. The answer names the ones that the gateway says it has, by trace id; one that
    /// is missing from it is taken as unclear, so a row that cannot be matched for certain is left out, never guessed.
    ///
    /// An error with the outcome [`NotSent`](crate::Outcome::NotSent) is believed: the messages may go out again, by
    /// this gateway or the next. Whatever may have left is [`Error::maybe_sent`].
    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>>;

    /// Asks which of these messages the gateway has. At most [`LookUp::most`] ids a call; an id that is missing from the
    /// answer, or whose row proves neither, is asked for again.
    fn look_up<'a>(&'a self, _trace_ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        lacking(self.name(), "look_up", "the gateway cannot be asked by trace id")
    }

    /// Asks what became of messages. At most [`Capabilities::deliveries`] ids a call.
    fn deliveries<'a>(
        &'a self,
        _ids: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, DeliveryStatus)>>> {
        lacking(self.name(), "delivery", "the gateway cannot be asked what became of a message")
    }

    /// Takes the incoming messages; each is handed out once.
    fn receive(&self) -> BoxFuture<'_, Result<Vec<IncomingMessage>>> {
        lacking(self.name(), "receive", "the gateway has no inbox")
    }

    /// The account's credit and lines.
    fn balance(&self) -> BoxFuture<'_, Result<Balance>> {
        lacking(self.name(), "balance", "the gateway cannot be asked for the credit")
    }

    /// How long its requests may take.
    fn time_limits(&self) -> TimeLimits {
        TimeLimits::default()
    }

    /// What this process remembers about the gateway's messages. Where it is given, all messengers that share this gateway
    /// share it, and two sends of one key through two of them are one message too.
    fn memory(&self) -> Option<&Arc<Memory>> {
        None
    }
}

/// How long the requests of a gateway may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeLimits {
    /// To be connected. A request of a send with a deadline does not start with less left.
    pub connect: Duration,
    /// For a whole request. After a timeout the gateway is known to be slow, so its "I do not have it" is believed no sooner
    /// than after as long again.
    pub request: Duration,
}

impl TimeLimits {
    /// Limits of a gateway's own.
    pub fn new(connect: Duration, request: Duration) -> Self {
        Self { connect, request }
    }
}

impl Default for TimeLimits {
    /// 5 and 15 seconds.
    fn default() -> Self {
        Self::new(Duration::from_secs(5), Duration::from_secs(15))
    }
}

/// What a gateway (or one dialect of it) can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The most recipients of one request.
    pub max_recipients: usize,
    /// One request with a text each, where there is one.
    pub personal: Option<Personal>,
    /// Whether it has templates.
    pub templates: bool,
    /// How it is asked for messages by trace id; `None` where it cannot be, so that an unclear message stays unclear, and a
    /// message with a key is never sent here.
    pub look_up: Option<LookUp>,
    /// How many ids one request for deliveries takes; `None` where deliveries cannot be asked for.
    pub deliveries: Option<usize>,
    /// Whether incoming messages can be taken.
    pub inbox: bool,
    /// How long tracking leaves between two questions about the same message.
    pub poll_interval: Duration,
}

impl Capabilities {
    /// A gateway that sends one text to so many recipients a request, and can do nothing else.
    pub fn new(max_recipients: usize) -> Self {
        Self {
            max_recipients,
            personal: None,
            templates: false,
            look_up: None,
            deliveries: None,
            inbox: false,
            poll_interval: Duration::from_secs(60),
        }
    }

    /// It has requests with a text each.
    #[must_use]
    pub fn personal(mut self, limits: Personal) -> Self {
        self.personal = Some(limits);
        self
    }

    /// It has templates.
    #[must_use]
    pub fn templates(mut self) -> Self {
        self.templates = true;
        self
    }

    /// It can be asked by trace id.
    #[must_use]
    pub fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = Some(look_up);
        self
    }

    /// It can be asked for the deliveries of so many ids a request.
    #[must_use]
    pub fn deliveries(mut self, most: usize) -> Self {
        self.deliveries = Some(most);
        self
    }

    /// It has an inbox.
    #[must_use]
    pub fn inbox(mut self) -> Self {
        self.inbox = true;
        self
    }

    /// Tracking leaves so long between two questions about the same message.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }
}

/// How a gateway is asked whether it has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUp {
    /// How many ids one request can ask about.
    pub most: usize,
    /// The gateway's rule for asking about the same id again, whether it has it or not; zero where it has none.
    pub every: Duration,
    /// Nobody has published that this way of asking exists. Its "I do not have it" is believed after a failure only once it
    /// has found something.
    pub is_inferred: bool,
}

impl LookUp {
    /// A published way of asking about so many ids a request, without a rule of how often.
    pub fn new(most: usize) -> Self {
        Self { most, every: Duration::ZERO, is_inferred: false }
    }

    /// The gateway refuses a second question about an id within this time.
    #[must_use]
    pub fn every(mut self, rule: Duration) -> Self {
        self.every = rule;
        self
    }

    /// Nobody has published it.
    #[must_use]
    pub fn inferred(mut self) -> Self {
        self.is_inferred = true;
        self
    }
}

/// The limits of a request with a text each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Personal {
    /// All messages of the request go out from one line.
    pub one_sender: bool,
    /// The texts travel joined by commas, so a text that holds one cannot go this way.
    pub no_commas: bool,
}

impl Personal {
    /// Any texts, from any lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// All messages of the request go out from one line.
    #[must_use]
    pub fn one_sender(mut self) -> Self {
        self.one_sender = true;
        self
    }

    /// A text with a comma cannot go this way.
    #[must_use]
    pub fn no_commas(mut self) -> Self {
        self.no_commas = true;
        self
    }
}

/// The messages of one request.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Which of the gateway's calls carries them.
    pub kind: BatchKind,
    /// The messages; at least one, at most [`Capabilities::max_recipients`].
    pub messages: &'a [Outgoing<'a>],
}

/// The three shapes of a request that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// One text (and line) to all.
    Bulk,
    /// A text each.
    Personal,
    /// One template, parameters each.
    Template,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A text of the caller's.
    Text,
    /// A template of the account's, filled by the gateway.
    Template,
}

/// One message of a request. Its text and parameters stay out of `Debug`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// To whom.
    pub to: Msisdn,
    /// What it is known by.
    pub trace_id: TraceId,
    /// Whether it is a text or a template.
    pub kind: MessageKind,
    /// The text; for a template, its key.
    pub text: &'a str,
    /// What fills the template.
    pub parameters: &'a [String],
    /// The line, where it is not the gateway's own setting.
    pub sender: Option<&'a SenderLine>,
}

impl<'a> Outgoing<'a> {
    /// A text; for the tests of gateways outside this crate.
    pub fn text(to: Msisdn, trace_id: TraceId, text: &'a str) -> Self {
        Self { to, trace_id, kind: MessageKind::Text, text, parameters: &[], sender: None }
    }
}

impl Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("to", &self.to)
            .field("trace_id", &self.trace_id)
            .finish_non_exhaustive()
    }
}

/// A message that the gateway says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The message.
    pub trace_id: TraceId,
    /// The gateway's id, where the answer gave one.
    pub message_id: Option<MessageId>,
}

impl Accepted {
    /// For gateways outside this crate.
    pub fn new(trace_id: TraceId, message_id: Option<MessageId>) -> Self {
        Self { trace_id, message_id }
    }
}

/// What a gateway knows about a trace id. A row that proves neither is left out of an answer, and asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It has the message.
    Registered {
        /// The message.
        trace_id: TraceId,
        /// The gateway's id, where the answer gave one.
        message_id: Option<MessageId>,
        /// Where the message is, which the same answer says.
        status: DeliveryStatus,
    },
    /// It has no such message.
    NotRegistered {
        /// The message.
        trace_id: TraceId,
        /// The gateway's way of saying so.
        status: DeliveryStatus,
    },
}

/// The account behind a gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// The gateway's name.
    pub gateway: Arc<str>,
    /// The credit, in rials.
    pub credit: f64,
    /// The account's sender lines.
    pub sender_lines: Vec<String>,
}

impl Balance {
    /// For gateways outside this crate.
    pub fn new(gateway: Arc<str>, credit: f64, sender_lines: Vec<String>) -> Self {
        Self { gateway, credit, sender_lines }
    }
}

fn lacking<'a, T>(
    gateway: &Arc<str>,
    operation: &'static str,
    what: &'static str,
) -> BoxFuture<'a, Result<T>> {
    let error = lacks(gateway, operation, what);
    Box::pin(async move { Err(error) })
}

/// The error of a call that this gateway (or dialect) does not have.
pub(crate) fn lacks(gateway: &Arc<str>, operation: &'static str, what: &str) -> Error {
    Error::configuration(operation, what).with_gateway(gateway)
}
