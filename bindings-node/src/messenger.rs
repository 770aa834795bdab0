//! The messenger, its sends, and its streams.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use napi::Env;
use napi::bindgen_prelude::ClassInstance;
use napi_derive::napi;
use payamak::{Error, Message, Progress, Receipt, Recipient, Recipients, SendOutcome, Sending, TrackOptions};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bridge::{Answer, Bridge, locked};
use crate::cancel::{CancelToken, unless_canceled};
use crate::gateway::{Client, Gateway, thrown};
use crate::wire::{
    self, DeliveryRow, Each, Filled, Given, Item, Kept, ReceiptRow, argument_in_milliseconds, read,
};

/// Sends messages safely through one or more gateways. Nothing is left of it once it is closed: the credentials of its gateways
/// go with it.
#[napi]
pub struct Messenger(Mutex<Option<payamak::Messenger>>);

/// Hands what was given to the builder, and leaves the rest at core's defaults.
macro_rules! apply {
    ($builder:ident, $given:ident, $take:ident, $($field:ident),+) => {
        $( if let Some(value) = $given.$take(stringify!($field))? { $builder = $builder.$field(value); } )+
    };
}

fn build(gateways: &[ClassInstance<Gateway>], settings: &str) -> Result<Messenger, Error> {
    let mut given = Given::settings(settings)?;
    let mut builder = payamak::Messenger::builder();
    for gateway in gateways {
        builder = match gateway.client()? {
            Client::PayamResan(client) => builder.gateway(client),
            Client::NikSms(client) => builder.gateway(client),
        };
    }
    apply!(builder, given, take, concurrency, rate, attempts, resend);
    apply!(builder, given, take_milliseconds, budget, settle, deadline);
    if let Some(policy) = given.take::<String>("ask")? {
        builder = builder.ask(policy.parse()?);
    }
    if let Some(secret) = given.take::<String>("key_secret")? {
        builder = builder.key_secret(secret);
    }
    given.end()?;
    builder.build().map(|messenger| Messenger(Mutex::new(Some(messenger))))
}

impl Messenger {
    fn open(&self) -> Result<payamak::Messenger, Error> {
        locked(&self.0).clone().ok_or_else(|| Error::configuration("", "the messenger was closed"))
    }
}

#[napi]
impl Messenger {
    /// A messenger over these gateways.
    #[napi(constructor, catch_unwind)]
    pub fn new(gateways: Vec<ClassInstance<Gateway>>, settings: String) -> napi::Result<Self> {
        build(&gateways, &settings).map_err(|error| thrown(&error))
    }

    /// The delivery states of these receipts, asked for once.
    #[napi(catch_unwind)]
    pub fn delivery(
        &self,
        env: Env,
        bridge: &Bridge,
        number: u32,
        receipts: &Receipts,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<()> {
        let messenger = self.open();
        let receipts = receipts.shared.clone();
        bridge.answer(env, number, None, cancel, async move {
            let messenger = match messenger {
                Ok(messenger) => messenger,
                Err(error) => return Answer::Json(wire::failure(&error)),
            };
            let reports = messenger.delivery(receipts.receipts()).await;
            Answer::Json(wire::answer(wire::write(reports.iter().map(DeliveryRow::from).collect::<Vec<_>>())))
        })
    }

    /// The credit and the lines of each gateway: `{"ok": …}` or `{"err": …}` each.
    #[napi(catch_unwind)]
    pub fn balance(
        &self,
        env: Env,
        bridge: &Bridge,
        number: u32,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<()> {
        let messenger = self.open();
        bridge.answer(env, number, None, cancel, async move {
            let messenger = match messenger {
                Ok(messenger) => messenger,
                Err(error) => return Answer::Json(wire::failure(&error)),
            };
            let balances = messenger.balance().await;
            Answer::Json(wire::answer(wire::write(balances.into_iter().map(Item::from).collect::<Vec<_>>())))
        })
    }

    /// Delivery changes until each message is final.
    #[napi(catch_unwind)]
    pub fn track(&self, receipts: &Receipts, options: String) -> napi::Result<Changes> {
        let stream = self
            .open()
            .and_then(|messenger| {
                messenger.track(receipts.shared.receipts().to_vec(), track_options(&options)?)
            })
            .map_err(|error| thrown(&error))?;
        Ok(Changes::new(stream.map(|change| wire::answer(wire::write(DeliveryRow::from(&change)))).boxed()))
    }

    /// Incoming messages.
    #[napi(catch_unwind)]
    pub fn receive(&self, interval: f64) -> napi::Result<Changes> {
        let stream = argument_in_milliseconds("receive", "interval", interval)
            .and_then(|interval| Ok(self.open()?.receive(interval)))
            .map_err(|error| thrown(&error))?;
        Ok(Changes::new(stream.map(|received| wire::answer(received.and_then(wire::write))).boxed()))
    }

    /// Lets go of the gateways. A send under way and a stream that is open have their own hold on them.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(locked(&self.0).take());
    }
}

fn track_options(text: &str) -> Result<TrackOptions, Error> {
    let mut given = Given::options("track", text)?;
    let mut options = TrackOptions::default();
    apply!(options, given, take_milliseconds, first_look, interval, deadline);
    given.end()?;
    Ok(options)
}

/// A stream that JavaScript pulls.
#[napi]
pub struct Changes {
    stream: Arc<tokio::sync::Mutex<Option<BoxStream<'static, String>>>>,
    closed: CancellationToken,
}

impl Changes {
    fn new(stream: BoxStream<'static, String>) -> Self {
        Self { stream: Arc::new(tokio::sync::Mutex::new(Some(stream))), closed: CancellationToken::new() }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.close();
    }
}

#[napi]
impl Changes {
    /// The next item, or null after the last.
    #[napi(catch_unwind)]
    pub fn next(&self, env: Env, bridge: &Bridge, number: u32) -> napi::Result<()> {
        let (stream, closed) = (self.stream.clone(), self.closed.clone());
        bridge.answer(env, number, None, None, async move {
            let mut stream = stream.lock().await;
            let work = async {
                match stream.as_mut() {
                    Some(stream) => stream.next().await,
                    None => None,
                }
            };
            let item = unless_canceled(Some(closed), work).await.flatten();
            if item.is_none() {
                *stream = None;
            }
            item.map_or(Answer::End, Answer::Json)
        })
    }

