//! Emulated time: it starts at the real time, runs at the chosen speed, and can be moved forward at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Tehran has had no daylight saving time since 2022.
const TEHRAN_SECONDS: i32 = (3 * 60 + 30) * 60;

/// Emulated milliseconds since the start: one word a message instead of a date.
pub(crate) type Moment = u64;

#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
    tehran: Offset,
    speed: f64,
    advanced: AtomicU64,
}

impl Clock {
    pub(crate) fn new(speed: f64) -> Self {
        Self {
            started: Instant::now(),
            started_at: Timestamp::now(),
            tehran: Offset::from_seconds(TEHRAN_SECONDS).unwrap_or(Offset::UTC),
            speed,
            advanced: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let passed = self.started.elapsed().as_secs_f64() * self.speed;
        // A speed too great for a Duration has simply passed all time there is.
        let passed = Duration::try_from_secs_f64(passed).unwrap_or(Duration::MAX);
        milliseconds(passed).saturating_add(self.advanced.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.advanced.fetch_add(milliseconds(by), Ordering::Relaxed);
    }

    /// Tehran wall time as the gateways print it: `2026-12-01T08:30:00`.
    pub(crate) fn wall_time(&self, moment: Moment) -> String {
        let passed = SignedDuration::from_millis(i64::try_from(moment).unwrap_or(i64::MAX));
        let timestamp = self.started_at.saturating_add(passed).unwrap_or(Timestamp::MAX);
        self.tehran.to_datetime(timestamp).strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// The moment a client wrote down, clamped to the start. All the dialects' forms are read: `2026/12/01-08:30`,
    /// `2026-12-01T08:30:00` with or without a zone, and a date alone, which is its midnight. Tehran is meant
    /// where no zone is given.
    pub(crate) fn moment(&self, written: &str) -> Option<Moment> {
        let timestamp = written.parse::<Timestamp>().ok().or_else(|| {
            let wall = civil(written)?;
            self.tehran.to_timestamp(wall).ok()
        })?;
        let since_start = timestamp.duration_since(self.started_at).as_millis();
        Some(Moment::try_from(since_start.max(0)).unwrap_or(Moment::MAX))
    }
}

fn civil(written: &str) -> Option<DateTime> {
    const WITH_TIME: [&str; 4] =
        ["%Y/%m/%d-%H:%M:%S", "%Y/%m/%d-%H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"];
    written
        .parse::<DateTime>()
        .ok()
        .or_else(|| WITH_TIME.iter().find_map(|form| DateTime::strptime(form, written).ok()))
        .or_else(|| Date::strptime("%Y/%m/%d", written).ok().map(|date| date.at(0, 0, 0, 0)))
}

pub(crate) fn milliseconds(duration: Duration) -> Moment {
    Moment::try_from(duration.as_millis()).unwrap_or(Moment::MAX)
}

/// Emulated seconds, as users see them.
#[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285 thousand years")]
pub(crate) fn seconds(moment: Moment) -> f64 {
    moment as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_date_means_the_same_moment_in_tehran() {
        let clock = Clock::new(0.0);
        let expected = clock.moment("2090-12-01T05:00:00Z");
        assert!(expected.is_some());
        for written in
            ["2090/12/01-08:30", "2090-12-01T08:30:00", "2090-12-01T08:30", "2090-12-01T08:30:00+03:30"]
        {
            assert_eq!(clock.moment(written), expected, "{written}");
        }
        assert_eq!(clock.moment("tomorrow"), None);
        assert_eq!(clock.moment("0001-01-01T00:00:00"), Some(0), "the past is now");
    }

    #[test]
    fn standing_time_moves_only_when_told_to() {
        let clock = Clock::new(0.0);
        assert_eq!(clock.now(), 0);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), 1500);
    }

    #[test]
    fn wall_time_can_be_read_back() {
        let clock = Clock::new(0.0);
        let written = clock.wall_time(60_000);
        let read = clock.moment(&written).unwrap();
        assert!((59_000..=60_000).contains(&read), "{read}");
    }
}
