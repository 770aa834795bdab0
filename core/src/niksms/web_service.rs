//! The dialect `web-service` on the wire: JSON with the key in the body, and an answer in `camelCase` or `PascalCase`.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::codes::{SendStatus, SmsStatus};
use super::form::{self, Named};
use super::{Credentials, Row, SendBatch, SendOptions, SendType};
use crate::decode::{Amount, Int, Object, Rows, Text, Truth};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{MessageId, SenderLine, TehranTime};
use crate::request::{Request, below};
use crate::transport::Answer;

fn request(credentials: &Credentials, path: &str, body: &impl Serialize) -> Result<Request> {
    Request::post_json(below(&credentials.base, path), &credentials.api_key, body)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireRecipient<'a> {
    phone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireSend<'a> {
    sender_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The one recipient of `single` and `otp`, beside the other fields.
    #[serde(flatten)]
    recipient: Option<WireRecipient<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<Vec<WireRecipient<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_type: Option<u8>,
}

/// How the recipients of a request are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One recipient: `single`, `otp`.
    One,
    /// One text to all: `group`.
    Group,
    /// A text each: `ptp`.
    Personal,
}

pub(super) fn send(
    credentials: &Credentials,
    path: &str,
    layout: Layout,
    rows: &[Row<'_>],
    sender: &SenderLine,
    options: &SendOptions,
) -> Result<Request> {
    let recipient = |row: &Row<'_>| WireRecipient {
        phone: row.to.national(),
        message: None,
        message_id: row.trace_id.map(|id| id.to_string()),
    };
    let text = rows.first().map(|row| row.text);
    let body = WireSend {
        sender_number: sender.as_str(),
        message: if layout == Layout::Personal { None } else { text },
        recipient: if layout == Layout::One { rows.first().map(recipient) } else { None },
        recipients: match layout {
            Layout::One => None,
            Layout::Group => Some(rows.iter().map(recipient).collect()),
            Layout::Personal => Some(
                rows.iter().map(|row| WireRecipient { message: Some(row.text), ..recipient(row) }).collect(),
            ),
        },
        send_date: options.send_at.map(|TehranTime(time)| time.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        send_type: options.send_type.map(|send_type| match send_type {
            SendType::Normal => 1,
            SendType::Flash => 2,
        }),
    };
    request(credentials, path, &body)
}

pub(super) fn bare(credentials: &Credentials, path: &str) -> Result<Request> {
    #[derive(Serialize)]
    struct Nothing {}
    request(credentials, path, &Nothing {})
}

pub(super) fn get_sms_delivery(credentials: &Credentials, ids: &[MessageId]) -> Result<Request> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body {
        message_ids: Vec<String>,
    }
    request(
        credentials,
        "sms/status/niksms",
        &Body { message_ids: ids.iter().map(MessageId::to_string).collect() },
    )
}

/// The answer's outer shape; the names come in `camelCase` or in `PascalCase`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
struct Reply<T> {
    #[serde(default, alias = "Data")]
    data: Option<Object<Data<T>>>,
    #[serde(default, alias = "Message")]
    message: Option<Text>,
    #[serde(default, alias = "IsSuccess")]
    is_success: Option<Truth>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Data<T> {
    #[serde(default, alias = "Result")]
    result: Option<T>,
}

impl<T: DeserializeOwned> Reply<T> {
    /// A `data.result` that is not what was asked for counts as missing: a refusal may hold anything there.
    fn read(answer: &Answer<'_>) -> Result<Self> {
        form::json::<Object<Self>>(answer).map(|Object(reply)| reply).or_else(|_| {
            let Object(reply) = form::json::<Object<Reply<IgnoredAny>>>(answer)?;
            Ok(Self { data: None, message: reply.message, is_success: reply.is_success })
        })
    }

    fn succeeded(&self) -> bool {
        self.is_success.is_none_or(|Truth(success)| success)
    }

    /// Takes `data.result` out.
    fn result(&mut self) -> Option<T> {
        self.data.take().and_then(|Object(data)| data.result)
    }

    /// The error of a reply that says it is no success; it keeps the gateway's own message.
    fn refusal(self, answer: &Answer<'_>) -> Error {
        let text = self.message.map(|Text(text)| answer.quote(&text)).filter(|text| !text.is_empty());
        Error::new(ErrorKind::Unavailable, "", "the gateway refused without a known code")
            .unclear()
            .with_gateway_text(text)
            .with_body_excerpt(answer.excerpt())
    }
}

const NO_RESULT: &str = "data.result is missing, or is not what was asked for";

/// Reads `data.result` of a success: what a refusal holds there (a zero, say) is no result.
fn result<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T> {
    let mut reply = Reply::read(answer)?;
    if !reply.succeeded() {
        return Err(reply.refusal(answer));
    }
    reply.result().ok_or_else(|| answer.unreadable(NO_RESULT))
}

pub(super) fn sent(answer: &Answer<'_>) -> Result<(SendStatus, SendBatch)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct WireResult {
        #[serde(alias = "Status")]
        status: Named<SendStatus>,
        #[serde(default, alias = "Message")]
        message: Option<Text>,
        #[serde(default, alias = "OperationId")]
        operation_id: Option<Text>,
        #[serde(default, alias = "MessageIds")]
        message_ids: Rows<Int>,
    }
    let mut reply = Reply::<Object<WireResult>>::read(answer)?;
    let result = match reply.result() {
        // A refusal with a status of its own says more than the one around it; with a success in it, it says nothing.
        Some(Object(result)) if reply.succeeded() || result.status.0.meaning().is_some() => result,
        None if reply.succeeded() => return Err(answer.unreadable(NO_RESULT)),
        _ => return Err(reply.refusal(answer)),
    };
    let status = result.status.0;
    let says = result.message.map(|Text(text)| text).filter(|text| !text.is_empty());
    let batch = SendBatch {
        id: result.operation_id.map(|Text(text)| text),
        // A success has a message too ("OK"); only a warning's is one.
        warning: says.filter(|_| status == SendStatus::Warning),
        message_ids: result.message_ids.0.into_iter().map(|Int(id)| MessageId::new(id)).collect(),
        status: status.clone(),
    };
    Ok((status, batch))
}

pub(super) fn number(answer: &Answer<'_>) -> Result<f64> {
    result(answer).map(|Amount(number)| number)
}

pub(super) fn text(answer: &Answer<'_>) -> Result<Option<String>> {
    result(answer).map(|Text(text)| Some(text).filter(|text| !text.is_empty()))
}

/// Rows that carry the id they are about.
pub(super) fn statuses(answer: &Answer<'_>) -> Result<Vec<(MessageId, SmsStatus)>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        #[serde(alias = "MessageId")]
        message_id: Int,
        #[serde(alias = "Status", alias = "smsStatus", alias = "SmsStatus")]
        status: Named<SmsStatus>,
    }
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    Ok(rows.into_iter().map(|Object(row)| (MessageId::new(row.message_id.0), row.status.0)).collect())
}
