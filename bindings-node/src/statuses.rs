//! Statuses and ids as numbers: JavaScript has every known code's meaning already, so that a row needs no more than its code.

use payamak::niksms::{self, SmsStatus};
use payamak::payam_resan::{self, MessageStatus};
use payamak::{Error, MessageId, TraceId};
use serde::Serialize;

use crate::bridge::{Answer, NO_ID};
use crate::wire;

/// Everything about the known codes of `payam-resan` or `niksms`.
pub(crate) fn of_kind(kind: &str) -> Result<String, Error> {
    if kind == "niksms" {
        wire::write(SmsStatus::KNOWN.iter().map(|code| SmsStatus::from_code(*code)).collect::<Vec<_>>())
    } else {
        wire::write(
            MessageStatus::KNOWN.iter().map(|code| MessageStatus::from_code(*code)).collect::<Vec<_>>(),
        )
    }
}

/// The number under which a row carries an id; `None` for the one number that means something else there.
fn packed(id: Option<i64>) -> Option<i64> {
    match id {
        None => Some(NO_ID),
        Some(NO_ID) => None,
        id => id,
    }
}

/// The number of a code that the table has; `None` for all others, which only JSON tells apart.
fn known(number: Option<i64>, table: &[i64]) -> Option<i32> {
    number.filter(|number| table.contains(number)).and_then(|number| number.try_into().ok())
}

fn message(id: Option<MessageId>) -> Option<i64> {
    packed(id.map(MessageId::get))
}

fn trace(id: Option<TraceId>) -> Option<i64> {
    packed(id.map(TraceId::get))
}

/// As numbers where every row fits, as JSON otherwise.
fn answer<T: Serialize>(result: Result<Vec<T>, Error>, pack: impl Fn(&[T]) -> Option<Answer>) -> Answer {
    match result {
        Ok(rows) => pack(&rows).unwrap_or_else(|| Answer::Json(wire::answer(wire::write(rows)))),
        Err(error) => Answer::Json(wire::failure(&error)),
    }
}

/// `message_id`, `trace_id` of each row.
pub(crate) fn sent(result: Result<Vec<payam_resan::Sent>, Error>) -> Answer {
    answer(result, |rows| {
        let ids = rows.iter().flat_map(|row| [message(row.message_id), trace(row.trace_id)]);
        ids.collect::<Option<_>>().map(Answer::Ids)
    })
}

/// `message_id`, `trace_id` and code of each row.
pub(crate) fn of_payam_resan(result: Result<Vec<payam_resan::Status>, Error>) -> Answer {
    answer(result, |rows| {
        let ids = rows.iter().flat_map(|row| [message(row.message_id), trace(row.trace_id)]);
        let codes = rows.iter().map(|row| known(row.status.code(), MessageStatus::KNOWN));
        Some(Answer::Statuses { ids: ids.collect::<Option<_>>()?, codes: codes.collect::<Option<_>>()? })
    })
}

/// `message_id` and code of each row.
pub(crate) fn of_niksms(result: Result<Vec<niksms::Status>, Error>) -> Answer {
    answer(result, |rows| {
        let ids = rows.iter().map(|row| message(Some(row.message_id)));
        let codes = rows.iter().map(|row| known(row.status.code(), SmsStatus::KNOWN));
        Some(Answer::Statuses { ids: ids.collect::<Option<_>>()?, codes: codes.collect::<Option<_>>()? })
    })
}
