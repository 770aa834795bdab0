//! What is known about each message of a call, at every moment: the receipts in the making.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::error::{Error, ErrorKind};
use crate::message::{MessageId, Receipt, SendOutcome};

/// How far a send is. The counts of messages always add up: what is neither in flight nor decided still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// The messages of the call.
    pub planned: usize,
    /// Those in a request that is under way, or being asked for.
    pub in_flight: usize,
    /// Those that a gateway has.
    pub accepted: usize,
    /// Those certainly not sent.
    pub rejected: usize,
    /// Those of which nobody knows.
    pub unclear: usize,
}

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// An earlier run may have sent it, and no gateway has been asked yet.
    Unasked,
    /// Nothing of it has left, or it is certain that nothing arrived.
    Waiting,
    /// It may have left.
    InFlight,
    /// Its receipt is final.
    Decided,
}

/// The receipts of one call while it runs. Whoever holds it can look at any moment, also when the call is gone.
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    /// Told after every change.
    notify: Mutex<Option<Notify>>,
}

type Notify = Arc<dyn Fn(Progress) + Send + Sync>;

struct Entries {
    receipts: Vec<Receipt>,
    stages: Vec<Stage>,
    progress: Progress,
    /// Messages that are the same message as an earlier one, by the same key: what happens to it happens to them.
    duplicates: HashMap<u32, Vec<u32>>,
}

impl Ledger {
    /// `is_once` says which messages an earlier run may have sent.
    pub(super) fn new(
        receipts: Vec<Receipt>,
        is_once: impl Iterator<Item = bool>,
        duplicates: HashMap<u32, Vec<u32>>,
    ) -> Self {
        let progress = Progress { planned: receipts.len(), ..Progress::default() };
        let stages = is_once.map(|is_once| if is_once { Stage::Unasked } else { Stage::Waiting }).collect();
        Self {
            entries: Mutex::new(Entries { receipts, stages, progress, duplicates }),
            notify: Mutex::new(None),
        }
    }

