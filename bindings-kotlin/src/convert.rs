//! The shapes that cross the border, and what they are inside.

use payamak::{
    Code, Delivery, DeliveryReport, DeliveryStatus, Destination, IncomingMessage, Message, MessageId,
    PersonalMessage, Progress, Receipt, SendOutcome, TraceId,
};

use crate::error::RawFailure;

// A gateway's code.
#[derive(uniffi::Record)]
pub struct RawCode {
    // The number.
    pub number: Option<i64>,
    // Our name; `unknown` for one that no table has.
    pub name: String,
    // The gateway's own name.
    pub wire_name: Option<String>,
    // In Persian.
    pub text: Option<String>,
}

impl From<&Code> for RawCode {
    fn from(code: &Code) -> Self {
        Self {
            number: code.number,
            name: code.name.to_owned(),
            wire_name: code.wire_name.as_deref().map(str::to_owned),
            text: code.text.map(str::to_owned),
        }
    }
}

// A delivery code with what it means.
#[derive(uniffi::Record)]
pub struct RawDeliveryStatus {
    // The gateway's code.
    pub code: RawCode,
    // In lower snake case.
    pub state: String,
    // In lower snake case.
    pub reason: Option<String>,
    // Asking again will not change it.
    pub is_final: bool,
}

impl RawDeliveryStatus {
    pub(crate) fn new(code: &Code, delivery: Delivery) -> Self {
        Self {
            code: code.into(),
            state: delivery.state.as_str().to_owned(),
            reason: delivery.reason.map(|reason| reason.as_str().to_owned()),
            is_final: delivery.is_final,
        }
    }
}

impl From<&DeliveryStatus> for RawDeliveryStatus {
    fn from(status: &DeliveryStatus) -> Self {
        Self::new(&status.code, status.delivery)
    }
}

// A recipient with its trace id.
#[derive(uniffi::Record)]
pub struct RawDestination {
    // To whom.
    pub to: String,
    // What its message is known by.
    pub trace_id: Option<i64>,
}

impl From<RawDestination> for Destination {
    fn from(RawDestination { to, trace_id }: RawDestination) -> Self {
        Self::new(to, trace_id.map(TraceId::new))
    }
}

// A text of its own for one recipient.
#[derive(uniffi::Record)]
pub struct RawPersonalMessage {
    // To whom.
    pub to: String,
    // What it says.
    pub text: String,
    // What it is known by.
    pub trace_id: Option<i64>,
    // The line.
    pub sender: Option<String>,
}

impl From<RawPersonalMessage> for PersonalMessage {
    fn from(RawPersonalMessage { to, text, trace_id, sender }: RawPersonalMessage) -> Self {
        let mut message = Self::new(to, text);
        message.trace_id = trace_id.map(TraceId::new);
        message.sender = sender.map(Into::into);
        message
    }
}

// A recipient of a template.
#[derive(uniffi::Record)]
pub struct RawTemplateMessage {
    // To whom.
    pub to: String,
    // What fills it.
    pub parameters: Vec<String>,
    // What its message is known by.
    pub trace_id: Option<i64>,
}

// A message for a messenger: a text, or a template with parameters.
#[derive(uniffi::Record)]
pub struct RawMessage {
    // To whom.
    pub to: String,
    // The text; of a template, its key.
    pub content: String,
    // What fills the template; none for a text.
    pub parameters: Option<Vec<String>>,
    // The line.
    pub sender: Option<String>,
    // A trace id of the caller's own.
    pub trace_id: Option<i64>,
    // What it is known by.
    pub key: Option<String>,
    // Ask before sending.
    pub once: bool,
}

impl From<RawMessage> for Message {
    fn from(raw: RawMessage) -> Self {
        let RawMessage { to, content, parameters, sender, trace_id, key, once } = raw;
        let mut message = match parameters {
            None => Self::new(to, content),
            Some(parameters) => Self::template(content, to, parameters),
        };
        if let Some(sender) = sender {
            message = message.sender(sender);
        }
        if let Some(trace_id) = trace_id {
            message = message.trace_id(TraceId::new(trace_id));
        }
        if let Some(key) = key {
            message = message.key(key);
        }
        if once { message.once() } else { message }
    }
}

// How the sending of one message ended.
#[derive(Clone, Copy, uniffi::Enum)]
pub enum RawSendOutcome {
    // The gateway has it.
    Accepted,
    // Not sent.
    Rejected,
    // Nobody knows.
    Unclear,
}

// What became of one message.
#[derive(uniffi::Record)]
pub struct RawReceipt {
    // To whom.
    pub to: String,
    // The id it was sent under.
    pub trace_id: i64,
    // The gateway.
    pub gateway: Option<String>,
    // The gateway's id.
    pub message_id: Option<i64>,
    // How it ended.
    pub outcome: RawSendOutcome,
    // Why it was not accepted.
    pub error: Option<RawFailure>,
    // Not sent by this call.
    pub replayed: bool,
}

