//! `Messenger`: messages handed over in portions, sends that can be watched and stopped, streams.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use payamak::{
    AskPolicy, DeliveryReport, Error, Message, Receipt, Received, Recipient, Recipients, SendLog,
    SendOutcome, TrackOptions,
};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::arguments::{self, Id, Line, To, Trace};
use crate::bridge::Bridge;
use crate::call::{self, run, run_watched};
use crate::client::{Settings, SharedGateway, Slot, ok};
use crate::errors;
use crate::fork::Own;
use crate::niksms::NikSms;
use crate::payam_resan::PayamResan;
use crate::process::{PerProcess, Worker, outside};
use crate::rows::{self, Rows};

type Reply = PyResult<Py<PyAny>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops a send from another thread. In the child of a fork it stops those of the child.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct CancelToken {
    token: PerProcess<CancellationToken>,
    cancelled: AtomicBool,
}

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self { token: PerProcess::new(), cancelled: AtomicBool::new(false) }
    }

    fn cancel(&self) {
        // First: a token that is made meanwhile is cancelled as well.
        self.cancelled.store(true, Ordering::SeqCst);
        self.token().cancel();
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

impl CancelToken {
    fn token(&self) -> &CancellationToken {
        self.token.get(|| {
            let token = CancellationToken::new();
            if self.cancelled() {
                token.cancel();
            }
            token
        })
    }
}

/// Messages on their way from Python, in portions, so that an event loop gets its turn between two of them.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Outbox(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    recipients: Vec<Recipient>,
    messages: Vec<Message>,
    pairs: Vec<(Recipient, Vec<String>)>,
}

/// `to`, `text`, `template`, `parameters`, `sender`, `trace_id`, `key`, `once`.
type MessageRow =
    (To, String, Option<String>, Vec<String>, Option<Line>, Option<Trace>, Option<String>, bool);

fn message((to, text, template, parameters, sender, trace_id, key, once): MessageRow) -> Message {
    let mut message = match template {
        Some(template) => Message::template(template, to.0, parameters),
        None => Message::new(to.0, text),
    };
    if let Some(line) = sender {
        message = message.sender(line.0);
    }
    if let Some(id) = trace_id {
        message = message.trace_id(id.0);
    }
    if let Some(key) = key {
        message = message.key(key);
    }
    if once { message.once() } else { message }
}

#[pymethods]
impl Outbox {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn add_recipients(&self, recipients: Vec<To>) {
        lock(&self.0).recipients.extend(recipients.into_iter().map(|to| to.0));
    }

    fn add_messages(&self, messages: Vec<MessageRow>) {
        lock(&self.0).messages.extend(messages.into_iter().map(message));
    }

    fn add_pairs(&self, pairs: Vec<(To, Vec<String>)>) {
        lock(&self.0).pairs.extend(pairs.into_iter().map(|(to, parameters)| (to.0, parameters)));
    }
}

