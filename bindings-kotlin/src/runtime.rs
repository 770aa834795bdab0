//! Where the work runs: a thread of our own, so that whoever waits may be any coroutine or task.

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

/// One for the whole process, made by the first call that needs it: one thread, because all that it does is wait for
/// gateways, and in an app every further one costs memory.
pub(crate) fn runtime() -> Result<&'static Handle, RawError> {
    static RUNTIME: OnceLock<io::Result<Handle>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().thread_name("payamak").enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name("payamak".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
        Ok(handle)
    });
    made.as_ref().map_err(|error| {
        payamak::Error::configuration("runtime", format!("the library's thread cannot be started: {error}"))
            .into()
    })
}

/// Stops the work when nobody waits for it any more.
struct StopOnDrop(JoinHandle<()>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does work on the library's own thread. Dropping what this returns stops the work; that is how Kotlin cancels. The token
/// stops it too: Swift cannot drop what it waits for.
///
/// The types of the work end here: some thirty operations, each with a copy of the scheduler's code, made the library a
/// twentieth larger.
fn run_erased(
    cancel: Option<CancellationToken>,
    work: BoxFuture<'static, ()>,
) -> BoxFuture<'static, Result<(), RawError>> {
    Box::pin(async move {
        let mut task = StopOnDrop(runtime()?.spawn(work));
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

/// Does work that gives something back, on the library's own thread.
pub(crate) async fn run<T: Send + 'static>(
    cancel: Option<CancellationToken>,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, RawError> {
    let given = Arc::new(Mutex::new(None));
    let give = given.clone();
    run_erased(
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
    cancel: Option<Arc<RawCancel>>,
    work: impl Future<Output = payamak::Result<T>> + Send + 'static,
) -> Result<T, RawError> {
    Ok(run(cancel.map(|cancel| cancel.0.clone()), work).await??)
}

/// Stops a call from outside.
#[derive(uniffi::Object)]
pub struct RawCancel(pub(crate) CancellationToken);

#[uniffi::export]
impl RawCancel {
    /// One for one call.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Stops the call.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
