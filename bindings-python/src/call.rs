//! Runs a future for Python: in the calling thread until it is done, or in the background for an event loop.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use payamak::Progress;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::bridge::{Bridge, Call};
use crate::errors;
use crate::log;
use crate::process::{self, Engine, Pass};

/// How often a blocking call looks whether Ctrl-C was pressed.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// What a call gives back to Python.
pub(crate) trait Reply: Send + 'static {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

/// What a send is told to call when its counts have changed.
pub(crate) type Notify = Box<dyn Fn(Progress) + Send + Sync>;

/// Runs what `start` makes: with a bridge as a [`Call`] that an event loop can await, without one in this thread.
pub(crate) fn run<T, Work>(
    py: Python<'_>,
    bridge: Option<&Bridge>,
    start: impl FnOnce() -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    run_watched(py, bridge, None, |_| start())
}

/// The same for a send, whose counts are told to `progress` in the caller's thread or loop.
pub(crate) fn run_watched<T, Work>(
    py: Python<'_>,
    bridge: Option<&Bridge>,
    progress: Option<Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    log::refresh(py);
    match bridge {
        None => block(py, progress.as_ref(), start),
        // The thread that wakes event loops enters the interpreter no more.
        Some(bridge) if process::is_closing() => {
            let future = bridge.create_future(py)?;
            settle(&future, block(py, progress.as_ref(), start))?;
            Ok(Py::new(py, Call::new(future.unbind(), None))?.into_any())
        }
        Some(bridge) => spawn(py, bridge, progress, start),
    }
}

fn settle(future: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = future.py();
    match result {
        Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
        Err(error) => future.call_method1(intern!(py, "set_exception"), (error,)),
    }
    .map(drop)
}

fn spawn<T, Work>(
    py: Python<'_>,
    bridge: &Bridge,
    progress: Option<Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    let engine = Engine::get()?;
    let future = bridge.create_future(py)?.unbind();
    let mailbox = bridge.mailbox();
    let notify = progress.map(|callback| {
        let (mailbox, future) = (mailbox.clone(), Arc::new(future.clone_ref(py)));
        let callback = Arc::new(callback);
        let newest: Arc<Mutex<Option<Progress>>> = Arc::default();
        let notify: Notify = Box::new(move |progress| {
            let waits = newest.lock().unwrap_or_else(PoisonError::into_inner).replace(progress).is_some();
            if !waits {
                let (newest, callback) = (newest.clone(), callback.clone());
                mailbox.post(
                    future.clone(),
                    Box::new(move |future| {
                        let progress = newest.lock().unwrap_or_else(PoisonError::into_inner).take();
                        let py = future.py();
                        match progress.map(|progress| tell(py, &callback, progress)) {
                            Some(Err(error)) => settle(future, Err(error)),
                            _ => Ok(()),
                        }
                    }),
                );
            }
        });
        notify
    });
    let awaited = Arc::new(future.clone_ref(py));
    let work = start(notify);
    let task = engine.runtime.spawn(async move {
        let result = work.await;
        mailbox.post(
            awaited,
            Box::new(move |future| {
                let py = future.py();
                settle(future, answer(py, result))
            }),
        );
    });
    Ok(Py::new(py, Call::new(future, Some(task)))?.into_any())
}

fn block<T, Work>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    let engine = Engine::get()?;
    let hears_signals = is_main_thread(py)?;
    let (counts, mut changes) = watch::channel(Progress::default());
    let notify = progress.is_some().then(|| -> Notify {
        Box::new(move |progress| {
            counts.send_replace(progress);
        })
    });
    // It runs beside its connections, on the one thread that serves them: that is how the next call finds this one's
    // connection free again.
    let mut work = engine.runtime.spawn(start(notify));
    let (result, pass) = py.detach(|| {
        let result = engine.runtime.block_on(async {
            let mut ticks = interval_at(Instant::now() + SIGNAL_INTERVAL, SIGNAL_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let interrupted = loop {
                tokio::select! {
                    biased;
                    result = &mut work => return Ok(unwind(result)),
                    Ok(()) = changes.changed(), if progress.is_some() => {
                        let counts = *changes.borrow_and_update();
                        let _pass = enter(hears_signals);
                        let told = Python::attach(|py| progress.map_or(Ok(()), |callback| tell(py, callback, counts)));
                        if let Err(error) = told {
                            break error;
                        }
                    }
                    _ = ticks.tick(), if hears_signals => {
                        if let Err(error) = Python::attach(|py: Python<'_>| Python::check_signals(py)) {
                            break error;
                        }
                    }
                }
            };
            // When this returns, nothing of it runs any more, so what is known about it is final.
            work.abort();
            drop(work.await);
            Err(interrupted)
        });
        (result, enter(hears_signals))
    });
    drop(pass);
    log::flush(py);
    let result = result?;
    if let (Some(callback), Ok(true)) = (progress, changes.has_changed()) {
        let counts = *changes.borrow_and_update();
        tell(py, callback, counts)?;
    }
    answer(py, result)
}

/// A panic goes on in the caller's thread, as if the work had been done there.
fn unwind<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => unreachable!("only this module stops a task, and then does not ask for its result"),
    })
}

fn answer<T: Reply>(py: Python<'_>, result: payamak::Result<T>) -> PyResult<Py<PyAny>> {
    match result {
        Ok(value) => value.reply(py),
        Err(error) => Err(errors::raise(py, &error)),
    }
}

/// The main thread is the one that ends the interpreter, so it cannot be too late.
fn enter(is_main_thread: bool) -> Option<Pass> {
    (!is_main_thread).then(Pass::or_park)
}

fn tell(py: Python<'_>, callback: &Py<PyAny>, progress: Progress) -> PyResult<()> {
    let Progress { planned, in_flight, accepted, rejected, unclear, .. } = progress;
    callback.call1(py, (planned, in_flight, accepted, rejected, unclear)).map(drop)
}

/// Python runs signal handlers in its main thread alone.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    static THREADING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let threading =
        THREADING.get_or_try_init(py, || py.import("threading").map(|module| module.into_any().unbind()))?;
    let threading = threading.bind(py);
    let here = threading.call_method0(intern!(py, "get_ident"))?;
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    here.eq(main)
}
