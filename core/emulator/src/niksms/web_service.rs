//! The `web-service` dialect: JSON in, with the key in the body; JSON in an envelope out.
//!
//! The shape of `data.result` is published for sends only. The emulator's own choice elsewhere: the number, the date,
//! or the rows `{messageId, status}` stand in `data.result` as they are.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Order, Outgoing, SendType, Sent, codes};
use crate::dialect::Context;
use crate::fault::Kind;
use crate::http::{Answer, Request};
use crate::rows::{Row, as_a_double};

const OPERATIONS: [(&str, Kind); 7] = [
    ("sms/send/single", Kind::Send),
    ("sms/send/group", Kind::Send),
    ("sms/send/ptp", Kind::Send),
    ("sms/send/otp", Kind::Send),
    ("sms/status/niksms", Kind::Lookup),
    ("panel/credit", Kind::Other),
    ("panel/expire-date", Kind::Other),
];

const SUCCESS: i32 = 3;
const FAILED: i32 = 1;

pub(crate) fn operation(name: &str) -> Option<(&'static str, Kind)> {
    OPERATIONS.into_iter().find(|(known, _)| *known == name)
}

/// All requests in one: each operation reads its own fields.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    api_key: String,
    sender_number: Option<String>,
    phone: Option<String>,
    message: Option<String>,
    #[serde(deserialize_with = "id")]
    message_id: Option<String>,
    recipients: Vec<Recipient>,
    send_date: Option<String>,
    #[serde(deserialize_with = "id")]
    send_type: Option<String>,
    message_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Recipient {
    phone: String,
    message: Option<String>,
    #[serde(deserialize_with = "id")]
    message_id: Option<String>,
}

/// A number or a text.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(i64),
        Text(String),
    }
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| match id {
        Id::Number(number) => number.to_string(),
        Id::Text(text) => text,
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    data: Option<Data<T>>,
    message: String,
    error_code: Option<i32>,
    trace: Option<String>,
    operation_status: i32,
    is_success: bool,
}

#[derive(Serialize)]
struct Data<T> {
    result: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendResult {
    status: i32,
    message: String,
    operation_id: Option<String>,
    message_ids: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusRow {
    message_id: String,
    status: i32,
}

impl Row for StatusRow {
    fn round(&mut self) {
        if let Ok(id) = self.message_id.parse() {
            self.message_id = as_a_double(id).to_string();
        }
    }

    fn of_nobody(phantom: i64) -> Option<Self> {
        Some(Self { message_id: phantom.to_string(), status: codes::IN_QUEUE })
    }
}

fn success<T: Serialize>(result: T) -> Answer {
    Answer::ok(&Envelope {
        data: Some(Data { result }),
        message: codes::send_name(codes::SUCCESSFUL),
        error_code: None,
        trace: None,
        operation_status: SUCCESS,
        is_success: true,
    })
}

pub(crate) fn refuse(operation: &str, code: i32) -> Answer {
    let message = codes::send_name(code);
    let result = SendResult {
        status: code,
        message: message.clone(),
        operation_id: None,
        message_ids: Some(Vec::new()),
    };
    let data = operation.starts_with("sms/send/").then_some(Data { result });
    let error_code = Some(code);
    Answer::ok(&Envelope {
        data,
        message,
        error_code,
        trace: None,
        operation_status: FAILED,
        is_success: false,
    })
}

pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    if request.method() != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !request.has_content_type("application/json") {
        return Answer::html(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body: Body = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(_) => return refuse(context.operation, codes::ARGUMENT_IS_NULL_OR_INCORRECT),
    };
    if body.api_key != context.world.settings.niksms_key {
        return refuse(context.operation, codes::INVALID_USER_NAME_OR_PASS);
    }
    match context.operation {
        "sms/status/niksms" => status(context, body.message_ids),
        "panel/credit" => success(super::credit(context)),
        "panel/expire-date" => success(super::panel_expire_date(context)),
        _ => send(context, body).unwrap_or_else(|code| refuse(context.operation, code)),
    }
}

fn send(context: &Context<'_>, body: Body) -> Result<Answer, i32> {
    let text = body.message.unwrap_or_default();
    let messages = match context.operation {
        "sms/send/group" => {
            let text = text.into();
            let to_one =
                |recipient: Recipient| outgoing(recipient.phone, &text, recipient.message_id.as_deref());
            body.recipients.into_iter().map(to_one).collect::<Result<_, _>>()?
        }
        "sms/send/ptp" => {
            let to_one = |recipient: Recipient| {
                let text = recipient.message.unwrap_or_default().into();
                outgoing(recipient.phone, &text, recipient.message_id.as_deref())
            };
            body.recipients.into_iter().map(to_one).collect::<Result<_, _>>()?
        }
        _ => vec![outgoing(body.phone.unwrap_or_default(), &text.into(), body.message_id.as_deref())?],
    };
    let order = Order {
        sender: body.sender_number.unwrap_or_default(),
        messages,
        send_on: body.send_date.unwrap_or_default(),
        kind: SendType::read(&body.send_type.unwrap_or_default()),
    };
    let Sent { id, nik_ids } = super::send(context, order)?;
    Ok(success(SendResult {
        status: codes::SUCCESSFUL,
        message: codes::send_name(codes::SUCCESSFUL),
        operation_id: Some(id.to_string()),
        message_ids: nik_ids.map(|nik_ids| nik_ids.iter().map(ToString::to_string).collect()),
    }))
}

fn outgoing(to: String, text: &Arc<str>, message_id: Option<&str>) -> Result<Outgoing, i32> {
    let client_id = match message_id {
        None | Some("") => None,
        Some(written) => Some(written.parse().map_err(|_| codes::ARGUMENT_IS_NULL_OR_INCORRECT)?),
    };
    Ok(Outgoing { to, text: Arc::clone(text), client_id })
}

fn status(context: &Context<'_>, message_ids: Vec<String>) -> Answer {
    let ids: Vec<_> = message_ids.iter().map(|id| id.parse().ok()).collect();
    // The rows carry their ids, so they move as wholes.
    let statuses = super::statuses(context, &ids);
    let rows =
        message_ids.into_iter().zip(statuses).map(|(message_id, status)| StatusRow { message_id, status });
    success(context.arrange(rows.collect()))
}
