//! The `v2` dialect: forms in, the envelope `{Status, Exception, Data}` out.
//!
//! Of the delivery call only its inputs and outputs are known. Its path is a setting of the emulator, and it reads both
//! a form and JSON.

use hyper::{Method, StatusCode};
use serde::Serialize;

use super::{Order, Outgoing, SendType, Sent, codes, field};
use crate::dialect::Context;
use crate::fault::Kind;
use crate::http::{Answer, Request};
use crate::state::Settings;

/// The name of the delivery call, whatever its path.
const DELIVERY: &str = "GetSmsDelivery";

/// The envelope's own numbers are not known; one source has 4 for success.
const SUCCESS: i32 = 4;
const FAILED: i32 = 3;

pub(crate) fn operation(name: &str, settings: &Settings) -> Option<(&'static str, Kind)> {
    if name == "send/one" {
        return Some(("send/one", Kind::Send));
    }
    (name == settings.v2_delivery_path).then_some((DELIVERY, Kind::Lookup))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    status: i32,
    exception: Option<String>,
    data: Option<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    status: i32,
    id: Option<i64>,
    warning_message: Option<String>,
    nik_id: Option<i64>,
}

fn success<T: Serialize>(data: T) -> Answer {
    Answer::ok(&Envelope { status: SUCCESS, exception: None, data: Some(data) })
}

pub(crate) fn refuse(operation: &str, code: i32) -> Answer {
    if operation == DELIVERY {
        let exception = Some(codes::send_name(code));
        Answer::ok(&Envelope::<()> { status: FAILED, exception, data: None })
    } else {
        success(One { status: code, id: None, warning_message: None, nik_id: None })
    }
}

pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    if request.method() != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED);
    }
    let answer =
        if context.operation == DELIVERY { delivery(context, request) } else { send_one(context, request) };
    answer.unwrap_or_else(|code| refuse(context.operation, code))
}

fn send_one(context: &Context<'_>, request: &Request) -> Result<Answer, i32> {
    let form = request.form();
    authenticate(context, field(&form, "username"), field(&form, "password"))?;
    let client_id = match field(&form, "localId") {
        "" => None,
        written => Some(written.parse().map_err(|_| codes::ARGUMENT_IS_NULL_OR_INCORRECT)?),
    };
    let message = Outgoing {
        to: field(&form, "recipient").to_owned(),
        text: field(&form, "message").into(),
        client_id,
    };
    let order = Order {
        sender: field(&form, "senderNumber").to_owned(),
        messages: vec![message],
        send_on: field(&form, "sendDate").to_owned(),
        kind: SendType::Text,
    };
    let Sent { id, nik_ids } = super::send(context, order)?;
    // The last: a row too many stands before it.
    let nik_id = nik_ids.and_then(|nik_ids| nik_ids.last().copied());
    Ok(success(One { status: codes::SUCCESSFUL, id: Some(id), warning_message: None, nik_id }))
}

fn delivery(context: &Context<'_>, request: &Request) -> Result<Answer, i32> {
    let inputs = inputs(request);
    authenticate(context, field(&inputs, "username"), field(&inputs, "password"))?;
    let ids = inputs.iter().filter(|(name, _)| matches!(name.as_str(), "ids" | "ids[]"));
    let ids: Vec<_> = ids.flat_map(|(_, joined)| super::list(joined)).map(|id| id.parse().ok()).collect();
    Ok(success(super::delivery(context, &ids)))
}

fn authenticate(context: &Context<'_>, username: &str, password: &str) -> Result<(), i32> {
    super::knows_password(context, username, password).then_some(()).ok_or(codes::INVALID_USER_NAME_OR_PASS)
}

/// The fields of a form or of a flat JSON object, with names in lower case; a list is a field for each of its items.
fn inputs(request: &Request) -> Vec<(String, String)> {
    use serde_json::Value;

    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let fields = if request.has_content_type("application/json") {
        let object: serde_json::Map<String, Value> =
            serde_json::from_slice(&request.body).unwrap_or_default();
        let spread = |(name, value): (String, Value)| match value {
            Value::Array(items) => items.into_iter().map(|item| (name.clone(), text(item))).collect(),
            other => vec![(name, text(other))],
        };
        object.into_iter().flat_map(spread).collect()
    } else {
        request.form()
    };
    fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}
