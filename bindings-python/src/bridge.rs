//! From Rust to an event loop: results wait in one queue a loop, and one wake-up fetches many of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use tokio::task::JoinHandle;

use crate::process::{Engine, Pass};

/// How many results one turn of the event loop takes, so that nobody else waits long for their turn.
const A_TURN: usize = 64;

/// What waits for an event loop.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<Waiting>);

/// The two change together: a wake-up that is believed to be under way and is not would leave every later letter lying.
#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// A wake-up is under way, so nobody needs to send another one.
    woken: bool,
}

/// Something to do in the event loop for the awaiter of `future`.
struct Letter {
    /// Shared, because only a thread inside the interpreter may copy a reference to one of its objects.
    future: Arc<Py<PyAny>>,
    deliver: Deliver,
}

/// What to do with the future; it is not called for a future that is done already.
pub(crate) type Deliver = Box<dyn for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<()> + Send>;

impl Mailbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            let future = {
                let mut waiting = self.waiting();
                let Some(letter) = waiting.letters.front() else {
                    // The loop has come by itself, and left nothing.
                    waiting.woken = false;
                    return;
                };
                letter.future.clone_ref(py)
            };
            let woken = future.call_method0(py, intern!(py, "get_loop")).and_then(|event_loop| {
                let collect = Collect(self.clone());
                event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (collect,))
            });
            if woken.is_err() {
                // The loop is closed, so nobody awaits these any more.
                let unclaimed = std::mem::take(&mut *self.waiting());
                drop(unclaimed);
            }
        });
    }
}

/// The callback that an event loop runs.
#[pyclass(frozen, module = "payamak._native")]
struct Collect(Arc<Mailbox>);

#[pymethods]
impl Collect {
    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mailbox = &slf.get().0;
        let (turn, next) = {
            let mut waiting = mailbox.waiting();
            let count = waiting.letters.len().min(A_TURN);
            let turn: Vec<_> = waiting.letters.drain(..count).collect();
            let next = waiting.letters.front().map(|letter| letter.future.clone_ref(py));
            waiting.woken = next.is_some();
            (turn, next)
        };
        if let Some(future) = next {
            let event_loop = future.call_method0(py, intern!(py, "get_loop"))?;
            event_loop.call_method1(py, intern!(py, "call_soon"), (slf,))?;
        }
        for Letter { future, deliver } in turn {
            let future = future.bind(py);
            if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
                deliver(future)?;
            }
        }
        crate::log::flush(py);
        Ok(())
    }
}

/// An event loop, as native calls need it. It does not keep the loop alive.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Bridge {
    event_loop: Py<PyWeakrefReference>,
    mailbox: Arc<Mailbox>,
}

#[pymethods]
impl Bridge {
    #[new]
    fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { event_loop: PyWeakrefReference::new(event_loop)?.unbind(), mailbox: Arc::default() })
    }
}

impl Bridge {
    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.mailbox.clone()
    }

    pub(crate) fn create_future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.event_loop.bind(py).upgrade() {
            Some(event_loop) => event_loop.call_method0(intern!(py, "create_future")),
            None => Err(pyo3::exceptions::PyRuntimeError::new_err("the event loop is gone")),
        }
    }
}

/// A call under way: the future to await, and the way to stop it.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Call {
    /// An `asyncio.Future` of the caller's loop.
    #[pyo3(get)]
    future: Py<PyAny>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[pymethods]
impl Call {
    /// Stops the work. When this returns, nothing of it runs any more, so what is known about it is final.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let engine = Engine::get()?;
            // It ends at once: a task is stopped wherever it waits.
            py.detach(|| drop(engine.runtime.block_on(task)));
        }
        Ok(())
    }
}

impl Call {
    pub(crate) fn new(future: Py<PyAny>, task: Option<JoinHandle<()>>) -> Self {
        Self { future, task: Mutex::new(task) }
    }
}
