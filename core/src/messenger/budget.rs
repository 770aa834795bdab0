//! The time of one call: how long trouble may last, and when the caller wants to hear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Hint, Outcome, Retry};

/// How long after the settling pause a gateway may still be asked, whatever was spent before.
const TIME_TO_ASK: Duration = Duration::from_secs(5);

/// The time of one call. Trouble begins with the first failure and ends when a gateway takes something; while it lasts,
/// sending is tried for two thirds of the budget, and the rest is kept for asking.
#[derive(Debug)]
pub(super) struct Budget {
    length: Duration,
    deadline: Option<Deadline>,
    troubles: Mutex<Troubles>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Troubles {
    /// Since when nothing has gone well, by any gateway.
    of_call: Option<Duration>,
    /// The same of each gateway, by its place.
    of_gateway: HashMap<usize, Trouble>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    length: Duration,
    ends: Duration,
}

#[derive(Debug)]
struct Trouble {
    since: Duration,
    cause: Error,
}

impl Budget {
    pub(super) fn new(length: Duration, deadline: Option<Duration>, clock: &Arc<dyn Clock>) -> Self {
        let deadline = deadline.map(|length| Deadline { length, ends: clock.now().saturating_add(length) });
        Self { length, deadline, troubles: Mutex::default(), clock: clock.clone() }
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request that sends has failed at the gateway of this place.
    pub(super) fn failed(&self, gateway: usize, cause: &Error) {
        let now = self.clock.now();
        let mut troubles = self.troubles();
        troubles.of_call.get_or_insert(now);
        let since = troubles.of_gateway.get(&gateway).map_or(now, |trouble| trouble.since);
        troubles.of_gateway.insert(gateway, Trouble { since, cause: cause.clone() });
    }

    /// A question has failed. That says nothing of sending.
    pub(super) fn failed_to_ask(&self) {
        let now = self.clock.now();
        self.troubles().of_call.get_or_insert(now);
    }

    /// A question has been answered.
    pub(super) fn answered(&self) {
        self.troubles().of_call = None;
    }

    /// The gateway of this place has taken something.
    pub(super) fn recovered(&self, gateway: usize) {
        let mut troubles = self.troubles();
        troubles.of_call = None;
        troubles.of_gateway.remove(&gateway);
    }

    /// Since when there has been trouble, now at the latest.
    pub(super) fn in_trouble_since(&self) -> Duration {
        self.troubles().of_call.unwrap_or_else(|| self.clock.now())
    }

    /// Until when what certainly was not sent is tried again, after trouble that began then.
    pub(super) fn retry_until(&self, since: Duration) -> Duration {
        self.before_deadline(since.saturating_add(self.length * 2 / 3))
    }

    /// Until when gateways are asked, after trouble that began then, where an answer is believed from `landed_by` on.
    pub(super) fn ask_until(&self, since: Duration, landed_by: Duration) -> Duration {
        let kept = landed_by.max(self.clock.now()).saturating_add(TIME_TO_ASK);
        self.before_deadline(since.saturating_add(self.length).max(kept))
    }

    fn before_deadline(&self, moment: Duration) -> Duration {
        self.deadline.map_or(moment, |deadline| moment.min(deadline.ends))
    }

    /// Why no request to the gateway of this place may start any more: its trouble has lasted too long, or the deadline is
    /// too near for a connection.
    pub(super) fn spent(&self, gateway: usize, connect_limit: Duration) -> Option<Error> {
        let now = self.clock.now();
        if let Some(Deadline { length, ends }) = self.deadline
            // A deadline shorter than the limit has to leave room for something.
            && now.saturating_add(connect_limit.min(length / 4)) > ends
        {
            return Some(too_late());
        }
        let troubles = self.troubles();
        let trouble = troubles.of_gateway.get(&gateway)?;
        (now >= trouble.since.saturating_add(self.length * 2 / 3)).then(|| trouble.cause.not_tried())
    }
}

/// Of a message that was not sent before the deadline.
pub(super) fn too_late() -> Error {
    Error::new(ErrorKind::Timeout, "send", "the deadline passed before this message was done with")
        .with_retry(Retry::Backoff)
        .with_hint(Hint::new(
            "Send what its receipt calls rejected again, with more time; what it calls unclear with the same key, or the same trace id and once.",
            "آنچه رسیدش «ردشده» است را با مهلت بیشتر دوباره بفرستید؛ «نامعلوم» را با همان کلید، یا همان شناسهٔ پیگیری و once.",
        ))
}

/// Whether a message was left out because of the deadline of its call.
pub(super) fn is_too_late(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout && error.outcome() == Outcome::NotSent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messenger::testing::VirtualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn error() -> Error {
        Error::new(ErrorKind::Connect, "send", "no connection")
    }

    #[test]
    fn trouble_is_counted_from_its_beginning_and_ends_with_a_success() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(MINUTE, None, &clock);
        assert!(budget.spent(0, Duration::ZERO).is_none());
        budget.failed(0, &error());
        drop(clock.sleep(MINUTE / 2));
        budget.failed(0, &error());
        assert_eq!(budget.in_trouble_since(), Duration::ZERO);
        assert!(budget.spent(0, Duration::ZERO).is_none());
        drop(clock.sleep(MINUTE / 6));
        assert!(
            budget.spent(0, Duration::ZERO).is_some_and(|error| error.detail().contains("no connection"))
        );
        assert!(budget.spent(1, Duration::ZERO).is_none(), "the other gateway is well");
        budget.recovered(0);
        assert!(budget.spent(0, Duration::ZERO).is_none());
        assert_eq!(budget.in_trouble_since(), clock.now());
    }

    #[test]
    fn questions_that_fail_do_not_keep_anything_from_being_sent() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(MINUTE, None, &clock);
        budget.failed_to_ask();
        drop(clock.sleep(MINUTE * 2));
        assert!(budget.spent(0, Duration::ZERO).is_none());
        assert_eq!(budget.in_trouble_since(), Duration::ZERO);
        budget.answered();
        assert_eq!(budget.in_trouble_since(), clock.now());
    }

    #[test]
    fn asking_keeps_its_share_and_the_deadline_bounds_everything() {
        let clock = VirtualClock::shared();
        let budget = Budget::new(MINUTE, None, &clock);
        drop(clock.sleep(MINUTE));
        let landed_by = clock.now() + MINUTE;
        assert_eq!(budget.ask_until(Duration::ZERO, landed_by), landed_by + TIME_TO_ASK);
        let budget = Budget::new(MINUTE, Some(MINUTE / 4), &clock);
        let ends = clock.now() + MINUTE / 4;
        assert_eq!(budget.ask_until(clock.now(), landed_by), ends);
        assert_eq!(budget.retry_until(clock.now()), ends);
        assert!(budget.spent(0, Duration::from_secs(5)).is_none());
        drop(clock.sleep(Duration::from_secs(12)));
        assert_eq!(budget.spent(0, Duration::from_secs(5)).unwrap().kind(), ErrorKind::Timeout);
    }
}
