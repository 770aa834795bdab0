//! Runs a future for Python: in the calling thread until it is done, or in the background for an event loop.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::race::OnceBox;
use payamak::Progress;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;

use crate::bridge::{Bridge, Call};
use crate::errors;
use crate::fork::{Mark, Own};
use crate::log;
use crate::process::{self, Engine, Pass, Worker, outside};

/// How often a blocking call looks whether Ctrl-C was pressed.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// What a call gives back to Python.
pub(crate) trait Reply: Send + 'static {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

/// What a send is told to call when its counts have changed.
pub(crate) type Notify = Box<dyn Fn(Progress) + Send + Sync>;

/// Runs what `start` makes: with a bridge as a [`Call`] that an event loop can await, without one while this thread waits.
pub(crate) fn run<T, Work>(
    py: Python<'_>,
    worker: Worker,
    bridge: Option<&Bridge>,
    start: impl FnOnce() -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    run_watched(py, worker, bridge, None, |_| start())
}

/// The same for a send, whose counts are told to `progress` in the caller's thread or loop.
pub(crate) fn run_watched<T, Work>(
    py: Python<'_>,
    worker: Worker,
    bridge: Option<&Bridge>,
    progress: Option<Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    let pass = Pass::hold(py);
    log::refresh(py);
    match bridge {
        None => block(py, worker, pass, progress.as_ref(), start),
        // The thread that wakes event loops enters the interpreter no more.
        Some(bridge) if process::is_closing() => {
            let future = bridge.create_future(py)?;
            settle(&future, block(py, worker, pass, progress.as_ref(), start))?;
            Ok(Py::new(py, Call::done(future.unbind()))?.into_any())
        }
        Some(bridge) => spawn(py, worker, bridge, progress, start),
    }
}

fn settle(future: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = future.py();
    match result {
        Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
        Err(error) => future.call_method1(intern!(py, "set_exception"), (contained(py, error),)),
    }
    .map(drop)
}

fn spawn<T, Work>(
    py: Python<'_>,
    worker: Worker,
    bridge: &Bridge,
    progress: Option<Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    let runtime = Engine::get()?.handle(worker)?;
    let future = bridge.create_future(py)?.unbind();
    let mailbox = bridge.mailbox(py);
    let here = Mark::new();
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
                            // The callback has forked, and this is the child.
                            _ if !here.is_here() => settle(future, Err(of_parent())),
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
    let task = runtime.spawn(async move {
        let result = work.await;
        mailbox.post(
            awaited,
            Box::new(move |future| {
                let py = future.py();
                settle(future, answer(py, result))
            }),
        );
    });
    Ok(Py::new(py, Call::new(future, worker, task))?.into_any())
}

fn block<T, Work>(
    py: Python<'_>,
    worker: Worker,
    mut pass: Pass,
    progress: Option<&Py<PyAny>>,
    start: impl FnOnce(Option<Notify>) -> Work,
) -> PyResult<Py<PyAny>>
where
    T: Reply,
    Work: Future<Output = payamak::Result<T>> + Send + 'static,
{
    let engine = Engine::get()?;
    let hears_signals = is_main_thread(py)?;
    let (counts, changes) = watch::channel(Progress::default());
    let notify = progress.is_some().then(|| -> Notify {
        Box::new(move |progress| {
            counts.send_replace(progress);
        })
    });
    // A call to a gateway runs beside its connections, on the one thread that serves them: that is how the next call finds
    // this one's connection free again.
    let work = engine.handle(worker)?.spawn(start(notify));
    let mut running = Own::new(Running { work, changes });
    loop {
        let Running { work, changes } = running.get_mut().ok_or_else(of_parent)?;
        let (news, entered) = py.detach(|| {
            drop(pass);
            // Python runs outside of it: a callback, a signal handler, a logging handler or a finalizer may call payamak.
            let news = engine.runtime.block_on(async {
                tokio::select! {
                    biased;
                    result = &mut *work => News::Result(unwind(result)),
                    Ok(()) = changes.changed(), if progress.is_some() => News::Counts(*changes.borrow_and_update()),
                    () = sleep(SIGNAL_INTERVAL), if hears_signals => News::Nothing,
                }
            });
            (news, Pass::or_park())
        });
        pass = entered;
        let told = match news {
            News::Result(result) => {
                log::flush(py);
                if let (Some(callback), Ok(true)) = (progress, changes.has_changed()) {
                    let counts = *changes.borrow_and_update();
                    tell(py, callback, counts)?;
                }
                return answer(py, result);
            }
            News::Counts(counts) => progress.map_or(Ok(()), |callback| tell(py, callback, counts)),
            News::Nothing => Ok(()),
        };
        let heard = told.and_then(|()| if hears_signals { py.check_signals() } else { Ok(()) });
        if let Err(interrupted) = heard {
            // In the child of a fork that the callback or the signal handler made, nothing of it ever ran.
            if let Some(Running { work, .. }) = running.into_inner() {
                stop(py, engine, worker, work);
            }
            log::flush(py);
            return Err(interrupted);
        }
    }
}

/// The work of a call that waits for it.
struct Running<T> {
    work: JoinHandle<T>,
    changes: watch::Receiver<Progress>,
}

/// Stops what a worker does. Of the library's own work nothing runs any more when this returns, so what is known about a send
/// is final. A single call to a gateway ends by itself: its thread may be busy with what that gateway says, and nothing is known
/// about it that could still change.
pub(crate) fn stop<T: Send>(py: Python<'_>, engine: &Engine, worker: Worker, task: JoinHandle<T>) {
    task.abort();
    if let Worker::Library = worker {
        // It ends at once: a task is stopped wherever it waits.
        outside(py, || drop(engine.runtime.block_on(task)));
    }
}

/// What wakes a call that waits.
enum News<T> {
    Result(T),
    Counts(Progress),
    Nothing,
}

/// What a call of the parent's says in the child of a fork.
pub(crate) fn of_parent() -> PyErr {
    PyRuntimeError::new_err("this call was made by the parent process, which gets its answer")
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

fn tell(py: Python<'_>, callback: &Py<PyAny>, progress: Progress) -> PyResult<()> {
    let Progress { planned, in_flight, accepted, rejected, unclear, .. } = progress;
    callback
        .call1(py, (planned, in_flight, accepted, rejected, unclear))
        .map(drop)
        .map_err(|error| contained(py, error))
}

/// `StopIteration` would end whatever iterates around the call, and no future takes it. A generator that raises it does the
/// same (PEP 479).
fn contained(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let container = PyRuntimeError::new_err("a callback raised StopIteration");
    container.set_cause(py, Some(error));
    container
}

/// Python runs signal handlers in its main thread alone.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    static THREADING: OnceBox<Py<PyAny>> = OnceBox::new();
    let threading = THREADING
        .get_or_try_init(|| py.import("threading").map(|module| Box::new(module.into_any().unbind())))?;
    let threading = threading.bind(py);
    let here = threading.call_method0(intern!(py, "get_ident"))?;
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    here.eq(main)
}
