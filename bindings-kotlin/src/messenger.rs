//! The messenger over the border: sends that can be watched and stopped, and streams that are asked for the next item.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use payamak::{
    DeliveryReport, Error, Message, Messenger, Receipt, Received, Recipients, SendLog, Sending, TrackOptions,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::convert::{
    RawDeliveryReport, RawIncomingMessage, RawMessage, RawProgress, RawReceipt, RawTemplateMessage,
    RawTicket, all,
};
use crate::error::{RawError, RawFailure};
use crate::niksms::RawNikSms;
use crate::payam_resan::RawPayamResan;
use crate::runtime::{RawCancel, call, run, runtime};
use crate::settings::{count, duration};

/// A gateway for a messenger.
#[derive(uniffi::Enum)]
pub enum RawGateway {
    /// Payam Resan.
    First {
        /// Its client.
        client: Arc<RawPayamResan>,
    },
    /// `NikSMS`.
    Second {
        /// Its client.
        client: Arc<RawNikSms>,
    },
}

/// What is not set keeps the library's default.
#[derive(uniffi::Record)]
pub struct RawMessengerSettings {
    /// Requests in flight, a gateway.
    pub concurrency: Option<u32>,
    /// Requests a second, a gateway.
    pub rate: Option<u32>,
    /// Requests that one message leaves in.
    pub attempts: Option<u32>,
    /// In seconds.
    pub budget: Option<f64>,
    /// In seconds.
    pub settle: Option<f64>,
}

/// Told how far a send is.
#[uniffi::export(with_foreign)]
pub trait RawProgressListener: Send + Sync {
    /// Counts have changed.
    fn on_progress(&self, progress: RawProgress);
}

/// What a messenger sends.
#[derive(uniffi::Enum)]
pub enum RawContent {
    /// One text to one recipient.
    ToOne {
        /// What it says.
        text: String,
        /// To whom.
        to: String,
        /// What it is known by.
        key: Option<String>,
    },
    /// One text to a list.
    ToMany {
        /// What it says.
        text: String,
        /// To whom.
        to: Vec<String>,
        /// What it is known by.
        key: Option<String>,
    },
    /// A text each.
    Each {
        /// They.
        messages: Vec<RawMessage>,
    },
    /// A template.
    Template {
        /// Its key.
        template: String,
        /// To whom, and what fills it.
        recipients: Vec<RawTemplateMessage>,
    },
}

/// A send.
#[derive(uniffi::Record)]
pub struct RawSend {
    /// What.
    pub what: RawContent,
    /// Who is told how far it is.
    pub listener: Option<Arc<dyn RawProgressListener>>,
}

/// A gateway's credit and lines, or why it cannot be asked.
#[derive(uniffi::Record)]
pub struct RawBalance {
    /// The gateway.
    pub gateway: Option<String>,
    /// In rials.
    pub credit: f64,
    /// Its lines.
    pub sender_lines: Vec<String>,
    /// Why there is none.
    pub error: Option<RawFailure>,
}

/// An incoming message with its gateway, or a failure on the way to it.
#[derive(uniffi::Record)]
pub struct RawReceived {
    /// The gateway.
    pub gateway: Option<String>,
    /// The message.
    pub incoming: Option<RawIncomingMessage>,
    /// The failure.
    pub error: Option<RawFailure>,
}

/// A messenger.
#[derive(uniffi::Object)]
pub struct RawMessenger(Messenger);

#[uniffi::export]
impl RawMessenger {
    /// The messenger, or the setting that is missing or wrong.
    #[uniffi::constructor]
    pub fn new(gateways: Vec<RawGateway>, settings: RawMessengerSettings) -> Result<Self, RawError> {
        let mut builder = Messenger::builder();
        for gateway in gateways {
            builder = match gateway {
                RawGateway::First { client } => builder.gateway(client.0.clone()),
                RawGateway::Second { client } => builder.gateway(client.0.clone()),
            };
        }
        if let Some(requests) = settings.concurrency {
            builder = builder.concurrency(count(requests.into()));
        }
        if let Some(rate) = settings.rate {
            builder = builder.rate(rate);
        }
        if let Some(attempts) = settings.attempts {
            builder = builder.attempts(count(attempts.into()));
        }
        if let Some(seconds) = settings.budget {
            builder = builder.budget(duration(seconds, "budget")?);
        }
        if let Some(seconds) = settings.settle {
            builder = builder.settle(duration(seconds, "settle")?);
        }
        Ok(Self(builder.build()?))
    }