    /// Of a call that never had messages.
    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), std::iter::empty(), HashMap::new())
    }

    pub(super) fn notify(&self, notify: Notify) {
        *self.notify.lock().unwrap_or_else(PoisonError::into_inner) = Some(notify);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Entries)) {
        let progress = {
            let mut entries = self.entries();
            change(&mut entries);
            entries.progress
        };
        let notify = self.notify.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(notify) = notify {
            notify(progress);
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.entries().progress
    }

    /// A request with these messages is about to leave for this gateway.
    pub(super) fn leaves(&self, messages: &[u32], gateway: &Arc<str>) {
        self.change(|entries| {
            entries.each(messages.iter().copied(), |entries, index| {
                if let Some(receipt) = entries.move_to(index, Stage::InFlight) {
                    receipt.gateway = Some(gateway.clone());
                }
            });
        });
    }

    /// It is certain that nothing arrived of these.
    pub(super) fn comes_back(&self, messages: &[u32]) {
        self.change(|entries| {
            entries.each(messages.iter().copied(), |entries, index| {
                entries.move_to(index, Stage::Waiting);
            });
        });
    }

    /// The gateway has these; `replayed` says that it had them before this call.
    pub(super) fn accept(&self, messages: &[(u32, Option<MessageId>)], gateway: &Arc<str>, replayed: bool) {
        self.change(|entries| {
            for (index, message_id) in messages {
                entries.each([*index], |entries, index| {
                    if let Some(receipt) = entries.decide(index, SendOutcome::Accepted) {
                        receipt.gateway = Some(gateway.clone());
                        receipt.message_id = *message_id;
                        receipt.error = None;
                        receipt.replayed = replayed;
                    }
                });
            }
        });
    }

    /// What became of it in another call that was sending the same message.
    pub(super) fn replay(&self, message: u32, other: &Receipt) {
        self.change(|entries| {
            entries.each([message], |entries, index| {
                if let Some(receipt) = entries.decide(index, other.outcome) {
                    receipt.gateway.clone_from(&other.gateway);
                    receipt.message_id = other.message_id;
                    receipt.error.clone_from(&other.error);
                    receipt.replayed = true;
                }
            });
        });
    }

    /// A gateway will not have these, for this reason; the next one may.
    pub(super) fn refused(&self, messages: &[u32], error: &Error) {
        let mut entries = self.entries();
        entries.each(messages.iter().copied(), |entries, index| {
            let Some(receipt) = entries.receipts.get_mut(index as usize) else { return };
            // What a gateway said when it was asked tells more than what the next one lacks.
            if receipt.error.is_none() || error.kind() != ErrorKind::Configuration {
                receipt.error = Some(error.clone());
            }
        });
    }

    /// No gateway will have these.
    pub(super) fn reject_as_refused(&self, messages: &[u32]) {
        self.change(|entries| {
            entries.each(messages.iter().copied(), |entries, index| {
                entries.decide(index, SendOutcome::Rejected);
            });
        });
    }

    /// This message will not be sent by anybody.
    pub(super) fn reject(&self, message: u32, error: &Error) {
        self.change(|entries| {
            entries.each([message], |entries, index| {
                if let Some(receipt) = entries.decide(index, SendOutcome::Rejected) {
                    receipt.error = Some(error.clone());
                }
            });
        });
    }

    /// The gateway has this one, found there when it was asked, and will never send it.
    pub(super) fn never_left(&self, message: u32, error: &Error, gateway: &Arc<str>, replayed: bool) {
        self.change(|entries| {
            entries.each([message], |entries, index| {
                if let Some(receipt) = entries.decide(index, SendOutcome::Rejected) {
                    receipt.error = Some(error.clone());
                    receipt.gateway = Some(gateway.clone());
                    receipt.replayed = replayed;
                }
            });
        });
    }

    /// The receipt as it stands.
    pub(super) fn receipt(&self, message: u32) -> Option<Receipt> {
        self.entries().receipts.get(message as usize).cloned()
    }

    /// Decides what is left when the time is up: what may have left is unclear, what has not left is rejected.
    pub(super) fn close(&self, because: &Error) {
        self.change(|entries| {
            for index in (0u32..).take(entries.receipts.len()) {
                let outcome = match entries.stages.get(index as usize) {
                    Some(Stage::Waiting) => SendOutcome::Rejected,
                    Some(Stage::InFlight | Stage::Unasked) => SendOutcome::Unclear,
                    Some(Stage::Decided) | None => continue,
                };
                if let Some(receipt) = entries.decide(index, outcome) {
                    let error = match receipt.error.take() {
                        Some(before) => because.clone().after(&before),
                        None => because.clone(),
                    };
                    let is_unclear = outcome == SendOutcome::Unclear;
                    receipt.error = Some(if is_unclear { error.unclear() } else { error });
                }
            }
        });
    }

    /// This gateway may have these, and nobody can tell.
    pub(super) fn unclear(&self, messages: &[u32], error: &Error, gateway: &Arc<str>) {
        self.change(|entries| {
            entries.each(messages.iter().copied(), |entries, index| {
                if let Some(receipt) = entries.decide(index, SendOutcome::Unclear) {
                    receipt.error = Some(error.clone());
                    receipt.gateway = Some(gateway.clone());
                }
            });
        });
    }

    /// The receipts as they stand. What may have left is unclear, and what has not left is rejected, both with `because`.
    pub(super) fn receipts(&self, because: &Error) -> Vec<Receipt> {
        let entries = self.entries();
        let stages = entries.stages.iter().zip(&entries.receipts);
        stages
            .map(|(stage, receipt)| match stage {
                Stage::Decided => receipt.clone(),
                Stage::InFlight | Stage::Unasked => Receipt {
                    outcome: SendOutcome::Unclear,
                    error: Some(because.clone().unclear()),
                    ..receipt.clone()
                },
                Stage::Waiting => Receipt {
                    outcome: SendOutcome::Rejected,
                    error: Some(because.clone()),
                    ..receipt.clone()
                },
            })
            .collect()
    }

    /// The receipts of a call that has ended; nothing is copied. Of a message that nothing was decided about, nothing is
    /// known.
    pub(super) fn take_receipts(&self) -> Vec<Receipt> {
        let mut entries = self.entries();
        let stages = std::mem::take(&mut entries.stages);
        let mut receipts = std::mem::take(&mut entries.receipts);
        for (receipt, stage) in receipts.iter_mut().zip(stages) {
            if stage != Stage::Decided {
                let error = Error::maybe_sent(
                    ErrorKind::Unavailable,
                    "send",
                    "nothing was decided about this message",
                );
                receipt.outcome = SendOutcome::Unclear;
                receipt.error.get_or_insert(error);
            }
        }
        receipts
    }
}

impl Entries {
    /// Does something to messages and to their duplicates.
    fn each(&mut self, messages: impl IntoIterator<Item = u32>, mut change: impl FnMut(&mut Self, u32)) {
        for index in messages {
            change(self, index);
            for duplicate in self.duplicates.get(&index).cloned().into_iter().flatten() {
                change(self, duplicate);
            }
        }
    }

    fn move_to(&mut self, index: u32, stage: Stage) -> Option<&mut Receipt> {
        let current = self.stages.get_mut(index as usize).filter(|current| **current != Stage::Decided)?;
        match (*current, stage) {
            (Stage::InFlight, Stage::Waiting | Stage::Decided) => self.progress.in_flight -= 1,
            (Stage::Waiting | Stage::Unasked, Stage::InFlight) => self.progress.in_flight += 1,
            _ => {}
        }
        *current = stage;
        self.receipts.get_mut(index as usize)
    }

    fn decide(&mut self, index: u32, outcome: SendOutcome) -> Option<&mut Receipt> {
        self.move_to(index, Stage::Decided)?;
        match outcome {
            SendOutcome::Accepted => self.progress.accepted += 1,
            SendOutcome::Rejected => self.progress.rejected += 1,
            SendOutcome::Unclear => self.progress.unclear += 1,
        }
        let receipt = self.receipts.get_mut(index as usize)?;
        receipt.outcome = outcome;
        Some(receipt)
    }
}