impl From<&Receipt> for RawReceipt {
    fn from(receipt: &Receipt) -> Self {
        Self {
            to: receipt.to.to_string(),
            trace_id: receipt.trace_id.get(),
            gateway: receipt.gateway.as_deref().map(str::to_owned),
            message_id: receipt.message_id.map(MessageId::get),
            outcome: match receipt.outcome {
                SendOutcome::Accepted => RawSendOutcome::Accepted,
                SendOutcome::Rejected => RawSendOutcome::Rejected,
                SendOutcome::Unclear => RawSendOutcome::Unclear,
            },
            error: receipt.error.as_ref().map(RawFailure::from),
            replayed: receipt.replayed,
        }
    }
}

// A receipt on its way back, to be asked about.
#[derive(uniffi::Record)]
pub struct RawTicket {
    // To whom.
    pub to: String,
    // The id it was sent under.
    pub trace_id: i64,
    // The gateway.
    pub gateway: Option<String>,
    // The gateway's id.
    pub message_id: Option<i64>,
    // How it ended.
    pub outcome: RawSendOutcome,
}

impl From<RawTicket> for Receipt {
    fn from(ticket: RawTicket) -> Self {
        let RawTicket { to, trace_id, gateway, message_id, outcome } = ticket;
        let mut receipt = Self::restore_unclear(to, TraceId::new(trace_id));
        receipt.gateway = gateway.map(Into::into);
        receipt.message_id = message_id.map(MessageId::new);
        receipt.outcome = match outcome {
            RawSendOutcome::Accepted => SendOutcome::Accepted,
            RawSendOutcome::Rejected => SendOutcome::Rejected,
            RawSendOutcome::Unclear => SendOutcome::Unclear,
        };
        receipt
    }
}

// How far a send is.
#[derive(uniffi::Record)]
pub struct RawProgress {
    // All.
    pub planned: u64,
    // Under way.
    pub in_flight: u64,
    // A gateway has them.
    pub accepted: u64,
    // Not sent.
    pub rejected: u64,
    // Nobody knows.
    pub unclear: u64,
}

impl From<Progress> for RawProgress {
    fn from(progress: Progress) -> Self {
        Self {
            planned: progress.planned as u64,
            in_flight: progress.in_flight as u64,
            accepted: progress.accepted as u64,
            rejected: progress.rejected as u64,
            unclear: progress.unclear as u64,
        }
    }
}

// What is known about a delivery.
#[derive(uniffi::Record)]
pub struct RawDeliveryReport {
    // The receipt's place.
    pub index: u32,
    // To whom.
    pub to: String,
    // What it was sent under.
    pub trace_id: i64,
    // The gateway.
    pub gateway: Option<String>,
    // The gateway's id.
    pub message_id: Option<i64>,
    // The status.
    pub status: Option<RawDeliveryStatus>,
    // Why there is none, or no newer one.
    pub error: Option<RawFailure>,
    // The deadline passed.
    pub timed_out: bool,
}

impl From<DeliveryReport> for RawDeliveryReport {
    fn from(report: DeliveryReport) -> Self {
        Self {
            // A list that came over this border has fewer rows than that.
            index: u32::try_from(report.index).unwrap_or(u32::MAX),
            to: report.to.to_string(),
            trace_id: report.trace_id.get(),
            gateway: report.gateway.as_deref().map(str::to_owned),
            message_id: report.message_id.map(MessageId::get),
            status: report.status.as_ref().map(RawDeliveryStatus::from),
            error: report.error.as_ref().map(RawFailure::from),
            timed_out: report.timed_out,
        }
    }
}

// An incoming message.
#[derive(uniffi::Record)]
pub struct RawIncomingMessage {
    // The gateway's id.
    pub message_id: Option<i64>,
    // What it says.
    pub text: String,
    // Who sent it.
    pub from: String,
    // The line.
    pub to: String,
    // When.
    pub time: Option<String>,
    // `NikSMS`: relayed to the account's own address.
    pub is_relayed: Option<bool>,
}

impl From<IncomingMessage> for RawIncomingMessage {
    fn from(message: IncomingMessage) -> Self {
        Self {
            message_id: message.message_id.map(MessageId::get),
            text: message.text,
            from: message.from,
            to: message.to,
            time: message.time,
            is_relayed: message.is_relayed,
        }
    }
}

pub(crate) fn all<T, U: From<T>>(rows: Vec<T>) -> Vec<U> {
    rows.into_iter().map(U::from).collect()
}
