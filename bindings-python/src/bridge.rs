//! From Rust to an event loop: results wait in one queue a loop, and one wake-up fetches many of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use tokio::task::JoinHandle;

use crate::process::{Engine, Pass};

/// How many results one turn of the event loop takes, so that nobody else waits long for their turn.
const A_TURN: usize = 64;

/// What waits for an event loop.
pub(crate) struct Mailbox {
    letters: Mutex<VecDeque<Letter>>,
    /// A wake-up is under way, so nobody needs to send another one.
    woken: AtomicBool,
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
    fn letters(&self) -> MutexGuard<'_, VecDeque<Letter>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May be called from any thread; it never waits for the interpreter.
    pub(crate) fn post(self: &Arc<Self>, future: Arc<Py<PyAny>>, deliver: Deliver) {
        self.letters().push_back(Letter { future, deliver });
        if !self.woken.swap(true, Ordering::SeqCst)
            && let Ok(engine) = Engine::get()
        {
            engine.notify(self.clone());
        }
    }

    /// Has the event loop come for its letters. Called by the courier.
    pub(crate) fn wake(self: Arc<Self>) {
        let Some(_pass) = Pass::get() else { return };
        Python::attach(|py| {
            let Some(future) = self.letters().front().map(|letter| letter.future.clone_ref(py)) else {
                return;
            };
            let woken = future.call_method0(py, intern!(py, "get_loop")).and_then(|event_loop| {
                let collect = Collect(self.clone());
                event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (collect,))
            });
            if woken.is_err() {
                // The loop is closed, so nobody awaits these any more.
                let unclaimed = std::mem::take(&mut *self.letters());
                drop(unclaimed);
                self.woken.store(false, Ordering::SeqCst);
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
        mailbox.woken.store(false, Ordering::SeqCst);
        let (turn, last) = {
            let mut letters = mailbox.letters();
            let count = letters.len().min(A_TURN);
            let turn: Vec<_> = letters.drain(..count).collect();
            let rest = letters.front().map(|letter| letter.future.clone_ref(py));
            (turn, rest)
        };
        if let Some(future) = last
            && !mailbox.woken.swap(true, Ordering::SeqCst)
        {
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
        let mailbox = Mailbox { letters: Mutex::default(), woken: AtomicBool::new(false) };
        Ok(Self { event_loop: PyWeakrefReference::new(event_loop)?.unbind(), mailbox: Arc::new(mailbox) })
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
