//! What a gateway answers, of whatever kind: one type, so that all calls cross the border by the same few functions. Each
//! that crosses by one of its own makes the library some thousand bytes larger.

use std::collections::HashMap;
use std::hash::Hash;

use futures_util::future::BoxFuture;
use payamak::{MessageId, TraceId};

use crate::convert::{RawDeliveryStatus, RawIncomingMessage, RawReceipt};
use crate::niksms::RawSendBatch;
use crate::payam_resan::{RawSent, RawTemplate};

/// What a client does when it is asked.
pub(crate) type Work = BoxFuture<'static, payamak::Result<RawAnswer>>;

// What became of a message.
#[derive(uniffi::Record)]
pub struct RawStatusRow {
    // The gateway's id.
    pub message_id: Option<i64>,
    // The caller's.
    pub trace_id: Option<i64>,
    // The place of its status.
    pub status: u32,
}

// What comes back.
#[derive(uniffi::Enum)]
pub enum RawAnswer {
    // A row a message.
    Sent {
        // In the order of the recipients.
        rows: Vec<RawSent>,
    },
    // `NikSMS`: all of a send.
    Batch {
        // It.
        batch: RawSendBatch,
    },
    // A row an id.
    Statuses {
        // What the rows say, once each.
        statuses: Vec<RawDeliveryStatus>,
        // In the order of the ids.
        rows: Vec<RawStatusRow>,
    },
    // A messenger's.
    Receipts {
        // In the order of the messages.
        rows: Vec<RawReceipt>,
    },
    // The account's templates.
    Templates {
        // All.
        rows: Vec<RawTemplate>,
    },
    // The account.
    Account {
        // In rials.
        credit: f64,
        // Its lines.
        sender_lines: Vec<String>,
    },
    // Incoming messages.
    Incoming {
        // In the gateway's order.
        rows: Vec<RawIncomingMessage>,
    },
    // A number.
    Number {
        // It.
        value: f64,
    },
    // Yes or no.
    Flag {
        // It.
        value: bool,
    },
    // A text, or none.
    Text {
        // It.
        value: Option<String>,
    },
    // Texts.
    Texts {
        // They.
        values: Vec<String>,
    },
}

impl RawAnswer {
    /// Rows, and what they say once: hundreds of rows have a handful of statuses, each with five texts.
    pub(crate) fn statuses<S: Eq + Hash>(
        given: impl IntoIterator<Item = (Option<MessageId>, Option<TraceId>, S)>,
        raw: impl Fn(&S) -> RawDeliveryStatus,
    ) -> Self {
        let mut places = HashMap::new();
        let mut statuses = Vec::new();
        let row = |(message_id, trace_id, status): (Option<MessageId>, Option<TraceId>, S)| {
            let status = places.get(&status).copied().unwrap_or_else(|| {
                // An answer has fewer rows than that.
                let place = u32::try_from(statuses.len()).unwrap_or(u32::MAX);
                statuses.push(raw(&status));
                places.insert(status, place);
                place
            });
            RawStatusRow {
                message_id: message_id.map(MessageId::get),
                trace_id: trace_id.map(TraceId::get),
                status,
            }
        };
        let rows = given.into_iter().map(row).collect();
        Self::Statuses { statuses, rows }
    }
}
