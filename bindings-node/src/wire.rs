//! The canonical JSON in both directions.

use std::time::Duration;

use payamak::payam_resan::TemplateMessage;
use payamak::{
    DeliveryReport, DeliveryStatus, Destination, Error, Message, MessageId, PersonalMessage, Receipt,
    Recipient, SendOutcome, TehranTime, TraceId,
};
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// `{"ok": …}` of what is JSON already, or `{"err": …}`.
pub(crate) fn answer(result: Result<String, Error>) -> String {
    match result {
        Ok(text) => format!("{{\"ok\":{text}}}"),
        Err(error) => failure(&error),
    }
}

/// A result as JSON.
pub(crate) fn write(value: impl Serialize) -> Result<String, Error> {
    serde_json::to_string(&value)
        .map_err(|_| Error::invalid_input("answer", "answer", "not writable as JSON"))
}

/// `{"err": …}`
pub(crate) fn failure(error: &Error) -> String {
    json!({ "err": describe(error) }).to_string()
}

/// The answer of a call that was stopped.
pub(crate) fn canceled() -> String {
    json!({ "canceled": true }).to_string()
}

/// The canonical form of an error, and what only a binding needs: its sentence, and what is there for who asks.
pub(crate) fn describe(error: &Error) -> Value {
    let mut value = serde_json::to_value(error).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("message".into(), error.to_string().into());
        fields.insert("gateway_text".into(), error.gateway_text().into());
        fields.insert("value".into(), error.value().into());
        fields.insert("body_excerpt".into(), error.body_excerpt().into());
        let after = error.retry_after().map(|after| after.as_secs_f64() * 1000.0);
        fields.insert("retry_after".into(), after.into());
    }
    value
}

/// Reads what the TypeScript side wrote. It has checked the types, so what is left is text that is not Unicode; serde's
/// own message would quote it.
pub(crate) fn read<T: DeserializeOwned>(operation: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| {
        Error::invalid_input(
            operation,
            "arguments",
            "not readable: a value of the wrong type, or a text with half of a surrogate pair",
        )
    })
}

const NO_MILLISECONDS: &str = "not a number of milliseconds from 0 up";

/// Milliseconds, as JavaScript counts time, of a setting.
pub(crate) fn milliseconds(field: &'static str, value: f64) -> Result<Duration, Error> {
    duration(value).ok_or_else(|| Error::setting(field, NO_MILLISECONDS))
}

/// Milliseconds of a call's argument.
pub(crate) fn argument_in_milliseconds(
    operation: &'static str,
    field: &'static str,
    value: f64,
) -> Result<Duration, Error> {
    duration(value).ok_or_else(|| Error::invalid_input(operation, field, NO_MILLISECONDS))
}

