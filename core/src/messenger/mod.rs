//! Any number of messages through one or more gateways: planned, paced, retried, asked for, failed over, tracked.

mod budget;
mod call;
mod failover;
mod isolate;
mod lane;
mod ledger;
mod pace;
mod plan;
mod prepare;
mod reconcile;
mod retry;
mod sending;
#[cfg(test)]
mod testing;
mod track;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;

use self::call::Policy;
use self::lane::Lane;
pub use self::ledger::Progress;
use self::pace::Pace;
use self::retry::RetryPolicy;
pub use self::sending::{Report, SendLog, Sending};
pub use self::track::{DeliveryReport, Received, TrackOptions, Tracking};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::gateway::{Balance, Gateway};
use crate::message::{Content, KeyKind, Message, Receipt, Recipients};
use crate::phone::Recipient;
use crate::settings::environment;

/// Sends messages safely, and follows them until they are delivered.
///
/// Every message handed over ends in exactly one known outcome, and nothing is sent twice: a request whose fate is unclear
/// is asked for by trace id, and only what the gateway certainly does not have is sent again, or by the next gateway.
///
/// Make one and share it; clones are the same messenger.
///
/// ```no_run
/// # async fn example() -> payamak::Result<()> {
/// use payamak::{Message, Messenger, PayamResan};
///
/// let gateway = PayamResan::builder().from_env().build()?;
/// let messenger = Messenger::builder().gateway(gateway).build()?;
/// let message = Message::new("09121112222", "سفارش شما ارسال شد").key("order-981:shipped");
/// for receipt in messenger.send_each([message]).await? {
///     println!("{:?} {}", receipt.outcome, receipt.trace_id);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Messenger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Arc<[Lane]>,
    /// Taken out of an inbox, and not handed out yet.
    incoming: Mutex<VecDeque<Result<Received>>>,
    /// Told when something has come in.
    has_incoming: Notify,
    policy: Policy,
    deadline: Option<Duration>,
    key_secret: Option<SecretString>,
    clock: Arc<dyn Clock>,
}

/// More requests in flight than any gateway takes, and few enough for any machine.
const MAX_CONCURRENCY: usize = 1_000;

/// Which gateways are asked for a message with a key before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskPolicy {
    /// Every gateway that an earlier run could have used. While one of them cannot be asked, such a message is not sent.
    #[default]
    Every,
    /// The first one that can be asked. A message that an earlier run sent by another gateway can go out a second time.
    First,
}

impl AskPolicy {
    /// `every` or `first`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::First => "first",
        }
    }
}

impl FromStr for AskPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Every, Self::First]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| Error::setting("ask", "neither every nor first").with_value(text))
    }
}

/// The settings of a [`Messenger`]; see [`Messenger::builder`].
#[derive(Debug)]
#[must_use]
pub struct MessengerBuilder {
    gateways: Vec<Arc<dyn Gateway>>,
    concurrency: usize,
    rate: Option<u32>,
    attempts: usize,
    budget: Duration,
    settle: Duration,
    resend: bool,
    ask: AskPolicy,
    deadline: Option<Duration>,
    key_secret: Option<SecretString>,
    clock: Arc<dyn Clock>,
    jitter_seed: Option<u64>,
}

impl MessengerBuilder {
    /// One more gateway. The first is the one that is used; the others take what those before them certainly did not.
    ///
    /// A message with a key is asked for at every gateway before it is sent, because an earlier run may have gone out by any
    /// of them: while one of them cannot be asked, such a message stays unclear.
    pub fn gateway(self, gateway: impl Gateway + 'static) -> Self {
        self.shared_gateway(Arc::new(gateway))
    }

    /// One more gateway, shared with whoever else uses it.
    pub fn shared_gateway(mut self, gateway: Arc<dyn Gateway>) -> Self {
        self.gateways.push(gateway);
        self
    }

    /// How many requests are in flight at once, a gateway; 10 unless set.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// How many requests leave in a second, a gateway; as many as can be unless set.
    pub fn rate(mut self, requests_per_second: u32) -> Self {
        self.rate = Some(requests_per_second);
        self
    }

