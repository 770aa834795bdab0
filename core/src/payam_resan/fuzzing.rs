//! Every answer of V3, whatever it holds.

#![allow(clippy::missing_panics_doc, reason = "a harness that cannot go on fails")]

use serde_json::Value;

use super::{Sent, TemplateSent, wire};
use crate::fuzzing::{Body, is_the_same_id, json, rows};
use crate::message::{MessageId, TraceId};

/// How many rows were asked for: an input has no more.
const ANY: usize = 10_000;

/// Reads a body as the answer of every operation.
pub fn payam_resan_json(input: &[u8]) {
    let (body, value) = (Body::new(input), json(input));
    let value = value.as_ref();
    body.decode_in_every_way(
        |answer| wire::sent(answer, ANY),
        |sent| {
            let ids = sent.iter().map(|Sent { message_id, trace_id }| (*message_id, *trace_id)).collect();
            has_every_row(value, ids);
        },
    );
    body.decode(
        |answer| wire::template_sent(answer, ANY),
        |sent| {
            let ids = sent
                .iter()
                .map(|TemplateSent { message_id, trace_id, .. }| (*message_id, *trace_id))
                .collect();
            has_every_row(value, ids);
        },
    );
    body.decode(
        |answer| wire::statuses(answer, ANY),
        |statuses| {
            has_every_row(value, statuses.iter().map(|row| (row.message_id, row.trace_id)).collect());
        },
    );
    body.decode(wire::inbox, |messages| {
        has_every_row(value, messages.iter().map(|message| (message.message_id, None)).collect());
        assert!(messages.iter().all(|message| message.is_relayed.is_none()));
    });
    body.decode(wire::templates, |_| is_a_success(value));
    body.decode(wire::account_info, |info| {
        is_a_success(value);
        assert!(info.credit.is_finite());
    });
    body.decode(wire::raw, |result| {
        is_a_success(value);
        assert!(value.is_none_or(|value| value["Result"] == result));
    });
}

/// A success is what says that it is one, and has a result.
fn is_a_success(value: Option<&Value>) {
    let Some(value) = value else { return };
    let says = match &value["Success"] {
        Value::Bool(success) => *success,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1"),
        _ => false,
    };
    assert!(says && !value["Result"].is_null(), "{value}");
}

/// As many rows as the answer has, each with its own ids.
fn has_every_row(value: Option<&Value>, ids: Vec<(Option<MessageId>, Option<TraceId>)>) {
    is_a_success(value);
    let Some(value) = value else { return };
    let rows = rows(&value["Result"]).unwrap_or_default();
    assert_eq!(rows.len(), ids.len(), "{value}");
    for (row, (message_id, trace_id)) in rows.into_iter().zip(ids) {
        assert!(row.is_object(), "a row made of {row}");
        is_the_same_id(&row["Id"], message_id.map(MessageId::get));
        assert!(trace_id.is_none_or(|id| id.get() > 0));
        if let Some(trace_id) = trace_id {
            is_the_same_id(&row["UserTraceId"], Some(trace_id.get()));
        }
    }
}