    /// Stops it: a request under way is cut off.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.closed.cancel();
        if let Ok(mut stream) = self.stream.try_lock() {
            *stream = None;
        }
    }
}

/// What a send is made of, beside its rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    what: What,
    key: Option<String>,
    sender: Option<String>,
    #[serde(default)]
    once: bool,
    /// In milliseconds, from the moment on at which JavaScript was called.
    deadline: Option<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum What {
    /// One text; a row is a recipient. With `one`, there is a single one.
    Send { text: String, one: bool },
    /// A row is a message.
    Each,
    /// A row is a recipient with parameters.
    Template { template: String },
}

impl Plan {
    fn apply(self, sending: Sending, began: Instant) -> Result<Sending, Error> {
        let mut sending = sending;
        if let Some(key) = self.key {
            sending = sending.key(key);
        }
        if let Some(sender) = self.sender {
            sending = sending.sender(sender);
        }
        if self.once {
            sending = sending.once();
        }
        if let Some(deadline) = self.deadline {
            sending = sending.deadline(left_of(deadline, began)?);
        }
        Ok(sending)
    }
}

/// What reading the messages has left of a deadline. One of zero stays one: that core refuses, and one that has passed
/// meanwhile it must not.
fn left_of(deadline: f64, began: Instant) -> Result<Duration, Error> {
    let deadline = argument_in_milliseconds("send", "deadline", deadline)?;
    Ok(deadline.saturating_sub(began.elapsed()).max(deadline.min(Duration::from_nanos(1))))
}

/// Messages on their way in, then their receipts: JavaScript looks at those one by one, so that a send of any size never
/// holds its event loop.
#[napi]
pub struct Receipts {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

/// Whoever holds this no more has no use for the send: a worker thread that was terminated, above all.
impl Drop for Receipts {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Shared {
    plan: String,
    /// When the call began: its messages may take their time to come.
    began: Instant,
    /// JSON lists, parsed when the send starts, off JavaScript's thread.
    chunks: Mutex<Vec<String>>,
    progress: watch::Sender<Progress>,
    done: OnceLock<Vec<Receipt>>,
}

impl Shared {
    fn receipts(&self) -> &[Receipt] {
        self.done.get().map_or(&[], Vec::as_slice)
    }

    fn rows<T: serde::de::DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let chunks = std::mem::take(&mut *locked(&self.chunks));
        let mut rows = Vec::new();
        for chunk in chunks {
            rows.extend(read::<Vec<T>>("send", &chunk)?);
        }
        Ok(rows)
    }

    fn keep(&self, receipts: Vec<Receipt>) {
        // A second call finds the receipts of the first.
        drop(self.done.set(receipts));
    }

