//! What goes into NikSMS's calls beside texts and recipients, and what comes out.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::codes::{SendStatus, SmsStatus};
use crate::error::{Error, Result};
use crate::message::{MessageId, SenderLine, TehranTime, TraceId};

/// What a send may say beside its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendOptions {
    /// The line, instead of the client's setting.
    pub sender: Option<SenderLine>,
    /// When to send; now without it.
    pub send_at: Option<TehranTime>,
    /// Normal without it.
    pub send_type: Option<SendType>,
}

impl SendOptions {
    /// Sent from this line.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Sent then.
    #[must_use]
    pub fn send_at(mut self, time: TehranTime) -> Self {
        self.send_at = Some(time);
        self
    }

    /// Sent so.
    #[must_use]
    pub fn send_type(mut self, send_type: SendType) -> Self {
        self.send_type = Some(send_type);
        self
    }
}

/// How a message shows itself on the handset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendType {
    /// In the inbox.
    Normal,
    /// On the screen, without being kept.
    Flash,
}

impl FromStr for SendType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "normal" => Ok(Self::Normal),
            "flash" => Ok(Self::Flash),
            _ => {
                Err(Error::invalid_input("send_type", "send_type", "neither normal nor flash")
                    .with_value(text))
            }
        }
    }
}

/// What a send answers. Its status is `Successful` or `Warning`, which was sent too.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SendBatch {
    /// `Successful`, or `Warning`.
    pub status: SendStatus,
    /// The gateway's id of the whole request.
    pub id: Option<String>,
    /// What the gateway warns of, in its own words. They may repeat what was sent: never log them unasked.
    pub warning: Option<String>,
    /// The gateway's ids, in the order of the recipients.
    pub message_ids: Vec<MessageId>,
}

/// Shows everything but the gateway's own words.
impl fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch")
            .field("status", &self.status)
            .field("message_ids", &self.message_ids)
            .finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The gateway's id.
    pub message_id: MessageId,
    /// The status.
    pub status: SmsStatus,
}

/// What became of a message, asked for by the caller's trace id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TraceStatus {
    /// The caller's trace id.
    pub trace_id: TraceId,
    /// The gateway's id; `None` where it has no such message.
    pub message_id: Option<MessageId>,
    /// The status.
    pub status: SmsStatus,
}
