//! After an unclear failure: ask the gateway by trace id, and never send again before the answer is known.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::call::Call;
use super::failover::Lane;
use super::retry::Patience;
use crate::error::{Error, ErrorKind};
use crate::gateway::Registration;
use crate::message::TraceId;

/// How long a gateway is held back that asks to slow down without saying how long.
const SLOW_DOWN: Duration = Duration::from_secs(2);

/// What asking found out, beside the messages that turned out to be registered: these are accepted already.
pub(super) struct Findings {
    /// Certainly not registered: may be sent again.
    pub(super) absent: Vec<u32>,
    /// The gateway could not be asked until the budget was spent.
    pub(super) unknown: Vec<u32>,
}

/// Asks for messages until each is known to be registered or not, or the patience ends.
///
/// "Not registered" is believed when it has been answered `looks` times with the settling pause in between: a slow request
/// may still land after the first look.
pub(super) async fn reconcile(
    call: &Call,
    lane: &Lane,
    messages: &[u32],
    looks: usize,
    patience: &mut Patience,
) -> Findings {
    let Some(most) = lane.gateway.capabilities().look_up else {
        return Findings { absent: Vec::new(), unknown: messages.to_vec() };
    };
    // How often each message was not found.
    let mut pending: HashMap<TraceId, (u32, usize)> =
        messages.iter().filter_map(|index| Some((call.trace_id(*index)?, (*index, 0)))).collect();
    let mut absent = Vec::new();
    loop {
        let ids: Vec<TraceId> = pending.keys().copied().collect();
        let mut questions = stream::iter(ids.chunks(most.max(1)).map(<[TraceId]>::to_vec))
            .map(|ids| async move { ask(lane, &ids).await })
            .buffer_unordered(call.policy.concurrency);
        let mut failure = None;
        let mut missed = HashSet::new();
        while let Some(answer) = questions.next().await {
            match answer {
                Ok(registrations) => {
                    for registration in registrations {
                        match registration {
                            Registration::Registered { trace_id, message_id, .. } => {
                                if let Some((index, _)) = pending.remove(&trace_id) {
                                    call.ledger.accept(&[(index, message_id)], lane.gateway.name());
                                }
                            }
                            Registration::NotRegistered { trace_id, .. } => {
                                missed.insert(trace_id);
                            }
                        }
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::RateLimit {
                        // At once, before the questions that are left are told the same.
                        lane.pace.slow_down(error.retry_after().unwrap_or(SLOW_DOWN));
                    }
                    failure = Some(error);
                }
            }
        }
        drop(questions);
        // Counted when all answers are in: a message that one row has and another has not is there.
        for trace_id in missed {
            let Some((index, count)) = pending.get_mut(&trace_id) else { continue };
            *count += 1;
            if *count >= looks {
                absent.push(*index);
                pending.remove(&trace_id);
            }
        }
        if pending.is_empty() {
            return Findings { absent, unknown: Vec::new() };
        }
        let settle = if pending.values().any(|(_, count)| *count > 0) {
            call.policy.retry.settle
        } else {
            Duration::ZERO
        };
        let Some(pause) = patience.pause(failure.as_ref(), settle) else {
            let unknown = pending.into_values().map(|(index, _)| index).collect();
            return Findings { absent, unknown };
        };
        call.clock.sleep(pause).await;
    }
}

async fn ask(lane: &Lane, ids: &[TraceId]) -> Result<Vec<Registration>, Error> {
    let _permit = lane.pace.enter().await;
    lane.gateway.look_up(ids).await
}
