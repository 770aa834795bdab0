//! From Rust to an event loop: results wait in one queue a loop, and one wake-up fetches many of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use tokio::task::JoinHandle;

use crate::call::stop;
use crate::fork::Own;
use crate::process::{Engine, Pass, PerProcess, Worker};

/// How many results one turn of the event loop takes, so that nobody else waits long for their turn.
const A_TURN: usize = 64;

/// What waits for an event loop.
pub(crate) struct Mailbox {
    event_loop: Py<PyWeakrefReference>,
    waiting: Mutex<Waiting>,
}

/// The two change together: a wake-up that is believed to be under way and is not would leave every later letter lying.
#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// A wake-up is under way, so nobody needs to send another one.
    woken: bool,
    /// The last wake-up has failed, and that has been told.
    failing: bool,
}

/// Something to do in the event loop for the awaiter of `future`.
struct Letter {
    /// Shared, because only a thread inside the interpreter may copy a reference to one of its objects.
    future: Arc<Py<PyAny>>,
    deliver: Deliver,
}

/// What to do with the future; it is not called for a future that is done already.
pub(crate) type Deliver = Box<dyn for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<()> + Send>;

impl Letter {
    fn open(self, py: Python<'_>) -> PyResult<()> {
        let future = self.future.bind(py);
        if future.call_method0(intern!(py, "done"))?.is_truthy()? {
            return Ok(());
        }
        (self.deliver)(future)
    }
}

impl Mailbox {
    fn new(event_loop: Py<PyWeakrefReference>) -> Self {
        Self { event_loop, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May be called from any thread; it never waits for the interpreter.
    pub(crate) fn post(self: &Arc<Self>, future: Arc<Py<PyAny>>, deliver: Deliver) {
        let asleep = {
            let mut waiting = self.waiting();
            waiting.letters.push_back(Letter { future, deliver });
            !std::mem::replace(&mut waiting.woken, true)
        };
        if asleep && let Ok(engine) = Engine::get() {
            engine.notify(self.clone());
        }
    }

    /// Has the event loop come for its letters. Called by the courier.
    pub(crate) fn wake(self: Arc<Self>) {
        let Some(_pass) = Pass::get() else { return };
        Python::attach(|py| {
            {
                let mut waiting = self.waiting();
                if waiting.letters.is_empty() {
                    // The loop has come by itself, and left nothing.
                    waiting.woken = false;
                    return;
                }
            }
            // The futures that wait for these letters keep it alive.
            let Some(event_loop) = self.event_loop.bind(py).upgrade() else { return self.clear() };
            let called = Py::new(py, Collect(Own::new(self.clone())))
                .and_then(|collect| event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (collect,)));
            match called {
                Ok(_) => self.waiting().failing = false,
                Err(_) if is_closed(&event_loop) => self.clear(),
                Err(error) => self.wake_later(&event_loop, error),
            }
        });
    }

    /// Nobody awaits these any more.
    fn clear(&self) {
        let unclaimed = std::mem::take(&mut *self.waiting());
        drop(unclaimed);
    }

    /// The letters are still there, and so is their loop.
    fn wake_later(self: &Arc<Self>, event_loop: &Bound<'_, PyAny>, error: PyErr) {
        if !std::mem::replace(&mut self.waiting().failing, true) {
            error.write_unraisable(event_loop.py(), Some(event_loop));
        }
        if let Ok(engine) = Engine::get() {
            engine.notify_later(self.clone());
        }
    }
}

fn is_closed(event_loop: &Bound<'_, PyAny>) -> bool {
    let closed = event_loop.call_method0(intern!(event_loop.py(), "is_closed"));
    closed.and_then(|closed| closed.is_truthy()).unwrap_or(false)
}

/// The callback that an event loop runs.
#[pyclass(frozen, module = "payamak._native")]
struct Collect(Own<Arc<Mailbox>>);

#[pymethods]
impl Collect {
    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(mailbox) = slf.get().0.get() else {
            // The child of a fork runs the parent's loop to its end. What waits there is the parent's.
            return Ok(());
        };
        let _pass = Pass::hold(py);
        let (turn, more) = {
            let mut waiting = mailbox.waiting();
            let count = waiting.letters.len().min(A_TURN);
            let turn: Vec<_> = waiting.letters.drain(..count).collect();
            waiting.woken = !waiting.letters.is_empty();
            (turn, waiting.woken)
        };
        if more
            && let Some(event_loop) = mailbox.event_loop.bind(py).upgrade()
            && let Err(error) = event_loop.call_method1(intern!(py, "call_soon"), (slf,))
        {
            mailbox.wake_later(&event_loop, error);
        }
        let mut interrupted = Ok(());
        for letter in turn {
            let future = letter.future.clone_ref(py);
            // Whatever becomes of one call, the others get their answers.
            match letter.open(py) {
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    error.write_unraisable(py, Some(future.bind(py)));
                }
                Err(error) => interrupted = interrupted.and(Err(error)),
                Ok(()) => {}
            }
            if slf.get().0.get().is_none() {
                // A callback has forked, and this is the child.
                break;
            }
        }
        crate::log::flush(py);
        interrupted
    }
}

/// An event loop, as native calls need it. It does not keep the loop alive.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Bridge {
    event_loop: Py<PyWeakrefReference>,
    /// What waits at a fork is the parent's.
    mailbox: PerProcess<Arc<Mailbox>>,
}

#[pymethods]
impl Bridge {
    #[new]
    fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { event_loop: PyWeakrefReference::new(event_loop)?.unbind(), mailbox: PerProcess::new() })
    }
}

impl Bridge {
    pub(crate) fn mailbox(&self, py: Python<'_>) -> Arc<Mailbox> {
        self.mailbox.get(|| Arc::new(Mailbox::new(self.event_loop.clone_ref(py)))).clone()
    }

    pub(crate) fn create_future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.event_loop.bind(py).upgrade() {
            Some(event_loop) => event_loop.call_method0(intern!(py, "create_future")),
            None => Err(PyRuntimeError::new_err("the event loop is gone")),
        }
    }
}

/// What runs of a call, and whose thread runs it.
struct Task {
    worker: Worker,
    handle: JoinHandle<()>,
}

/// A call under way: the future to await, and the way to stop it.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Call {
    /// An `asyncio.Future` of the caller's loop.
    #[pyo3(get)]
    future: Py<PyAny>,
    task: Mutex<Option<Own<Task>>>,
}

#[pymethods]
impl Call {
    /// Stops the work, as [`stop`] does. In the child of a fork nothing of it ever ran, and the parent's goes on.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Task { worker, handle }) = task.and_then(Own::into_inner) {
            stop(py, Engine::get()?, worker, handle);
        }
        Ok(())
    }
}

impl Call {
    pub(crate) fn new(future: Py<PyAny>, worker: Worker, handle: JoinHandle<()>) -> Self {
        Self { future, task: Mutex::new(Some(Own::new(Task { worker, handle }))) }
    }

    /// A call that has its answer already.
    pub(crate) fn done(future: Py<PyAny>) -> Self {
        Self { future, task: Mutex::new(None) }
    }
}
