//! A clock that never makes anybody wait.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::Clock;

/// Sleeping moves the time to where the sleeper wanted to wake up.
#[derive(Debug, Default)]
pub(crate) struct VirtualClock(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
struct Time {
    now: Duration,
    /// Those who want to know when it has passed a limit of theirs.
    limits: Vec<Waker>,
}

impl VirtualClock {
    pub(crate) fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::default())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut time = self.0.lock().unwrap();
        time.now += duration;
        time.limits.drain(..).for_each(Waker::wake);
        Box::pin(tokio::task::yield_now())
    }

    fn limit(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let ends = self.now() + duration;
        let time = self.0.clone();
        Box::pin(poll_fn(move |context| {
            let mut time = time.lock().unwrap();
            if time.now >= ends {
                return Poll::Ready(());
            }
            time.limits.push(context.waker().clone());
            Poll::Pending
        }))
    }
}
