//! One gateway of a messenger, with what the messenger knows about it: its pace, its health, its messages.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::pace::Pace;
use crate::error::{Error, ErrorKind};
use crate::gateway::Gateway;
use crate::memory::Memory;

/// How long a gateway that failed is passed by.
const PASS_BY: Duration = Duration::from_secs(30);

/// After so many connections in a row that were never made, one request at a time tries.
const DEAD_AFTER: u32 = 3;

#[derive(Debug)]
pub(super) struct Lane {
    /// Its place among the gateways of the messenger.
    pub(super) place: usize,
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) pace: Pace,
    pub(super) memory: Arc<Memory>,
    /// Whoever asks its inbox, so that nobody asks twice at once.
    pub(super) inbox: AsyncMutex<()>,
    down: Mutex<Option<Down>>,
    refused_connections: AtomicU32,
    /// Held by the one request that tries a dead gateway.
    probe: AsyncMutex<()>,
}

/// Passed by until a moment, because of an error that came at another.
#[derive(Clone, Debug)]
struct Down {
    since: Duration,
    until: Duration,
    error: Error,
}

impl Lane {
    pub(super) fn new(number: usize, gateway: Arc<dyn Gateway>, pace: Pace) -> Self {
        let memory = gateway.memory().cloned().unwrap_or_default();
        Self {
            place: number,
            gateway,
            pace,
            memory,
            inbox: AsyncMutex::new(()),
            down: Mutex::new(None),
            refused_connections: AtomicU32::new(0),
            probe: AsyncMutex::new(()),
        }
    }

    /// Remembers that the gateway has failed, unless the failure says nothing about the next message.
    pub(super) fn pass_by(&self, now: Duration, error: &Error) {
        if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Request) {
            let down = Down { since: now, until: now.saturating_add(PASS_BY), error: error.passed_by() };
            *self.down.lock().unwrap_or_else(PoisonError::into_inner) = Some(down);
        }
    }

    fn down(&self, now: Duration) -> Option<Down> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.as_ref().filter(|down| now < down.until).cloned()
    }

    /// Why it is passed by, where it is.
    pub(super) fn is_down(&self, now: Duration) -> Option<Error> {
        self.down(now).map(|down| down.error)
    }

    /// Why it is passed by, where that was found out after this moment.
    pub(super) fn went_down_after(&self, moment: Duration, now: Duration) -> Option<Error> {
        self.down(now).filter(|down| down.since > moment).map(|down| down.error)
    }

    /// The gateway has answered.
    pub(super) fn recovered(&self) {
        self.refused_connections.store(0, Ordering::Relaxed);
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        *down = None;
    }

    /// A request has failed.
    pub(super) fn failed(&self, error: &Error) {
        if error.never_connected() {
            self.refused_connections.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refused_connections.store(0, Ordering::Relaxed);
        }
    }

    /// Whether no connection has been made for a while.
    pub(super) fn is_dead(&self) -> bool {
        self.refused_connections.load(Ordering::Relaxed) >= DEAD_AFTER
    }

    /// While the gateway is dead, waits for the turn to try it; the turn lasts as long as the guard.
    pub(super) async fn turn_to_try(&self) -> Option<AsyncMutexGuard<'_, ()>> {
        if !self.is_dead() {
            return None;
        }
        let turn = self.probe.lock().await;
        // Whoever had the turn before may have found it alive.
        self.is_dead().then_some(turn)
    }
}