    /// How often one message is put into a request, at most, when its fate was unclear or another gateway waits; 4 unless
    /// set. What the last gateway certainly did not take is tried for as long as the budget lasts.
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long trouble may last in one call, from its first failure on until something goes well again; 60 seconds unless
    /// set, and no shorter than the settling pause. Two thirds are for sending again, the rest is kept for asking. A send that
    /// goes well may take longer: the budget bounds the trouble, the deadline bounds the call.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// How long a request whose connection broke is given to land before the gateway's "I do not have it" is believed; 5
    /// seconds unless set. After a timeout it is at least the gateway's time limit, because such a gateway is slow.
    ///
    /// A request that lands later than that can be sent twice, where the gateway takes a second message of one trace id.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Whether a message whose answer was lost, and which the gateway does not have, is sent again; true unless set. Without
    /// it such a message stays unclear.
    pub fn resend(mut self, resend: bool) -> Self {
        self.resend = resend;
        self
    }

    /// Which gateways are asked for a message with a key before it is sent; every one unless set.
    pub fn ask(mut self, policy: AskPolicy) -> Self {
        self.ask = policy;
        self
    }

    /// How long a send may take, unless it sets its own; without a limit unless set. See [`Sending::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The secret that trace ids are derived from keys with, so that nobody who chooses a key can aim it at the id of another
    /// one; `PAYAMAK_KEY_SECRET` unless set, and none where that is not there either.
    ///
    /// Another secret makes every key a new one: use the same in all processes, and do not change it while keys are in use.
    pub fn key_secret(mut self, secret: impl Into<String>) -> Self {
        self.key_secret = Some(SecretString::from(secret.into()));
        self
    }

    /// Where waiting and the time of day come from; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The randomness of the pauses; for tests.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.jitter_seed = Some(seed);
        self
    }

    /// The messenger; an error names the setting that is missing or wrong.
    pub fn build(self) -> Result<Messenger> {
        let Self {
            gateways,
            concurrency,
            rate,
            attempts,
            budget,
            settle,
            resend,
            ask,
            deadline,
            key_secret,
            clock,
            jitter_seed,
        } = self;
        if gateways.is_empty() {
            return Err(Error::setting("gateways", "empty; a messenger sends by at least one"));
        }
        for (index, gateway) in gateways.iter().enumerate() {
            let name = gateway.name();
            if gateways.iter().take(index).any(|other| other.name() == name) {
                let detail = format!("two of the name {name}; give one of them another name");
                return Err(Error::setting("gateways", detail));
            }
        }
        if concurrency > MAX_CONCURRENCY {
            return Err(Error::setting("concurrency", format!("more than {MAX_CONCURRENCY}")));
        }
        if concurrency == 0 || attempts == 0 {
            let setting = if concurrency == 0 { "concurrency" } else { "attempts" };
            return Err(Error::setting(setting, "0; nothing could be sent"));
        }
        let rate = match rate.map(NonZeroU32::new) {
            Some(None) => return Err(Error::setting("rate", "0; nothing could be sent")),
            rate => rate.flatten(),
        };
        if budget < settle {
            let detail = format!(
                "shorter than the settling pause ({settle:?}); no unclear message could be told from a lost one"
            );
            return Err(Error::setting("budget", detail));
        }
        if deadline.is_some_and(|deadline| !is_deadline(deadline)) {
            return Err(Error::setting("deadline", DEADLINE_RANGE));
        }
        let key_secret = key_secret.or_else(|| environment("PAYAMAK_KEY_SECRET").map(SecretString::from));
        if key_secret.as_ref().is_some_and(|secret| secret.expose_secret().is_empty()) {
            return Err(Error::setting("key_secret", "empty; leave it out, or give one"));
        }
        let lanes = gateways
            .into_iter()
            .enumerate()
            .map(|(place, gateway)| Lane::new(place, gateway, Pace::new(concurrency, rate, &clock)));
        let retry = RetryPolicy { attempts, budget, settle, resend, jitter_seed };
        Ok(Messenger(Arc::new(Inner {
            lanes: lanes.collect(),
            incoming: Mutex::default(),
            has_incoming: Notify::new(),
            policy: Policy { concurrency, ask, retry },
            deadline,
            key_secret,
            clock,
        })))
    }
}

impl Messenger {
    /// Starts the settings of a messenger.
    pub fn builder() -> MessengerBuilder {
        MessengerBuilder {
            gateways: Vec::new(),
            concurrency: 10,
            rate: None,
            attempts: 4,
            budget: Duration::from_secs(60),
            settle: Duration::from_secs(5),
            resend: true,
            ask: AskPolicy::default(),
            deadline: None,
            key_secret: None,
            clock: SystemClock::shared(),
            jitter_seed: None,
        }
    }

