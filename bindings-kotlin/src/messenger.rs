//! The messenger over the border: sends that can be watched and stopped, and streams that are asked for the next item.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt as _};
use payamak::{
    AskPolicy, DeliveryReport, Error, Message, Messenger, Progress, Receipt, Received, Recipients, SendLog,
    Sending, TrackOptions,
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
use crate::runtime::{MESSENGERS, RawCancel, call, run};
use crate::settings::{argument, count, optional_duration};

// A gateway for a messenger.
#[derive(uniffi::Enum)]
pub enum RawGateway {
    // Payam Resan.
    First {
        // Its client.
        client: Arc<RawPayamResan>,
    },
    // `NikSMS`.
    Second {
        // Its client.
        client: Arc<RawNikSms>,
    },
}

// What is not set keeps the library's default.
#[derive(uniffi::Record)]
pub struct RawMessengerSettings {
    // Requests in flight, a gateway.
    pub concurrency: Option<u32>,
    // Requests a second, a gateway.
    pub rate: Option<u32>,
    // Requests that one message leaves in.
    pub attempts: Option<u32>,
    // In seconds.
    pub budget: Option<f64>,
    // In seconds.
    pub settle: Option<f64>,
    // Send again what was lost on the way.
    pub resend: Option<bool>,
    // `every` or `first`.
    pub ask: Option<String>,
    // In seconds.
    pub deadline: Option<f64>,
}

// Told how far a send is.
#[uniffi::export(with_foreign)]
pub trait RawProgressListener: Send + Sync {
    // Counts have changed.
    fn on_progress(&self, progress: RawProgress);
}

// What a messenger sends.
#[derive(uniffi::Enum)]
pub enum RawContent {
    // One text to one recipient.
    ToOne {
        // What it says.
        text: String,
        // To whom.
        to: String,
    },
    // One text to a list.
    ToMany {
        // What it says.
        text: String,
        // To whom.
        to: Vec<String>,
    },
    // A text each.
    Each {
        // They.
        messages: Vec<RawMessage>,
    },
    // A template.
    Template {
        // Its key.
        template: String,
        // To whom, and what fills it.
        recipients: Vec<RawTemplateMessage>,
    },
}

// A send.
#[derive(uniffi::Record)]
pub struct RawSend {
    // What.
    pub what: RawContent,
    // What those of its messages are known by that have no name of their own.
    pub key: Option<String>,
    // The line of those that name none.
    pub sender: Option<String>,
    // Ask for all of them before sending.
    pub once: bool,
    // In seconds.
    pub deadline: Option<f64>,
    // Who is told how far it is.
    pub listener: Option<Arc<dyn RawProgressListener>>,
}

// A gateway's credit and lines, or why it cannot be asked.
#[derive(uniffi::Record)]
pub struct RawBalance {
    // The gateway.
    pub gateway: Option<String>,
    // In rials.
    pub credit: f64,
    // Its lines.
    pub sender_lines: Vec<String>,
    // Why there is none.
    pub error: Option<RawFailure>,
}

// An incoming message with its gateway, or a failure on the way to it.
#[derive(uniffi::Record)]
pub struct RawReceived {
    // The gateway.
    pub gateway: Option<String>,
    // The message.
    pub incoming: Option<RawIncomingMessage>,
    // The failure.
    pub error: Option<RawFailure>,
}

// A messenger.
#[derive(uniffi::Object)]
pub struct RawMessenger(Messenger);

#[uniffi::export]
impl RawMessenger {
    // The messenger, or the setting that is missing or wrong. The secret stands apart from the settings, so that no printed
    // record can hold it.
    #[uniffi::constructor]
    pub fn new(
        gateways: Vec<RawGateway>,
        settings: RawMessengerSettings,
        key_secret: Option<String>,
    ) -> Result<Self, RawError> {
        let budget = optional_duration(settings.budget, "budget")?;
        let settle = optional_duration(settings.settle, "settle")?;
        let ask = settings.ask.map(|policy| policy.parse::<AskPolicy>()).transpose()?;
        let deadline = optional_duration(settings.deadline, "deadline")?;
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
        if let Some(budget) = budget {
            builder = builder.budget(budget);
        }
        if let Some(settle) = settle {
            builder = builder.settle(settle);
        }
        if let Some(resend) = settings.resend {
            builder = builder.resend(resend);
        }
        if let Some(policy) = ask {
            builder = builder.ask(policy);
        }
        if let Some(deadline) = deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(secret) = key_secret {
            builder = builder.key_secret(secret);
        }
        Ok(Self(builder.build()?))
    }

    // Makes a send, which begins when it is waited for. What cannot begin says so then.
    pub fn send(&self, send: RawSend) -> RawSending {
        self.sending(send).map_or_else(RawSending::refused, RawSending::new)
    }

    // What became of messages, asked for once.
    pub async fn delivery(
        &self,
        receipts: Vec<RawTicket>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawDeliveryReport>, RawError> {
        let messenger = self.0.clone();
        let receipts: Vec<Receipt> = all(receipts);
        Ok(all(call(&MESSENGERS, cancel, async move { Ok(messenger.delivery(&receipts).await) }).await?))
    }

    // Follows messages until each is final.
    pub fn track(
        &self,
        receipts: Vec<RawTicket>,
        first_look: Option<f64>,
        interval: Option<f64>,
        deadline: Option<f64>,
    ) -> Result<RawTracking, RawError> {
        let mut options = TrackOptions::default();
        if let Some(seconds) = first_look {
            options = options.first_look(argument(seconds, "track", "first_look")?);
        }
        if let Some(seconds) = interval {
            options = options.interval(argument(seconds, "track", "interval")?);
        }
        if let Some(seconds) = deadline {
            options = options.deadline(argument(seconds, "track", "deadline")?);
        }
        Ok(RawTracking(Items::new(self.0.track(all(receipts), options)?)))
    }

    // Incoming messages, for ever.
    pub fn receive(&self, interval: f64) -> Result<RawReceiving, RawError> {
        let interval = argument(interval, "receive", "interval")?;
        Ok(RawReceiving(Items::new(self.0.receive(interval))))
    }

    // Each gateway's credit and lines.
    pub async fn balance(&self, cancel: Option<Arc<RawCancel>>) -> Result<Vec<RawBalance>, RawError> {
        let messenger = self.0.clone();
        let balances = call(&MESSENGERS, cancel, async move { Ok(messenger.balance().await) }).await?;
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

impl RawMessenger {
    fn sending(&self, send: RawSend) -> payamak::Result<Sending> {
        let RawSend { what, key, sender, once, deadline, listener } = send;
        let deadline = deadline.map(|seconds| argument(seconds, "send", "deadline")).transpose()?;
        let mut sending = match what {
            RawContent::ToOne { text, to } => self.0.send(text, Recipients::from(to)),
            RawContent::ToMany { text, to } => self.0.send(text, Recipients::from(to)),
            RawContent::Each { messages } => self.0.send_each(messages.into_iter().map(Message::from)),
            RawContent::Template { template, recipients } => {
                if let Some(index) = recipients.iter().position(|recipient| recipient.trace_id.is_some()) {
                    let detail = "a messenger makes the trace ids of a template itself; a message of send_each can have one";
                    let field = format!("recipients[{index}].trace_id");
                    return Err(Error::invalid_input("send_template", field, detail));
                }
                let recipients = recipients.into_iter().map(|recipient| (recipient.to, recipient.parameters));
                self.0.send_template(template, recipients)
            }
        };
        if let Some(key) = key {
            sending = sending.key(key);
        }
        if let Some(sender) = sender {
            sending = sending.sender(sender);
        }
        if once {
            sending = sending.once();
        }
        if let Some(deadline) = deadline {
            sending = sending.deadline(deadline);
        }
        if let Some(listener) = listener {
            sending = sending.on_progress(move |progress| {
                // A listener that fails must not take a send down that is under way.
                let _ = catch_unwind(AssertUnwindSafe(|| listener.on_progress(progress.into())));
            });
        }
        Ok(sending)
    }
}

type Outcome = Option<Result<Vec<Receipt>, Error>>;

// A send that is watched, waited for and stopped from another language.
#[derive(uniffi::Object)]
pub struct RawSending {
    // None of what could not begin.
    log: Option<SendLog>,
    cancel: CancellationToken,
    waiting: Mutex<Option<(Sending, watch::Sender<Outcome>)>>,
    outcome: watch::Receiver<Outcome>,
}

impl RawSending {
    fn new(sending: Sending) -> Self {
        let cancel = CancellationToken::new();
        let (tell, outcome) = watch::channel(None);
        let log = Some(sending.log());
        let sending = sending.cancel_on(cancel.clone());
        Self { log, cancel, waiting: Mutex::new(Some((sending, tell))), outcome }
    }

    fn refused(error: Error) -> Self {
        let (_, outcome) = watch::channel(Some(Err(error)));
        Self { log: None, cancel: CancellationToken::new(), waiting: Mutex::new(None), outcome }
    }
}

#[uniffi::export]
impl RawSending {
    // Starts it, and waits until it has ended. It may be waited for again: a stopped send is, to learn what it had done.
    pub async fn finish(&self) -> Result<Vec<RawReceipt>, RawError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sending, tell)) = waiting {
            // A task of its own: whoever stops waiting must not cut a request in half without anybody knowing.
            MESSENGERS.handle()?.spawn(async move {
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

    // Starts no request any more and cuts off those under way.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    // The counts now.
    pub fn progress(&self) -> RawProgress {
        self.log.as_ref().map_or_else(Progress::default, SendLog::progress).into()
    }

    // The receipts now.
    pub fn receipts(&self) -> Vec<RawReceipt> {
        let Some(log) = &self.log else { return Vec::new() };
        loop {
            let receipts = log.receipts();
            if !receipts.is_empty() || log.progress().planned == 0 {
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
        let next = async move { stream.lock().await.next().await };
        match run(&MESSENGERS, Some(self.cancel.clone()), next).await {
            Err(RawError::Canceled) => Ok(None),
            next => next,
        }
    }
}

// Delivery reports, one after the other.
#[derive(uniffi::Object)]
pub struct RawTracking(Items<DeliveryReport>);

#[uniffi::export]
impl RawTracking {
    // The next one; none when nothing is on its way any more.
    pub async fn next(&self) -> Result<Option<RawDeliveryReport>, RawError> {
        Ok(self.0.next().await?.map(Into::into))
    }

    // Ends it.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }
}

// Incoming messages, one after the other.
#[derive(uniffi::Object)]
pub struct RawReceiving(Items<payamak::Result<Received>>);

#[uniffi::export]
impl RawReceiving {
    // The next one; none once it was ended.
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

    // Ends it.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }
}