    async fn send(&self, messenger: &payamak::Messenger, stop: CancellationToken) -> Result<(), Error> {
        let mut plan: Plan = read("send", &self.plan)?;
        let sending = match std::mem::replace(&mut plan.what, What::Each) {
            What::Send { text, one } => {
                let mut to: Vec<Recipient> = self.rows::<String>()?.into_iter().map(Into::into).collect();
                let to = match to.pop() {
                    Some(only) if one => Recipients::One(only),
                    last => {
                        to.extend(last);
                        Recipients::Many(to)
                    }
                };
                messenger.send(text, to)
            }
            What::Each => messenger.send_each(self.rows::<Each>()?.into_iter().map(Message::from)),
            What::Template { template } => {
                let rows = self.rows::<Filled>()?;
                messenger.send_template(template, rows.into_iter().map(|row| (row.to, row.parameters)))
            }
        };
        let sending = plan.apply(sending, self.began)?;
        let progress = self.progress.clone();
        let sending = sending.on_progress(move |now| {
            let _ = progress.send_replace(now);
        });
        match sending.cancel_on(stop).await {
            Ok(report) => {
                self.keep(report.into_receipts());
                Ok(())
            }
            Err(error) => {
                self.keep(error.receipts().to_vec());
                Err(error)
            }
        }
    }
}

#[napi]
impl Receipts {
    /// An empty list for this plan; a list of receipts from elsewhere needs none.
    #[napi(constructor, catch_unwind)]
    pub fn new(plan: String) -> Self {
        let shared = Shared {
            plan,
            began: Instant::now(),
            chunks: Mutex::default(),
            progress: watch::Sender::new(Progress::default()),
            done: OnceLock::new(),
        };
        Self { shared: Arc::new(shared), stop: CancellationToken::new() }
    }

    /// Some more rows: a JSON list.
    #[napi(catch_unwind)]
    pub fn push(&self, rows: String) {
        locked(&self.shared.chunks).push(rows);
    }

    /// Takes rows of receipts that stand elsewhere, in a database say.
    #[napi(catch_unwind)]
    pub fn restore(&self) -> String {
        let kept = self.shared.rows::<Kept>();
        wire::answer(kept.and_then(|rows| {
            self.shared.keep(rows.into_iter().map(Receipt::from).collect());
            wire::write(())
        }))
    }

    /// Stops the send.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Sends; the receipts are here afterwards.
    #[napi(catch_unwind)]
    pub fn send(&self, env: Env, bridge: &Bridge, number: u32, messenger: &Messenger) -> napi::Result<()> {
        let (shared, messenger) = (self.shared.clone(), messenger.open());
        let stop = self.stop.clone();
        bridge.answer(env, number, None, None, async move {
            let sent = match messenger {
                Ok(messenger) => shared.send(&messenger, stop).await,
                Err(error) => Err(error),
            };
            Answer::Json(match sent {
                Err(error) if error.kind() == payamak::ErrorKind::Canceled => wire::canceled(),
                sent => wire::answer(sent.and_then(wire::write)),
            })
        })
    }

    /// The counts, once they differ from those with `decided` decided and `in_flight` in flight, or the send is over.
    #[napi(catch_unwind)]
    pub fn progress(
        &self,
        env: Env,
        bridge: &Bridge,
        number: u32,
        decided: u32,
        in_flight: u32,
        over: &CancelToken,
    ) -> napi::Result<()> {
        let mut seen = self.shared.progress.subscribe();
        let token = over.token();
        bridge.answer(env, number, None, None, async move {
            let differs = |now: &Progress| {
                now.accepted + now.rejected + now.unclear != decided as usize
                    || now.in_flight != in_flight as usize
            };
            let changed = async { drop(seen.wait_for(differs).await) };
            unless_canceled(Some(token), changed).await;
            let now = *seen.borrow();
            Answer::Json(serde_json::to_string(&now).unwrap_or_default())
        })
    }

    /// How many receipts there are.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        u32::try_from(self.shared.receipts().len()).unwrap_or(u32::MAX)
    }

    /// How many receipts have each outcome: accepted, rejected, unclear.
    #[napi(catch_unwind)]
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; 3];
        for receipt in self.shared.receipts() {
            if let Some(count) = counts.get_mut(place(receipt.outcome)) {
                *count += 1;
            }
        }
        counts
    }

    /// The places of the receipts with an outcome, numbered as in `counts`.
    #[napi(catch_unwind)]
    pub fn places(&self, outcome: u32) -> Vec<u32> {
        let of = |receipt: &Receipt| place(receipt.outcome) == outcome as usize;
        (0u32..)
            .zip(self.shared.receipts())
            .filter(|(_, receipt)| of(receipt))
            .map(|(index, _)| index)
            .collect()
    }

    /// Some receipts as a JSON list.
    #[napi(catch_unwind)]
    pub fn rows(&self, from: u32, count: u32) -> String {
        let rows = self.shared.receipts().iter().skip(from as usize).take(count as usize);
        wire::write(rows.map(ReceiptRow::from).collect::<Vec<_>>()).unwrap_or_default()
    }
}

fn place(outcome: SendOutcome) -> usize {
    match outcome {
        SendOutcome::Accepted => 0,
        SendOutcome::Rejected => 1,
        SendOutcome::Unclear => 2,
    }
}
