//! Time, injected: production waits, tests do not.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

/// Where waiting and the time of day come from.
pub trait Clock: Debug + Send + Sync {
    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// Time since 1970 by the wall clock.
    fn since_epoch(&self) -> Duration;

    /// Resolves when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Resolves when `duration` has passed, as a limit on something else that is waited for at the same time.
    ///
    /// The same as [`sleep`](Self::sleep), but for a clock whose time passes only when somebody sleeps.
    fn limit(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}

/// The clock of the machine, waiting on tokio's timer. All of them count from one moment, so that what one messenger
/// remembers means the same to another.
#[derive(Debug)]
pub(crate) struct SystemClock;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

impl SystemClock {
    pub(crate) fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        STARTED.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the time of day is read")]
    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
