//! What belongs to one process: after a fork the child gets its own, and the parent's copy is left alone.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{self, Handle, Runtime};

use crate::bridge::Mailbox;
use crate::fork::Mark;

/// How many threads a runtime has. With one of them a connection is back in its pool before the next call can ask for one, so
/// that calls in a row share it; and a gateway takes far longer to answer than a thread to serve it.
const WORKERS: usize = 1;

/// How long the end of the interpreter waits for threads that are about to come back into it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an event loop that could not be woken is left alone.
const PAUSE: Duration = Duration::from_millis(50);

/// A value a process. It takes no lock, because a lock that another thread holds during a fork stays locked in the child
/// for ever.
///
/// It is a chain with one link an ancestor, so a look at it takes as many steps as there were forks.
pub(crate) struct PerProcess<T>(OnceBox<Link<T>>);

struct Link<T> {
    mark: Mark,
    value: T,
    next: OnceBox<Self>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// This process's value, made by `make` at the first look.
    pub(crate) fn get(&self, make: impl Fn() -> T) -> &T {
        match self.try_get(|| Ok::<_, Infallible>(make())) {
            Ok(value) => value,
        }
    }

    pub(crate) fn try_get<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let mut place = &self.0;
        loop {
            match place.get() {
                Some(link) if link.mark.is_here() => return Ok(&link.value),
                Some(link) => place = &link.next,
                None => {
                    let link = Link { mark: Mark::new(), value: make()?, next: OnceBox::new() };
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
        if self.0.get().is_some_and(|link| !link.mark.is_here()) {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

/// Whose thread does something. What keeps a gateway's own thread busy (a flood of interim answers, say) holds up neither the
/// other gateway nor what the library does itself.
#[derive(Clone, Copy)]
pub(crate) enum Worker {
    /// For messengers and streams.
    Library,
    /// For the connections of Payam Resan, and for single calls to it.
    PayamResan,
    /// The same for `NikSMS`.
    NikSms,
}

/// The runtimes of this process, and the thread that wakes event loops.
pub(crate) struct Engine {
    pub(crate) runtime: Runtime,
    payam_resan: OnceBox<Runtime>,
    niksms: OnceBox<Runtime>,
    courier: mpsc::Sender<Arc<Mailbox>>,
}

static ENGINE: PerProcess<Engine> = PerProcess::new();

impl Engine {
    /// Made with the first client or call, never at the import. It is not dropped before the process ends, so that no client
    /// outlives its runtime.
    pub(crate) fn get() -> PyResult<&'static Self> {
        ENGINE.try_get(Self::start)
    }

    fn start() -> PyResult<Self> {
        let runtime = start_runtime("payamak")?;
        let (courier, letters) = mpsc::channel::<Arc<Mailbox>>();
        thread::Builder::new()
            .name("payamak-courier".to_owned())
            .spawn(move || {
                for mailbox in letters {
                    mailbox.wake();
                }
            })
            .map_err(|error| no_thread(&error))?;
        Ok(Self { runtime, payam_resan: OnceBox::new(), niksms: OnceBox::new(), courier })
    }

    /// The runtime of a worker. A gateway's is made when it is first asked for.
    pub(crate) fn handle(&self, worker: Worker) -> PyResult<&Handle> {
        let (place, name) = match worker {
            Worker::Library => return Ok(self.runtime.handle()),
            Worker::PayamResan => (&self.payam_resan, "payamak-resan"),
            Worker::NikSms => (&self.niksms, "payamak-niksms"),
        };
        place.get_or_try_init(|| start_runtime(name).map(Box::new)).map(Runtime::handle)
    }

    /// Has the event loop of this mailbox woken. The workers never wait for the interpreter themselves.
    pub(crate) fn notify(&self, mailbox: Arc<Mailbox>) {
        // It fails only if the courier is gone, and the courier only ends with the process.
        drop(self.courier.send(mailbox));
    }

    /// The same after a pause, for an event loop that could not be woken.
    pub(crate) fn notify_later(&self, mailbox: Arc<Mailbox>) {
        let courier = self.courier.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(PAUSE).await;
            drop(courier.send(mailbox));
        });
    }
}

/// A runtime whose thread has this name.
fn start_runtime(name: &str) -> PyResult<Runtime> {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.worker_threads(WORKERS).thread_name(name).enable_all().build().map_err(|error| no_thread(&error))
}

fn no_thread(error: &io::Error) -> PyErr {
    PyRuntimeError::new_err(format!("payamak could not start its threads: {error}"))
}

/// Guards Rust's way into an interpreter that may be about to end: a thread that asks for the interpreter once it is
/// finalizing would be killed in the middle of Rust code, which aborts the process. Any Python code may have to ask, because
/// others get their turn in between.
struct Gate {
    closed: AtomicBool,
    /// The one thread that cannot be too late, because it is the one that ends the interpreter.
    closer: OnceLock<ThreadId>,
    inside: AtomicUsize,
}

static GATE: PerProcess<Gate> = PerProcess::new();

impl Gate {
    fn get() -> &'static Self {
        GATE.get(|| Self {
            closed: AtomicBool::new(false),
            closer: OnceLock::new(),
            inside: AtomicUsize::new(0),
        })
    }

    fn is_closed_to_this_thread(&self) -> bool {
        self.closed.load(Ordering::SeqCst) && self.closer.get() != Some(&thread::current().id())
    }
}

/// The right to run Python code from Rust, until it is dropped. It keeps to its gate: that code can fork, and nobody is
/// inside the child's.
pub(crate) struct Pass(&'static Gate);

thread_local! {
    /// How many passes this thread has.
    static PASSES: Cell<usize> = const { Cell::new(0) };
}

impl Pass {
    /// `None` once the interpreter is about to end.
    pub(crate) fn get() -> Option<Self> {
        let gate = Gate::get();
        // Counted before looking: the end either sees the count or is seen here.
        gate.inside.fetch_add(1, Ordering::SeqCst);
        let pass = Self(gate);
        // A call that a callback makes is let in as well: the end waits for that callback.
        let is_waited_for = PASSES.replace(PASSES.get() + 1) > 0;
        (is_waited_for || !gate.is_closed_to_this_thread()).then_some(pass)
    }

    /// For a thread that came from the interpreter and has nowhere else to go: it stays here when that is about to end.
    pub(crate) fn or_park() -> Self {
        Self::get().unwrap_or_else(Self::park)
    }

    /// The same for a thread that is inside the interpreter already.
    pub(crate) fn hold(py: Python<'_>) -> Self {
        Self::get().unwrap_or_else(|| py.detach(Self::park))
    }

    fn park() -> Self {
        loop {
            thread::park();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        PASSES.set(PASSES.get() - 1);
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does something outside of the interpreter.
pub(crate) fn outside<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, _pass) = py.detach(|| (work(), Pass::or_park()));
    done
}

/// True once `shut_down` has been called.
pub(crate) fn is_closing() -> bool {
    Gate::get().closed.load(Ordering::SeqCst)
}

/// Called by `atexit`: from now on no other thread enters the interpreter, and those on their way in are waited for.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let gate = Gate::get();
    gate.closer.get_or_init(|| thread::current().id());
    gate.closed.store(true, Ordering::SeqCst);
    let own = PASSES.get();
    py.detach(|| {
        let started = Instant::now();
        while gate.inside.load(Ordering::SeqCst) > own && started.elapsed() < PATIENCE {
            thread::yield_now();
        }
    });
}
