//! What belongs to one process: after a fork the child gets its own, and the parent's copy is left alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{self, Runtime};

use crate::bridge::Mailbox;

/// How many threads serve the connections. With one of them a connection is back in its pool before the next call can ask
/// for one, so that calls in a row share it; and a gateway takes far longer to answer than a thread to serve it.
const WORKERS: usize = 1;

/// How long the end of the interpreter waits for threads that are about to come back into it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A value a process. It takes no lock, because a lock that another thread holds during a fork stays locked in the child
/// for ever.
///
/// It is a chain with one link an ancestor, so a look at it takes as many steps as there were forks.
pub(crate) struct PerProcess<T>(OnceBox<Link<T>>);

struct Link<T> {
    process: u32,
    value: T,
    next: OnceBox<Self>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// This process's value, made by `make` at the first look.
    pub(crate) fn get<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let process = std::process::id();
        let mut place = &self.0;
        loop {
            match place.get() {
                Some(link) if link.process == process => return Ok(&link.value),
                Some(link) => place = &link.next,
                None => {
                    let link = Link { process, value: make()?, next: OnceBox::new() };
                    // Of two threads one comes first; the next round finds its value.
                    drop(place.set(Box::new(link)));
                }
            }
        }
    }
}

/// The values of other processes are not dropped: their threads are not here, and their locks may be locked.
impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        if self.0.get().is_some_and(|link| link.process != std::process::id()) {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

/// The runtime of this process, and the thread that wakes event loops.
pub(crate) struct Engine {
    pub(crate) runtime: Runtime,
    courier: mpsc::Sender<Arc<Mailbox>>,
}

static ENGINE: PerProcess<Engine> = PerProcess::new();

impl Engine {
    /// Made at the first call, never at the import.
    pub(crate) fn get() -> PyResult<&'static Self> {
        ENGINE.get(Self::start)
    }

    fn start() -> PyResult<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("payamak")
            .enable_all()
            .build()
            .map_err(|error| {
                PyRuntimeError::new_err(format!("payamak could not start its threads: {error}"))
            })?;
        let (courier, letters) = mpsc::channel::<Arc<Mailbox>>();
        thread::Builder::new()
            .name("payamak-courier".to_owned())
            .spawn(move || {
                for mailbox in letters {
                    mailbox.wake();
                }
            })
            .map_err(|error| {
                PyRuntimeError::new_err(format!("payamak could not start its threads: {error}"))
            })?;
        Ok(Self { runtime, courier })
    }

    /// Has the event loop of this mailbox woken. The workers never wait for the interpreter themselves.
    pub(crate) fn notify(&self, mailbox: Arc<Mailbox>) {
        // It fails only if the courier is gone, and the courier only ends with the process.
        drop(self.courier.send(mailbox));
    }
}

/// Guards the way from other threads into an interpreter that may be about to end: a thread that asks for the
/// interpreter once it is finalizing would be killed in the middle of Rust code, which aborts the process.
struct Gate {
    closed: AtomicBool,
    inside: AtomicUsize,
}

static GATE: PerProcess<Gate> = PerProcess::new();

impl Gate {
    fn get() -> &'static Self {
        let make = || {
            Ok::<_, std::convert::Infallible>(Self {
                closed: AtomicBool::new(false),
                inside: AtomicUsize::new(0),
            })
        };
        match GATE.get(make) {
            Ok(gate) => gate,
        }
    }
}

/// The right to enter the interpreter, until it is dropped.
pub(crate) struct Pass(());

impl Pass {
    /// `None` once the interpreter is about to end.
    pub(crate) fn get() -> Option<Self> {
        let gate = Gate::get();
        // Counted before looking: the end either sees the count or is seen here.
        gate.inside.fetch_add(1, Ordering::SeqCst);
        let pass = Self(());
        (!gate.closed.load(Ordering::SeqCst)).then_some(pass)
    }

    /// For a thread that came from the interpreter and has nowhere else to go: it stays here when that is about to end.
    pub(crate) fn or_park() -> Self {
        Self::get().unwrap_or_else(|| {
            loop {
                thread::park();
            }
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        Gate::get().inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// True once `shut_down` has been called.
pub(crate) fn is_closing() -> bool {
    Gate::get().closed.load(Ordering::SeqCst)
}

/// Called by `atexit`: from now on no other thread enters the interpreter, and those on their way in are waited for.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let gate = Gate::get();
    gate.closed.store(true, Ordering::SeqCst);
    py.detach(|| {
        let started = Instant::now();
        while gate.inside.load(Ordering::SeqCst) > 0 && started.elapsed() < PATIENCE {
            thread::yield_now();
        }
    });
}
