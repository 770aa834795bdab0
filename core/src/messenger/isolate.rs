//! A request that is refused for a part of one of its messages: which one it is, so that the others go out.

use std::sync::{MutexGuard, PoisonError};

use super::call::Call;
use super::lane::Lane;
use super::plan::Planned;
use crate::error::{Error, Outcome, RefusedPart};
use crate::gateway::BatchKind;

/// After so many messages in a row that were each found to be at fault, with nothing accepted in between, the fault is the
/// request's. They are looked for from both ends in turn, so that a few at one end are not taken for all.
const ALL_AT_FAULT: usize = 3;

/// A refusal that was found to be about a whole request, and not about one of its messages.
pub(super) struct SharedFault {
    kind: BatchKind,
    code: Option<i64>,
    /// One of the messages, which says what all of them have in common.
    example: u32,
}

impl Call {
    /// Whether a request of this kind can have been refused for one of its messages: what all of them share is not one's
    /// fault, and what was found to be the fault of a whole request is not looked for again.
    pub(super) fn may_be_one_message(&self, kind: BatchKind, messages: &[u32], error: &Error) -> bool {
        let differs = match error.refused_part() {
            Some(RefusedPart::Recipient | RefusedPart::AnyValue) => true,
            Some(RefusedPart::Text) => kind == BatchKind::Personal,
            Some(RefusedPart::Sender) => {
                let line = |index: &u32| self.message(*index).and_then(|message| message.sender.as_ref());
                messages.windows(2).any(|pair| matches!(pair, [one, next] if line(one) != line(next)))
            }
            None => false,
        };
        if !differs || error.outcome() != Outcome::NotSent {
            return false;
        }
        let code = error.code().and_then(|code| code.number);
        let says = |index: u32| self.message(index).map(|message| message.content.shared());
        let is_known = |fault: &SharedFault| {
            (fault.kind, fault.code) == (kind, code)
                && messages.first().is_some_and(|first| says(*first) == says(fault.example))
        };
        !self.shared_faults().iter().any(is_known)
    }

    fn shared_faults(&self) -> MutexGuard<'_, Vec<SharedFault>> {
        self.shared_faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the messages at fault in a request that was refused as a whole, and sends the others. One at fault costs at most
    /// log₂ of the request's size more requests, and one for those that were set aside meanwhile.
    ///
    /// Gives back what is certainly not sent, with the reasons.
    pub(super) async fn isolate(
        &self,
        lane: &Lane,
        refused: Planned,
        error: Error,
        is_last: bool,
    ) -> Vec<(Vec<u32>, Error)> {
        let Planned { kind, messages: mut suspects } = refused;
        let mut reason = error;
        let mut not_sent = Vec::new();
        // Of requests that were refused, and not known to be at fault.
        let mut set_aside = Vec::new();
        let mut in_a_row = 0;
        let mut from_the_end = false;
        loop {
            while suspects.len() > 1 {
                let mut others = suspects.split_off(suspects.len() / 2);
                if from_the_end {
                    std::mem::swap(&mut suspects, &mut others);
                }
                let half = Planned { kind, messages: suspects };
                match self.send(lane, half, is_last).await {
                    // Then it is one of the others: together they had been refused.
                    Ok(()) => {
                        in_a_row = 0;
                        suspects = others;
                    }
                    Err((left, why)) if self.may_be_one_message(kind, &left, &why) => {
                        set_aside.extend(others);
                        (suspects, reason) = (left, why);
                    }
                    // It is no longer about a message.
                    Err((mut left, why)) => {
                        left.extend(others);
                        left.append(&mut set_aside);
                        not_sent.push((left, why));
                        return not_sent;
                    }
                }
            }
            not_sent.push((suspects, reason));
            in_a_row += 1;
            from_the_end = !from_the_end;
            if set_aside.is_empty() {
                return not_sent;
            }
            set_aside.sort_unstable();
            let rest = Planned { kind, messages: std::mem::take(&mut set_aside) };
            match self.send(lane, rest, is_last).await {
                Ok(()) => return not_sent,
                Err((left, why)) if self.may_be_one_message(kind, &left, &why) => {
                    if in_a_row >= ALL_AT_FAULT {
                        if let (true, Some(example)) = (kind != BatchKind::Personal, left.first().copied()) {
                            let code = why.code().and_then(|code| code.number);
                            self.shared_faults().push(SharedFault { kind, code, example });
                        }
                        not_sent.push((left, why));
                        return not_sent;
                    }
                    (suspects, reason) = (left, why);
                }
                Err(left) => {
                    not_sent.push(left);
                    return not_sent;
                }
            }
        }
    }
}