    /// One text to one recipient or to any number of them.
    pub fn send(&self, text: impl Into<Arc<str>>, to: impl Into<Recipients>) -> Sending {
        let text = text.into();
        let (messages, kind) = match to.into() {
            Recipients::One(to) => (vec![Message::new(to, text)], KeyKind::Single),
            Recipients::Many(to) => {
                let messages = to.into_iter().map(|to| Message::new(to, text.clone())).collect();
                (messages, KeyKind::ListMember)
            }
        };
        Sending::new(&self.0, messages, "to", kind)
    }

    /// Messages with a text (and a line, and a key or a trace id) each.
    pub fn send_each(&self, messages: impl IntoIterator<Item = Message>) -> Sending {
        Sending::new(&self.0, messages.into_iter().collect(), "messages", KeyKind::ListMember)
    }

    /// A template to any number of recipients, with parameters each, by the first gateway that has templates.
    pub fn send_template(
        &self,
        template: impl Into<Arc<str>>,
        recipients: impl IntoIterator<Item = (impl Into<Recipient>, Vec<String>)>,
    ) -> Sending {
        let template = template.into();
        let message =
            |(to, parameters): (_, Vec<String>)| Message::template(template.clone(), to, parameters);
        let messages = recipients.into_iter().map(message).collect();
        Sending::new(&self.0, messages, "recipients", KeyKind::ListMember)
    }

    /// What became of messages, asked for once: a report each, in the order of the receipts. A gateway that could not be
    /// asked stands as an error in the reports of its messages.
    pub async fn delivery(&self, receipts: &[Receipt]) -> Vec<DeliveryReport> {
        self.0.delivery(receipts).await
    }

    /// Follows messages until each is final or the deadline passes: a report whenever a status, or what stands in the way of
    /// one, has changed.
    ///
    /// Only what is still on its way is asked about, in requests of the gateway's size, and no message more often than the
    /// gateway's rule allows. The stream ends when nothing is on its way any more. An interval of zero is refused.
    pub fn track(&self, receipts: Vec<Receipt>, options: TrackOptions) -> Result<Tracking> {
        options.require()?;
        Ok(Tracking::new(self.0.clone().track_all(receipts, options)))
    }

    /// Incoming messages, each handed out once, from all gateways that have an inbox; asks every `interval` (a second at
    /// least), for ever. What was fetched and not taken from the stream when it is dropped comes first in the next one.
    ///
    /// A failure is an item of the stream, and the stream goes on. One with the outcome `unclear` may have taken messages
    /// out of the inbox that did not arrive here; its hint says what can still be done.
    pub fn receive(&self, interval: Duration) -> impl Stream<Item = Result<Received>> + Send + use<> {
        self.0.clone().receive_all(interval)
    }

    /// The credit and the lines of each gateway, in the order in which they were given; one that cannot be asked is an
    /// error in its place.
    pub async fn balance(&self) -> Vec<Result<Balance>> {
        join_all(self.0.lanes.iter().map(|lane| lane.gateway.balance())).await
    }
}

/// What a deadline may be: more than nothing, and a day at most.
fn is_deadline(deadline: Duration) -> bool {
    !deadline.is_zero() && deadline <= Duration::from_secs(24 * 60 * 60)
}

const DEADLINE_RANGE: &str = "not between a moment and a day";

impl Inner {
    /// Why a call cannot even begin: no gateway here can do what all of its messages need.
    fn refuse(&self, messages: &[Message], work: &[u32]) -> Option<Error> {
        let mut messages = work.iter().filter_map(|index| messages.get(*index as usize));
        let can = |able: fn(&crate::gateway::Capabilities) -> bool| {
            self.lanes.iter().any(|lane| able(lane.gateway.capabilities()))
        };
        let has_templates = can(|capabilities| capabilities.templates);
        let can_be_asked = can(|capabilities| capabilities.look_up.is_some());
        messages.find_map(|message| match message.content {
            Content::Template { .. } if !has_templates => {
                Some(Error::configuration("send_template", "no gateway of this messenger has templates"))
            }
            _ if message.is_once() && !can_be_asked => Some(Error::configuration(
                "send",
                "no gateway of this messenger can be asked by trace id, so a key cannot keep a message from going out twice",
            )),
            _ => None,
        })
    }
}
