//! Any number of messages through one or more gateways: planned, paced, retried, asked for, failed over, tracked.

mod call;
mod failover;
mod ledger;
mod pace;
mod plan;
mod reconcile;
mod retry;
mod sending;
#[cfg(test)]
mod testing;
mod track;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::join_all;

use self::call::Policy;
use self::failover::Lane;
pub use self::ledger::Progress;
use self::pace::Pace;
use self::retry::RetryPolicy;
pub use self::sending::{Report, SendLog, Sending};
pub use self::track::{DeliveryReport, Received, TrackOptions};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::gateway::{Balance, Gateway};
use crate::message::{Content, Message, Receipt, Recipients, TraceIds};
use crate::phone::Recipient;

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
    incoming: Mutex<VecDeque<Received>>,
    policy: Policy,
    trace_ids: TraceIds,
    clock: Arc<dyn Clock>,
}

/// More requests in flight than any gateway takes, and few enough for any machine.
const MAX_CONCURRENCY: usize = 1_000;

/// What a messenger needs to know.
#[derive(Debug)]
#[must_use]
pub struct MessengerBuilder {
    gateways: Vec<Arc<dyn Gateway>>,
    concurrency: usize,
    rate: Option<u32>,
    attempts: usize,
    budget: Duration,
    settle: Duration,
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

    /// How long the messages of a request are retried and asked for, from its first failure on; 60 seconds unless set. A
    /// send that goes well may take longer: the budget bounds the trouble, not the campaign.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// How long a slow request is given to land before the gateway's "I do not have it" is believed; 5 seconds unless set.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
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
        let Self { gateways, concurrency, rate, attempts, budget, settle, clock, jitter_seed } = self;
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
        let lanes =
            gateways.into_iter().map(|gateway| Lane::new(gateway, Pace::new(concurrency, rate, &clock)));
        let retry = RetryPolicy { attempts, budget, settle, jitter_seed };
        Ok(Messenger(Arc::new(Inner {
            lanes: lanes.collect(),
            incoming: Mutex::default(),
            policy: Policy { concurrency, retry },
            trace_ids: TraceIds::new(clock.clone()),
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
            clock: SystemClock::shared(),
            jitter_seed: None,
        }
    }

    /// One text to one recipient or to any number of them.
    pub fn send(&self, text: impl Into<Arc<str>>, to: impl Into<Recipients>) -> Sending {
        let text = text.into();
        let messages = match to.into() {
            Recipients::One(to) => vec![Message::new(to, text)],
            Recipients::Many(to) => to.into_iter().map(|to| Message::new(to, text.clone())).collect(),
        };
        Sending::new(&self.0, messages, "to")
    }

    /// The same, named by a key, so that a job that crashed and runs again sends nothing twice.
    ///
    /// The key of one recipient's message is `key`; in a list, however short, each message's own key is `key`, a colon and
    /// the recipient (`campaign-7:09121112222`), so that the list may grow between two runs.
    pub fn send_keyed(&self, key: &str, text: impl Into<Arc<str>>, to: impl Into<Recipients>) -> Sending {
        let text = text.into();
        let messages = match to.into() {
            Recipients::One(to) => vec![Message::new(to, text).key(key)],
            Recipients::Many(to) => {
                // An empty key stays empty, and is refused.
                let own = |to: &Recipient| {
                    if key.is_empty() { String::new() } else { format!("{key}:{to}") }
                };
                to.into_iter()
                    .map(|to| {
                        let own = own(&to);
                        Message::new(to, text.clone()).key(own)
                    })
                    .collect()
            }
        };
        Sending::new(&self.0, messages, "to")
    }

    /// Messages with a text (and a line, and a key or a trace id) each.
    pub fn send_each(&self, messages: impl IntoIterator<Item = Message>) -> Sending {
        Sending::new(&self.0, messages.into_iter().collect(), "messages")
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
        Sending::new(&self.0, recipients.into_iter().map(message).collect(), "recipients")
    }

    /// What became of messages, asked for once: a report each, in the order of the receipts. A gateway that could not be
    /// asked stands as an error in the reports of its messages.
    pub async fn delivery(&self, receipts: &[Receipt]) -> Vec<DeliveryReport> {
        self.0.delivery(receipts).await
    }

    /// Follows messages until each is final or the deadline passes: a report whenever a status has changed.
    ///
    /// Only what is still on its way is asked about, in requests of the gateway's size, and no message more often than the
    /// gateway's rule allows. The stream ends when nothing is on its way any more.
    pub fn track(
        &self,
        receipts: Vec<Receipt>,
        options: TrackOptions,
    ) -> impl Stream<Item = DeliveryReport> + Send + use<> {
        self.0.clone().track_all(receipts, options)
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
