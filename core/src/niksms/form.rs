//! The dialect `public-api` on the wire: form fields out, bare JSON values back, now and then encoded twice.

use std::fmt;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Visitor};

use super::codes::{SendStatus, SmsStatus};
use super::{Credentials, Row, SendBatch, SendOptions, SendType};
use crate::decode::{Amount, Int, Object, Rows, Text, Truth, why};
use crate::error::{Error, Result};
use crate::message::{IncomingMessage, MessageId, SenderLine, TehranTime, TraceId};
use crate::request::{Request, below, require_path, require_unset};
use crate::transport::Answer;

/// A form with the credentials, and `fields` after them.
pub(super) fn request(credentials: &Credentials, path: &str, fields: &[(&str, &str)]) -> Request {
    let own = [("username", &*credentials.username), ("password", credentials.password.expose_secret())];
    Request::post_form(below(&credentials.base, path), &[&own, fields].concat())
}

/// An operation that this library does not know: the fields go out as they are, the credentials beside them.
pub(super) fn raw(credentials: &Credentials, path: &str, fields: &[(&str, &str)]) -> Result<Request> {
    require_path("raw", path)?;
    require_unset("raw", fields.iter().map(|(name, _)| *name), &["username", "password"])?;
    Ok(request(credentials, path, fields))
}

/// `GroupSms` (one text) and `PtpSms` (the texts joined by commas, so that none of them may hold one).
pub(super) fn send(
    credentials: &Credentials,
    operation: &'static str,
    wire_operation: &str,
    rows: &[Row<'_>],
    sender: &SenderLine,
    options: &SendOptions,
) -> Result<Request> {
    let message = if wire_operation == "GroupSms" {
        rows.first().map_or("", |row| row.text).to_owned()
    } else {
        if let Some(index) = rows.iter().position(|row| row.text.contains(',')) {
            return Err(Error::invalid_input(
                operation,
                format!("messages[{index}].text"),
                "a text with a comma, which this dialect takes for two texts; send it with group_sms, or over soap",
            ));
        }
        joined(rows.iter().map(|row| row.text))
    };
    let numbers = joined(rows.iter().map(|row| row.to.national()));
    let send_on = options.send_at.map(date_time);
    let ids =
        rows.iter().map(|row| row.trace_id.map(|id| id.to_string())).collect::<Option<Vec<_>>>().map(joined);
    let mut fields =
        vec![("message", message.as_str()), ("numbers", &numbers), ("senderNumber", sender.as_str())];
    fields.extend(send_on.as_deref().map(|time| ("sendOn", time)));
    fields.extend(options.send_type.map(|send_type| match send_type {
        SendType::Normal => ("sendType", "1"),
        SendType::Flash => ("sendType", "2"),
    }));
    fields.extend(ids.as_deref().map(|ids| ("yourMessageIds", ids)));
    Ok(request(credentials, wire_operation, &fields))
}

pub(super) fn get_sms_delivery(credentials: &Credentials, ids: &[MessageId]) -> Request {
    request(credentials, "GetSmsDelivery", &[("nikIds", &joined(ids.iter().map(MessageId::to_string)))])
}

pub(super) fn get_sms_delivery_with_client_id(credentials: &Credentials, id: TraceId) -> Request {
    request(credentials, "GetSmsDeliveryWithClientId", &[("yourId", &id.to_string())])
}

/// `GetReceiveSms` and `ResetReceiveSmsVisitedStatus`.
pub(super) fn range(
    credentials: &Credentials,
    wire_operation: &str,
    from: Option<TehranTime>,
    until: Option<TehranTime>,
) -> Request {
    let (from, until) = (from.map(date_time), until.map(date_time));
    let mut fields = Vec::new();
    fields.extend(from.as_deref().map(|time| ("startDate", time)));
    fields.extend(until.as_deref().map(|time| ("endDate", time)));
    request(credentials, wire_operation, &fields)
}

fn joined(values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut joined = String::new();
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            joined.push(',');
        }
        joined.push_str(value.as_ref());
    }
    joined
}

fn date_time(TehranTime(time): TehranTime) -> String {
    time.strftime("%Y/%m/%d-%H:%M").to_string()
}

/// Reads a JSON body, encoded once or twice. A null is never the empty list or the zero that it could be taken for.
pub(super) fn json<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T> {
    answer.require_success()?;
    let value: Option<T> = serde_json::from_slice(&answer.body).or_else(|error| {
        let inner = serde_json::from_slice::<String>(&answer.body).ok();
        let twice = inner.and_then(|inner| serde_json::from_str(&inner).ok());
        twice.ok_or_else(|| answer.unreadable(&why(&error)))
    })?;
    value.ok_or_else(|| answer.unreadable("it is null"))
}

/// What a send answers, over `public-api` and within the envelope of `v2`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireBatch {
    status: Named<SendStatus>,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default)]
    warning_message: Option<Text>,
    #[serde(default)]
    nik_ids: Rows<Int>,
    #[serde(default)]
    nik_id: Option<Int>,
}

