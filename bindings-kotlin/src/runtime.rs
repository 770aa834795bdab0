//! Where the work runs: on threads of our own, so that whoever waits may be any coroutine or task.

use std::future::{Future, pending};
use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::RawError;

/// A thread of the library's, which ends with the process.
///
/// There are three at most, because all that each does is wait, and in an app every one costs memory: none is made before
/// somebody needs it. It is not one for all, because a gateway can keep the thread busy that serves its connections: a flood of
/// interim answers does, for as long as it lasts. With a thread for each kind neither holds up the other, nor a messenger that
/// uses both. What is asked of a gateway directly runs beside its connections, so that nothing goes from thread to thread.
pub(crate) struct Worker {
    name: &'static str,
    handle: OnceLock<io::Result<Handle>>,
}

/// Where messengers work.
pub(crate) static MESSENGERS: Worker = Worker::new("payamak");
/// Where Payam Resan's connections are, and what is asked of it directly.
pub(crate) static PAYAM_RESAN: Worker = Worker::new("payamak-resan");
/// The same for `NikSMS`.
pub(crate) static NIKSMS: Worker = Worker::new("payamak-niksms");

impl Worker {
    /// The systems cut a thread's name off after 15 bytes.
    const fn new(name: &'static str) -> Self {
        Self { name, handle: OnceLock::new() }
    }

    /// Its runtime; whoever asks first starts it.
    pub(crate) fn handle(&self) -> Result<&Handle, RawError> {
        let made = self.handle.get_or_init(|| {
            let runtime = Builder::new_current_thread().thread_name(self.name).enable_all().build()?;
            let handle = runtime.handle().clone();
            let thread = thread::Builder::new().name(self.name.to_owned());
            thread.spawn(move || runtime.block_on(pending::<()>()))?;
            Ok(handle)
        });
        made.as_ref().map_err(|error| {
            let detail = format!("a thread of the library's cannot be started: {error}");
            payamak::Error::configuration("runtime", detail).into()
        })
    }
}

/// Stops the work when nobody waits for it any more.
struct StopOnDrop(JoinHandle<()>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does work on a thread of the library's. Dropping what this returns stops the work; that is how Kotlin cancels. The token
/// stops it too: Swift cannot drop what it waits for.
///
/// The types of the work end here: some thirty operations, each with a copy of the scheduler's code, made the library a
/// twentieth larger.
fn run_erased(
    worker: &'static Worker,
    cancel: Option<CancellationToken>,
    work: BoxFuture<'static, ()>,
) -> BoxFuture<'static, Result<(), RawError>> {
    Box::pin(async move {
        let mut task = StopOnDrop(worker.handle()?.spawn(work));
        let ended = match cancel {
            None => (&mut task.0).await,
            Some(cancel) => tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(RawError::Canceled),
                ended = &mut task.0 => ended,
            },
        };
        ended.map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => RawError::Canceled,
        })
    })
}

/// Does work that gives something back, on a thread of the library's.
pub(crate) async fn run<T: Send + 'static>(
    worker: &'static Worker,
    cancel: Option<CancellationToken>,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, RawError> {
    let given = Arc::new(Mutex::new(None));
    let give = given.clone();
    run_erased(
        worker,
        cancel,
        Box::pin(async move {
            let result = work.await;
            *give.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }),
    )
    .await?;
    let result = given.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.ok_or(RawError::Canceled)
}

/// The same for a call that may fail.
pub(crate) async fn call<T: Send + 'static>(
    worker: &'static Worker,
    cancel: Option<Arc<RawCancel>>,
    work: impl Future<Output = payamak::Result<T>> + Send + 'static,
) -> Result<T, RawError> {
    Ok(run(worker, cancel.map(|cancel| cancel.0.clone()), work).await??)
}

// Stops a call from outside.
#[derive(uniffi::Object)]
pub struct RawCancel(pub(crate) CancellationToken);

#[uniffi::export]
impl RawCancel {
    // One for one call.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self(CancellationToken::new())
    }

    // Stops the call.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