    /// Makes a send, which begins when it is waited for.
    pub fn send(&self, send: RawSend) -> RawSending {
        let messenger = &self.0;
        let sending = match send.what {
            RawContent::ToOne { text, to, key } => keyed(messenger, text, Recipients::from(to), key),
            RawContent::ToMany { text, to, key } => keyed(messenger, text, Recipients::from(to), key),
            RawContent::Each { messages } => messenger.send_each(messages.into_iter().map(Message::from)),
            RawContent::Template { template, recipients } => {
                let recipients = recipients.into_iter().map(|recipient| (recipient.to, recipient.parameters));
                messenger.send_template(template, recipients)
            }
        };
        RawSending::new(sending, send.listener)
    }

    /// What became of messages, asked for once.
    pub async fn delivery(
        &self,
        receipts: Vec<RawTicket>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawDeliveryReport>, RawError> {
        let messenger = self.0.clone();
        let receipts: Vec<Receipt> = all(receipts);
        Ok(all(call(cancel, async move { Ok(messenger.delivery(&receipts).await) }).await?))
    }

    /// Follows messages until each is final.
    pub fn track(
        &self,
        receipts: Vec<RawTicket>,
        first_look: Option<f64>,
        interval: Option<f64>,
        deadline: Option<f64>,
    ) -> Result<RawTracking, RawError> {
        let mut options = TrackOptions::default();
        if let Some(seconds) = first_look {
            options = options.first_look(duration(seconds, "first_look")?);
        }
        if let Some(seconds) = interval {
            options = options.interval(duration(seconds, "interval")?);
        }
        if let Some(seconds) = deadline {
            options = options.deadline(duration(seconds, "deadline")?);
        }
        Ok(RawTracking(Items::new(self.0.track(all(receipts), options))))
    }

    /// Incoming messages, for ever.
    pub fn receive(&self, interval: f64) -> Result<RawReceiving, RawError> {
        let interval: Duration = duration(interval, "interval")?;
        Ok(RawReceiving(Items::new(self.0.receive(interval))))
    }

    /// Each gateway's credit and lines.
    pub async fn balance(&self, cancel: Option<Arc<RawCancel>>) -> Result<Vec<RawBalance>, RawError> {
        let messenger = self.0.clone();
        let balances = call(cancel, async move { Ok(messenger.balance().await) }).await?;
        let raw = balances.into_iter().map(|balance| match balance {
            Ok(balance) => RawBalance {
                gateway: Some(balance.gateway.to_string()),
                credit: balance.credit,
                sender_lines: balance.sender_lines,
                error: None,
            },
            Err(error) => RawBalance {
                gateway: error.gateway().map(str::to_owned),
                credit: 0.0,
                sender_lines: Vec::new(),
                error: Some(RawFailure::from(&error)),
            },
        });
        Ok(raw.collect())
    }
}

fn keyed(messenger: &Messenger, text: String, to: Recipients, key: Option<String>) -> Sending {
    match key {
        None => messenger.send(text, to),
        Some(key) => messenger.send_keyed(&key, text, to),
    }
}

type Outcome = Option<Result<Vec<Receipt>, Error>>;

/// A send that is watched, waited for and stopped from another language.
#[derive(uniffi::Object)]
pub struct RawSending {
    log: SendLog,
    cancel: CancellationToken,
    waiting: Mutex<Option<(Sending, watch::Sender<Outcome>)>>,
    outcome: watch::Receiver<Outcome>,
}

impl RawSending {
    fn new(mut sending: Sending, listener: Option<Arc<dyn RawProgressListener>>) -> Self {
        if let Some(listener) = listener {
            sending = sending.on_progress(move |progress| {
                // A listener that fails must not take a send down that is under way.
                let _ = catch_unwind(AssertUnwindSafe(|| listener.on_progress(progress.into())));
            });
        }
        let cancel = CancellationToken::new();
        let (tell, outcome) = watch::channel(None);
        let log = sending.log();
        let sending = sending.cancel_on(cancel.clone());
        Self { log, cancel, waiting: Mutex::new(Some((sending, tell))), outcome }
    }
}

#[uniffi::export]
impl RawSending {
    /// Starts it, and waits until it has ended. It may be waited for again: a stopped send is, to learn what it had done.
    pub async fn finish(&self) -> Result<Vec<RawReceipt>, RawError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sending, tell)) = waiting {
            // A task of its own: whoever stops waiting must not cut a request in half without anybody knowing.
            runtime()?.spawn(async move {
                let outcome = sending.await.map(payamak::Report::into_receipts);
                tell.send_replace(Some(outcome));
            });
        }
        let mut outcome = self.outcome.clone();
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(receipts))) => Ok(receipts.iter().map(RawReceipt::from).collect()),
            Ok(Some(Err(error))) => Err(error.into()),
            // The task is gone without a word: it can only have panicked, and that is passed on.
            _ => resume_unwind(Box::new("a send of payamak has panicked")),
        }
    }

    /// Starts no request any more and cuts off those under way.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The counts now.
    pub fn progress(&self) -> RawProgress {
        self.log.progress().into()
    }

    /// The receipts now.
    pub fn receipts(&self) -> Vec<RawReceipt> {
        loop {
            let receipts = self.log.receipts();
            if !receipts.is_empty() || self.log.progress().planned == 0 {
                return receipts.iter().map(RawReceipt::from).collect();
            }
            // The send has handed its receipts out: they are in its outcome, or another thread is putting them there.
            match &*self.outcome.borrow() {
                Some(Ok(receipts)) => return receipts.iter().map(RawReceipt::from).collect(),
                Some(Err(error)) => return error.receipts().iter().map(RawReceipt::from).collect(),
                None => {}
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for RawSending {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// A stream that is asked for its next item.
struct Items<T> {
    stream: Arc<tokio::sync::Mutex<Pin<Box<dyn Stream<Item = T> + Send>>>>,
    cancel: CancellationToken,
}

impl<T: Send + 'static> Items<T> {
    fn new(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        Self { stream: Arc::new(tokio::sync::Mutex::new(Box::pin(stream))), cancel: CancellationToken::new() }
    }

    /// The next item; none at the end, or once it was stopped.
    async fn next(&self) -> Result<Option<T>, RawError> {
        let stream = self.stream.clone();
        match run(Some(self.cancel.clone()), async move { stream.lock().await.next().await }).await {
            Err(RawError::Canceled) => Ok(None),
            next => next,
        }
    }
}

/// Delivery reports, one after the other.
#[derive(uniffi::Object)]
pub struct RawTracking(Items<DeliveryReport>);

#[uniffi::export]
impl RawTracking {
    /// The next one; none when nothing is on its way any more.
    pub async fn next(&self) -> Result<Option<RawDeliveryReport>, RawError> {
        Ok(self.0.next().await?.map(Into::into))
    }

    /// Ends it.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }
}

/// Incoming messages, one after the other.
#[derive(uniffi::Object)]
pub struct RawReceiving(Items<payamak::Result<Received>>);

#[uniffi::export]
impl RawReceiving {
    /// The next one; none once it was ended.
    pub async fn next(&self) -> Result<Option<RawReceived>, RawError> {
        let item = self.0.next().await?;
        Ok(item.map(|item| match item {
            Ok(received) => RawReceived {
                gateway: Some(received.gateway.to_string()),
                incoming: Some(received.message.into()),
                error: None,
            },
            Err(error) => RawReceived {
                gateway: error.gateway().map(str::to_owned),
                incoming: None,
                error: Some(RawFailure::from(&error)),
            },
        }))
    }

    /// Ends it.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }
}