impl From<WireBatch> for SendBatch {
    fn from(batch: WireBatch) -> Self {
        let text = |text: Option<Text>| text.map(|Text(text)| text).filter(|text| !text.is_empty());
        let ids = batch.nik_ids.0.into_iter().chain(batch.nik_id);
        Self {
            status: batch.status.0,
            id: text(batch.id),
            warning: text(batch.warning_message),
            message_ids: ids.map(|Int(id)| MessageId::new(id)).collect(),
        }
    }
}

pub(super) fn sent(answer: &Answer<'_>) -> Result<(SendStatus, SendBatch)> {
    let Object(batch) = json::<Object<WireBatch>>(answer)?;
    let batch = SendBatch::from(batch);
    Ok((batch.status.clone(), batch))
}

/// A code as a number, a number in text, or a name.
pub(super) struct Named<T>(pub(super) T);

macro_rules! named {
    ($Code:ty) => {
        impl<'de> Deserialize<'de> for Named<$Code> {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                struct NamedVisitor;

                impl Visitor<'_> for NamedVisitor {
                    type Value = $Code;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a code")
                    }

                    fn visit_i64<E>(self, number: i64) -> std::result::Result<$Code, E> {
                        Ok(<$Code>::from_code(number))
                    }

                    fn visit_u64<E>(self, number: u64) -> std::result::Result<$Code, E> {
                        match i64::try_from(number) {
                            Ok(number) => Ok(<$Code>::from_code(number)),
                            Err(_) => Ok(<$Code>::from_wire_name(&number.to_string())),
                        }
                    }

                    fn visit_f64<E>(self, number: f64) -> std::result::Result<$Code, E> {
                        Ok(<$Code>::from_wire_name(&number.to_string()))
                    }

                    fn visit_str<E>(self, name: &str) -> std::result::Result<$Code, E> {
                        Ok(<$Code>::from_wire_name(name.trim()))
                    }
                }

                deserializer.deserialize_any(NamedVisitor).map(Self)
            }
        }
    };
}
named!(SendStatus);
named!(SmsStatus);

/// The name of a send result in the place of an answer. What a wrong password does to the calls without a status is not known;
/// where one of the table's own refusals stands there alone, it is that refusal.
fn refused_by_name(answer: &Answer<'_>) -> Option<Error> {
    let name = serde_json::from_slice::<String>(&answer.body).ok()?;
    super::refusal_of_name(name.trim())
}

pub(super) fn status_with_client_id(answer: &Answer<'_>) -> Result<(SmsStatus, Option<MessageId>)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        sms_status: Named<SmsStatus>,
        #[serde(default)]
        niksms_id: Option<Int>,
    }
    let Object(row) =
        json::<Object<Row>>(answer).map_err(|error| refused_by_name(answer).unwrap_or(error))?;
    Ok((row.sms_status.0, row.niksms_id.filter(|Int(id)| *id != 0).map(|Int(id)| MessageId::new(id))))
}

pub(super) fn number(answer: &Answer<'_>) -> Result<f64> {
    json(answer).map(|Amount(number)| number)
}

/// Bare text, or text in JSON's quotes; the format of its dates is not documented.
pub(super) fn text(answer: &Answer<'_>) -> Result<Option<String>> {
    answer.require_success()?;
    let body = std::str::from_utf8(&answer.body).map_err(|_| answer.unreadable("it is not UTF-8"))?;
    let body = body.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str::<Option<Text>>(body) {
        Ok(text) => Ok(text.map(|Text(text)| text).filter(|text| !text.is_empty())),
        Err(_) if body.is_empty() || body.starts_with(['<', '{', '[', '"']) => {
            Err(answer.unreadable("it is not a text"))
        }
        Err(_) => Ok(Some(body.to_owned())),
    }
}

pub(super) fn texts(answer: &Answer<'_>) -> Result<Vec<String>> {
    let Rows(rows) = json::<Rows<Text>>(answer)?;
    Ok(rows.into_iter().map(|Text(text)| text).collect())
}

pub(super) fn truth(answer: &Answer<'_>) -> Result<bool> {
    json(answer).map(|Truth(truth)| truth)
}

pub(super) fn inbox(answer: &Answer<'_>) -> Result<Vec<IncomingMessage>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Row {
        id: Option<Int>,
        message: Option<Text>,
        sender_number: Option<Text>,
        receive_number: Option<Text>,
        receive_date: Option<Text>,
        is_relayed: Option<Truth>,
    }
    let text = |field: Option<Text>| field.map(|Text(text)| text);
    let Rows(rows) = json::<Rows<Object<Row>>>(answer)?;
    let read = |Object(row): Object<Row>| IncomingMessage {
        message_id: row.id.map(|Int(id)| MessageId::new(id)),
        text: text(row.message).unwrap_or_default(),
        from: text(row.sender_number).unwrap_or_default(),
        to: text(row.receive_number).unwrap_or_default(),
        time: text(row.receive_date),
        is_relayed: row.is_relayed.map(|Truth(relayed)| relayed),
    };
    Ok(rows.into_iter().map(read).collect())
}
