//! How long to be patient with one request: attempts, pauses that grow, and the time of its call.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::budget::Budget;
use crate::clock::Clock;
use crate::error::Error;

/// The limits of patience, the same for every request of a messenger.
#[derive(Clone, Debug)]
pub(super) struct RetryPolicy {
    /// How often one message is put into a request, at most, when its fate was unclear or another gateway waits.
    pub(super) attempts: usize,
    /// How long trouble may last, in one call.
    pub(super) budget: Duration,
    /// How long a request whose connection broke is given to land before "not registered" is believed.
    pub(super) settle: Duration,
    /// Whether a message that was unclear and turned out to be absent is sent again.
    pub(super) resend: bool,
    /// For tests: the same pauses each time.
    pub(super) jitter_seed: Option<u64>,
}

/// The patience left for one request.
pub(super) struct Patience<'a> {
    attempts_left: usize,
    pauses: ExponentialBackoff,
    /// When its trouble began.
    since: Option<Duration>,
    /// The place of the gateway that it is for.
    gateway: usize,
    budget: &'a Budget,
    clock: &'a Arc<dyn Clock>,
}

impl<'a> Patience<'a> {
    pub(super) fn new(
        policy: &RetryPolicy,
        gateway: usize,
        budget: &'a Budget,
        clock: &'a Arc<dyn Clock>,
    ) -> Self {
        let builder = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(15))
            .without_max_times()
            .with_jitter();
        let pauses = match policy.jitter_seed {
            Some(seed) => builder.with_jitter_seed(seed).build(),
            None => builder.build(),
        };
        Self { attempts_left: policy.attempts, pauses, since: None, gateway, budget, clock }
    }

    /// A request leaves.
    pub(super) fn count_attempt(&mut self) {
        self.attempts_left = self.attempts_left.saturating_sub(1);
    }

    /// Whether another request may leave.
    pub(super) fn has_attempts(&self) -> bool {
        self.attempts_left > 0
    }

    /// Something went wrong: the trouble of the call is the trouble of this request.
    pub(super) fn failed(&mut self, error: &Error) {
        self.budget.failed(self.gateway, error);
        self.since.get_or_insert_with(|| self.budget.in_trouble_since());
    }

    /// A question went wrong.
    pub(super) fn failed_to_ask(&mut self) {
        self.budget.failed_to_ask();
        self.since.get_or_insert_with(|| self.budget.in_trouble_since());
    }

    /// A question was answered.
    pub(super) fn answered(&self) {
        self.budget.answered();
    }

    fn since(&self) -> Duration {
        self.since.unwrap_or_else(|| self.clock.now())
    }

    /// Until when it may be asked for, where an answer is believed from `landed_by` on.
    pub(super) fn ask_until(&self, landed_by: Duration) -> Duration {
        self.budget.ask_until(self.since(), landed_by)
    }

    /// The pause before something is sent again, as long as the gateway asked for; `None` when there is no time left for it.
    pub(super) fn pause_before_resend(&mut self, after: &Error) -> Option<Duration> {
        let until = self.budget.retry_until(self.since());
        self.pause(Some(after), until)
    }

    /// The pause before another try that has to begin before `until`; `None` when there is no time left for it.
    pub(super) fn pause(&mut self, after: Option<&Error>, until: Duration) -> Option<Duration> {
        let left = until.checked_sub(self.clock.now()).filter(|left| !left.is_zero())?;
        // A pause that the gateway asks for is never cut short; one that is only polite ends with the time.
        let needed = after.and_then(Error::retry_after).unwrap_or_default();
        (needed <= left).then(|| self.pauses.next().unwrap_or_default().max(needed).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::messenger::testing::VirtualClock;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        budget: Duration::from_secs(60),
        settle: Duration::ZERO,
        resend: true,
        jitter_seed: Some(7),
    };

    fn error(retry_after: u64) -> Error {
        let after = Some(retry_after).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        Error::new(ErrorKind::RateLimit, "", "").with_retry_after(after)
    }

    #[test]
    fn pauses_grow_and_end_with_the_share_of_the_budget_for_sending() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(POLICY.budget, None, &clock);
        let mut patience = Patience::new(&POLICY, 0, &budget, &clock);
        let mut pauses = Vec::new();
        patience.failed(&error(0));
        while let Some(pause) = patience.pause_before_resend(&error(0)) {
            drop(clock.sleep(pause));
            pauses.push(pause);
        }
        assert_eq!(pauses.iter().sum::<Duration>(), POLICY.budget * 2 / 3);
        assert!(
            pauses.len() >= 5 && pauses.iter().all(|pause| *pause <= Duration::from_secs(30)),
            "{pauses:?}"
        );
    }

    #[test]
    fn a_gateway_s_own_wish_is_honoured() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(POLICY.budget, None, &clock);
        let mut patience = Patience::new(&POLICY, 0, &budget, &clock);
        patience.failed(&error(20));
        assert!(patience.pause_before_resend(&error(20)).unwrap() >= Duration::from_secs(20));
        assert_eq!(patience.pause_before_resend(&error(600)), None);
        drop(clock.sleep(Duration::from_secs(38)));
        assert_eq!(patience.pause_before_resend(&error(5)), None);
    }

    #[test]
    fn the_trouble_of_the_call_is_that_of_each_of_its_requests() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(POLICY.budget, None, &clock);
        Patience::new(&POLICY, 0, &budget, &clock).failed(&error(0));
        drop(clock.sleep(POLICY.budget));
        let mut patience = Patience::new(&POLICY, 0, &budget, &clock);
        patience.failed(&error(0));
        assert_eq!(patience.pause_before_resend(&error(0)), None);
    }
}