fn duration(milliseconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

/// Settings or options by name, so that one of a wrong type is refused by its own name.
pub(crate) struct Given {
    fields: Map<String, Value>,
    /// Of options: the call that they are given to.
    operation: Option<&'static str>,
}

impl Given {
    pub(crate) fn settings(text: &str) -> Result<Self, Error> {
        Ok(Self { fields: read("new", text)?, operation: None })
    }

    pub(crate) fn options(operation: &'static str, text: &str) -> Result<Self, Error> {
        Ok(Self { fields: read(operation, text)?, operation: Some(operation) })
    }

    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Error> {
        let Some(value) = self.fields.remove(name) else { return Ok(None) };
        serde_json::from_value(value)
            .map(Some)
            .map_err(|_| self.refuse(name, "of a type that it does not take"))
    }

    pub(crate) fn take_milliseconds(&mut self, name: &'static str) -> Result<Option<Duration>, Error> {
        let Some(value) = self.take(name)? else { return Ok(None) };
        duration(value).map(Some).ok_or_else(|| self.refuse(name, NO_MILLISECONDS))
    }

    /// Nothing may be left that nobody has taken.
    pub(crate) fn end(self) -> Result<(), Error> {
        let Some(name) = self.fields.keys().next() else { return Ok(()) };
        let list = if self.operation.is_some() { "options" } else { "settings" };
        Err(self.refuse(list, &format!("wrong: there is no {name:?} among them")))
    }

    fn refuse(&self, field: &'static str, detail: &str) -> Error {
        match self.operation {
            Some(operation) => Error::invalid_input(operation, field, detail),
            None => Error::setting(field, detail),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct To {
    to: String,
    #[serde(default)]
    trace_id: Option<TraceId>,
}

impl From<To> for Destination {
    fn from(To { to, trace_id }: To) -> Self {
        Self::new(to, trace_id)
    }
}

#[derive(Deserialize)]
pub(crate) struct Personal {
    to: String,
    text: String,
    #[serde(default)]
    trace_id: Option<TraceId>,
    #[serde(default)]
    sender: Option<String>,
}

impl From<Personal> for PersonalMessage {
    fn from(Personal { to, text, trace_id, sender }: Personal) -> Self {
        let mut message = Self::new(to, text);
        message.trace_id = trace_id;
        message.sender = sender.map(Into::into);
        message
    }
}

#[derive(Deserialize)]
pub(crate) struct Filled {
    pub(crate) to: String,
    pub(crate) parameters: Vec<String>,
    #[serde(default)]
    trace_id: Option<TraceId>,
}

impl From<Filled> for TemplateMessage {
    fn from(Filled { to, parameters, trace_id }: Filled) -> Self {
        let mut message = Self::new(to, parameters);
        message.trace_id = trace_id;
        message
    }
}

/// A message for a messenger.
#[derive(Deserialize)]
pub(crate) struct Each {
    to: String,
    text: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    trace_id: Option<TraceId>,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    once: bool,
}

impl From<Each> for Message {
    fn from(Each { to, text, key, trace_id, sender, once }: Each) -> Self {
        let mut message = Self::new(to, text);
        if let Some(key) = key {
            message = message.key(key);
        }
        if let Some(trace_id) = trace_id {
            message = message.trace_id(trace_id);
        }
        if let Some(sender) = sender {
            message = message.sender(sender);
        }
        if once { message.once() } else { message }
    }
}

/// A receipt as a database kept it.
#[derive(Deserialize)]
pub(crate) struct Kept {
    to: String,
    trace_id: TraceId,
    gateway: Option<String>,
    message_id: Option<MessageId>,
    outcome: Option<String>,
}

impl From<Kept> for Receipt {
    fn from(Kept { to, trace_id, gateway, message_id, outcome }: Kept) -> Self {
        let mut receipt = match gateway {
            Some(gateway) => Self::restore(to, gateway, trace_id, message_id),
            None => Self::restore_unclear(to, trace_id),
        };
        receipt.message_id = message_id;
        receipt.outcome = match outcome.as_deref() {
            Some("rejected") => SendOutcome::Rejected,
            Some("unclear") => SendOutcome::Unclear,
            Some(_) => SendOutcome::Accepted,
            None => receipt.outcome,
        };
        receipt
    }
}

/// A receipt with the long form of its error.
#[derive(Serialize)]
pub(crate) struct ReceiptRow<'a> {
    to: &'a Recipient,
    trace_id: TraceId,
    message_id: Option<MessageId>,
    gateway: Option<&'a str>,
    outcome: SendOutcome,
    error: Option<Value>,
    replayed: bool,
}

impl<'a> From<&'a Receipt> for ReceiptRow<'a> {
    fn from(receipt: &'a Receipt) -> Self {
        Self {
            to: &receipt.to,
            trace_id: receipt.trace_id,
            message_id: receipt.message_id,
            gateway: receipt.gateway.as_deref(),
            outcome: receipt.outcome,
            error: receipt.error.as_ref().map(describe),
            replayed: receipt.replayed,
        }
    }
}

/// A delivery report, likewise.
#[derive(Serialize)]
pub(crate) struct DeliveryRow<'a> {
    index: usize,
    to: &'a Recipient,
    trace_id: TraceId,
    gateway: Option<&'a str>,
    message_id: Option<MessageId>,
    status: Option<&'a DeliveryStatus>,
    error: Option<Value>,
    timed_out: bool,
}

impl<'a> From<&'a DeliveryReport> for DeliveryRow<'a> {
    fn from(report: &'a DeliveryReport) -> Self {
        Self {
            index: report.index,
            to: &report.to,
            trace_id: report.trace_id,
            gateway: report.gateway.as_deref(),
            message_id: report.message_id,
            status: report.status.as_ref(),
            error: report.error.as_ref().map(describe),
            timed_out: report.timed_out,
        }
    }
}

/// One of a list whose items can fail each for itself.
pub(crate) enum Item<T> {
    Ok(T),
    Err(Value),
}

impl<T: Serialize> Serialize for Item<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Ok(value) => map.serialize_entry("ok", value)?,
            Self::Err(error) => map.serialize_entry("error", error)?,
        }
        map.end()
    }
}

impl<T> From<Result<T, Error>> for Item<T> {
    fn from(result: Result<T, Error>) -> Self {
        result.map_or_else(|error| Self::Err(describe(&error)), Self::Ok)
    }
}

/// A time of the user's, by the name it has there.
pub(crate) fn time(text: Option<String>) -> Result<Option<TehranTime>, Error> {
    text.map(|text| text.parse()).transpose()
}