impl Outbox {
    fn take(&self) -> Contents {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// What one send sets for all of its messages.
struct Options {
    key: Option<String>,
    sender: Option<Line>,
    once: bool,
    deadline: Option<Duration>,
}

impl Options {
    fn read(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let given = Settings(given);
        Ok(Self {
            key: given.get("key")?,
            sender: given.get("sender")?,
            once: given.get("once")?.unwrap_or(false),
            deadline: given.seconds_of("send", "deadline")?,
        })
    }

    fn apply(self, mut sending: payamak::Sending) -> payamak::Sending {
        if let Some(key) = self.key {
            sending = sending.key(key);
        }
        if let Some(line) = self.sender {
            sending = sending.sender(line.0);
        }
        if self.once {
            sending = sending.once();
        }
        match self.deadline {
            Some(deadline) => sending.deadline(deadline),
            None => sending,
        }
    }
}

#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Messenger(Arc<Slot<payamak::Messenger>>);

#[allow(clippy::needless_pass_by_value, reason = "pyo3 takes a list by value")]
#[pymethods]
impl Messenger {
    #[new]
    fn new(py: Python<'_>, gateways: Vec<Bound<'_, PyAny>>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let gateways = gateways.iter().map(shared).collect::<PyResult<Vec<SharedGateway>>>()?;
        let settings = Settings(settings);
        let concurrency: Option<usize> = settings.get("concurrency")?;
        let rate: Option<u32> = settings.get("rate")?;
        let attempts: Option<usize> = settings.get("attempts")?;
        let (budget, settle) = (settings.seconds("budget")?, settings.seconds("settle")?);
        let resend: Option<bool> = settings.get("resend")?;
        let ask = settings.get::<String>("ask")?.map(|ask| ok(py, ask.parse::<AskPolicy>())).transpose()?;
        let deadline = settings.seconds("deadline")?;
        let key_secret = settings.get::<String>("key_secret")?.map(SecretString::from);
        let build = move |py: Python<'_>| {
            let mut builder = payamak::Messenger::builder();
            for gateway in &gateways {
                builder = builder.shared_gateway(gateway(py)?);
            }
            if let Some(requests) = concurrency {
                builder = builder.concurrency(requests);
            }
            if let Some(requests) = rate {
                builder = builder.rate(requests);
            }
            if let Some(attempts) = attempts {
                builder = builder.attempts(attempts);
            }
            if let Some(budget) = budget {
                builder = builder.budget(budget);
            }
            if let Some(settle) = settle {
                builder = builder.settle(settle);
            }
            if let Some(resend) = resend {
                builder = builder.resend(resend);
            }
            if let Some(policy) = ask {
                builder = builder.ask(policy);
            }
            if let Some(deadline) = deadline {
                builder = builder.deadline(deadline);
            }
            if let Some(secret) = &key_secret {
                builder = builder.key_secret(secret.expose_secret());
            }
            ok(py, builder.build())
        };
        Slot::new(py, build).map(Self)
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn send(&self, py: Python<'_>, text: String, to: To, options: &Bound<'_, PyDict>) -> PyResult<Sending> {
        self.sending(py, options, move |messenger| messenger.send(text, Recipients::One(to.0)))
    }

    fn send_to_many(
        &self,
        py: Python<'_>,
        text: String,
        to: &Outbox,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Sending> {
        let to = Recipients::Many(to.take().recipients);
        self.sending(py, options, move |messenger| messenger.send(text, to))
    }

    fn send_each(&self, py: Python<'_>, messages: &Outbox, options: &Bound<'_, PyDict>) -> PyResult<Sending> {
        let messages = messages.take().messages;
        self.sending(py, options, move |messenger| messenger.send_each(messages))
    }

    fn send_template(
        &self,
        py: Python<'_>,
        template: String,
        recipients: &Outbox,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Sending> {
        let pairs = recipients.take().pairs;
        self.sending(py, options, move |messenger| messenger.send_template(template, pairs))
    }

    fn delivery(&self, py: Python<'_>, receipts: &Bound<'_, PyAny>, bridge: Option<&Bridge>) -> Reply {
        let (messenger, receipts) = (self.0.get(py)?, read_receipts(receipts)?);
        run(py, Worker::Library, bridge, || async move { Ok(messenger.delivery(&receipts).await) })
    }

    fn track(
        &self,
        py: Python<'_>,
        receipts: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<ItemStream> {
        let (messenger, receipts) = (self.0.get(py)?, read_receipts(receipts)?);
        let given = Settings(options);
        let mut options = TrackOptions::default();
        if let Some(after) = given.seconds_of("track", "first_look")? {
            options = options.first_look(after);
        }
        if let Some(interval) = given.seconds_of("track", "interval")? {
            options = options.interval(interval);
        }
        if let Some(deadline) = given.seconds_of("track", "deadline")? {
            options = options.deadline(deadline);
        }
        Ok(ItemStream::new(ok(py, messenger.track(receipts, options))?.map(Item::Report)))
    }

    fn receive(&self, py: Python<'_>, interval: f64) -> PyResult<ItemStream> {
        let interval = arguments::seconds(py, "receive", "interval", interval)?;
        let incoming = self.0.get(py)?.receive(interval);
        Ok(ItemStream::new(incoming.map(|item| item.map_or_else(Item::Failed, Item::Received))))
    }

    fn balance(&self, py: Python<'_>, bridge: Option<&Bridge>) -> Reply {
        let messenger = self.0.get(py)?;
        run(py, Worker::Library, bridge, || async move { Ok(messenger.balance().await) })
    }
}

impl Messenger {
    fn sending(
        &self,
        py: Python<'_>,
        options: &Bound<'_, PyDict>,
        start: impl FnOnce(&payamak::Messenger) -> payamak::Sending + Send + 'static,
    ) -> PyResult<Sending> {
        let (messenger, options) = (self.0.get(py)?, Options::read(options)?);
        Ok(Sending::new(move || options.apply(start(&messenger))))
    }
}

fn shared(gateway: &Bound<'_, PyAny>) -> PyResult<SharedGateway> {
    if let Ok(gateway) = gateway.cast::<PayamResan>() {
        Ok(gateway.get().shared())
    } else if let Ok(gateway) = gateway.cast::<NikSms>() {
        Ok(gateway.get().shared())
    } else {
        Err(PyTypeError::new_err("not a gateway"))
    }
}

/// `to`, `gateway`, `trace_id`, `message_id`, `outcome`.
type ReceiptRow = (To, Option<String>, Trace, Option<Id>, String);

/// Receipts of a report as they are, or rows that somebody kept.
fn read_receipts(given: &Bound<'_, PyAny>) -> PyResult<Vec<Receipt>> {
    if let Ok(rows) = given.cast::<Rows>() {
        return rows.get().to_receipts().ok_or_else(|| PyTypeError::new_err("not receipts"));
    }
    let receipt = |(to, gateway, trace_id, message_id, outcome): ReceiptRow| {
        let known = [SendOutcome::Accepted, SendOutcome::Rejected, SendOutcome::Unclear];
        let mut receipt = Receipt::restore_unclear(to.0, trace_id.0);
        receipt.gateway = gateway.map(Into::into);
        receipt.message_id = message_id.map(|id| id.0);
        receipt.outcome = known
            .into_iter()
            .find(|known| known.as_str() == outcome)
            .ok_or_else(|| PyValueError::new_err("an outcome is accepted, rejected or unclear"))?;
        Ok(receipt)
    };
    given.extract::<Vec<ReceiptRow>>()?.into_iter().map(receipt).collect()
}

type Start = Box<dyn FnOnce() -> payamak::Sending + Send>;

/// A send that has been prepared: it is planned and started where it runs, not in the caller's event loop.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Sending(Own<Parts>);

struct Parts {
    start: Arc<Mutex<Option<Start>>>,
    log: Arc<OnceLock<SendLog>>,
    /// The receipts of a send that has ended, for a caller who was stopped before they arrived.
    ended: Arc<OnceLock<Arc<[Receipt]>>>,
    failed: Arc<AtomicBool>,
}

impl Sending {
    fn new(start: impl FnOnce() -> payamak::Sending + Send + 'static) -> Self {
        Self(Own::new(Parts {
            start: Arc::new(Mutex::new(Some(Box::new(start)))),
            log: Arc::default(),
            ended: Arc::default(),
            failed: Arc::default(),
        }))
    }
}

#[pymethods]
impl Sending {
    fn run(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        cancel: Option<&CancelToken>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let parts = self.0.get().ok_or_else(call::of_parent)?;
        let (start, log, ended) = (parts.start.clone(), parts.log.clone(), parts.ended.clone());
        let failed = parts.failed.clone();
        let cancel = cancel.map(|cancel| cancel.token().clone());
        run_watched(py, Worker::Library, bridge, progress, |notify| async move {
            let start = lock(&start).take();
            let Some(mut sending) = start.map(|start| start()) else {
                return Err(Error::configuration("send", "it was started before"));
            };
            drop(log.set(sending.log()));
            if let Some(notify) = notify {
                sending = sending.on_progress(notify);
            }
            if let Some(token) = cancel {
                sending = sending.cancel_on(token);
            }
            let result = sending.await.map(|report| Arc::from(report.into_receipts()));
            if let Ok(receipts) = &result {
                drop(ended.set(Arc::clone(receipts)));
            }
            Ok(Ended { result, failed })
        })
    }

    /// True once core's own error has been handed over: that one says itself what became of the messages.
    #[getter]
    fn failed(&self) -> bool {
        self.0.get().is_some_and(|parts| parts.failed.load(Ordering::Relaxed))
    }

    /// The receipts of a send that was stopped; None in the child of a fork, where nobody knows them.
    fn receipts(&self, py: Python<'_>) -> Option<Rows> {
        let parts = self.0.get()?;
        if let Some(receipts) = parts.ended.get() {
            return Some(Rows::receipts(receipts.clone()));
        }
        Some(outside(py, || {
            // Stopped before its first step: planned now, it is certain that nothing of it has left.
            let unstarted = lock(&parts.start).take();
            let log = parts.log.get().cloned().or_else(|| unstarted.map(|start| start().log()));
            Rows::receipts(log.map(|log| log.receipts()).unwrap_or_default())
        }))
    }
}

/// How a send ended.
struct Ended {
    result: payamak::Result<Arc<[Receipt]>>,
    failed: Arc<AtomicBool>,
}

impl call::Reply for Ended {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.result {
            Ok(receipts) => Rows::receipts(receipts).reply(py),
            Err(error) => {
                self.failed.store(true, Ordering::Relaxed);
                Err(errors::raise(py, &error))
            }
        }
    }
}

enum Item {
    Report(DeliveryReport),
    Received(Received),
    Failed(Error),
}

type Source = Pin<Box<dyn Stream<Item = Item> + Send>>;

/// How many items are fetched ahead when they are there anyway.
const AHEAD: usize = 1000;

/// A stream. What has been fetched stays in it until it is popped: a cancelled wait loses nothing.
#[pyclass(frozen, module = "payamak._native", name = "Stream")]
pub(crate) struct ItemStream(Own<Items>);

/// Its connections and timers are those of the process that made it.
struct Items {
    source: Arc<tokio::sync::Mutex<Source>>,
    ready: Arc<Mutex<VecDeque<Item>>>,
}

impl ItemStream {
    fn new(source: impl Stream<Item = Item> + Send + 'static) -> Self {
        let source: Source = Box::pin(source);
        Self(Own::new(Items { source: Arc::new(tokio::sync::Mutex::new(source)), ready: Arc::default() }))
    }

    fn items(&self) -> PyResult<&Items> {
        self.0.get().ok_or_else(|| {
            PyRuntimeError::new_err("this stream belongs to the parent process; make another one here")
        })
    }
}

#[pymethods]
impl ItemStream {
    /// Waits until there is something to pop; False at the end.
    fn fill(&self, py: Python<'_>, bridge: Option<&Bridge>) -> Reply {
        let items = self.items()?;
        let (source, ready) = (items.source.clone(), items.ready.clone());
        run(py, Worker::Library, bridge, || async move {
            let mut source = source.lock().await;
            if !lock(&ready).is_empty() {
                return Ok(true);
            }
            let Some(first) = source.next().await else { return Ok(false) };
            lock(&ready).push_back(first);
            for _ in 1..AHEAD {
                match source.next().now_or_never() {
                    Some(Some(item)) => lock(&ready).push_back(item),
                    _ => break,
                }
            }
            Ok(true)
        })
    }

    /// The next item, if one is there. A failure is raised, and the stream goes on after it.
    fn pop<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let item = lock(&self.items()?.ready).pop_front();
        match item {
            Some(Item::Report(report)) => rows::report(py, &report).map(Some),
            Some(Item::Received(received)) => rows::received(py, &received).map(Some),
            Some(Item::Failed(error)) => Err(errors::raise(py, &error)),
            None => Ok(None),
        }
    }
}
