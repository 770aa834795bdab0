//! How long to be patient: attempts, pauses that grow, and a budget of time.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::clock::Clock;
use crate::error::Error;

/// The limits of patience, the same for every request of a messenger.
#[derive(Clone, Debug)]
pub(super) struct RetryPolicy {
    /// How often one message is put into a request, at most, when its fate was unclear or another gateway waits.
    pub(super) attempts: usize,
    /// How long a request's messages are retried and asked for, from its first failure on.
    pub(super) budget: Duration,
    /// How long a slow request is given to land before "not registered" is believed.
    pub(super) settle: Duration,
    /// For tests: the same pauses each time.
    pub(super) jitter_seed: Option<u64>,
}

/// The patience left for one request.
pub(super) struct Patience {
    attempts_left: usize,
    pauses: ExponentialBackoff,
    /// Set by the first failure.
    deadline: Option<Duration>,
    budget: Duration,
    clock: Arc<dyn Clock>,
}

impl Patience {
    pub(super) fn new(policy: &RetryPolicy, clock: &Arc<dyn Clock>) -> Self {
        let builder = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(15))
            .without_max_times()
            .with_jitter();
        let pauses = match policy.jitter_seed {
            Some(seed) => builder.with_jitter_seed(seed).build(),
            None => builder.build(),
        };
        let (attempts_left, budget) = (policy.attempts, policy.budget);
        Self { attempts_left, pauses, deadline: None, budget, clock: clock.clone() }
    }

    /// A request leaves.
    pub(super) fn count_attempt(&mut self) {
        self.attempts_left = self.attempts_left.saturating_sub(1);
    }

    /// Whether another request may leave.
    pub(super) fn has_attempts(&self) -> bool {
        self.attempts_left > 0
    }

    /// The pause before the next try, `at_least` this long and as long as the gateway asked for; `None` when there is no
    /// time left for it.
    pub(super) fn pause(&mut self, after: Option<&Error>, at_least: Duration) -> Option<Duration> {
        let now = self.clock.now();
        let deadline = *self.deadline.get_or_insert(now.saturating_add(self.budget));
        let left = deadline.checked_sub(now).filter(|left| !left.is_zero())?;
        // A pause that something depends on is never cut short; one that is only polite ends with the budget.
        let needed = after.and_then(Error::retry_after).unwrap_or_default().max(at_least);
        (needed <= left).then(|| self.pauses.next().unwrap_or_default().max(needed).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messenger::testing::VirtualClock;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        budget: Duration::from_secs(60),
        settle: Duration::ZERO,
        jitter_seed: Some(7),
    };

    #[test]
    fn pauses_grow_and_end_with_the_budget() {
        let clock = VirtualClock::shared();
        let mut patience = Patience::new(&POLICY, &clock);
        let mut pauses = Vec::new();
        while let Some(pause) = patience.pause(None, Duration::ZERO) {
            drop(clock.sleep(pause));
            pauses.push(pause);
        }
        assert_eq!(pauses.iter().sum::<Duration>(), POLICY.budget);
        assert!(
            pauses.len() >= 5 && pauses.iter().all(|pause| *pause <= Duration::from_secs(30)),
            "{pauses:?}"
        );
    }

    #[test]
    fn a_pause_that_is_needed_is_not_cut_short() {
        let clock = VirtualClock::shared();
        let mut patience = Patience::new(&POLICY, &clock);
        assert!(patience.pause(None, Duration::from_secs(5)).unwrap() >= Duration::from_secs(5));
        drop(clock.sleep(Duration::from_secs(58)));
        assert_eq!(patience.pause(None, Duration::from_secs(5)), None);
    }

    #[test]
    fn a_gateway_s_own_wish_is_honoured() {
        let clock = VirtualClock::shared();
        let error = |seconds| {
            Error::new(crate::ErrorKind::RateLimit, "", "")
                .with_retry_after(Some(Duration::from_secs(seconds)))
        };
        let mut patience = Patience::new(&POLICY, &clock);
        assert!(patience.pause(Some(&error(20)), Duration::ZERO).unwrap() >= Duration::from_secs(20));
        assert_eq!(patience.pause(Some(&error(600)), Duration::ZERO), None);
    }
}
