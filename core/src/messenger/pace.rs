//! How fast a gateway is asked: so many requests in flight, so many a second, and all of them slower when it says so.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Clock;

/// The longest that one answer can hold a whole gateway back.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// The pace of one gateway.
#[derive(Debug)]
pub(super) struct Pace {
    in_flight: Semaphore,
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>>,
    /// Nothing leaves before this moment.
    resume_at: Mutex<Duration>,
    clock: Arc<dyn Clock>,
}

impl Pace {
    pub(super) fn new(concurrency: usize, per_second: Option<NonZeroU32>, clock: &Arc<dyn Clock>) -> Self {
        // One at a time and not in bursts: a gateway that counts by the second sees the same number in each.
        let quota = per_second.map(|rate| Quota::per_second(rate).allow_burst(NonZeroU32::MIN));
        Self {
            in_flight: Semaphore::new(concurrency),
            limiter: quota.map(|quota| RateLimiter::direct_with_clock(quota, Ticks(clock.clone()))),
            resume_at: Mutex::new(Duration::ZERO),
            clock: clock.clone(),
        }
    }

    /// Waits until a request may leave; it counts as in flight until the permit is dropped.
    pub(super) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; if it were, the request would go out unpaced rather than not at all.
        let permit = self.in_flight.acquire().await.ok();
        loop {
            let resume_at = *self.resume_at.lock().unwrap_or_else(PoisonError::into_inner);
            let held_back = resume_at.saturating_sub(self.clock.now());
            if !held_back.is_zero() {
                self.clock.sleep(held_back).await;
                continue;
            }
            match self.limiter.as_ref().map(RateLimiter::check) {
                Some(Err(not_until)) => {
                    let wait = not_until.wait_time_from(Ticks(self.clock.clone()).now());
                    self.clock.sleep(wait).await;
                }
                Some(Ok(())) | None => return permit,
            }
        }
    }

    /// Holds the whole gateway back: one request was told to slow down, and the others would be told the same.
    ///
    /// Never for longer than [`LONGEST_HOLD`], whatever a gateway asks for: sends of other callers wait here too.
    pub(super) fn slow_down(&self, pause: Duration) {
        let until = self.clock.now().saturating_add(pause.min(LONGEST_HOLD));
        let mut resume_at = self.resume_at.lock().unwrap_or_else(PoisonError::into_inner);
        *resume_at = until.max(*resume_at);
    }
}

/// The injected clock, as the rate limiter wants it.
#[derive(Clone, Debug)]
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messenger::testing::VirtualClock;

    #[tokio::test]
    async fn a_rate_spreads_requests_over_time() {
        let clock = VirtualClock::shared();
        let pace = Pace::new(10, NonZeroU32::new(10), &clock);
        for _ in 0..31 {
            drop(pace.enter().await);
        }
        let elapsed = clock.now();
        assert!(elapsed >= Duration::from_secs(3) && elapsed < Duration::from_secs(4), "{elapsed:?}");
    }

    #[tokio::test]
    async fn slowing_down_holds_everybody_back() {
        let clock = VirtualClock::shared();
        let pace = Pace::new(10, None, &clock);
        pace.slow_down(Duration::from_secs(7));
        drop(pace.enter().await);
        assert_eq!(clock.now(), Duration::from_secs(7));
        drop(pace.enter().await);
        assert_eq!(clock.now(), Duration::from_secs(7));
    }
}
