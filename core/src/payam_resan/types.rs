//! What goes into Payam Resan's calls beside texts and recipients, and what comes out.

use std::fmt;

use serde::Serialize;

use super::codes::{MessageStatus, TemplateStatus};
use crate::message::{MessageId, TraceId};
use crate::phone::Recipient;

/// A message that the gateway has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id, as the gateway repeats it.
    pub trace_id: Option<TraceId>,
}

/// A message that the gateway has made of a template. Its text stays out of `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TemplateSent {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id, as the gateway repeats it.
    pub trace_id: Option<TraceId>,
    /// The line that the gateway chose.
    pub sender: Option<String>,
    /// The text that went out.
    pub text: Option<String>,
}

impl fmt::Debug for TemplateSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateSent")
            .field("message_id", &self.message_id)
            .field("trace_id", &self.trace_id)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// A recipient of a template, with what fills it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateMessage {
    /// To whom.
    pub to: Recipient,
    /// `parameters[0]` fills `{1}`; at most 10.
    pub parameters: Vec<String>,
    /// The caller's number for the message.
    pub trace_id: Option<TraceId>,
}

impl TemplateMessage {
    /// A recipient with what fills the template.
    pub fn new(to: impl Into<Recipient>, parameters: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { to: to.into(), parameters: parameters.into_iter().map(Into::into).collect(), trace_id: None }
    }

    /// Known by this trace id.
    #[must_use]
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }
}

/// Shows how many parameters there are, not what they are: one of them is a one-time password.
impl fmt::Debug for TemplateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateMessage")
            .field("to", &self.to)
            .field("parameters", &self.parameters.len())
            .field("trace_id", &self.trace_id)
            .finish()
    }
}

/// A template of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Template {
    /// What it is sent by.
    pub key: String,
    /// The text, with `{1}` to `{10}`.
    pub text: Option<String>,
    /// The wording of a voice call.
    pub voice: Option<String>,
    /// Only an approved one can be sent.
    pub status: TemplateStatus,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id.
    pub trace_id: Option<TraceId>,
    /// The status.
    pub status: MessageStatus,
}

/// The account's credit and lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AccountInfo {
    /// The credit, in rials.
    pub credit: f64,
    /// The lines that the account may send from.
    pub sender_lines: Vec<String>,
}
